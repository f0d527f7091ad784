#define _GNU_SOURCE
#include "drain.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "events.h"
#include "os.h"
#include "ticks.h"

/* One thread of one process that has written: its open block and how far its pages are read. */
struct thread {
    uint32_t pid, tid;
    uint64_t life;
    uint64_t next_serial;
    uint32_t number; /* ours, for the task table; never used twice */
    int gone;        /* the last sweep found no page of it */
    int again;       /* its process runs another program: what the old one wrote is read first */
    uint64_t last_ns; /* time of its last entry */
    struct tc_stream stream;
    struct thread *chain;
};

/* An asyncio task is known by (thread, address) and by (process, address); see resolve(). */
struct task {
    uint64_t owner; /* thread number << 1, or pid << 1 | 1; 0 = empty */
    uint64_t address;
    uint64_t serial;
};

/* A page that was met before an earlier one of its thread, or of the program before (exec). */
struct late {
    uint64_t serial; /* a program's pages behind those of the program before */
    uint32_t page;
};

#define BUCKETS 4096u

struct tc_drain {
    struct tc_arena *arena;
    size_t size;
    uint32_t npages; /* as we made it; the arena's own number is the program's to change */
    int in_ticks;    /* the same */
    struct tc_ticks ticks;
    tc_hello_fn *hello;
    void *context;
    struct thread *bucket[BUCKETS];
    struct thread **page_thread; /* by page: whose it is, so that a scan looks nothing up */
    struct late *late;           /* of this scan; room for every page */
    size_t late_count;
    int second;                  /* the late ones are being read */
    uint32_t threads;
    size_t remembered; /* threads in the buckets */
    struct task *tasks;
    size_t task_count, task_cap;
    uint64_t serial;
    uint64_t damaged;
};

struct tc_drain *tc_drain_new(int fd, uint32_t npages, int ticks, tc_hello_fn *hello, void *context) {
    struct tc_drain *d = calloc(1, sizeof *d);
    size_t size = tc_arena_size(npages);
    if (!d || ftruncate(fd, (off_t)size)) goto failed;
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) goto failed;
    d->arena = map;
    d->size = size;
    d->npages = npages;
    d->hello = hello;
    d->context = context;
    d->page_thread = calloc(npages, sizeof *d->page_thread);
    d->late = calloc(npages, sizeof *d->late);
    d->task_cap = 1024;
    d->in_ticks = ticks && tc_ticks_usable();
    if (d->in_ticks) tc_ticks_read(&d->ticks);
    d->tasks = calloc(d->task_cap, sizeof *d->tasks);
    if (!d->page_thread || !d->late || !d->tasks) goto failed;
    d->arena->version = 1;
    d->arena->in_ticks = (uint32_t)d->in_ticks;
    d->arena->npages = npages;
    d->arena->page_size = TC_PAGE_SIZE;
    d->arena->recorder_pid = (uint32_t)getpid();
    atomic_store_explicit(&d->arena->beat_ns, tc_now_ns(), memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    d->arena->magic = TC_ARENA_MAGIC;
    return d;
failed: {
    int error = errno;
    tc_drain_free(d);
    errno = error;
    return NULL;
}
}

void tc_drain_free(struct tc_drain *d) {
    if (!d) return;
    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct thread *t = d->bucket[i], *next; t; t = next) {
            next = t->chain;
            tc_stream_free(&t->stream);
            free(t);
        }
    if (d->arena) munmap(d->arena, d->size);
    free(d->page_thread);
    free(d->late);
    free(d->tasks);
    free(d);
}

/* ---- tasks ---- */

static uint64_t mix(uint64_t a, uint64_t b) {
    uint64_t x = a * 0x9e3779b97f4a7c15ull ^ (b >> 4);
    x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9ull;
    return x ^ (x >> 32);
}

static struct task *task_slot(struct task *table, size_t cap, uint64_t owner, uint64_t address) {
    size_t i = mix(owner, address) & (cap - 1);
    while (table[i].owner && (table[i].owner != owner || table[i].address != address))
        i = (i + 1) & (cap - 1);
    return &table[i];
}

/* The place of `owner` in a set of owners; 0 = empty. */
static uint64_t *owner_slot(uint64_t *set, size_t cap, uint64_t owner) {
    size_t i = mix(owner, 0) & (cap - 1);
    while (set[i] && set[i] != owner) i = (i + 1) & (cap - 1);
    return &set[i];
}

