#define _GNU_SOURCE
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "events.h"
#include "os.h"

#define MS 1000000ull
#define FLUSH_NS (100 * MS)
#define SWEEP_NS (1000 * MS)
/* A wait is looked at once it is LOOK_AGE old (most are over before), and before it is LOOK_BY old: the
 * recorder comes when the oldest one is due, not more often, for each time that it comes it takes a
 * core from a program that uses all of them. */
#define LOOK_AGE_NS (3 * MS / 2)
#define LOOK_BY_NS (7 * MS / 2)
/* ... or twice that while no wait asks for more: none for another thread (the GIL or a lock, which go on
 * in milliseconds) and no long one that ended unlooked-at. It rests longer still where no thread blocks
 * at all. */
#define IN_VAIN 16u
#define IDLE 4u
#define SOONEST_NS (MS / 2)     /* rest where a look is overdue */
#define SLOWEST_NS (20 * MS)    /* rest while nothing happens */
#define AGENTS_NS (8 * MS)      /* while only agents write: what they wrote is still in a cache then */
#define RUNS_NS (25 * MS)       /* between looks at running threads, one a time */
#define JUST_LEFT_NS (MS / 2)   /* a thread that was pushed off for this round is as good as on its core */
#define LOOK_BUDGET_NS (1 * MS)
#define BLOCK_BYTES 32768u
#define END_BYTES 16384u        /* kept free for the end of the file */
#define RESERVE_BYTES 262144u   /* disk space is asked for in pieces of this size */

/* Which process a thread id was last seen in, so that the short IN record may leave it out. Only a
 * table of what this recorder has already written: a wrong entry costs bytes, not truth. */
struct pid_table {
    uint32_t mask, count;
    struct { uint32_t tid, pid; } *slot;
};

static struct pid_table *pids_new(uint32_t cap) {
    struct pid_table *t = calloc(1, sizeof *t);
    if (t && !(t->slot = calloc(cap, sizeof *t->slot))) free(t), t = NULL;
    if (t) t->mask = cap - 1;
    return t;
}

static void pids_free(struct pid_table *t) {
    if (t) free(t->slot);
    free(t);
}

/* Notes that tid belongs to pid; true if that was known. */
static int pids_note(struct pid_table **table, uint32_t tid, uint32_t pid) {
    struct pid_table *t = *table;
    if (!t) return 0;
    uint32_t i = tid * 2654435761u & t->mask;
    while (t->slot[i].tid && t->slot[i].tid != tid) i = (i + 1) & t->mask;
    if (t->slot[i].tid == tid && t->slot[i].pid == pid) return 1;
    if (!t->slot[i].tid && 2 * ++t->count > t->mask) {
        struct pid_table *larger = pids_new(2 * (t->mask + 1));
        if (!larger) return 0;
        for (uint32_t k = 0; k <= t->mask; k++)
            if (t->slot[k].tid) pids_note(&larger, t->slot[k].tid, t->slot[k].pid);
        pids_free(t);
        *table = larger;
        return pids_note(table, tid, pid);
    }
    t->slot[i].tid = tid;
    t->slot[i].pid = pid;
    return 0;
}

static void on_hello(void *context, uint32_t pid, uint64_t runtime, uint32_t hexversion) {
    struct tc_recorder *r = context;
    if (r->has_ring) tc_waits_process(r->waits, pid, runtime, hexversion);
}

int tc_recorder_init(struct tc_recorder *r, int out_fd, uint64_t max_bytes) {
    memset(r, 0, sizeof *r);
    r->out_fd = out_fd;
    r->max_bytes = max_bytes;
    r->pids = pids_new(1024);
    tc_stream_init(&r->look, TC_STREAM_LOOK, 0, 0);
    tc_stream_init(&r->poll, TC_STREAM_POLL, 0, 0);
    tc_stream_init(&r->meter, TC_STREAM_METER, 0, 0);
    r->waits = tc_waits_new();
    r->last_flush_ns = r->last_sweep_ns = r->flushed_ns = tc_now_ns();
    return r->waits && r->pids ? 0 : -1;
}

