/* The processor's counter as the agents' clock.
 *
 * Reading CLOCK_MONOTONIC costs an agent 25 ns a time, twice a step; reading the counter behind it
 * (TSC) 10. So where the kernel itself keeps its time by that counter, agents write raw ticks and
 * the recorder turns them into nanoseconds: at every round it reads both clocks together, and the
 * line through the last two readings tells the time of any tick near them. The kernel changes the
 * rate by a few millionths now and then, so a round of 20 ms is off by nanoseconds.
 */
#ifndef TWOCOOKS_TICKS_H
#define TWOCOOKS_TICKS_H
#include <stdint.h>

#if defined(__x86_64__)
static inline uint64_t tc_ticks_now(void) { return __builtin_ia32_rdtsc(); }
#else
static inline uint64_t tc_ticks_now(void) { return 0; }
#endif

struct tc_ticks {
    uint64_t ticks, ns; /* the last reading of both */
    double rate;        /* ns a tick; 0 = there was one reading only */
};

/* Whether agents may write ticks: the kernel's own clock is that counter, at one constant rate. */
int tc_ticks_usable(void);

/* Reads both clocks. A reading sooner than a millisecond after the last one changes nothing, once
 * there is a rate. */
void tc_ticks_read(struct tc_ticks *t);

/* A reading as tests make it up. */
void tc_ticks_take(struct tc_ticks *t, uint64_t ticks, uint64_t ns);

/* The time of a tick, in ns of CLOCK_MONOTONIC. Any tick has one; only those near the last two
 * readings have the right one. */
uint64_t tc_ticks_ns(const struct tc_ticks *t, uint64_t ticks);
#endif
