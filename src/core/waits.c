/* The table behind waits.h.
 *
 *   tid -> thread   open addressing; a place per living thread that was seen on or off a core
 *   pid -> process  the same; how many of its threads are in the table, and its tc_peek
 *   queue           doubly linked through the threads that wait unlabelled, oldest first
 *
 * on, off and gone run for every switch the kernel records (100,000 a second and more): one look-up
 * and a few words. A label call touches only the queue. Drained rings are not sorted against each
 * other, so the queue is only nearly sorted (within one round of draining): a thread is then looked
 * at up to min_age late, never wrongly.
 *
 * One look = /proc/PID/task/TID/syscall, then, where the process runs Python, the futex and the
 * frames, which are named once as a TEXT and then by number.
 * A look at a thread that waits for the GIL or a lock also asks who has it (search.h).
 */
#define _GNU_SOURCE
#include "waits.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "delay.h"
#include "events.h"
#include "files.h"
#include "os.h"
#include "peek.h"
#include "search.h"
#include "texts.h"

enum {
    SEARCHES = 4,         /* for the Python of a process that did not tell; it may just begin */
    LOOKS = 3,            /* looks at one wait before it is given up */
    FRAMES = 6,
    TEXT_SIZE = 4096,
};
#define TIMED 8u /* added to LOOK.kind: the wait has a time limit */
#define MAX_FILES 256u
#define LONG_NS 4000000ull /* a wait that should have been looked at */

/* Waits too short to be looked at in their turn are looked at by chance: each thread's first ones, then
 * one of all threads in so long. */
#define FIRST_SAMPLES 12u
#define FIRST_TRIES 36u
#define SAMPLE_NS 25000000ull
#define MOST_CHOICES 64u

struct thread {
    uint32_t tid, pid;          /* tid 0: a free place */
    uint32_t older, newer;      /* in the queue, as tids; 0 = none */
    uint64_t last_ns;           /* of its latest event */
    uint64_t queued_ns;         /* since when it waits for this look */
    uint64_t looked_ns;         /* when its latest look began that told something */
    uint8_t queued, looks, asked; /* asked: who has the lock that it waits for */
    uint8_t denied;             /* the latest look was refused */
    uint8_t sampled, tried;     /* first looks at short waits that told something, and all of them */
    int file;                   /* its open "syscall" file, plus 1; 0 = none is kept */
};

struct process {
    uint32_t pid, threads; /* pid 0: a free place */
    struct tc_peek *peek;
    uint32_t searches; /* times that its Python was looked for in vain */
    uint64_t round;    /* the call of tc_waits_label that asked whether it is stopped ... */
    int stopped;       /* ... and the answer */
};

struct tc_waits {
    struct thread *threads;
    uint32_t thread_places, thread_count;
    struct process *processes;
    uint32_t process_places, process_count;
    uint32_t oldest, newest; /* tids */
    size_t pending;
    struct tc_texts texts;
    uint64_t put_ns; /* time of the latest record in the stream */
    uint32_t files;  /* "syscall" files kept open */
    int no_files;    /* keep none: we may not open many */
    uint64_t round;  /* calls of tc_waits_label */
    uint64_t chance, sampled_ns;
    uint64_t urgent; /* long waits that ended before their look, and looks at waits for another thread */
    struct tc_search search;
    struct tc_files files_seen;
    uint64_t changes; /* of the table of processes */
    struct tc_waits_counts counts;
};

/* ---- the two tables: open addressing, freed by moving later entries back ---- */

static uint32_t slot(uint32_t key, uint32_t places) { return key * 2654435761u & (places - 1); }

static struct thread *find_thread(const struct tc_waits *w, uint32_t tid) {
    uint32_t i = slot(tid, w->thread_places);
    while (w->threads[i].tid && w->threads[i].tid != tid) i = (i + 1) & (w->thread_places - 1);
    return &w->threads[i];
}

static struct process *find_process(const struct tc_waits *w, uint32_t pid) {
    uint32_t i = slot(pid, w->process_places);
    while (w->processes[i].pid && w->processes[i].pid != pid)
        i = (i + 1) & (w->process_places - 1);
    return &w->processes[i];
}