/* Makes room in the table of tasks: what belongs to threads and processes that are remembered no
 * more goes, and only if that is not enough does the table grow. */
static int make_room(struct tc_drain *d) {
    size_t places = 64, kept = 0;
    while (places < 4 * (d->remembered + 1)) places *= 2;
    uint64_t *owners = calloc(places, sizeof *owners);
    if (!owners) return 0;
    for (unsigned b = 0; b < BUCKETS; b++)
        for (struct thread *t = d->bucket[b]; t; t = t->chain) {
            uint64_t mine = (uint64_t)t->number << 1, of_process = (uint64_t)t->pid << 1 | 1;
            *owner_slot(owners, places, mine) = mine;
            *owner_slot(owners, places, of_process) = of_process;
        }
    for (size_t i = 0; i < d->task_cap; i++)
        if (d->tasks[i].owner && *owner_slot(owners, places, d->tasks[i].owner)) kept++;
    size_t cap = 4 * kept > d->task_cap ? 2 * d->task_cap : d->task_cap;
    struct task *fresh = calloc(cap, sizeof *fresh);
    for (size_t i = 0; fresh && i < d->task_cap; i++)
        if (d->tasks[i].owner && *owner_slot(owners, places, d->tasks[i].owner))
            *task_slot(fresh, cap, d->tasks[i].owner, d->tasks[i].address) = d->tasks[i];
    free(owners);
    if (!fresh) return 0;
    free(d->tasks);
    d->tasks = fresh;
    d->task_cap = cap;
    d->task_count = kept;
    return 1;
}

static void task_set(struct tc_drain *d, uint64_t owner, uint64_t address, uint64_t serial) {
    /* Without memory the task will look late; nothing else breaks. */
    if (2 * (d->task_count + 1) > d->task_cap && !make_room(d)) return;
    struct task *slot = task_slot(d->tasks, d->task_cap, owner, address);
    if (!slot->owner) d->task_count++;
    *slot = (struct task){owner, address, serial};
}

/* The serial of the task at this address, as this thread means it. A Task's memory is used again
 * after its end, perhaps by another thread, and threads are read one after another: so what this
 * thread itself has seen comes first, and only then what any thread of the process made there. */
static uint64_t resolve(struct tc_drain *d, struct thread *t, uint64_t time_ns, uint32_t event, uint64_t address) {
    uint64_t mine = (uint64_t)t->number << 1, of_process = (uint64_t)t->pid << 1 | 1;
    if (event == TC_EV_TASK_NEW) {
        uint64_t serial = ++d->serial;
        task_set(d, mine, address, serial);
        task_set(d, of_process, address, serial);
        return serial;
    }
    struct task *known = task_slot(d->tasks, d->task_cap, mine, address);
    if (known->owner) return known->serial;
    known = task_slot(d->tasks, d->task_cap, of_process, address);
    uint64_t serial = known->owner ? known->serial : ++d->serial;
    if (!known->owner) {
        task_set(d, of_process, address, serial);
        if (event != TC_EV_TASK_LATE)
            tc_put(&t->stream, time_ns, TC_EV_TASK_LATE, &serial, NULL, 0);
    }
    task_set(d, mine, address, serial);
    return serial;
}

/* ---- entries ---- */

/* The time of an entry. Ticks of one thread grow; where two readings of the clocks meet, their times
 * must, too. */
static uint64_t time_of(struct tc_drain *d, struct thread *t, const struct tc_unit *unit) {
    if (!d->in_ticks) return unit->time;
    uint64_t ns = tc_ticks_ns(&d->ticks, unit->time);
    return t->last_ns = ns > t->last_ns ? ns : t->last_ns;
}

