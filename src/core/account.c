/* account.h says what each function does. */
#include "account.h"

#include <stdlib.h>
#include <string.h>

#include "radix.h"
#include "spill.h"

static int64_t least_of(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most_of(int64_t a, int64_t b) { return a > b ? a : b; }

int tc_rows_fit(struct tc_pieces t, int64_t tasks) {
    for (int64_t i = 0; i < t.n; i++)
        if (t.owner[i] < 0 || t.owner[i] >= tasks || t.state[i] >= TC_STATES) return 0;
    return 1;
}

/* Sums are unsigned: a file that lies can make them larger than any run's, and then they may wrap. */
static void add(int64_t *sum, int64_t ns, int64_t times) {
    *sum = (int64_t)((uint64_t)*sum + (uint64_t)ns * (uint64_t)times);
}

void tc_state_sums(struct tc_pieces t, int64_t tasks, int64_t *out) {
    for (int64_t i = 0; i < t.n; i++) add(&out[t.state[i] * tasks + t.owner[i]], t.end[i] - t.start[i], 1);
}

int64_t tc_worked(struct tc_pieces t, const struct tc_words *w, int32_t own, int64_t threads,
                  int64_t *out) {
    int64_t all = 0;
    for (int64_t i = 0; i < t.n; i++) {
        if (t.state[i] != w->working || (t.owner[i] < 0 && t.owner[i] != own)) continue;
        add(&all, t.end[i] - t.start[i], 1);
        if (t.owner[i] == own && t.thread[i] >= 0 && t.thread[i] < threads)
            add(&out[t.thread[i]], t.end[i] - t.start[i], 1);
    }
    return all;
}

void tc_ends(struct tc_pieces t, const struct tc_words *w, const uint8_t *outside, int64_t *done,
             int64_t *waits) {
    for (int64_t i = 0; i < t.n; i++) {
        const int32_t owner = t.owner[i];
        done[owner] = most_of(done[owner], t.end[i]);
        if (t.state[i] == w->waiting && outside[t.reason[i]])
            add(&waits[owner], t.end[i] - t.start[i], 1);
    }
}

void tc_begins(struct tc_pieces t, const struct tc_words *w, const uint8_t *outside,
               struct tc_begins b) {
    int64_t so_far = 0;
    int was_away = 0;
    for (int64_t i = 0; i < t.n; i++) {
        const int32_t owner = t.owner[i];
        const uint8_t state = t.state[i];
        if (!i || owner != t.owner[i - 1]) {
            so_far = 0;
            was_away = 0;
        }
        if (state == w->working) {
            add(&so_far, t.end[i] - t.start[i], 1);
            if (so_far >= b.enough[owner])
                b.reached[owner] = least_of(b.reached[owner], t.end[i] - (so_far - b.enough[owner]));
        } else if (state == w->waiting && outside[t.reason[i]]) {
            was_away = 1;
            if (so_far > 0) b.away[owner] = least_of(b.away[owner], t.start[i]);
        } else if (state == w->wants_tool && !was_away && (double)so_far < b.little[owner]) {
            b.tool[owner] = most_of(b.tool[owner], t.end[i]);
        }
    }
}

void tc_chosen_sums(struct tc_pieces t, struct tc_tasks tasks, const struct tc_words *w, int64_t *out,
                    int64_t *before, int64_t *gone) {
    for (int64_t i = 0; i < t.n; i++) {
        const int32_t owner = t.owner[i];
        if (!tasks.chosen[owner]) continue;
        const uint8_t state = t.state[i];
        const int64_t begun = tasks.begun[owner];
        add(&out[state * TC_REASONS + t.reason[i]], t.end[i] - t.start[i], 1);
        const int64_t early = least_of(t.end[i], begun) - t.start[i];
        if (early > 0 && state == w->in_line) add(&before[0], early, 1);
        if (early > 0 && state == w->wants_tool) add(&before[1], early, 1);
        const int64_t going = least_of(t.end[i], tasks.done[owner]) - most_of(t.start[i], begun);
        if (going > 0 && state != w->delegated) add(&gone[owner], going, 1);
    }
}

/* ---- curves ---- */

enum { C = 1, P = 2, D = 4, M = 8, H = 16, L = 32 };

/* What a stretch of a chosen task counts as, whenever it is on the go. */
static uint8_t counts_as(const struct tc_words *w, uint8_t state, uint8_t reason) {
    if (state == w->working) return P | D | H;
    if (state == w->in_line) return reason == w->core ? D | H | L : D;
    if (state == w->wants_tool) return D;
    if (state == w->unknown) return M;
    if (state == w->waiting && (reason == w->too_short || reason == w->not_known)) return M;
    return 0;
}

/* Where a stretch follows another without a gap, only what differs is a moment. */
static void moments_of(struct tc_pieces t, struct tc_tasks tasks, const struct tc_words *w,
                       struct tc_moments_of *m) {
    uint8_t open = 0;
    int64_t until = 0;
    for (int64_t i = 0; i < t.n; i++) {
        const int32_t owner = t.owner[i];
        uint8_t bits = 0;
        if (tasks.chosen[owner]) {
            bits = counts_as(w, t.state[i], t.reason[i]);
            const int64_t from = most_of(t.start[i], tasks.begun[owner]);
            const int64_t to = least_of(t.end[i], tasks.done[owner]);
            if (t.state[i] != w->delegated && to > from) {
                if (from == t.start[i] && to == t.end[i]) {
                    bits |= C;
                } else {
                    tc_put(m, from, C, 0);
                    tc_put(m, to, 0, C);
                }
            }
        }
        if (open && t.start[i] != until) {
            tc_put(m, until, 0, open);
            open = 0;
        }
        if (open != bits) tc_put(m, t.start[i], bits & (uint8_t)~open, open & (uint8_t)~bits);
        open = bits;
        until = t.end[i];
    }
    if (open) tc_put(m, until, 0, open);
}

/* What is measured while the breaks come by; `now` are the counts since the last of them. */
struct measuring {
    int64_t least, places, hands;
    int64_t *out;
    uint8_t *together;
    int64_t n, last; /* breaks so far, and the time of the last */
    int32_t now[TC_CURVES];
    int64_t run, since, shared; /* the row where P >= 2 began, when that was, and P times ns since then */
};

static void pass(struct measuring *s, int64_t ns) {
    const int32_t c = s->now[0], p = s->now[1], d = s->now[2], m = s->now[3], h = s->now[4], l = s->now[5];
    int64_t *out = s->out;
    if (c >= 1) out[TC_M_ACTIVE] += ns;
    if (c >= 2) out[TC_M_C2] += ns, add(&out[TC_M_SUM_C2], ns, c);
    if (p >= 1) out[TC_M_BUSY] += ns;
    if (h >= 1) out[TC_M_H1] += ns;
    if (d >= 1) out[TC_M_D1] += ns;
    if (d >= 2) out[TC_M_D2] += ns;
    if (d == 1 && d + m >= 2) out[TC_M_HIDDEN] += ns;
    if (d >= 2 && d - l < 2 && p < s->hands) out[TC_M_PLACED] += ns;
    if (p < s->hands) add(&out[TC_M_FREE_LINE], ns, l);
    add(&out[TC_M_SUM_C], ns, c);
    add(&out[TC_M_SUM_P], ns, p);
    add(&out[TC_M_SUM_D], ns, d);
    add(&out[TC_M_SERVED], ns, least_of(p, s->places));
    add(&out[TC_M_WANTED], ns, least_of(d, s->places));
    if (s->run >= 0) add(&s->shared, ns, p);
}

/* The moments in which two or more worked end at the row `until`. */
static void end_run(struct measuring *s, int64_t until) {
    const int64_t length = s->last - s->since;
    if (length >= s->least) {
        s->out[TC_M_TOGETHER] += length;
        add(&s->out[TC_M_SUM_TOGETHER], s->shared, 1);
        memset(s->together + s->run, 1, (size_t)(until - s->run));
    } else {
        s->out[TC_M_HANDED] += length;
    }
    s->run = -1;
}

/* From `time` on the counts are `now`. */
static void hear(struct measuring *s, int64_t time, const int32_t *now) {
    if (s->n) pass(s, time - s->last);
    s->last = time;
    memcpy(s->now, now, sizeof s->now);
    if (s->run >= 0 && now[1] < 2) {
        end_run(s, s->n);
    } else if (s->run < 0 && now[1] >= 2) {
        s->run = s->n;
        s->since = time;
        s->shared = 0;
    }
    s->n++;
}

static int64_t measured(struct tc_moments_of *m, struct measuring *s, int64_t room, int64_t *time,
                        int32_t *counts) {
    int32_t now[TC_CURVES] = {0};
    uint64_t *keys;
    for (int64_t in; (in = tc_next_bucket(m, &keys)) > 0;) {
        for (int64_t i = 0; i < in;) {
            const int64_t k = s->n;
            if (k >= room) return TC_OTHERWISE;
            time[k] = (int64_t)(keys[i] >> 16) + m->zero;
            i += tc_at_once(keys + i, in - i, TC_CURVES, now);
            for (int kept = 0; kept < TC_KEPT; kept++) counts[kept * room + k] = now[kept];
            hear(s, time[k], now);
        }
    }
    if (s->run >= 0) end_run(s, s->n);
    return s->n;
}

int64_t tc_curves(struct tc_pieces t, struct tc_tasks tasks, const struct tc_words *w,
                  struct tc_measures how, int64_t room, int64_t *time, int32_t *counts) {
    int64_t zero = INT64_MAX, last = INT64_MIN;
    for (int64_t i = 0; i < t.n; i++) {
        if (t.end[i] < t.start[i]) return TC_OTHERWISE;
        zero = least_of(zero, t.start[i]);
        last = most_of(last, t.end[i]);
    }
    if (last < zero) return 0;
    const uint64_t span = (uint64_t)last - (uint64_t)zero;
    if (span >> TC_TIME_BITS) return TC_OTHERWISE;
    struct tc_moments_of m;
    int64_t k = TC_TABLES_NO_MEMORY;
    if (tc_moments_begin(&m, zero, span, time ? room : t.n)) {
        moments_of(t, tasks, w, &m);
        if (!time) {
            k = 0;
            for (int64_t b = 0; b < m.buckets; b++) k += m.at[b + 1];
        } else if (tc_moments_place(&m)) {
            moments_of(t, tasks, w, &m);
            struct measuring s = {.least = how.least, .places = most_of(1, how.hands), .hands = how.hands,
                                  .out = how.out, .together = how.together, .run = -1};
            k = measured(&m, &s, room, time, counts);
        }
    }
    tc_moments_end(&m);
    return k;
}

int64_t tc_runs(const int64_t *time, const int32_t *count, int64_t n, int32_t low, int32_t high,
                int64_t least, int64_t *start, int64_t *end) {
    int64_t k = 0;
    for (int64_t i = 0; i < n;) {
        if (count[i] < low || count[i] > high) {
            i++;
            continue;
        }
        const int64_t from = time[i];
        while (i < n && count[i] >= low && count[i] <= high) i++;
        const int64_t to = time[i < n ? i : n - 1];
        if (to - from < least) continue;
        if (start) {
            start[k] = from;
            end[k] = to;
        }
        k++;
    }
    return k;
}

/* ---- cooks ---- */

/* Whether the slice i goes on where the thread was at work before (slices of one thread by start). */
static int goes_on(struct tc_pieces s, int64_t before, int64_t i) {
    return before >= 0 && s.thread[i] == s.thread[before] && s.start[i] == s.end[before];
}

static int cooks_in(struct tc_pieces s, struct tc_tasks tasks, int64_t i) {
    return s.owner[i] >= 0 && tasks.chosen[s.owner[i]];
}

/* The cook's work in the unbroken stretch of slices from `first` on, whose work for chosen tasks is
 * `steps` slices with walks of `walked` ns between them. */
static int64_t cook(struct tc_pieces s, struct tc_tasks tasks, const struct tc_words *w, int64_t first,
                    int64_t after, int64_t walk_ns, int64_t *start, int64_t *end, int64_t k) {
    int64_t steps = 0, walked = 0, before = -1;
    for (int64_t i = first; i < after; i++) {
        if (s.state[i] != w->working || !cooks_in(s, tasks, i)) continue;
        if (steps++) walked += s.start[i] - s.end[before];
        before = i;
    }
    const int far = (double)walked > (double)walk_ns * (double)steps;
    before = -1;
    for (int64_t i = first; i < after; i++) {
        if (s.state[i] != w->working || !cooks_in(s, tasks, i)) continue;
        if (before < 0 || (far && s.start[i] - s.end[before] > walk_ns)) start[k++] = s.start[i];
        end[k - 1] = s.end[i];
        before = i;
    }
    return k;
}

int64_t tc_cooks(struct tc_pieces s, struct tc_tasks tasks, const struct tc_words *w, int64_t walk_ns,
                 int64_t *start, int64_t *end) {
    int64_t k = 0, first = -1, last = -1;
    for (int64_t i = 0; i < s.n; i++) {
        if (s.state[i] != w->working) continue;
        if (s.owner[i] >= tasks.n) return TC_OTHERWISE;
        if (last >= 0 && (s.thread[i] < s.thread[last] ||
                          (s.thread[i] == s.thread[last] && s.start[i] < s.start[last])))
            return TC_OTHERWISE;
        if (!goes_on(s, last, i)) {
            if (first >= 0) k = cook(s, tasks, w, first, i, walk_ns, start, end, k);
            first = i;
        }
        last = i;
    }
    return first >= 0 ? cook(s, tasks, w, first, s.n, walk_ns, start, end, k) : k;
}

static int disjoint(struct tc_moments m) {
    for (int64_t i = 0; i < m.n; i++)
        if (m.end[i] < m.start[i] || (i && m.start[i] < m.end[i - 1])) return 0;
    return 1;
}

int64_t tc_shared(struct tc_moments a, struct tc_moments b, int64_t *out) {
    if (!disjoint(a) || !disjoint(b)) return TC_OTHERWISE;
    for (int64_t i = 0, j = 0; i < a.n && j < b.n;) {
        const int64_t ns = least_of(a.end[i], b.end[j]) - most_of(a.start[i], b.start[j]);
        if (ns > 0) add(out, ns, 1);
        if (a.end[i] <= b.end[j]) i++;
        else j++;
    }
    return a.n;
}

/* ---- cores ---- */

/* A slice that follows another of the same kind without a gap is no moment. */
static void core_moments(struct tc_pieces s, struct tc_tasks tasks, const struct tc_words *w,
                         struct tc_moments_of *m) {
    uint8_t open = 0;
    int64_t until = 0;
    for (int64_t i = 0; i < s.n; i++) {
        if (s.state[i] != w->working) continue;
        const uint8_t bits = cooks_in(s, tasks, i) ? 3 : 1;
        if (open && s.start[i] != until) {
            tc_put(m, until, 0, open);
            open = 0;
        }
        if (open != bits) tc_put(m, s.start[i], bits & (uint8_t)~open, open & (uint8_t)~bits);
        open = bits;
        until = s.end[i];
    }
    if (open) tc_put(m, until, 0, open);
}

static int64_t cores_counted(struct tc_moments_of *m, int64_t least, int64_t *out, int64_t *start,
                             int64_t *end) {
    int32_t now[2] = {0};
    int64_t k = 0, last = 0, since = -1;
    uint64_t *keys;
    for (int64_t in; (in = tc_next_bucket(m, &keys)) > 0;) {
        for (int64_t i = 0; i < in;) {
            const int64_t at = (int64_t)(keys[i] >> 16), ns = at - last;
            add(&out[TC_K_NS], ns, now[0]);
            if (now[0] >= 1) out[TC_K_ONE] += ns;
            if (now[0] >= 2) out[TC_K_TWO] += ns;
            i += tc_at_once(keys + i, in - i, 2, now);
            out[TC_K_MOST] = most_of(out[TC_K_MOST], now[0]);
            if (since < 0 && now[1] >= 2) since = at;
            if (since >= 0 && now[1] < 2) {
                if (at - since >= least) {
                    start[k] = since + m->zero;
                    end[k++] = at + m->zero;
                }
                since = -1;
            }
            last = at;
        }
    }
    return k;
}

int64_t tc_cores(struct tc_pieces s, struct tc_tasks tasks, const struct tc_words *w, int64_t least,
                 int64_t *out, int64_t *start, int64_t *end) {
    int64_t zero = INT64_MAX, last = INT64_MIN, on = 0;
    for (int64_t i = 0; i < s.n; i++) {
        if (s.state[i] != w->working) continue;
        if (s.end[i] < s.start[i] || s.owner[i] >= tasks.n) return TC_OTHERWISE;
        zero = least_of(zero, s.start[i]);
        last = most_of(last, s.end[i]);
        on++;
    }
    if (!on) return 0;
    const uint64_t span = (uint64_t)last - (uint64_t)zero;
    if (span >> TC_TIME_BITS) return TC_OTHERWISE;
    struct tc_moments_of m;
    int64_t k = TC_TABLES_NO_MEMORY;
    if (tc_moments_begin(&m, zero, span, 2 * on)) {
        core_moments(s, tasks, w, &m);
        if (tc_moments_place(&m)) {
            core_moments(s, tasks, w, &m);
            k = cores_counted(&m, least, out, start, end);
        }
    }
    tc_moments_end(&m);
    return k;
}

void tc_inside(struct tc_curve p, struct tc_moments within, uint8_t *rows, int64_t *out) {
    int64_t j = 0;
    for (int64_t i = 0; i < p.n; i++) {
        while (j < within.n && within.end[j] <= p.time[i]) j++;
        if (j == within.n) break;
        if (within.start[j] > p.time[i] || p.count[i] < 2 || rows[i]) continue;
        const int64_t ns = i + 1 < p.n ? p.time[i + 1] - p.time[i] : 0;
        rows[i] = 1;
        out[0] += ns;
        add(&out[1], ns, p.count[i]);
    }
}

/* ---- turns ---- */

static int works(struct tc_pieces t, const struct tc_words *w, struct tc_tasks tasks, int64_t i) {
    return t.state[i] == w->working && tasks.chosen[t.owner[i]];
}

/* The chosen tasks' work in order of start: a key holds the start and the row, so that nothing but the
 * keys is moved. `row` becomes the rows in order (room for twice as many). */
static int64_t works_in_order(struct tc_pieces t, struct tc_tasks tasks, const struct tc_words *w,
                              int64_t n, uint64_t *keys, uint64_t **row) {
    int64_t zero = INT64_MAX, last = INT64_MIN, k = 0;
    for (int64_t i = 0; i < t.n; i++) {
        if (!works(t, w, tasks, i)) continue;
        zero = least_of(zero, t.start[i]);
        last = most_of(last, t.start[i]);
    }
    const int time_bits = n ? tc_bits_of((uint64_t)last - (uint64_t)zero) : 0;
    const int row_bits = tc_bits_of((uint64_t)t.n);
    if (time_bits + row_bits > 64) return TC_OTHERWISE;
    for (int64_t i = 0; i < t.n; i++)
        if (works(t, w, tasks, i)) keys[k++] = (uint64_t)(t.start[i] - zero) << row_bits | (uint64_t)i;
    *row = tc_radix_sort(keys, keys + n, n, row_bits, row_bits + time_bits);
    for (int64_t i = 0; i < n; i++) (*row)[i] &= ((uint64_t)1 << row_bits) - 1;
    return n;
}

/* The count that holds just before a moment. */
static int32_t count_before(struct tc_curve p, int64_t time) {
    int64_t low = 0, high = p.n; /* the first break at or after it */
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (p.time[middle] < time) low = middle + 1;
        else high = middle;
    }
    return low ? p.count[low - 1] : 0;
}