static int grow_threads(struct tc_waits *w) {
    if (w->thread_count < w->thread_places / 2) return 1;
    uint32_t had = w->thread_places;
    struct thread *old = w->threads, *fresh = calloc((size_t)had * 2, sizeof *fresh);
    if (!fresh) return w->thread_count < had - 1;
    w->threads = fresh;
    w->thread_places = had * 2;
    for (uint32_t i = 0; i < had; i++)
        if (old[i].tid) *find_thread(w, old[i].tid) = old[i];
    free(old);
    return 1;
}

static int grow_processes(struct tc_waits *w) {
    if (w->process_count < w->process_places / 2) return 1;
    uint32_t had = w->process_places;
    struct process *old = w->processes, *fresh = calloc((size_t)had * 2, sizeof *fresh);
    if (!fresh) return w->process_count < had - 1;
    w->processes = fresh;
    w->process_places = had * 2;
    for (uint32_t i = 0; i < had; i++)
        if (old[i].pid) *find_process(w, old[i].pid) = old[i];
    free(old);
    return 1;
}

static void drop_thread(struct tc_waits *w, struct thread *t) {
    uint32_t mask = w->thread_places - 1, hole = (uint32_t)(t - w->threads), i = hole;
    if (w->threads[hole].file) {
        close(w->threads[hole].file - 1);
        w->files--;
    }
    w->threads[hole].tid = 0;
    w->thread_count--;
    while (w->threads[i = (i + 1) & mask].tid) {
        uint32_t home = slot(w->threads[i].tid, w->thread_places);
        if (((i - home) & mask) < ((i - hole) & mask)) continue;
        w->threads[hole] = w->threads[i];
        w->threads[hole = i].tid = 0;
    }
}

static void drop_peek(struct tc_waits *w, struct process *p) {
    if (p->peek) w->counts.torn += tc_peek_torn(p->peek);
    tc_peek_free(p->peek);
    p->peek = NULL;
}

static void drop_process(struct tc_waits *w, struct process *p) {
    uint32_t mask = w->process_places - 1, hole = (uint32_t)(p - w->processes), i = hole;
    drop_peek(w, p);
    w->processes[hole] = (struct process){0};
    w->changes++;
    w->process_count--;
    while (w->processes[i = (i + 1) & mask].pid) {
        uint32_t home = slot(w->processes[i].pid, w->process_places);
        if (((i - home) & mask) < ((i - hole) & mask)) continue;
        w->processes[hole] = w->processes[i];
        w->processes[hole = i] = (struct process){0};
    }
}

static struct process *make_process(struct tc_waits *w, uint32_t pid) {
    struct process *p = find_process(w, pid);
    if (p->pid) return p;
    if (!grow_processes(w)) return NULL;
    p = find_process(w, pid);
    *p = (struct process){.pid = pid};
    w->changes++;
    w->process_count++;
    return p;
}

static void leave_process(struct tc_waits *w, uint32_t pid) {
    struct process *p = find_process(w, pid);
    if (p->pid && (!p->threads || --p->threads == 0)) drop_process(w, p);
}

/* ---- the queue ---- */

static void leave_queue(struct tc_waits *w, struct thread *t) {
    if (!t->queued) return;
    if (t->older) find_thread(w, t->older)->newer = t->newer;
    else w->oldest = t->newer;
    if (t->newer) find_thread(w, t->newer)->older = t->older;
    else w->newest = t->older;
    t->older = t->newer = 0;
    t->queued = 0;
    w->pending--;
}

static void join_queue(struct tc_waits *w, struct thread *t, uint64_t now_ns) {
    t->older = w->newest;
    t->newer = 0;
    if (w->newest) find_thread(w, w->newest)->newer = t->tid;
    else w->oldest = t->tid;
    w->newest = t->tid;
    t->queued = 1;
    t->queued_ns = now_ns;
    w->pending++;
}

/* ---- what the recorder tells ---- */

struct tc_waits *tc_waits_new(void) {
    struct tc_waits *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    w->thread_places = w->process_places = 64;
    w->threads = calloc(w->thread_places, sizeof *w->threads);
    w->processes = calloc(w->process_places, sizeof *w->processes);
    if (w->threads && w->processes && tc_texts_open(&w->texts)) return w;
    tc_waits_free(w);
    return NULL;
}

