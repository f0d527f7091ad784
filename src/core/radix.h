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

/* Sorted keys to breaks: their times, and how many of each set are open from there on (set s at
 * counts[s * room]). Returns the number of breaks. */
int64_t tc_count_open(const uint64_t *keys, int64_t m, int64_t zero, int sets, int64_t room,
                      int64_t *time, int32_t *counts);
#endif