void tc_recorder_free(struct tc_recorder *r) {
    for (int i = 0; r->cpu_stream && i < r->ring.ncpu; i++) tc_stream_free(&r->cpu_stream[i]);
    free(r->cpu_stream);
    free(r->filed);
    free(r->on);
    free(r->forked);
    if (r->has_ring) tc_ring_close(&r->ring);
    tc_drain_free(r->drain);
    tc_waits_free(r->waits);
    tc_stream_free(&r->look);
    tc_stream_free(&r->poll);
    tc_stream_free(&r->meter);
    tc_bytes_free(&r->out);
    pids_free(r->pids);
    memset(r, 0, sizeof *r);
    r->out_fd = -1;
}

int tc_recorder_open_ring(struct tc_recorder *r, uint32_t pid, const int *cpus, int ncpu, int pages,
                          int running, const char **what) {
    r->attaching = running;
    if (tc_ring_open(&r->ring, pid, cpus, ncpu, pages, running, what)) return -1;
    r->cpu_stream = calloc((size_t)ncpu, sizeof *r->cpu_stream);
    r->filed = calloc((size_t)ncpu, sizeof *r->filed);
    r->on = calloc((size_t)ncpu, sizeof *r->on);
    if (!r->cpu_stream || !r->filed || !r->on) {
        tc_ring_close(&r->ring);
        *what = "memory";
        errno = ENOMEM;
        return -1;
    }
    for (int i = 0; i < ncpu; i++) tc_stream_init(&r->cpu_stream[i], TC_STREAM_KERNEL, (uint64_t)cpus[i], 0);
    r->has_ring = 1;
    return 0;
}

int tc_recorder_open_arena(struct tc_recorder *r, int fd, uint32_t npages, int ticks) {
    r->drain = tc_drain_new(fd, npages, ticks, on_hello, r);
    return r->drain ? 0 : -1;
}

/* ---- one record of the kernel ---- */

static void write_lost(struct tc_recorder *r, struct tc_cpu_ring *cpu, uint64_t time_ns, uint64_t count) {
    uint64_t since = cpu->last_ns && cpu->last_ns < time_ns ? time_ns - cpu->last_ns : 0;
    tc_put(&r->cpu_stream[cpu - r->ring.cpu], time_ns, TC_EV_LOST, (uint64_t[]){count, since}, NULL, 0);
}

enum { PF_EXITING = 4 }; /* in the flags of /proc/PID/stat (include/linux/sched.h) */

/* The process lives: it is no zombie, and not on its way to become one. The kernel writes a thread's
 * EXIT while the thread still runs through its end, with its flag set since the beginning of that. */
