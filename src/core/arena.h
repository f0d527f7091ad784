/* The shared memory between the agents (writers, inside the watched program) and the recorder.
 *
 * One anonymous memory file holds everything; agents open it by the path in TWOCOOKS_ARENA, which
 * is /proc/<recorder>/fd/<n>: it vanishes with the recorder and only its owner can open it.
 *
 *   [ struct tc_arena | struct tc_page x npages | page data, npages x page_size ]
 *
 * A thread takes a page from the free list at its first event, fills it with 16-byte units, closes
 * it and takes another. The recorder reads each page up to `used`, in the order of `serial`, and
 * gives read-out closed pages back. So an idle thread costs one touched page of memory, a burst may
 * use all pages, the total is bounded, and a killed program loses nothing that it had written.
 *
 * An entry is a head unit {time, word} and word.units more units:
 *   word = kind << 56 | units << 48 | value (48 bits)
 * `kind` is the event's number in format/spec.py. `value` is its first field, if that is no text
 * (for a task: the address of the Task). The further fields follow as u64 each; a text, always the
 * last field, as u64 length in bytes and its bytes, padded to whole units with zeros.
 * An entry never crosses a page.
 */
#ifndef TWOCOOKS_ARENA_H
#define TWOCOOKS_ARENA_H
#include <stdatomic.h>
#include <stdint.h>

#define TC_ARENA_MAGIC 0x6b6f6f636f777431ull /* "1twocook" */
#define TC_ARENA_ENV "TWOCOOKS_ARENA"
#define TC_PAGE_SIZE 32768u
#define TC_NO_PAGE 0xffffffffu
#define TC_BEAT_NS 10000000000ull /* a recorder that has not read for so long gets no new pages */

struct tc_unit {
    uint64_t time; /* ns of CLOCK_MONOTONIC, or ticks: see ticks.h */
    uint64_t word;
};

enum tc_page_state { TC_FREE = 0, TC_OPEN = 1, TC_CLOSED = 2 };

/* What is not atomic here is the writer's until it stores `state`, and read behind a load of that. */
struct tc_page { /* 64 bytes, dense, so that the recorder's scan is short */
    _Atomic uint32_t state;
    _Atomic uint32_t used;  /* bytes written; stored with release after the bytes */
    uint32_t pid, tid;      /* the writer's, as the kernel's root name space of the program says */
    uint64_t life;          /* time of the thread's first event: tells apart reused tids */
    uint64_t serial;        /* 0, 1, 2... within (pid, tid, life) */
    uint64_t lost;          /* events of this thread that found no page, just before this page */
    _Atomic uint32_t next_free; /* index + 1 of the next free page, 0 = none */
    uint32_t read;          /* the recorder's: bytes read so far */
    uint64_t reserved[2];
};
_Static_assert(sizeof(struct tc_page) == 64, "page head is one cache line");

struct tc_arena {
    uint64_t magic;
    uint32_t version, npages, page_size;
    _Atomic uint32_t closed;     /* the recorder has stopped: write no more */
    _Atomic uint64_t free_list;  /* tag << 32 | index + 1; the tag grows with every pop and push */
    _Atomic uint32_t fresh;      /* pages from here on were never used; taken when the list is empty */
    uint32_t recorder_pid;
    _Atomic uint64_t lost;       /* events lost in all */
    _Atomic uint64_t beat_ns;    /* when the recorder last read; 0 = it does not say */
    uint32_t in_ticks;           /* the time of entries is in ticks of the processor's counter */
    uint32_t reserved;
};
_Static_assert(sizeof(struct tc_arena) == 64, "arena head is one cache line");

static inline struct tc_page *tc_pages(struct tc_arena *a) { return (struct tc_page *)(a + 1); }
static inline uint64_t tc_data_offset(uint32_t npages) {
    uint64_t heads = sizeof(struct tc_arena) + (uint64_t)npages * sizeof(struct tc_page);
    return (heads + 4095) & ~4095ull;
}
static inline uint64_t tc_arena_size(uint32_t npages) {
    return tc_data_offset(npages) + (uint64_t)npages * TC_PAGE_SIZE;
}
static inline struct tc_unit *tc_page_data(struct tc_arena *a, uint32_t npages, uint32_t index) {
    return (struct tc_unit *)((char *)a + tc_data_offset(npages) + (uint64_t)index * TC_PAGE_SIZE);
}

/* Takes a free page or TC_NO_PAGE. Many threads of many processes at once; the tag defeats ABA. */
static inline uint32_t tc_take_page(struct tc_arena *a) {
    uint64_t head = atomic_load_explicit(&a->free_list, memory_order_acquire);
    while ((uint32_t)head) {
        uint32_t index = (uint32_t)head - 1;
        if (index >= a->npages) return TC_NO_PAGE;
        uint64_t next = atomic_load_explicit(&tc_pages(a)[index].next_free, memory_order_relaxed);
        uint64_t want = ((head >> 32) + 1) << 32 | next;
        if (atomic_compare_exchange_weak_explicit(&a->free_list, &head, want,
                                                  memory_order_acq_rel, memory_order_acquire))
            return index;
    }
    uint32_t fresh = atomic_load_explicit(&a->fresh, memory_order_relaxed);
    while (fresh < a->npages)
        if (atomic_compare_exchange_weak_explicit(&a->fresh, &fresh, fresh + 1,
                                                  memory_order_acq_rel, memory_order_relaxed))
            return fresh;
    return TC_NO_PAGE;
}

/* Gives a page back (the recorder only, when it has read all of a closed page). */
static inline void tc_give_page(struct tc_arena *a, uint32_t index) {
    struct tc_page *page = &tc_pages(a)[index];
    atomic_store_explicit(&page->state, TC_FREE, memory_order_release);
    uint64_t head = atomic_load_explicit(&a->free_list, memory_order_acquire), want;
    do {
        atomic_store_explicit(&page->next_free, (uint32_t)head, memory_order_relaxed);
        want = ((head >> 32) + 1) << 32 | (index + 1);
    } while (!atomic_compare_exchange_weak_explicit(&a->free_list, &head, want,
                                                    memory_order_acq_rel, memory_order_acquire));
}
#endif
