/* The search for who has what a waiting thread waits for, within its means. No Python in here. */
#ifndef TWOCOOKS_SEARCH_H
#define TWOCOOKS_SEARCH_H
#include <stdint.h>

#include "peek.h"

enum { TC_HINTS = 64, TC_ASKED = 16, TC_WAITERS = 4 };

/* A lock that some wait for: whether to ask again who has it. */
struct tc_asked {
    uint64_t lock, due_ns; /* due: when to ask again; 0 = not */
    uint32_t pid, tids[TC_WAITERS]; /* some who wait for it, the latest first; 0 = none */
    uint8_t kind, in_vain, known;   /* known: its holder was found once */
};

struct tc_search {
    struct {
        uint64_t lock;
        uint32_t pid, tid; /* who had this lock when last seen */
        uint32_t in_vain;  /* asked so often in a row, and nobody was found */
    } hints[TC_HINTS];
    struct tc_asked asked[TC_ASKED];
    uint64_t credit_ns, credited_ns; /* for searches; until when time was counted into it */
};

/* What HOLDER says of a holder, beside its place. */
struct tc_holder {
    uint32_t tid; /* 0 = not found */
    int asked;    /* somebody was asked: there was credit, and hope */
    uint64_t turn, how;
};

/* Who has the GIL or the lock (kind and lock as in tc_peek_holds) that `waiter` of process pid waits
 * for. The GIL is always asked; threads' frames only on credit, which grows with now_ns. */
struct tc_holder tc_search_holder(struct tc_search *s, struct tc_peek *peek, uint32_t pid, uint32_t waiter,
                                  enum tc_futex kind, uint64_t lock, uint64_t now_ns);

/* `waiter` waits for this lock, and this was found. It is asked again, less and less often, where there was
 * no credit, or the holder of a lock that had one before was not found; and when somebody who waited for
 * such a lock was woken, for then another one has it. */
void tc_search_note(struct tc_search *s, uint32_t pid, uint32_t waiter, enum tc_futex kind, uint64_t lock,
                    const struct tc_holder *found, uint64_t now_ns);

/* A thread that waited for a lock is on a core. */
void tc_search_woken(struct tc_search *s, uint32_t tid, uint64_t now_ns);

/* A lock about which it is time to ask again, with somebody who waits for it in tids[0]; NULL: none. */
const struct tc_asked *tc_search_due(struct tc_search *s, uint64_t now_ns);

/* There is credit left. */
static inline int tc_search_may(const struct tc_search *s) { return s->credit_ns > 0; }

/* So long was spent. */
static inline void tc_search_pay(struct tc_search *s, uint64_t ns) {
    s->credit_ns -= ns < s->credit_ns ? ns : s->credit_ns;
}
#endif
