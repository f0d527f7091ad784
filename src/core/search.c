/* Whether a thread stands in a `with`, or between acquire() and release(), can only be seen by walking its
 * frames, some microseconds for each thread, and there may be thousands. So searches live on a credit: one
 * part in SHARE of the time that passes. The thread that had the lock last time is asked first, then some
 * of the others, where the last search ended. A thread is believed when two walks in a row agree.
 *
 * Most locks that are waited for long are those inside queues and conditions, which nobody holds in any
 * provable way. So a lock whose holder was not found PATIENCE times in a row is searched for only each
 * SELDOM-th time from then on, until somebody is found.
 */
#include "search.h"

#include <string.h>

#define SHARE 64u
#define MAX_CREDIT_NS 1000000ull
#define AGAIN_NS 2000000ull /* so long after it changed hands, and then twice as long each time */
enum { ASKED = 12, PATIENCE = 8, SELDOM = 8, AGAIN = 8 };

/* Locks share places; then they share their luck, which costs an answer or a search. */
static size_t place_of(uint32_t pid, uint64_t lock) { return ((lock >> 4) + pid) * 0x9e3779b97f4a7c15ull >> 58; }

static int is_hopeless(uint32_t in_vain) { return in_vain >= PATIENCE && (in_vain - PATIENCE) % SELDOM; }

static enum tc_held holds(struct tc_peek *peek, uint32_t tid, enum tc_futex kind, uint64_t lock) {
    return tc_peek_holds(peek, tid, kind, lock) ? tc_peek_holds(peek, tid, kind, lock) : TC_HELD_NOT;
}

static uint32_t by_frames(struct tc_search *s, struct tc_peek *peek, uint32_t pid, uint32_t waiter,
                          enum tc_futex kind, uint64_t lock, enum tc_held *how) {
    size_t place = place_of(pid, lock);
    int known = s->hints[place].lock == lock && s->hints[place].pid == pid;
    uint32_t hint = known ? s->hints[place].tid : 0, first = 0;
    if (hint && hint != waiter && (*how = holds(peek, hint, kind, lock))) return hint;
    for (int i = 0; i < ASKED; i++) {
        uint32_t tid = tc_peek_next(peek, i == 0);
        if (!tid || tid == first) break;
        if (!first) first = tid;
        if (tid == waiter || tid == hint || !(*how = holds(peek, tid, kind, lock))) continue;
        s->hints[place].lock = lock;
        s->hints[place].pid = pid;
        s->hints[place].tid = tid;
        return tid;
    }
    return 0;
}

static void earn(struct tc_search *s, uint64_t now_ns) {
    uint64_t since = now_ns - s->credited_ns, most = MAX_CREDIT_NS * SHARE;
    s->credit_ns += (since < most ? since : most) / SHARE;
    if (s->credit_ns > MAX_CREDIT_NS) s->credit_ns = MAX_CREDIT_NS;
    s->credited_ns = now_ns;
}

struct tc_holder tc_search_holder(struct tc_search *s, struct tc_peek *peek, uint32_t pid, uint32_t waiter,
                                  enum tc_futex kind, uint64_t lock, uint64_t now_ns) {
    struct tc_holder found = {.how = 1};
    earn(s, now_ns);
    if (kind == TC_FUTEX_GIL) {
        found.tid = tc_peek_gil_holder(peek, lock, &found.turn);
    } else if (tc_search_may(s)) {
        uint32_t *in_vain = &s->hints[place_of(pid, lock)].in_vain;
        if (is_hopeless(*in_vain)) {
            ++*in_vain;
            found.asked = 1; /* and that was enough */
            return found;
        }
        found.asked = 1;
        enum tc_held how = TC_HELD_NOT;
        found.tid = by_frames(s, peek, pid, waiter, kind, lock, &how);
        found.how = how == TC_HELD_CALL ? 4 : 3;
        if (!found.tid) {
            found.how = 2;
            found.tid = tc_peek_owner(peek, waiter, kind, lock);
        }
        *in_vain = found.tid ? 0 : *in_vain + 1;
    }
    if (found.tid == waiter) found.tid = 0;
    return found;
}

/* ---- when to ask again ---- */

void tc_search_note(struct tc_search *s, uint32_t pid, uint32_t waiter, enum tc_futex kind, uint64_t lock,
                    const struct tc_holder *found, uint64_t now_ns) {
    struct tc_asked *a = &s->asked[((lock >> 4) + pid) * 0x9e3779b97f4a7c15ull >> 60];
    if (a->lock != lock || a->pid != pid)
        *a = (struct tc_asked){.lock = lock, .pid = pid, .kind = (uint8_t)kind};
    if (a->tids[0] != waiter) {
        memmove(a->tids + 1, a->tids, sizeof a->tids - sizeof *a->tids);
        a->tids[0] = waiter;
    }
    a->known |= found->tid != 0;
    a->in_vain = found->tid ? 0 : (uint8_t)(a->in_vain + 1);
    int again = !found->tid && a->in_vain < AGAIN && (a->known || !found->asked);
    a->due_ns = again ? now_ns + (AGAIN_NS << a->in_vain) : 0;
}

void tc_search_woken(struct tc_search *s, uint32_t tid, uint64_t now_ns) {
    for (size_t i = 0; i < TC_ASKED; i++) {
        struct tc_asked *a = &s->asked[i];
        size_t left = 0;
        for (size_t k = 0; k < TC_WAITERS; k++)
            if (a->tids[k] != tid) a->tids[left++] = a->tids[k];
        if (left == TC_WAITERS) continue;
        while (left < TC_WAITERS) a->tids[left++] = 0;
        a->in_vain = 0;
        a->due_ns = a->tids[0] && a->known ? now_ns + AGAIN_NS : 0;
    }
}

const struct tc_asked *tc_search_due(struct tc_search *s, uint64_t now_ns) {
    for (size_t i = 0; i < TC_ASKED; i++)
        if (s->asked[i].due_ns && s->asked[i].due_ns <= now_ns && s->asked[i].tids[0]) return &s->asked[i];
    return NULL;
}