static int lives(uint32_t pid) {
    char line[128];
    snprintf(line, sizeof line, "/proc/%u/stat", pid);
    int fd = open(line, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t size = read(fd, line, sizeof line - 1);
    close(fd);
    line[size > 0 ? size : 0] = 0;
    const char *end = strrchr(line, ')');
    char state = 'X';
    unsigned flags = PF_EXITING;
    if (!end || sscanf(end + 1, " %c %*d %*d %*d %*d %*d %u", &state, &flags) != 2) return 0;
    return !strchr("ZXx", state) && !(flags & PF_EXITING);
}

/* A program that gets other rights (setuid) is taken out of the record as it begins: an EXIT right
 * after its EXEC, and yet it lives. */
static void note_unfollowed(struct tc_recorder *r, struct tc_cpu_ring *cpu, const struct tc_record *rec) {
    if (rec->type == TC_REC_EXIT && cpu->executed == rec->tid && lives(rec->pid)) r->unfollowed++;
    if (rec->type == TC_REC_EXEC) cpu->executed = rec->pid;
    else if (rec->type != TC_REC_FORK && rec->type != TC_REC_COMM) cpu->executed = 0;
}

/* A thread that began while we attached may have got the events twice, once from its maker and once
 * from us; so may all that it makes. The kernel writes both records of one thing one after the other. */
static int told_twice(struct tc_cpu_ring *cpu, const struct tc_record *rec) {
    struct tc_record before = cpu->before;
    cpu->before = *rec;
    return before.tid && before.type == rec->type && before.tid == rec->tid && before.pid == rec->pid &&
           rec->type != TC_REC_LOST && rec->type != TC_REC_COMM && rec->time_ns - before.time_ns < MS;
}

static void note_forked(struct tc_recorder *r, const struct tc_record *rec) {
    size_t n = r->forked_count;
    if ((n & (n + 1)) == 0) { /* room for 1, 3, 7... is used up */
        struct tc_forked *more = realloc(r->forked, (2 * n + 1) * sizeof *more);
        if (!more) return; /* then its events may be opened twice, and are told once all the same */
        r->forked = more;
    }
    r->forked[r->forked_count++] = (struct tc_forked){rec->tid, rec->ptid, rec->time_ns};
}

static void take_record(void *context, struct tc_cpu_ring *cpu, const struct tc_record *rec) {
    struct tc_recorder *r = context;
    if (r->ring.threads && told_twice(cpu, rec)) return;
    struct tc_stream *s = &r->cpu_stream[cpu - r->ring.cpu];
    struct tc_on *on = &r->on[cpu - r->ring.cpu];
    uint64_t ids[4] = {rec->pid, rec->tid, rec->ppid, rec->ptid};
    switch (rec->type) {
    case TC_REC_IN:
        tc_put_in(s, rec->time_ns, rec->pid, rec->tid, pids_note(&r->pids, rec->tid, rec->pid));
        *on = (struct tc_on){rec->pid, rec->tid, 0};
        tc_waits_on(r->waits, rec->pid, rec->tid, rec->time_ns);
        r->switches++;
        break;
    case TC_REC_OUT:
    case TC_REC_PREEMPTED:
        tc_put_out(s, rec->time_ns, rec->pid, rec->tid, rec->type == TC_REC_PREEMPTED);
        on->left_ns = rec->time_ns;
        if (rec->type == TC_REC_OUT) on->tid = 0;
        tc_waits_off(r->waits, rec->pid, rec->tid, rec->time_ns, rec->type == TC_REC_PREEMPTED);
        r->switches++;
        r->blocked += rec->type == TC_REC_OUT;
        break;
    case TC_REC_FORK:
        tc_put(s, rec->time_ns, TC_EV_FORK, ids, NULL, 0);
        if (r->attaching) note_forked(r, rec);
        pids_note(&r->pids, rec->tid, rec->pid);
        break;
    case TC_REC_EXIT:
        tc_put(s, rec->time_ns, TC_EV_EXIT, ids, NULL, 0);
        on->tid = 0;
        tc_waits_gone(r->waits, rec->tid);
        break;
    case TC_REC_COMM:
        tc_put(s, rec->time_ns, TC_EV_COMM, ids, rec->comm, strlen(rec->comm));
        break;
    case TC_REC_EXEC:
        tc_put(s, rec->time_ns, TC_EV_EXEC, ids, rec->comm, strlen(rec->comm));
        tc_waits_exec(r->waits, rec->pid);
        if (r->drain) tc_drain_exec(r->drain, rec->pid, rec->time_ns);
        break;
    case TC_REC_LOST:
        on->tid = 0;
        write_lost(r, cpu, rec->time_ns, rec->lost);
        break;
    }
    note_unfollowed(r, cpu, rec);
    r->kernel_records++;
}

/* ---- threads that ran before ---- */

void tc_recorder_found(struct tc_recorder *r, uint64_t time_ns, enum tc_record_type kind, int cpu, uint32_t pid,
                       uint32_t tid, uint32_t maker) {
    uint64_t ids[4] = {pid, tid, maker, maker};
    int i = 0;
    while (i < r->ring.ncpu - 1 && r->ring.cpu[i].cpu != cpu) i++;
    struct tc_stream *s = &r->cpu_stream[i];
    if (kind == TC_REC_FORK) tc_put(s, time_ns, TC_EV_FORK, ids, NULL, 0);
    if (kind == TC_REC_IN) {
        tc_put_in(s, time_ns, pid, tid, 0);
        tc_waits_on(r->waits, pid, tid, time_ns);
    }
    if (kind == TC_REC_OUT || kind == TC_REC_PREEMPTED) {
        tc_put_out(s, time_ns, pid, tid, kind == TC_REC_PREEMPTED);
        tc_waits_off(r->waits, pid, tid, time_ns, kind == TC_REC_PREEMPTED);
    }
    pids_note(&r->pids, tid, pid);
}

void tc_recorder_named(struct tc_recorder *r, uint64_t time_ns, uint32_t pid, uint32_t tid, const char *name,
                       size_t length) {
    uint64_t ids[2] = {pid, tid};
    tc_put(&r->cpu_stream[0], time_ns, TC_EV_COMM, ids, name, length);
}

/* ---- writing ---- */

/* Disk space for the bytes in r->out and, behind them, for the end of the file: losses and how the
 * run ended must still fit when the disk is full. What a file system cannot promise is tried. */
static int has_disk(struct tc_recorder *r, off_t at) {
    uint64_t need = (uint64_t)at + r->out.len + END_BYTES;
    if (need <= r->reserved) return 1;
    for (uint64_t more = RESERVE_BYTES; ; more = 0) {
        if (!fallocate(r->out_fd, FALLOC_FL_KEEP_SIZE, at, (off_t)(need - (uint64_t)at + more))) {
            r->reserved = need + more;
            return 1;
        }
        if (errno != ENOSPC && errno != EDQUOT && errno != EFBIG) return 1;
        if (!more) return 0;
    }
}

static int has_room(struct tc_recorder *r, off_t at) {
    uint64_t tail = r->max_bytes / 4 < END_BYTES ? r->max_bytes / 4 : END_BYTES;
    if (r->max_bytes && r->written + r->out.len + tail > r->max_bytes) return 0; /* no error: agreed */
    if (at < 0 || r->ending || has_disk(r, at)) return 1;
    r->error = errno;
    return 0;
}

/* All of r->out or nothing: a part of it would leave the file with one CPU's records up to now and
 * another's up to the flush before. 1 = written. */
static int write_out(struct tc_recorder *r) {
    off_t start = lseek(r->out_fd, 0, SEEK_CUR); /* -1: a pipe, which cannot be taken back */
    size_t at = 0;
    if (!has_room(r, start)) return 0;
    while (at < r->out.len) {
        ssize_t n = write(r->out_fd, r->out.at + at, r->out.len - at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            r->error = n < 0 ? errno : EIO;
            if (start >= 0 && (ftruncate(r->out_fd, start) || lseek(r->out_fd, start, SEEK_SET) < 0))
                r->error = errno;
            return 0;
        }
        at += (size_t)n;
    }
    r->written += at;
    return 1;
}

int tc_recorder_write(struct tc_recorder *r) {
    int written = !r->stopped_ns && write_out(r);
    if (!written && !r->stopped_ns) r->stopped_ns = tc_now_ns();
    r->out.len = 0;
    return written;
}

static void flush_streams(struct tc_recorder *r, int all) {
    for (int i = 0; r->has_ring && i < r->ring.ncpu; i++) {
        struct tc_filed *filed = &r->filed[i];
        filed->flushed = all || r->cpu_stream[i].payload.len > BLOCK_BYTES;
        if (filed->flushed) tc_stream_flush(&r->cpu_stream[i], &r->out);
    }
    if (all) {
        if (r->drain) tc_drain_flush(r->drain, &r->out);
        tc_stream_flush(&r->look, &r->out);
        tc_stream_flush(&r->poll, &r->out);
        tc_stream_flush(&r->meter, &r->out); /* the last: a reader takes it for the end of a flush */
    }
    if (r->out.len && !tc_recorder_write(r)) return;
    for (int i = 0; r->has_ring && i < r->ring.ncpu; i++) {
        if (!r->filed[i].flushed) continue;
        r->filed[i].last_ns = r->ring.cpu[i].last_ns;
        r->filed[i].lost = r->ring.cpu[i].lost;
    }
    if (all) r->flushed_ns = r->drained_ns;
}

/* ---- threads that run ---- */

/* Python or native, and about where: a sample now and then of who is on a core. On few cores that is
 * often the thread that was just pushed off by this round itself. */
static void look_at_running(struct tc_recorder *r, uint64_t now) {
    if (!r->has_ring || now - r->last_runs_ns < RUNS_NS) return;
    for (int k = 0; k < r->ring.ncpu; k++) {
        int i = (r->next_on + k) % r->ring.ncpu;
        const struct tc_on *on = &r->on[i];
        if (!on->tid || (on->left_ns && on->left_ns + JUST_LEFT_NS < now)) continue;
        r->next_on = i + 1;
        tc_waits_run(r->waits, on->pid, on->tid, &r->look);
        r->last_runs_ns = now;
        return;
    }
}

/* ---- the loop ---- */

static void drain_all(struct tc_recorder *r) {
    if (!r->stopped_ns) r->drained_ns = tc_now_ns();
    for (int i = 0; r->has_ring && i < r->ring.ncpu; i++) tc_ring_drain(&r->ring.cpu[i], take_record, r);
    if (r->drain) r->agent_records += (uint64_t)tc_drain_read(r->drain);
}

void tc_recorder_round(struct tc_recorder *r, int flush) {
    uint64_t blocked = r->blocked, entries = r->agent_records, urgent = tc_waits_urgent(r->waits);
    drain_all(r);
    uint64_t now = tc_now_ns();
    if (r->has_ring && tc_waits_pending(r->waits)) {
        tc_waits_label(r->waits, now, LOOK_AGE_NS, LOOK_BUDGET_NS, &r->look);
        tc_waits_sample(r->waits, now, &r->look);
    }
    if (r->has_ring) tc_waits_ask(r->waits, now, &r->look);
    r->in_vain = tc_waits_urgent(r->waits) == urgent ? r->in_vain + 1 : 0;
    look_at_running(r, now);
    /* A thread that was pushed off its core, perhaps by this recorder, waits for nothing new. */
    r->idle_rounds = r->blocked != blocked || tc_waits_pending(r->waits) ? 0 : r->idle_rounds + 1;
    r->agents_write = r->agent_records != entries;
    if (now - r->last_sweep_ns >= SWEEP_NS) {
        if (r->drain) tc_drain_sweep(r->drain);
        tc_waits_sweep(r->waits);
        r->last_sweep_ns = now;
    }
    int old = now - r->last_flush_ns >= FLUSH_NS;
    if (old) r->last_flush_ns = now;
    flush_streams(r, flush || old);
}

/* How long to rest. A wait may begin at any moment while threads block. */
static struct timespec rest(const struct tc_recorder *r, uint64_t now, uint64_t until_ns) {
    uint64_t oldest = tc_waits_oldest_ns(r->waits), idle = r->idle_rounds > IDLE && r->in_vain > IN_VAIN;
    uint64_t by = r->in_vain > IN_VAIN ? 2 * LOOK_BY_NS : LOOK_BY_NS;
    uint64_t ns = idle ? LOOK_BY_NS * (r->idle_rounds - IDLE) : by;
    uint64_t most = r->agents_write ? AGENTS_NS : SLOWEST_NS, left = until_ns > now ? until_ns - now : 0;
    if (!r->has_ring) ns = most = r->agents_write ? SLOWEST_NS : 2 * SLOWEST_NS; /* polling: until_ns decides */
    if (oldest) ns = oldest + by > now + SOONEST_NS ? oldest + by - now : SOONEST_NS;
    if (ns > most) ns = most;
    if (ns > left) ns = left;
    return (struct timespec){.tv_sec = 0, .tv_nsec = (long)ns};
}

enum tc_why tc_recorder_run(struct tc_recorder *r, uint64_t until_ns, int pidfd) {
    int rings = r->has_ring ? r->ring.ncpu : 0;
    struct pollfd *fds = calloc((size_t)rings + 1, sizeof *fds);
    if (!fds) return TC_WHY_ERROR;
    fds[0] = (struct pollfd){.fd = pidfd, .events = POLLIN};
    for (int i = 0; i < rings; i++) fds[i + 1] = (struct pollfd){.fd = r->ring.cpu[i].fd, .events = POLLIN};
    enum tc_why why = TC_WHY_TIME;
    int full = r->stopped_ns != 0;
    uint64_t now = tc_now_ns();
    do { /* once even where the time is up: a recorder that always comes late must still see the end */
        struct timespec limit = rest(r, now, until_ns);
        int ready = ppoll(fds, (nfds_t)rings + 1, &limit, NULL);
        int interrupted = ready < 0 && errno == EINTR;
        for (int i = 0; ready > 0 && i < rings; i++)
            if (fds[i + 1].revents & (POLLHUP | POLLERR)) fds[i + 1].fd = -1; /* would spin from now on */
        tc_recorder_round(r, 0);
        if (ready > 0 && fds[0].revents) {
            why = TC_WHY_EXIT;
            break;
        }
        if (interrupted) {
            why = TC_WHY_SIGNAL;
            break;
        }
        if (r->stopped_ns && !full) {
            why = TC_WHY_SIZE;
            break;
        }
        now = tc_now_ns();
    } while (now < until_ns);
    free(fds);
    return why;
}

/* Nothing more was written from some time on: each CPU is unknown since the last that is known of it,
 * which is its last record in the file, or the last time when all there was had been written. */
static void write_tail(struct tc_recorder *r, int i, uint64_t now) {
    struct tc_cpu_ring *cpu = &r->ring.cpu[i];
    uint64_t lost = tc_ring_lost(cpu), known = r->filed[i].last_ns;
    if (lost < cpu->lost) lost = cpu->lost;
    tc_stream_free(&r->cpu_stream[i]);
    tc_stream_init(&r->cpu_stream[i], TC_STREAM_KERNEL, (uint64_t)cpu->cpu, 0);
    cpu->last_ns = known > r->flushed_ns ? known : r->flushed_ns;
    write_lost(r, cpu, now, lost - r->filed[i].lost);
}

uint64_t tc_recorder_settle(struct tc_recorder *r) {
    for (int tries = 0; tries < 4; tries++) { /* again where this was pushed off its core in between */
        uint64_t begin = tc_now_ns();
        drain_all(r);
        r->clock_ns = r->has_ring ? tc_ring_task_clock(&r->ring) : 0;
        r->settled_ns = tc_now_ns();
        if (r->settled_ns - begin < MS) break;
    }
    return r->settled_ns;
}

uint64_t tc_recorder_clock(const struct tc_recorder *r) {
    if (r->settled_ns) return r->clock_ns;
    return r->has_ring ? tc_ring_task_clock(&r->ring) : 0;
}

void tc_recorder_finish(struct tc_recorder *r) {
    if (r->drain) tc_drain_close(r->drain);
    if (!r->settled_ns) drain_all(r);
    if (!r->stopped_ns) flush_streams(r, 1); /* may find the disk full */
    uint64_t now = tc_now_ns(), stopped = r->stopped_ns;
    for (int i = 0; r->has_ring && i < r->ring.ncpu; i++) {
        struct tc_cpu_ring *cpu = &r->ring.cpu[i];
        if (stopped) write_tail(r, i, now);
        else if (tc_ring_lost(cpu) > cpu->lost) write_lost(r, cpu, now, tc_ring_lost(cpu) - cpu->lost);
        tc_stream_flush(&r->cpu_stream[i], &r->out);
    }
    r->ending = 1; /* the little that follows may use what was kept for it */
    r->max_bytes = r->stopped_ns = 0;
    if (r->out.len) tc_recorder_write(r);
    r->stopped_ns = stopped ? stopped : r->stopped_ns;
}