/* Whether a chosen task's work ends in line for this reason. */
static int goes_in_line(struct tc_pieces t, struct tc_tasks tasks, const struct tc_words *w, int64_t i,
                        uint8_t reason) {
    return works(t, w, tasks, i) && i + 1 < t.n && t.owner[i + 1] == t.owner[i] &&
           t.state[i + 1] == w->in_line && t.reason[i + 1] == reason;
}

#define MOST_NUMBERS (1 << 22)

int64_t tc_turns(struct tc_pieces t, struct tc_tasks tasks, const uint8_t *stepped,
                 const struct tc_words *w, struct tc_curve p, int64_t least, int32_t hands, int64_t *out) {
    int64_t n = 0, most = 0;
    for (int64_t i = 0; i < t.n; i++) {
        if (t.core[i] < -1 || t.thread[i] < -1) return TC_OTHERWISE;
        most = most_of(most, most_of(t.core[i], t.thread[i]));
        n += works(t, w, tasks, i);
        out[TC_T_GIL] += goes_in_line(t, tasks, w, i, w->gil) && t.end[i] - t.start[i] >= least;
    }
    if (most >= MOST_NUMBERS) return TC_OTHERWISE;
    /* The row that last worked on each core, and of those of `stepped` on each thread; 0 = none yet. */
    int64_t *on_core = calloc((size_t)(most + 2) * 2, sizeof *on_core), *on_thread = on_core + most + 2;
    uint64_t *keys = tc_spare((size_t)(n + 1) * 2 * sizeof *keys), *row = NULL;
    int64_t result = on_core && keys ? works_in_order(t, tasks, w, n, keys, &row) : TC_TABLES_NO_MEMORY;
    for (int64_t k = 0; k < result; k++) {
        const int64_t i = (int64_t)row[k], before = on_core[t.core[i] + 1] - 1;
        on_core[t.core[i] + 1] = i + 1;
        if (before >= 0 && t.owner[before] != t.owner[i] && t.start[i] - t.end[before] < least &&
            goes_in_line(t, tasks, w, before, w->core)) {
            out[TC_T_PUSHED]++;
            out[TC_T_CROWDED] += count_before(p, t.end[before]) >= hands;
        }
        if (!stepped[t.owner[i]]) continue;
        int64_t *last = &on_thread[t.thread[i] + 1];
        out[TC_T_STEPS] += *last && t.owner[*last - 1] != t.owner[i];
        *last = i + 1;
    }
    free(on_core);
    tc_spare_free(keys);
    return result < 0 ? result : 0;
}

