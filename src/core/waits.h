/* The recorder's table of threads that wait, and the looks at them: why is each off its core?
 *
 * The kernel's records say exactly when a thread came on a core and left it. A thread that blocked
 * can neither change its reason nor its stack before it runs again, so one look per wait is enough:
 * it is queued when it goes off, looked at once it has waited for a while, then left alone. What a
 * look says is only meaningful if the thread did not run between now - took and now; the reader of
 * the trace proves that from the kernel's records, this table only keeps the looks few.
 *
 * Times are CLOCK_MONOTONIC in ns. Calls may come slightly out of order between CPUs (the rings are
 * drained one after the other): of two events of one thread the later time wins. No Python in here.
 */
#ifndef TWOCOOKS_WAITS_H
#define TWOCOOKS_WAITS_H
#include <stddef.h>
#include <stdint.h>

#include "encode.h"

struct tc_waits;

/* LOOK.syscall of a thread that waits outside any system call: a page fault, or stopped. */
#define TC_NO_SYSCALL 0xffffffffull

struct tc_waits *tc_waits_new(void); /* NULL: no memory */
void tc_waits_free(struct tc_waits *w);

void tc_waits_on(struct tc_waits *w, uint32_t pid, uint32_t tid, uint64_t now_ns);
/* preempted: it waits for a core, which needs no look. */
void tc_waits_off(struct tc_waits *w, uint32_t pid, uint32_t tid, uint64_t now_ns, int preempted);
void tc_waits_gone(struct tc_waits *w, uint32_t tid);

/* The process runs Python: from now on its futexes and frames can be read. Again for the same pid
 * (after fork, a second interpreter): looked up anew. A process that never tells (no agent in it)
 * is searched for its Python at its first looks. */
void tc_waits_process(struct tc_waits *w, uint32_t pid, uint64_t runtime, uint32_t hexversion);
void tc_waits_exec(struct tc_waits *w, uint32_t pid); /* it runs something else now */

/* Forgets what was learned of processes that have ended unnoticed: their EXIT was lost, or came before
 * their own word. Now and then is enough. */
void tc_waits_sweep(struct tc_waits *w);

/* Looks at every thread that has waited unlabelled for min_age_ns or longer, oldest first, until
 * budget_ns is used up; the rest keeps for the next call. Puts TEXT and LOOK records into `look`
 * (times near the clock's now, never before an earlier one of this stream). Returns how many LOOKs
 * it put. */
int tc_waits_label(struct tc_waits *w, uint64_t now_ns, uint64_t min_age_ns, uint64_t budget_ns,
                   struct tc_stream *look);

/* Asks again who has a lock, where that may be somebody else by now (search.h). Puts a HOLDER record. */
void tc_waits_ask(struct tc_waits *w, uint64_t now_ns, struct tc_stream *look);

/* One look at a thread that is on a core now: does it have the GIL, and about where is it? Puts a RUN
 * record, or nothing where the process runs no Python that can be read. */
void tc_waits_run(struct tc_waits *w, uint32_t pid, uint32_t tid, struct tc_stream *look);

size_t tc_waits_pending(const struct tc_waits *w); /* threads that wait unlabelled now */

uint64_t tc_waits_oldest_ns(const struct tc_waits *w); /* since when the oldest of them waits; 0: none */

/* A look at one of the waits that are still too young, chosen by chance; of most of them nothing would be
 * known, for they are over before they are old enough. The recorder comes at moments of its own, so each
 * millisecond of such waits has the same chance. Each thread's first ones, then one of all in 25 ms.
 * 1 = a look was put. */
int tc_waits_sample(struct tc_waits *w, uint64_t now_ns, struct tc_stream *look);

/* Waits of 4 ms and more that ended before their look, and looks at threads that wait for another one:
 * both ask for a quick pace. */
uint64_t tc_waits_urgent(const struct tc_waits *w);

struct tc_waits_counts {
    uint64_t looked;   /* LOOK records put */
    uint64_t missed;   /* waits given up: running again, gone or refused at three looks */
    uint64_t denied;   /* of these, waits that the kernel would not let us look at */
    uint64_t frames;   /* LOOKs with a place in the program */
    uint64_t spent_ns; /* time in tc_waits_label */
    uint64_t torn;     /* places and holders dropped: what was read of the program did not hold together */
};
void tc_waits_counts(const struct tc_waits *w, struct tc_waits_counts *counts);
#endif
