/* Large blocks of memory that lie in a file without a name.
 *
 * Plain memory belongs to the process until it lets go of it: without swap the kernel can only kill
 * it for that. Pages of a file the kernel writes away and forgets when it needs the room, and reads
 * again when they are asked for. So a table that is larger than what the process may keep for itself
 * lies in a file from its first row on.
 *
 * One range of addresses is kept free for the whole file, and the file grows into it. Blocks that were
 * given back are used again before it does: their pages are there already, which costs less than new
 * memory. The file's room on the disk is taken before it is shown to anybody (fallocate): a write into
 * a hole of a full disk would end the process (SIGBUS). Where there is no more room, a block is plain
 * memory, as without a file.
 *
 * So that it need not come to that, the process itself lets go of the pages when it has too many: while
 * somebody works in the spill, a thread asks the kernel every few milliseconds (statm). Asked for again,
 * a page costs a fault and no reading; that is why all are let go of at once, and seldom. */
#ifdef __linux__
#define _GNU_SOURCE
#endif
#include "spill.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local struct tc_spill *works_in;


void *tc_spare(size_t bytes) { return works_in ? tc_spill_get(works_in, bytes, 0) : malloc(bytes); }

void tc_spare_free(void *at) {
    if (works_in) tc_spill_give(works_in, at);
    else free(at);
}

#ifndef __linux__

void tc_spill_work_in(struct tc_spill *s) { works_in = s; }

struct tc_spill *tc_spill_open(int file, int64_t most, int64_t least, int64_t stay) {
    (void)file, (void)most, (void)least, (void)stay;
    errno = ENOSYS;
    return NULL;
}
void tc_spill_close(struct tc_spill *s) { (void)s; }
void *tc_spill_get(struct tc_spill *s, size_t bytes, int zeroed) {
    (void)s;
    return zeroed ? calloc(bytes, 1) : malloc(bytes);
}
void *tc_spill_again(struct tc_spill *s, void *at, size_t bytes) {
    (void)s;
    return realloc(at, bytes);
}
void tc_spill_give(struct tc_spill *s, void *at) {
    (void)s;
    free(at);
}
int tc_spill_has(const struct tc_spill *s, const void *at) {
    (void)s, (void)at;
    return 0;
}
void tc_spill_rest(struct tc_spill *s) { (void)s; }
void tc_spill_trim(struct tc_spill *s) { (void)s; }
struct tc_spill_told tc_spill_tell(struct tc_spill *s) {
    (void)s;
    return (struct tc_spill_told){0};
}

#else
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define PAGE ((int64_t)4096)
#define HUGE ((int64_t)2 << 20)  /* where it can, the kernel shows so much at once */
#define STEP ((int64_t)32 << 20) /* the file grows by at least so much */
#define ASK ((int64_t)4 << 20)   /* so often whoever takes blocks asks, too: the thread may come late */
#define TICK_NS 3000000

/* Kinds of file systems on which room that was taken cannot be missing later: ext, xfs, f2fs, and
 * overlay, which mostly lies on one of them. (One that writes each page to a new place needs room each
 * time; and one in memory has nothing that the kernel could take back.) */
static const unsigned long on_disk[] = {0xEF53, 0x58465342, 0xF2F52010, 0x794C7630};

/* Blocks from the file's begin to its end, without holes between them. */
struct block {
    int64_t at, size;
    int used, hole, all_hole; /* some of it, all of it has no room on the disk */
    struct block *before, *after;
};

struct tc_spill {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t watcher;
    int workers; /* threads that work in it; while there are some, it is watched */
    int watched;
    int file, statm;
    char *base, *range; /* `range`: as it was asked for; `base`: the first huge page in it */
    int64_t most, least, stay, size, used, beside, rests, handed;
    int full; /* no more room on the disk */
    pid_t owner; /* a child that was forked shares the file, and must not take room in it */
    struct block *first;
};

static int64_t rounded(int64_t bytes) { return (bytes + PAGE - 1) / PAGE * PAGE; }

static int lies_on_disk(int file) {
    struct statfs where;
    if (fstatfs(file, &where)) return 0;
    for (size_t i = 0; i < sizeof on_disk / sizeof *on_disk; i++)
        if ((unsigned long)where.f_type == on_disk[i]) return 1;
    errno = EOPNOTSUPP;
    return 0;
}