void tc_waits_free(struct tc_waits *w) {
    if (!w) return;
    for (uint32_t i = 0; w->processes && i < w->process_places; i++)
        tc_peek_free(w->processes[i].peek);
    for (uint32_t i = 0; w->threads && i < w->thread_places; i++)
        if (w->threads[i].tid && w->threads[i].file) close(w->threads[i].file - 1);
    free(w->threads);
    free(w->processes);
    tc_texts_close(&w->texts);
    tc_ends_close(&w->files_seen.ends);
    free(w);
}

/* The thread, made where it is new; NULL: no memory, or its latest event is later than this one. */
static struct thread *thread_at(struct tc_waits *w, uint32_t pid, uint32_t tid, uint64_t now_ns) {
    if (!tid) return NULL;
    struct thread *t = find_thread(w, tid);
    if (t->tid && now_ns < t->last_ns) return NULL;
    if (!t->tid) {
        if (!grow_threads(w)) return NULL;
        t = find_thread(w, tid);
        *t = (struct thread){.tid = tid};
        w->thread_count++;
    }
    t->last_ns = now_ns;
    if (pid && t->pid != pid) {
        if (t->pid) leave_process(w, t->pid);
        struct process *p = make_process(w, pid);
        if (p) p->threads++;
        t->pid = p ? pid : 0;
    }
    return t;
}

void tc_waits_on(struct tc_waits *w, uint32_t pid, uint32_t tid, uint64_t now_ns) {
    struct thread *t = thread_at(w, pid, tid, now_ns);
    if (!t) return;
    if (t->queued && t->queued_ns + LONG_NS <= now_ns) w->urgent++;
    if (t->asked) tc_search_woken(&w->search, tid, now_ns);
    t->asked = 0;
    leave_queue(w, t);
}

void tc_waits_off(struct tc_waits *w, uint32_t pid, uint32_t tid, uint64_t now_ns, int preempted) {
    struct thread *t = thread_at(w, pid, tid, now_ns);
    if (!t) return;
    leave_queue(w, t);
    t->looks = 0;
    /* A look may be ahead of the records: then it was a look at this very wait. */
    if (!preempted && t->pid && t->looked_ns <= now_ns) join_queue(w, t, now_ns);
}

void tc_waits_gone(struct tc_waits *w, uint32_t tid) {
    struct thread *t = find_thread(w, tid);
    if (!t->tid) return;
    uint32_t pid = t->pid;
    leave_queue(w, t);
    drop_thread(w, t);
    if (pid) leave_process(w, pid);
}

void tc_waits_process(struct tc_waits *w, uint32_t pid, uint64_t runtime, uint32_t hexversion) {
    struct process *p = pid ? make_process(w, pid) : NULL;
    if (!p) return;
    drop_peek(w, p);
    p->peek = tc_peek_new(pid, runtime, hexversion);
}

void tc_waits_exec(struct tc_waits *w, uint32_t pid) {
    struct process *p = find_process(w, pid);
    drop_peek(w, p);
    p->searches = 0;
}

void tc_waits_sweep(struct tc_waits *w) {
    for (uint32_t i = 0; i < w->process_places; i++) {
        struct process *p = &w->processes[i];
        if (!p->pid || (p->threads && !p->peek)) continue;
        if (kill((pid_t)p->pid, 0) == 0 || errno != ESRCH) continue;
        drop_peek(w, p);
        if (!p->threads) drop_process(w, p); /* another may move into its place: the next sweep's */
    }
}

size_t tc_waits_pending(const struct tc_waits *w) { return w->pending; }

uint64_t tc_waits_oldest_ns(const struct tc_waits *w) {
    return w->oldest ? find_thread(w, w->oldest)->queued_ns : 0;
}

uint64_t tc_waits_urgent(const struct tc_waits *w) { return w->urgent; }

void tc_waits_counts(const struct tc_waits *w, struct tc_waits_counts *counts) {
    *counts = w->counts;
    for (uint32_t i = 0; i < w->process_places; i++)
        if (w->processes[i].peek) counts->torn += tc_peek_torn(w->processes[i].peek);
}

/* ---- the looks ---- */

static char *put_text(char *to, const char *text) {
    while (*text) *to++ = *text++;
    return to;
}

static char *put_number(char *to, uint32_t value) {
    char digits[12];
    int count = 0;
    do digits[count++] = (char)('0' + value % 10);
    while (value /= 10);
    while (count) *to++ = digits[--count];
    return to;
}

