/* lookups.h says what each function does. */
#include "lookups.h"

#include <stdlib.h>

struct sorted {
    const int32_t *group;
    const int64_t *time;
    int64_t n;
};

static inline int is_later(const struct sorted *t, int64_t row, int32_t group, int64_t time) {
    return t->group[row] > group || (t->group[row] == group && t->time[row] > time);
}

/* How many rows are not later than a question; `near`: the answer of the question before. */
static int64_t not_later(const struct sorted *t, int32_t group, int64_t time, int64_t near) {
    int64_t low = 0, high = t->n;
    if (near < t->n && !is_later(t, near, group, time)) { /* steps of twice the length, upwards */
        int64_t step = 1;
        low = near + 1;
        while (low + step < t->n && !is_later(t, low + step, group, time)) {
            low += step + 1;
            step *= 2;
        }
        if (low + step < t->n) high = low + step;
    } else if (near && is_later(t, near - 1, group, time)) {
        high = near - 1;
    } else {
        return near;
    }
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (is_later(t, middle, group, time)) high = middle;
        else low = middle + 1;
    }
    return low;
}

void tc_asof(const int32_t *group, const int64_t *time, int64_t n, const int32_t *in_group,
             const int64_t *in_time, int64_t rows, int64_t *out) {
    const struct sorted table = {in_group, in_time, rows};
    for (int64_t i = 0, near = 0; i < n; i++) {
        near = not_later(&table, group[i], time[i], near);
        out[i] = near && in_group[near - 1] == group[i] ? near - 1 : -1;
    }
}

int64_t tc_lacking(const int64_t *time, const int32_t *p, const int32_t *d, int64_t n, int64_t low,
                   int64_t hands, int64_t *start, int64_t *end) {
    int64_t k = 0;
    int open = 0;
    for (int64_t i = 0; i < n; i++) {
        const int now = p[i] >= low && p[i] < (d[i] < hands ? d[i] : hands);
        if (now == open) continue;
        if (start) *(now ? start + k : end + k) = time[i];
        k += open;
        open = now;
    }
    if (open && start) end[k] = time[n - 1];
    return k + open;
}

/* The first row from `low` to before `high` whose value is above a moment (or not below it). */
static int64_t first_above(const int64_t *values, int64_t low, int64_t high, int64_t moment, int equal) {
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (values[middle] > moment || (equal && values[middle] == moment)) high = middle;
        else low = middle + 1;
    }
    return low;
}

int64_t tc_alone(struct tc_pieces t, const struct tc_words *w, struct tc_threads threads,
                 struct tc_asked asked, int64_t blink, int64_t least, int64_t *found) {
    int64_t *count = calloc((size_t)asked.n + 1, sizeof *count);
    if (!count) return TC_TABLES_NO_MEMORY;
    for (int64_t i = 0; i < asked.n; i++) found[i] = -1;
    for (int64_t k = 0; k < threads.n; k++) {
        const int64_t head = threads.heads[k], tail = threads.tails[k];
        for (int64_t i = 0; head < tail && i < asked.n; i++) {
            const int64_t begin = asked.start[i], end = asked.end[i];
            if (asked.who[i] == threads.id[k] || t.end[tail - 1] <= begin || t.start[head] >= end) continue;
            int64_t row = first_above(t.end, head, tail, begin, 0), rest = 0, busy = 0, work = 0;
            const int64_t after = first_above(t.start, row, tail, end, 1);
            if (row == after) continue;
            for (; row < after; row++) {
                const int working = t.state[row] == w->working;
                if (!working && !(t.state[row] == w->in_line && t.reason[row] == w->core)) {
                    rest = 1;
                    continue;
                }
                const int64_t ns = (t.end[row] < end ? t.end[row] : end) -
                                   (t.start[row] > begin ? t.start[row] : begin);
                busy += ns;
                work += working ? ns : 0;
            }
            count[i] += busy > blink;
            if (busy > blink && !rest && work >= least) found[i] = threads.id[k];
        }
    }
    for (int64_t i = 0; i < asked.n; i++)
        if (count[i] != 1) found[i] = -1;
    free(count);
    return asked.n;
}