/* ---- places ---- */

/* The first moment that ends after `time`, found from a moment near it on. */
static int64_t first_after(struct tc_moments w, int64_t time, int64_t near) {
    int64_t low = 0, high = w.n, step = 1;
    if (near < w.n && w.end[near] <= time) { /* it lies after `near` */
        low = near + 1;
        while (low + step < w.n && w.end[low + step] <= time) low += step, step *= 2;
        high = least_of(w.n, low + step + 1);
    } else {
        high = near;
        while (high - step >= 0 && w.end[high - step] > time) high -= step, step *= 2;
        low = most_of(0, high - step);
    }
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (w.end[middle] <= time) low = middle + 1;
        else high = middle;
    }
    return low;
}

int64_t tc_places(struct tc_pieces t, struct tc_tasks tasks, const struct tc_words *w,
                  struct tc_moments within, int64_t *by_thread, int64_t *fought, int64_t threads,
                  int64_t *by_core, int64_t cores) {
    int64_t near = 0;
    for (int64_t i = 0; i < t.n; i++) {
        if (t.state[i] != w->working || t.owner[i] < 0 || !tasks.chosen[t.owner[i]]) continue;
        if (t.thread[i] < 0 || t.thread[i] >= threads || t.core[i] >= cores) return TC_OTHERWISE;
        add(&by_thread[t.thread[i]], t.end[i] - t.start[i], 1);
        if (t.core[i] >= 0) add(&by_core[t.core[i]], t.end[i] - t.start[i], 1);
        near = first_after(within, t.start[i], near);
        for (int64_t j = near; j < within.n && within.start[j] < t.end[i]; j++)
            add(&fought[t.thread[i]],
                least_of(within.end[j], t.end[i]) - most_of(within.start[j], t.start[i]), 1);
    }
    return t.n;
}