static void take_entry(struct tc_drain *d, struct thread *t, const struct tc_unit *unit, uint32_t units) {
    uint32_t event = (uint32_t)(unit->word >> 56);
    if (event >= TC_EVENT_LIMIT || !tc_events[event].name || tc_events[event].stream != TC_STREAM_AGENT) {
        d->damaged++;
        return;
    }
    const struct tc_event_row *row = &tc_events[event];
    uint64_t time_ns = time_of(d, t, unit);
    uint64_t fields[TC_MAX_NUMBERS] = {unit->word & 0xffffffffffffull};
    const uint64_t *more = (const uint64_t *)(unit + 1);
    uint32_t words = 2 * units, used = 0;
    for (uint32_t i = 1; i < row->numbers; i++) {
        if (used >= words) {
            d->damaged++;
            return;
        }
        fields[i] = more[used++];
    }
    const char *text = NULL;
    uint64_t length = 0;
    if (row->has_text) {
        if (used >= words || (length = more[used]) > (uint64_t)(words - used - 1) * 8) {
            d->damaged++;
            return;
        }
        text = (const char *)(more + used + 1);
    }
    if (row->types[0] == 't') fields[0] = resolve(d, t, time_ns, event, fields[0]);
    if (event == TC_EV_HELLO && d->hello) d->hello(d->context, t->pid, fields[2], (uint32_t)fields[0]);
    tc_put(&t->stream, time_ns, event, fields, text, (size_t)length);
}

static struct thread *find_thread(struct tc_drain *d, uint32_t pid, uint32_t tid, uint64_t life) {
    /* Lives of one thread id lie in one chain, in their order: so they are flushed in it. */
    struct thread **at = &d->bucket[mix((uint64_t)pid << 32 | tid, 0) & (BUCKETS - 1)];
    int again = 0;
    for (; *at; at = &(*at)->chain) {
        if ((*at)->tid != tid || (*at)->pid != pid) continue;
        again = 1;
        if ((*at)->life != life) continue;
        (*at)->gone = 0;
        return *at;
    }
    struct thread *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->pid = pid, t->tid = tid, t->life = life;
    t->number = ++d->threads;
    t->again = again;
    tc_stream_init(&t->stream, TC_STREAM_AGENT, pid, tid);
    d->remembered++;
    return *at = t;
}

static struct thread *owner_of(struct tc_drain *d, uint32_t index, struct tc_page *page) {
    struct thread *t = d->page_thread[index];
    if (!t) d->page_thread[index] = t = find_thread(d, page->pid, page->tid, page->life);
    return t;
}

/* Reads one page as far as it is written. Returns entries read. A page whose turn has not come is put
 * into d->late. */
static long read_page(struct tc_drain *d, uint32_t index) {
    struct tc_page *page = &tc_pages(d->arena)[index];
    uint32_t state = atomic_load_explicit(&page->state, memory_order_acquire);
    if (state != TC_OPEN && state != TC_CLOSED) return 0;
    uint32_t used = atomic_load_explicit(&page->used, memory_order_acquire);
    if (state == TC_OPEN && used == page->read) return 0;
    struct thread *t = owner_of(d, index, page);
    if (!t) return 0;
    uint64_t serial = page->serial;
    int next_program = t->again && !d->second;
    if (serial > t->next_serial || next_program) { /* an earlier page is not read out yet */
        d->late[d->late_count++] = (struct late){serial + (next_program ? 1ull << 62 : 0), index};
        return 0;
    }
    t->again = 0;
    if (used > TC_PAGE_SIZE) used = TC_PAGE_SIZE, d->damaged++;
    const struct tc_unit *data = tc_page_data(d->arena, d->npages, index);
    if (page->read == 0 && page->lost)
        tc_put(&t->stream, used ? time_of(d, t, data) : t->stream.last_ns, TC_EV_AGENT_LOST, &page->lost, NULL, 0);
    long count = 0;
    uint32_t at = page->read / sizeof *data, end = used / sizeof *data;
    while (at < end) {
        uint32_t units = (uint32_t)(data[at].word >> 48) & 0xff;
        if (at + 1 + units > end) {
            d->damaged++;
            at = end;
            break;
        }
        take_entry(d, t, &data[at], units);
        at += 1 + units;
        count++;
    }
    page->read = used;
    if (state == TC_CLOSED) {
        t->next_serial = serial + 1;
        d->page_thread[index] = NULL;
        page->read = 0;
        tc_give_page(d->arena, index);
    }
    return count;
}

static int by_serial(const void *a, const void *b) {
    uint64_t x = ((const struct late *)a)->serial, y = ((const struct late *)b)->serial;
    return (x > y) - (x < y);
}

/* Pages are given out again last in, first out, so a busy thread mostly fills them from high to low:
 * one scan meets them in the wrong order. What came too early is read once more, sorted. */