static void close_files(struct tc_waits *w) {
    for (uint32_t i = 0; w->files && i < w->thread_places; i++) {
        struct thread *t = &w->threads[i];
        if (!t->tid || !t->file) continue;
        close(t->file - 1);
        t->file = 0;
        w->files--;
    }
}

/* Opens a file of the thread in /proc. -1 with errno. */
static int open_file(struct tc_waits *w, const struct thread *t, const char *name) {
    char path[64];
    char *end = put_number(put_text(path, "/proc/"), t->pid);
    end = put_number(put_text(end, "/task/"), t->tid);
    *put_text(end, name) = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == EMFILE && w->files) {
        close_files(w); /* a low limit: do without them from now on */
        w->no_files = 1;
        fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    return fd;
}

/* The text of the thread's "syscall" file. A file is kept open from a thread's second look on, for a
 * few hundred threads: opening costs twice as much as reading. */
static ssize_t read_file(struct tc_waits *w, struct thread *t, char *line, size_t room) {
    if (t->file) {
        ssize_t size = pread(t->file - 1, line, room, 0);
        if (size > 0) return size;
        close(t->file - 1); /* that thread ended; its number may be another's now */
        t->file = 0;
        w->files--;
    }
    int fd = open_file(w, t, "/syscall");
    if (fd < 0) return -1;
    ssize_t size = read(fd, line, room);
    if (size > 0 && t->looked_ns && w->files < MAX_FILES && !w->no_files) {
        t->file = fd + 1;
        w->files++;
    } else {
        int error = errno;
        close(fd);
        errno = error;
    }
    return size;
}

/* Stopped by a signal or a debugger. Such a thread shows the system call that it was stopped in, but
 * it is not that which it waits for. */
static int shows_stop(struct tc_waits *w, const struct thread *t) {
    char line[64]; /* "tid (name) state ...", a name has at most 15 bytes */
    int fd = open_file(w, t, "/stat");
    if (fd < 0) return 0;
    ssize_t size = read(fd, line, sizeof line - 1);
    close(fd);
    if (size <= 0) return 0;
    line[size] = 0;
    const char *end = strrchr(line, ')');
    return end && end[1] == ' ' && (end[2] == 'T' || end[2] == 't');
}

/* A signal stops all threads of a process, so one of them is asked for all that are looked at now:
 * the file costs as much as the rest of a look. */
static int is_stopped(struct tc_waits *w, const struct thread *t) {
    struct process *p = find_process(w, t->pid);
    if (!p->pid) return shows_stop(w, t);
    if (p->round != w->round) {
        p->round = w->round;
        p->stopped = shows_stop(w, t);
    }
    return p->stopped;
}

/* Reads the kernel's word: "running", "-1 sp pc", or "number arg0 ...". 0: it does not wait. A thread
 * that has ended and is not yet reaped has no stack any more: "-1 0x0 0x0". It waits for nothing, and
 * its EXIT may still lie in the ring. */
static int read_syscall(struct tc_waits *w, struct thread *t, uint64_t *number,
                        uint64_t arguments[4]) {
    char line[192];
    errno = 0;
    ssize_t size = read_file(w, t, line, sizeof line - 1);
    t->denied = size < 0 && (errno == EACCES || errno == EPERM);
    if (size <= 0) return 0;
    line[size] = 0;
    *number = TC_NO_SYSCALL;
    memset(arguments, 0, 4 * sizeof *arguments);
    if (line[0] == '-') return strncmp(line, "-1 0x0 ", 7) != 0;
    if (line[0] < '0' || line[0] > '9') return 0;
    char *rest;
    *number = strtoull(line, &rest, 10);
    for (int i = 0; i < 4; i++) arguments[i] = strtoull(rest, &rest, 16);
    return 1;
}

/* What reads the process's Python; NULL = it has none. */
static struct tc_peek *peek_of(struct tc_waits *w, uint32_t pid) {
    struct process *p = find_process(w, pid);
    uint64_t runtime;
    uint32_t hexversion;
    if (p->peek || !p->pid || p->searches >= SEARCHES) return p->peek;
    p->searches++;
    if (tc_peek_find(pid, &runtime, &hexversion)) {
        p->peek = tc_peek_new(pid, runtime, hexversion);
        if (!p->peek) p->searches = SEARCHES; /* a version that is not known */
    }
    return p->peek;
}

