/* Counting over time, shared by tables.c and account.c: moments as keys, time << 16 | 8 sets that open
 * there << 8 | 8 sets that close. */
#ifndef TWOCOOKS_RADIX_H
#define TWOCOOKS_RADIX_H
#include <stdint.h>

#define TC_TIME_BITS 47 /* 39 hours */

/* Bits that a number needs. */
static inline int tc_bits_of(uint64_t number) {
    int bits = 0;
    while (number >> bits) bits++;
    return bits;
}

/* Sorts keys by their bits from `low` to `high`; returns where the result lies: keys or spare. */
uint64_t *tc_radix_sort(uint64_t *keys, uint64_t *spare, int64_t n, int low, int high);

/* Moments come in two rounds: first they are only counted, by stretch of time (a bucket), then they are
 * put into their buckets. Each bucket is sorted by itself, in the processor's cache, and the memory is
 * 8 bytes a moment. Call: tc_moments_begin, put for all, tc_moments_place, put for all again, then
 * tc_next_bucket until it gives 0. */
struct tc_moments_of {
    int64_t zero;
    int shift, bits, round;
    int64_t buckets, n, *at; /* in the first round counts, then where each bucket's next key goes */
    uint64_t *keys, *spare;
    int64_t next, first; /* the bucket that comes next, and where it begins */
};
/* `span` = the last time minus `zero`, the first; `about` = how many moments there may be. 0 = no memory. */
int tc_moments_begin(struct tc_moments_of *m, int64_t zero, uint64_t span, int64_t about);
int tc_moments_place(struct tc_moments_of *m);
/* The sorted keys of the next bucket that has any; 0 = that was all. */
int64_t tc_next_bucket(struct tc_moments_of *m, uint64_t **keys);
void tc_moments_end(struct tc_moments_of *m);

static inline void tc_put(struct tc_moments_of *m, int64_t time, uint8_t opens, uint8_t closes) {
    const uint64_t after = (uint64_t)(time - m->zero);
    if (m->round) m->keys[m->at[after >> m->shift]++] = after << 16 | (uint64_t)opens << 8 | closes;
    else m->at[(after >> m->shift) + 1]++;
}

/* What all keys of one moment (the first of `n`) do to the counts. Returns how many keys they were. */
static inline int64_t tc_at_once(const uint64_t *keys, int64_t n, int sets, int32_t *now) {
    const uint64_t at = keys[0] >> 16;
    int64_t i = 0;
    for (; i < n && keys[i] >> 16 == at; i++)
        for (int s = 0; s < sets; s++)
            now[s] += (int32_t)(keys[i] >> (8 + s) & 1) - (int32_t)(keys[i] >> s & 1);
    return i;
}
#endif