long tc_drain_read(struct tc_drain *d) {
    long total = 0;
    uint32_t fresh = atomic_load_explicit(&d->arena->fresh, memory_order_acquire);
    if (fresh > d->npages) fresh = d->npages;
    d->late_count = 0;
    atomic_store_explicit(&d->arena->beat_ns, tc_now_ns(), memory_order_relaxed);
    if (d->in_ticks) tc_ticks_read(&d->ticks);
    for (uint32_t i = 0; i < fresh; i++) total += read_page(d, i);
    size_t count = d->late_count;
    if (!count) return total;
    qsort(d->late, count, sizeof *d->late, by_serial);
    d->second = 1;
    for (size_t i = 0; i < count; i++) {
        d->late_count = 0; /* what is late even now waits for the next scan; it lands in place 0, read */
        total += read_page(d, d->late[i].page);
    }
    d->second = 0;
    return total;
}

static int has_ended(const struct thread *t) {
    return !t->pid || !t->tid || tc_thread_ended(t->pid, t->tid);
}

/* Who has a page is not over. */
static void keep_owners(struct tc_drain *d) {
    uint32_t fresh = atomic_load_explicit(&d->arena->fresh, memory_order_acquire);
    for (uint32_t i = 0; i < fresh && i < d->npages; i++) {
        struct tc_page *page = &tc_pages(d->arena)[i];
        struct thread *t = NULL;
        if (atomic_load_explicit(&page->state, memory_order_acquire) != TC_FREE) t = owner_of(d, i, page);
        if (t) t->gone = 0;
    }
}

/* A thread that had no page at the last sweep is forgotten here when it has ended: then nothing more can
 * come of it but what is in pages by now, for it may have waited for one, written and ended since. */
void tc_drain_flush(struct tc_drain *d, struct tc_bytes *out) {
    int over = 0;
    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct thread *t = d->bucket[i]; t; t = t->chain) {
            tc_stream_flush(&t->stream, out);
            if (t->gone) t->gone = has_ended(t); /* asked once a sweep */
            over |= t->gone;
        }
    if (!over) return;
    keep_owners(d);
    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct thread **at = &d->bucket[i]; *at;) {
            struct thread *t = *at;
            if (!t->gone) {
                at = &t->chain;
                continue;
            }
            *at = t->chain;
            tc_stream_free(&t->stream);
            free(t);
            d->remembered--;
        }
}

void tc_drain_sweep(struct tc_drain *d) {
    uint32_t fresh = atomic_load_explicit(&d->arena->fresh, memory_order_acquire);
    if (fresh > d->npages) fresh = d->npages;
    uint32_t asked = 0;
    int dead = 0;
    for (uint32_t i = 0; i < fresh; i++) {
        struct tc_page *page = &tc_pages(d->arena)[i];
        if (atomic_load_explicit(&page->state, memory_order_acquire) != TC_OPEN) continue;
        if (page->pid != asked) {
            asked = page->pid;
            dead = asked && kill((pid_t)asked, 0) < 0 && errno == ESRCH;
        }
        if (dead) atomic_store_explicit(&page->state, TC_CLOSED, memory_order_release);
    }
    /* A thread without a page has ended, or waits for one because all are taken: see tc_drain_flush. */
    for (uint32_t i = 0; i < BUCKETS; i++)
        for (struct thread *t = d->bucket[i]; t; t = t->chain) t->gone = 1;
    keep_owners(d);
}

void tc_drain_exec(struct tc_drain *d, uint32_t pid, uint64_t time_ns) {
    uint32_t fresh = atomic_load_explicit(&d->arena->fresh, memory_order_acquire);
    for (uint32_t i = 0; i < fresh && i < d->npages; i++) {
        struct tc_page *page = &tc_pages(d->arena)[i];
        /* The state first: whose an open page is, is only certain behind that. Asked before, another
         * process might just then take the page that this one had, and lose it while it writes. */
        if (atomic_load_explicit(&page->state, memory_order_acquire) == TC_OPEN && page->pid == pid &&
            page->life < time_ns)
            atomic_store_explicit(&page->state, TC_CLOSED, memory_order_release);
    }
}

void tc_drain_close(struct tc_drain *d) {
    atomic_store_explicit(&d->arena->closed, 1, memory_order_release);
}

uint64_t tc_drain_lost(const struct tc_drain *d) { return atomic_load(&d->arena->lost); }
uint64_t tc_drain_damaged(const struct tc_drain *d) { return d->damaged; }

void tc_drain_held(const struct tc_drain *d, uint64_t *threads, uint64_t *tasks) {
    *threads = d->remembered;
    *tasks = d->task_count;
}