/* ---- who has what it waits for ---- */

/* The place of a thread that may be running, if two walks agree; 0 = not known. */
static uint64_t place_of(struct tc_waits *w, struct tc_peek *peek, uint32_t tid, uint64_t now_ns,
                         struct tc_stream *look) {
    char text[TEXT_SIZE], again[TEXT_SIZE];
    int size = tc_peek_frames(peek, tid, FRAMES, text, sizeof text);
    if (size <= 0 || tc_peek_frames(peek, tid, FRAMES, again, sizeof again) <= 0) return 0;
    if (!strcmp(text, again)) return tc_texts_id(&w->texts, look, now_ns, text, (size_t)size);
    w->counts.torn++; /* it moves */
    return 0;
}

static void put_holder(struct tc_waits *w, struct thread *t, struct tc_peek *peek,
                       enum tc_futex kind, uint64_t lock, struct tc_stream *look) {
    uint64_t began = tc_now_ns(), where = 0;
    struct tc_holder found = tc_search_holder(&w->search, peek, t->pid, t->tid, kind, lock, began);
    if (found.tid && tc_search_may(&w->search)) where = place_of(w, peek, found.tid, began, look);
    uint64_t now = tc_now_ns();
    tc_search_pay(&w->search, now - began);
    if ((t->asked = kind != TC_FUTEX_GIL)) tc_search_note(&w->search, t->pid, t->tid, kind, lock, &found, now);
    if (!found.tid) return;
    if (now < w->put_ns) now = w->put_ns;
    uint64_t fields[] = {t->pid, found.tid, now - began, t->tid, lock, found.turn, found.how, where};
    tc_put(look, now, TC_EV_HOLDER, fields, NULL, 0);
    w->put_ns = now;
}

void tc_waits_ask(struct tc_waits *w, uint64_t now_ns, struct tc_stream *look) {
    const struct tc_asked *a = tc_search_due(&w->search, now_ns);
    if (!a) return;
    struct thread *t = find_thread(w, a->tids[0]);
    struct tc_peek *peek = t->asked && t->pid == a->pid ? peek_of(w, t->pid) : NULL;
    if (peek) put_holder(w, t, peek, (enum tc_futex)a->kind, a->lock, look);
    else tc_search_woken(&w->search, a->tids[0], now_ns); /* it has ended */
}

/* The processes that are known now, for whoever asks which of them has a file. */
static void tell_tree(struct tc_waits *w) {
    struct tc_tree *tree = &w->files_seen.tree;
    if (tree->changes == w->changes) return;
    tree->changes = w->changes;
    tree->count = 0;
    for (uint32_t i = 0; i < w->process_places && tree->count < TC_TREE; i++)
        if (w->processes[i].pid) tree->pids[tree->count++] = w->processes[i].pid;
}

/* One look. TC_NOTHING: the thread runs, ended or may not be read. TC_THREAD: it waits for another one. */
enum told { TC_NOTHING, TC_TOLD, TC_THREAD };
static enum told look_at(struct tc_waits *w, struct thread *t, uint64_t began, int search,
                         struct tc_stream *look) {
    char text[TEXT_SIZE], type[64] = "";
    uint64_t number, arguments[4], kind = TC_FUTEX_OTHER, lock = 0, where = 0;
    if (!read_syscall(w, t, &number, arguments)) return TC_NOTHING;
    uint64_t argument = arguments[0];
    struct tc_peek *peek = peek_of(w, t->pid);
    int size = 0, stopped = is_stopped(w, t);
    if (stopped) kind = TC_STOPPED;
    if (peek) {
        if (number == SYS_futex && !stopped) kind = (uint64_t)tc_peek_futex(peek, argument, &lock);
        if (kind == TC_FUTEX_PARKED) argument = lock;
        size = tc_peek_frames(peek, t->tid, FRAMES, text, sizeof text);
        if (kind == TC_FUTEX_PARKED) kind = (uint64_t)tc_peek_parked(peek, t->tid, lock, type, sizeof type);
    }
    uint64_t now = tc_now_ns();
    if (now < w->put_ns) now = w->put_ns;
    if (size > 0) {
        where = tc_texts_id(&w->texts, look, now, text, (size_t)size);
        w->counts.frames++;
    }
    if (!stopped) {
        tell_tree(w);
        if (*type) tc_file_put_object(&w->texts, t->tid, type, now, look);
        if (number == SYS_futex && kind != TC_FUTEX_GIL) tc_delay_put(t->pid, t->tid, now, look);
        tc_file_put(&w->files_seen, &w->texts, t->pid, t->tid, number, arguments, now, look);
    }
    int lock_wait = kind == TC_FUTEX_PARKED || kind == TC_FUTEX_SEMAPHORE;
    uint64_t told = (lock_wait || kind == TC_FUTEX_OBJECT) && arguments[3] /* a futex's time limit */ ? kind + TIMED : kind;
    uint64_t fields[] = {t->pid, t->tid, now - began, number, argument, told, where};
    tc_put(look, now, TC_EV_LOOK, fields, NULL, 0);
    w->put_ns = now;
    if (search && (lock_wait || kind == TC_FUTEX_GIL))
        put_holder(w, t, peek, (enum tc_futex)kind, argument, look);
    return number == SYS_futex ? TC_THREAD : TC_TOLD;
}