struct tc_spill *tc_spill_open(int file, int64_t most, int64_t least, int64_t stay) {
    struct tc_spill *s = lies_on_disk(file) ? calloc(1, sizeof *s) : NULL;
    if (!s) return NULL;
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &clock);
    pthread_condattr_destroy(&clock);
    pthread_mutex_init(&s->lock, NULL);
    s->file = fcntl(file, F_DUPFD_CLOEXEC, 3);
    s->owner = getpid();
    s->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    s->most = rounded(most < PAGE ? PAGE : most), s->least = least, s->stay = stay;
    if (s->file >= 0) {
        const int plain = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
        s->range = mmap(NULL, (size_t)(s->most + HUGE), PROT_NONE, plain, -1, 0);
        if (s->range != MAP_FAILED) {
            s->base = (char *)(((uintptr_t)s->range + HUGE - 1) / HUGE * HUGE);
            return s;
        }
    }
    int why = errno;
    s->range = NULL;
    tc_spill_close(s);
    errno = why;
    return NULL;
}

void tc_spill_close(struct tc_spill *s) {
    for (struct block *b = s->first, *next; b; b = next) {
        next = b->after;
        free(b);
    }
    if (s->range) munmap(s->range, (size_t)(s->most + HUGE));
    if (s->file >= 0) close(s->file);
    if (s->statm >= 0) close(s->statm);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static struct block *block_of(int64_t at, int64_t size, struct block *before, struct block *after) {
    struct block *b = malloc(sizeof *b);
    if (!b) return NULL;
    *b = (struct block){.at = at, .size = size, .before = before, .after = after};
    return b;
}

/* Takes room on the disk. 0 = there is none. */
static int reserve(struct tc_spill *s, int64_t at, int64_t bytes) {
    int failed;
    do failed = fallocate(s->file, 0, at, bytes);
    while (failed && errno == EINTR);
    return !failed;
}

/* The file, longer by a free block of at least so many bytes. */
static struct block *grow(struct tc_spill *s, int64_t bytes) {
    struct block *last = s->first;
    while (last && last->after) last = last->after;
    int64_t free_there = last && !last->used ? last->size : 0, more = bytes - free_there;
    if (s->full || more > s->most - s->size) return NULL;
    more = (more + STEP - 1) / STEP * STEP;
    if (more > s->most - s->size) more = s->most - s->size;
    struct block *b = free_there ? last : block_of(s->size, 0, last, NULL);
    if (!b) return NULL;
    char *at = s->base + s->size;
    if (!reserve(s, s->size, more) ||
        mmap(at, (size_t)more, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, s->file, s->size) == MAP_FAILED) {
        s->full = 1; /* what lies there already stays good */
        if (b != last) free(b);
        return NULL;
    }
#ifdef MADV_HUGEPAGE
    madvise(at, (size_t)more, MADV_HUGEPAGE);
#endif
    s->size += more;
    b->size += more;
    b->all_hole = 0;
    if (b != last) *(last ? &last->after : &s->first) = b;
    return b;
}

/* The smallest free block that is large enough. */
static struct block *fitting(struct tc_spill *s, int64_t bytes) {
    struct block *best = NULL;
    for (struct block *b = s->first; b; b = b->after)
        if (!b->used && b->size >= bytes && (!best || b->size < best->size)) best = b;
    return best;
}

static void *take(struct tc_spill *s, int64_t bytes) {
    struct block *b = fitting(s, bytes);
    if (!b) b = grow(s, bytes);
    if (!b) return NULL;
    if (b->hole && !reserve(s, b->at, bytes)) return NULL;
    if (b->size > bytes) {
        struct block *rest = block_of(b->at + bytes, b->size - bytes, b, b->after);
        if (!rest) return NULL;
        rest->hole = b->hole, rest->all_hole = b->all_hole;
        if (b->after) b->after->before = rest;
        b->after = rest;
        b->size = bytes;
    }
    b->used = 1, b->hole = b->all_hole = 0;
    s->used += bytes;
    return s->base + b->at;
}

static void let_go(struct tc_spill *s) {
    if (s->size) madvise(s->base, (size_t)s->size, MADV_DONTNEED);
    s->rests++;
}

/* Bytes of files that the process has in memory now. */
static int64_t resident(const struct tc_spill *s) {
    char text[128];
    long long size, all, shared;
    ssize_t n = s->statm < 0 ? -1 : pread(s->statm, text, sizeof text - 1, 0);
    if (n <= 0) return 0;
    text[n] = 0;
    return sscanf(text, "%lld %lld %lld", &size, &all, &shared) == 3 ? shared * PAGE : 0;
}

static void *watch(void *spill) {
    struct tc_spill *s = spill;
    pthread_mutex_lock(&s->lock);
    while (s->workers) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += TICK_NS;
        if (until.tv_nsec >= 1000000000) until.tv_nsec -= 1000000000, until.tv_sec++;
        pthread_cond_timedwait(&s->wake, &s->lock, &until);
        if (s->workers && resident(s) > s->stay) let_go(s);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* One thread more (1) or less (-1) works in it. */
static void works(struct tc_spill *s, int more) {
    pthread_mutex_lock(&s->lock);
    const int before = s->workers;
    s->workers += more;
    if (!before) {
        sigset_t all, own;
        sigfillset(&all); /* signals are for those who were here before */
        pthread_sigmask(SIG_SETMASK, &all, &own);
        s->watched = !pthread_create(&s->watcher, NULL, watch, s);
        pthread_sigmask(SIG_SETMASK, &own, NULL);
    }
    const int ends = !s->workers && s->watched;
    if (!s->workers) s->watched = 0;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    if (ends) pthread_join(s->watcher, NULL);
}

void tc_spill_work_in(struct tc_spill *s) {
    if (s == works_in) return;
    struct tc_spill *before = works_in;
    works_in = s;
    if (before && getpid() == before->owner) works(before, -1);
    if (s && getpid() == s->owner) works(s, 1);
}

void *tc_spill_get(struct tc_spill *s, size_t bytes, int zeroed) {
    if (bytes > (size_t)INT64_MAX / 2) return NULL;
    if ((int64_t)bytes < s->least || !bytes) return zeroed ? calloc(bytes ? bytes : 1, 1) : malloc(bytes ? bytes : 1);
    void *at = NULL;
    if (getpid() == s->owner) {
        pthread_mutex_lock(&s->lock);
        s->handed += (int64_t)bytes;
        if (s->handed >= ASK) {
            s->handed = 0;
            if (resident(s) > s->stay) let_go(s);
        }
        at = take(s, rounded((int64_t)bytes));
        s->beside += !at;
        pthread_mutex_unlock(&s->lock);
    }
    if (!at) return zeroed ? calloc(bytes, 1) : malloc(bytes);
    return zeroed ? memset(at, 0, bytes) : at;
}

int tc_spill_has(const struct tc_spill *s, const void *at) {
    return (const char *)at >= s->base && (const char *)at < s->base + s->most;
}

/* `b` and the free block behind it become one. */
static void join_next(struct block *b) {
    struct block *next = b->after;
    b->size += next->size;
    b->hole |= next->hole;
    b->all_hole &= next->all_hole;
    b->after = next->after;
    if (b->after) b->after->before = b;
    free(next);
}

static struct block *find(struct tc_spill *s, const void *at) {
    const int64_t place = (const char *)at - s->base;
    struct block *b = s->first;
    while (b && b->at != place) b = b->after;
    return b;
}

void tc_spill_give(struct tc_spill *s, void *at) {
    if (!tc_spill_has(s, at)) {
        free(at);
        return;
    }
    if (getpid() != s->owner) return; /* the parent has it still; and nobody here opens the lock */
    pthread_mutex_lock(&s->lock);
    struct block *b = find(s, at);
    if (b && b->used) {
        b->used = 0;
        s->used -= b->size;
        if (b->after && !b->after->used) join_next(b);
        if (b->before && !b->before->used) join_next(b->before);
    }
    pthread_mutex_unlock(&s->lock);
}

void *tc_spill_again(struct tc_spill *s, void *at, size_t bytes) {
    if (!at) return tc_spill_get(s, bytes, 0);
    if (!tc_spill_has(s, at) && (int64_t)bytes < s->least) return realloc(at, bytes ? bytes : 1);
    if (!tc_spill_has(s, at)) { /* how long it is only malloc knows: it grows there first */
        void *grown = realloc(at, bytes), *moved = grown ? tc_spill_get(s, bytes, 0) : NULL;
        if (!moved) return grown;
        memcpy(moved, grown, bytes);
        free(grown);
        return moved;
    }
    const int own = getpid() == s->owner;
    if (own) pthread_mutex_lock(&s->lock);
    const struct block *b = find(s, at);
    const size_t had = b ? (size_t)b->size : 0;
    if (own) pthread_mutex_unlock(&s->lock);
    if (own && bytes <= had && bytes >= had / 2) return at;
    void *moved = tc_spill_get(s, bytes, 0);
    if (!moved) return NULL;
    memcpy(moved, at, bytes < had ? bytes : had);
    tc_spill_give(s, at);
    return moved;
}

void tc_spill_rest(struct tc_spill *s) {
    pthread_mutex_lock(&s->lock);
    let_go(s);
    pthread_mutex_unlock(&s->lock);
}

void tc_spill_trim(struct tc_spill *s) {
    pthread_mutex_lock(&s->lock);
    for (struct block *b = s->first; b; b = b->after)
        if (!b->used && !b->all_hole &&
            !fallocate(s->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, b->at, b->size))
            b->hole = b->all_hole = 1;
    pthread_mutex_unlock(&s->lock);
}

struct tc_spill_told tc_spill_tell(struct tc_spill *s) {
    pthread_mutex_lock(&s->lock);
    struct tc_spill_told told = {s->size, s->used, s->beside, s->rests};
    pthread_mutex_unlock(&s->lock);
    return told;
}
#endif
