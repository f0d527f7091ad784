/* The inner loops of the analysis: sorting by group and time, cutting one tiling by another, counting
 * what is open at each moment. Plain arrays in and out, no Python in here.
 *
 * Each does what the numpy code of analyse/columns.py (its twin) says. Where the input is not as it
 * must be (not sorted, numbers too large) a function returns TC_OTHERWISE and has decided nothing:
 * the caller then takes the slower twin, which has no such limits.
 */
#ifndef TWOCOOKS_TABLES_H
#define TWOCOOKS_TABLES_H
#include <stdint.h>

#define TC_OTHERWISE (-1)
#define TC_TABLES_NO_MEMORY (-2)

/* Stable order by (group, time); time NULL = by group alone. */
int64_t tc_order(const int32_t *group, const int64_t *time, int64_t n, int64_t *order);

/* Within each group of an order (which ends at ends[g]) stably by time. 0 = no memory. */
int tc_sort_groups(const int64_t *time, int64_t *order, const int64_t *ends, int64_t groups);

/* Whether a table is sorted by (group, start) and none of its stretches is empty. */
int64_t tc_ordered(const int32_t *group, const int64_t *start, const int64_t *end, int64_t n);

struct tc_tiling {
    const int32_t *group;
    const int64_t *start, *end;
    int64_t n;
};

/* Stretches as analyse/columns.py's Pieces holds them. */
struct tc_pieces {
    int32_t *owner;
    int64_t *start, *end;
    uint8_t *state, *reason;
    int32_t *core, *thread;
    int64_t n;
};

/* Cuts the tiling a (by its owner) at the borders of the tiling b. Returns how many stretches come
 * out; `found` is the row of b that covers each, or -1. With out NULL only the number is found. */
int64_t tc_overlay(struct tc_pieces a, struct tc_tiling b, struct tc_pieces *out, int32_t *found);

/* `out` = where each stretch begins if it waits for the end of all before it in its group. */
void tc_no_overlap(struct tc_tiling in, int64_t *out);

/* The rows of a that have an owner (>= 0) and those of b in one table by owner and start, those of a
 * first where two begin at once; a stretch begins when all before it of its owner have ended, and what
 * is empty then is left out. What stays open between two stretches of an owner becomes one with the
 * state and reason of `gaps` (NULL = stays open). `out` has room for all. Returns how many rows came
 * out. */
struct tc_gaps {
    uint8_t state, reason;
};
int64_t tc_gather(struct tc_pieces a, struct tc_pieces b, const struct tc_gaps *gaps,
                  struct tc_pieces out);

/* Merges overlapping and touching stretches of each group, in place of `out` (room for n each). */
int64_t tc_union(struct tc_tiling in, int32_t *group, int64_t *start, int64_t *end);

/* How many stretches of each of up to 8 sets are open. `bits` says which sets a stretch is in. Returns
 * the number of breaks; `time` and each of the `sets` counts have room for 2 n. */
int64_t tc_sweep(const int64_t *start, const int64_t *end, const uint8_t *bits, int64_t n, int sets,
                 int64_t *time, int32_t *counts);

/* The kernel's records (sorted by time) by thread life: for each record that concerns a living
 * thread its row, its life, and for IN where the slice began. Returns how many they are. */
struct tc_kernel {
    const int64_t *time;
    const uint8_t *event;
    const int32_t *cpu, *tid;
    int64_t n;
};
int64_t tc_lives(struct tc_kernel k, int64_t switch_ns, int64_t *row, int32_t *life, int64_t *begin);

/* A stretch from each record of a thread to its next (threads.py says what it is then doing). Written
 * are those that no loss reaches and that nothing contradicts; `odd` gets the rows of the others,
 * which the caller judges. Returns how many were written, *odds how many not. */
struct tc_rows {
    const int32_t *life;
    const int64_t *time, *begin;
    const uint8_t *event;
    const int32_t *cpu;
    int64_t n;
    const int64_t *died; /* of each life */
    const int64_t *lost; /* lost[2 i], lost[2 i + 1]: a CPU and when a loss began on it, sorted */
    int64_t losses;
};
struct tc_meanings { /* numbers of model.State and of the reasons */
    uint8_t working, in_line, waiting, for_core, not_known, none;
};
int64_t tc_stretches(struct tc_rows rows, const struct tc_meanings *m, struct tc_pieces out,
                     int64_t *odd, int64_t *odds);

/* Brackets: `what` is 1 where one opens, 2 where one closes, else 0; `epoch` the row where each
 * row's story begins. inner = the row of the bracket that is open after each row (-1 = none), closes
 * = the row that a closing one closes. */
void tc_opened(const uint8_t *what, const int32_t *epoch, int64_t n, int32_t *stack, int32_t *inner,
               int32_t *closes);

/* A number for each distinct pair (a, b) in order of first appearance; head = the rows of those. */
int64_t tc_pairs(const int64_t *a, const int64_t *b, int64_t n, int64_t *which, int64_t *head);
#endif
