/* The search for who has what a waiting thread waits for, within its means. No Python in here. */
#ifndef TWOCOOKS_SEARCH_H
#define TWOCOOKS_SEARCH_H
#include <stdint.h>

#include "peek.h"

enum { TC_HINTS = 64 };

struct tc_search {
    struct {
        uint64_t lock;
        uint32_t pid, tid; /* who had this lock when last seen */
        uint32_t in_vain;  /* asked so often in a row, and nobody was found */
    } hints[TC_HINTS];
    uint64_t credit_ns, credited_ns; /* for searches; until when time was counted into it */
};

/* What HOLDER says of a holder, beside its place. */
struct tc_holder {
    uint32_t tid; /* 0 = not found */
    uint64_t turn, how;
};

/* Who has the GIL or the lock (kind and lock as in tc_peek_holds) that `waiter` of process pid waits
 * for. The GIL is always asked; threads' frames only on credit, which grows with now_ns. */
struct tc_holder tc_search_holder(struct tc_search *s, struct tc_peek *peek, uint32_t pid, uint32_t waiter,
                                  enum tc_futex kind, uint64_t lock, uint64_t now_ns);

/* There is credit left. */
static inline int tc_search_may(const struct tc_search *s) { return s->credit_ns > 0; }

/* So long was spent. */
static inline void tc_search_pay(struct tc_search *s, uint64_t ns) {
    s->credit_ns -= ns < s->credit_ns ? ns : s->credit_ns;
}
#endif