int tc_waits_label(struct tc_waits *w, uint64_t now_ns, uint64_t min_age_ns, uint64_t budget_ns,
                   struct tc_stream *look) {
    uint64_t begin = tc_now_ns(), now = begin;
    int put = 0;
    w->round++;
    for (size_t left = w->pending; left && w->oldest && now - begin < budget_ns; left--) {
        struct thread *t = find_thread(w, w->oldest);
        if (t->queued_ns + min_age_ns > now_ns) break;
        leave_queue(w, t);
        enum told told = look_at(w, t, now, 1, look);
        if (told != TC_NOTHING) {
            t->looked_ns = now;
            w->counts.looked++;
            w->urgent += told == TC_THREAD;
            put++;
        } else if (++t->looks < LOOKS) {
            join_queue(w, t, now_ns);
        } else {
            w->counts.missed++;
            w->counts.denied += t->denied;
            /* Its EXIT may have been drained before an older record of another ring, which then brought it
             * back into the table. */
            if (tc_thread_ended(t->pid, t->tid)) tc_waits_gone(w, t->tid);
        }
        now = tc_now_ns();
    }
    w->counts.spent_ns += now - begin;
    return put;
}

int tc_waits_sample(struct tc_waits *w, uint64_t now_ns, struct tc_stream *look) {
    if (!w->pending) return 0;
    w->chance = w->chance * 6364136223846793005ull + 1442695040888963407ull;
    struct thread *t = find_thread(w, w->newest);
    size_t choices = w->pending < MOST_CHOICES ? w->pending : MOST_CHOICES;
    for (size_t i = (size_t)(w->chance >> 33) % choices; i && t->older; i--) t = find_thread(w, t->older);
    int first = t->sampled < FIRST_SAMPLES && t->tried < FIRST_TRIES;
    if (!first && now_ns < w->sampled_ns + SAMPLE_NS) return 0;
    w->sampled_ns = now_ns;
    t->tried += first;
    uint64_t began = tc_now_ns();
    enum told told = look_at(w, t, began, 0, look);
    if (told != TC_NOTHING) { /* else its wait is over, or it is looked at when it is old enough, as are */
        if (told != TC_THREAD) leave_queue(w, t); /* waits for others: then it is asked who is in the way */
        t->looked_ns = began;
        t->sampled += first;
        w->counts.looked++;
    }
    w->counts.spent_ns += tc_now_ns() - began;
    return told != TC_NOTHING;
}

void tc_waits_run(struct tc_waits *w, uint32_t pid, uint32_t tid, struct tc_stream *look) {
    char text[TEXT_SIZE];
    uint64_t began = tc_now_ns(), where = 0;
    struct tc_peek *peek = peek_of(w, pid);
    if (peek) {
        int size = 0;
        uint64_t what = (uint64_t)tc_peek_running(peek, tid, FRAMES, text, sizeof text, &size);
        uint64_t now = tc_now_ns();
        if (now < w->put_ns) now = w->put_ns;
        if (size > 0) where = tc_texts_id(&w->texts, look, now, text, (size_t)size);
        uint64_t fields[] = {pid, tid, now - began, what, where};
        tc_put(look, now, TC_EV_RUN, fields, NULL, 0);
        w->put_ns = now;
    }
}
