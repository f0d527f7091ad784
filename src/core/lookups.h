/* Questions to large sorted tables, each answered by halving: no keys and no copies of the table are
 * made. The numpy twins stand beside the callers (columns.asof, findings/base.py, findings/gil_kept.py).
 */
#ifndef TWOCOOKS_LOOKUPS_H
#define TWOCOOKS_LOOKUPS_H
#include "account.h"

/* For each (group, time) the last row of the table (sorted by in_group, in_time) of this group that is
 * not later, else -1. Cheapest where the questions are sorted, too. */
void tc_asof(const int32_t *group, const int64_t *time, int64_t n, const int32_t *in_group,
             const int64_t *in_time, int64_t rows, int64_t *out);

/* The stretches of a curve with breaks at `time` in which `low` or more work (p), and fewer than want
 * to (d) and than there are hands. Without out only their number is found. */
int64_t tc_lacking(const int64_t *time, const int32_t *p, const int32_t *d, int64_t n, int64_t low,
                   int64_t hands, int64_t *start, int64_t *end);

/* For each question (who, start, end) the only one of these threads but `who` that was busy (at work or
 * in line for a core) for longer than `blink` in that time, if it was so all the time and at work for
 * `least` ns of it; else -1. The rows of threads[i] are those from heads[i] to before tails[i]. */
struct tc_asked {
    const int64_t *who, *start, *end;
    int64_t n;
};
struct tc_threads {
    const int64_t *id, *heads, *tails;
    int64_t n;
};
int64_t tc_alone(struct tc_pieces t, const struct tc_words *w, struct tc_threads threads,
                 struct tc_asked asked, int64_t blink, int64_t least, int64_t *found);
#endif
