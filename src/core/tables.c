/* tables.h says what each function does. */
#include "tables.h"

#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "radix.h"
#include "spill.h"

/* ---- sorting ---- */

struct item {
    int64_t time, row;
};

/* The end of the ascending run that begins at i. */
static int64_t run_end(const struct item *a, int64_t i, int64_t n) {
    for (i++; i < n && a[i - 1].time <= a[i].time;) i++;
    return i;
}

static void merge_two(const struct item *a, int64_t i, int64_t middle, int64_t end, struct item *out) {
    int64_t j = middle, k = i;
    while (i < middle && j < end) out[k++] = a[j].time < a[i].time ? a[j++] : a[i++];
    while (i < middle) out[k++] = a[i++];
    while (j < end) out[k++] = a[j++];
}

/* Stable merge sort of the runs that are there: what comes from the union of a few sorted tables
 * takes a pass or two. */
static void merge_runs(struct item *a, struct item *spare, int64_t n) {
    struct item *from = a, *to = spare;
    while (run_end(from, 0, n) < n) {
        for (int64_t i = 0; i < n;) {
            int64_t middle = run_end(from, i, n);
            int64_t end = middle < n ? run_end(from, middle, n) : n;
            merge_two(from, i, middle, end, to);
            i = end;
        }
        struct item *other = from;
        from = to;
        to = other;
    }
    if (from != a) memcpy(a, from, (size_t)n * sizeof *a);
}

#define MANY_RUNS 16
#define MANY_ROWS 4096

/* The same for many runs: `keys` (room for 2 n) hold a time and a place in the order each, so that
 * nothing else is moved; `order` is read through `old` (room for n). 0 = such keys have no room. */
static int sort_by_keys(const int64_t *time, int64_t *order, int64_t n, uint64_t *keys, int64_t *old) {
    int64_t zero = INT64_MAX, last = INT64_MIN;
    for (int64_t i = 0; i < n; i++) {
        if (time[order[i]] < zero) zero = time[order[i]];
        if (time[order[i]] > last) last = time[order[i]];
    }
    const int low = tc_bits_of((uint64_t)n), high = low + tc_bits_of((uint64_t)last - (uint64_t)zero);
    if (high > 64) return 0;
    for (int64_t i = 0; i < n; i++)
        keys[i] = (uint64_t)(time[order[i]] - zero) << low | (uint64_t)i;
    const uint64_t *sorted = tc_radix_sort(keys, keys + n, n, low, high);
    memcpy(old, order, (size_t)n * sizeof *old);
    for (int64_t i = 0; i < n; i++) order[i] = old[sorted[i] & (((uint64_t)1 << low) - 1)];
    return 1;
}

static int sort_group(const int64_t *time, int64_t *order, int64_t n, struct item **items, int64_t *cap) {
    int64_t i, runs = 1;
    for (i = 1; i < n && (runs < MANY_RUNS || n < MANY_ROWS); i++) runs += time[order[i - 1]] > time[order[i]];
    if (runs == 1) return 1;
    if (*cap < n) {
        tc_spare_free(*items);
        *cap = n;
        *items = tc_spare((size_t)n * 2 * sizeof **items);
        if (!*items) return 0;
    }
    if (runs >= MANY_RUNS && n >= MANY_ROWS) { /* the room for 2 n items is that for 4 n keys */
        uint64_t *keys = (uint64_t *)(void *)*items;
        if (sort_by_keys(time, order, n, keys, (int64_t *)(void *)(keys + 2 * n))) return 1;
    }
    for (i = 0; i < n; i++) (*items)[i] = (struct item){time[order[i]], order[i]};
    merge_runs(*items, *items + n, n);
    for (i = 0; i < n; i++) order[i] = (*items)[i].row;
    return 1;
}

/* Where each group begins in the sorted order: a counting sort's table. NULL = too many groups. */
static int64_t *places(const int32_t *group, int64_t n, int64_t *low, int64_t *groups) {
    int64_t least = n ? group[0] : 0, most = least;
    for (int64_t i = 1; i < n; i++) {
        if (group[i] < least) least = group[i];
        if (group[i] > most) most = group[i];
    }
    *low = least;
    uint64_t range = (uint64_t)most - (uint64_t)least;
    if (range > (uint64_t)n * 4 + (1 << 16)) return NULL;
    *groups = (int64_t)range + 1;
    int64_t *at = calloc((size_t)*groups + 1, sizeof *at);
    for (int64_t i = 0; at && i < n; i++) at[group[i] - least + 1]++;
    for (int64_t g = 0; at && g < *groups; g++) at[g + 1] += at[g];
    return at;
}

int tc_sort_groups(const int64_t *time, int64_t *order, const int64_t *ends, int64_t groups) {
    struct item *items = NULL;
    int64_t cap = 0, good = 1, begin = 0;
    for (int64_t g = 0; good && g < groups; g++) {
        good = sort_group(time, order + begin, ends[g] - begin, &items, &cap);
        begin = ends[g];
    }
    tc_spare_free(items);
    return (int)good;
}

int64_t tc_order(const int32_t *group, const int64_t *time, int64_t n, int64_t *order) {
    int64_t low, groups;
    int64_t *at = places(group, n, &low, &groups);
    if (!at) return TC_OTHERWISE;
    for (int64_t i = 0; i < n; i++) order[at[group[i] - low]++] = i;
    /* at[g] is now the group's end */
    const int good = !time || tc_sort_groups(time, order, at, groups);
    free(at);
    return good ? n : TC_TABLES_NO_MEMORY;
}

int64_t tc_ordered(const int32_t *group, const int64_t *start, const int64_t *end, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        if (end[i] <= start[i]) return 0;
        if (i && (group[i] < group[i - 1] || (group[i] == group[i - 1] && start[i] < start[i - 1])))
            return 0;
    }
    return 1;
}

/* ---- tilings ---- */

static int is_tiling(struct tc_tiling t) {
    for (int64_t i = 0; i < t.n; i++) {
        if (t.end[i] <= t.start[i]) return 0;
        if (i && (t.group[i] < t.group[i - 1] ||
                  (t.group[i] == t.group[i - 1] && t.start[i] < t.end[i - 1])))
            return 0;
    }
    return 1;
}

static inline void put_cut(const struct tc_pieces *a, int64_t i, int64_t start, int64_t end,
                           struct tc_pieces *out, int64_t k) {
    out->owner[k] = a->owner[i];
    out->start[k] = start;
    out->end[k] = end;
    out->state[k] = a->state[i];
    out->reason[k] = a->reason[i];
    out->core[k] = a->core[i];
    out->thread[k] = a->thread[i];
}

int64_t tc_overlay(struct tc_pieces a, struct tc_tiling b, struct tc_pieces *out, int32_t *found) {
    if (!out && (!is_tiling((struct tc_tiling){a.owner, a.start, a.end, a.n}) || !is_tiling(b)))
        return TC_OTHERWISE;
    int64_t k = 0, j = 0;
    for (int64_t i = 0; i < a.n; i++) {
        int64_t at = a.start[i], end = a.end[i], group = a.owner[i];
        while (j < b.n && (b.group[j] < group || (b.group[j] == group && b.end[j] <= at))) j++;
        while (at < end) {
            int covered = j < b.n && b.group[j] == group && b.start[j] <= at;
            int64_t border = end;
            if (covered) border = b.end[j];
            else if (j < b.n && b.group[j] == group) border = b.start[j];
            if (border > end) border = end;
            if (out) {
                put_cut(&a, i, at, border, out, k);
                found[k] = covered ? (int32_t)j : -1;
            }
            k++;
            at = border;
            if (covered && b.end[j] <= at) j++;
        }
    }
    return k;
}

void tc_no_overlap(struct tc_tiling in, int64_t *out) {
    int64_t reach = 0;
    for (int64_t i = 0; i < in.n; i++) {
        if (!i || in.group[i] != in.group[i - 1]) reach = INT64_MIN;
        out[i] = in.start[i] > reach ? in.start[i] : reach;
        if (in.end[i] > reach) reach = in.end[i];
    }
}

/* Where the rows of each owner end, if all rows have one and stand by owner and start; else 0. */
static int stands_by_owner(struct tc_pieces t, int64_t owners, int64_t *at) {
    for (int64_t i = 0; i < t.n; i++) {
        if (t.owner[i] < 0 || t.end[i] <= t.start[i]) return 0;
        if (i && (t.owner[i] < t.owner[i - 1] ||
                  (t.owner[i] == t.owner[i - 1] && t.start[i] < t.start[i - 1])))
            return 0;
    }
    for (int64_t i = 0; i < t.n; i++) at[t.owner[i]]++;
    for (int64_t g = 1; g < owners; g++) at[g] += at[g - 1];
    return 1;
}

/* The rows with an owner by owner and start; at[g] is then where owner g's rows end. Returns their
 * number. */
static int64_t by_owner(struct tc_pieces t, int64_t owners, int64_t *at, int64_t *order) {
    for (int64_t i = 0; i < t.n; i++)
        if (t.owner[i] >= 0 && t.end[i] > t.start[i]) at[t.owner[i] + 1]++;
    for (int64_t g = 0; g < owners; g++) at[g + 1] += at[g];
    for (int64_t i = 0; i < t.n; i++)
        if (t.owner[i] >= 0 && t.end[i] > t.start[i]) order[at[t.owner[i]]++] = i;
    return tc_sort_groups(t.start, order, at, owners) ? at[owners] : TC_TABLES_NO_MEMORY;
}

/* Some rows of a table, sorted by start: places in an order, or without one the rows themselves. */
struct queue {
    struct tc_pieces from;
    const int64_t *order;
    int64_t next, end;
};

static int64_t at_head(struct queue q) { return q.order ? q.order[q.next] : q.next; }

/* Merges one owner's rows into `out` from row k on, none of which begins before the others end. */
static int64_t merge_queues(struct queue a, struct queue b, const struct tc_gaps *gaps,
                            struct tc_pieces *out, int64_t k) {
    int64_t reach = INT64_MIN;
    while (a.next < a.end || b.next < b.end) {
        const int first = b.next == b.end || (a.next < a.end && a.from.start[at_head(a)] <=
                                                                    b.from.start[at_head(b)]);
        struct queue *q = first ? &a : &b;
        const int64_t i = at_head(*q), end = q->from.end[i];
        q->next++;
        const int64_t start = q->from.start[i] > reach ? q->from.start[i] : reach;
        if (end > start) {
            if (gaps && reach != INT64_MIN && start > reach) {
                put_cut(out, k - 1, reach, start, out, k);
                out->state[k] = gaps->state;
                out->reason[k] = gaps->reason;
                out->core[k++] = -1;
            }
            put_cut(&q->from, i, start, end, out, k++);
        }
        if (end > reach) reach = end;
    }
    return k;
}

int64_t tc_gather(struct tc_pieces a, struct tc_pieces b, const struct tc_gaps *gaps,
                  struct tc_pieces out) {
    int64_t most = -1;
    for (int64_t i = 0; i < a.n; i++)
        if (a.owner[i] > most) most = a.owner[i];
    for (int64_t i = 0; i < b.n; i++)
        if (b.owner[i] > most) most = b.owner[i];
    if (most > (a.n + b.n) * 4 + (1 << 16)) return TC_OTHERWISE;
    const int64_t owners = most + 1;
    int64_t *at = calloc((size_t)(owners + 1) * 2, sizeof *at), *bt = at ? at + owners + 1 : NULL;
    int64_t *order = tc_spare((size_t)(a.n + 1) * sizeof *order), *b_order = NULL, k = 0;
    if (!at || !order || by_owner(a, owners, at, order) < 0) k = TC_TABLES_NO_MEMORY;
    if (k >= 0 && !stands_by_owner(b, owners, bt)) {
        b_order = tc_spare((size_t)(b.n + 1) * sizeof *b_order);
        if (!b_order || by_owner(b, owners, bt, b_order) < 0) k = TC_TABLES_NO_MEMORY;
    }
    for (int64_t g = 0; k >= 0 && g < owners; g++)
        k = merge_queues((struct queue){a, order, g ? at[g - 1] : 0, at[g]},
                         (struct queue){b, b_order, g ? bt[g - 1] : 0, bt[g]}, gaps, &out, k);
    free(at);
    tc_spare_free(order);
    tc_spare_free(b_order);
    return k;
}

int64_t tc_union(struct tc_tiling in, int32_t *group, int64_t *start, int64_t *end) {
    int64_t *order = tc_spare((size_t)(in.n ? in.n : 1) * sizeof *order);
    if (!order) return TC_TABLES_NO_MEMORY;
    int64_t k = tc_order(in.group, in.start, in.n, order);
    if (k >= 0) k = 0;
    for (int64_t i = 0; k >= 0 && i < in.n; i++) {
        int64_t row = order[i];
        if (in.end[row] <= in.start[row]) continue;
        if (k && group[k - 1] == in.group[row] && in.start[row] <= end[k - 1]) {
            if (in.end[row] > end[k - 1]) end[k - 1] = in.end[row];
            continue;
        }
        group[k] = in.group[row];
        start[k] = in.start[row];
        end[k++] = in.end[row];
    }
    tc_spare_free(order);
    return k;
}

/* ---- counting over time ---- */

#define DIGIT 11

uint64_t *tc_radix_sort(uint64_t *keys, uint64_t *spare, int64_t n, int low, int high) {
    static const uint64_t mask = (1 << DIGIT) - 1;
    for (int shift = low; shift < high; shift += DIGIT) {
        int64_t at[(1 << DIGIT) + 1] = {0};
        for (int64_t i = 0; i < n; i++) at[(keys[i] >> shift & mask) + 1]++;
        for (int d = 0; d < 1 << DIGIT; d++) at[d + 1] += at[d];
        for (int64_t i = 0; i < n; i++) spare[at[keys[i] >> shift & mask]++] = keys[i];
        uint64_t *other = keys;
        keys = spare;
        spare = other;
    }
    return keys;
}

#define IN_A_BUCKET 16384

int tc_moments_begin(struct tc_moments_of *m, int64_t zero, uint64_t span, int64_t about) {
    *m = (struct tc_moments_of){.zero = zero, .bits = tc_bits_of(span)};
    int split = tc_bits_of((uint64_t)(about / IN_A_BUCKET));
    if (split > m->bits) split = m->bits;
    m->shift = m->bits - split;
    m->buckets = (int64_t)(span >> m->shift) + 1;
    m->at = calloc((size_t)m->buckets + 1, sizeof *m->at);
    return m->at != NULL;
}

int tc_moments_place(struct tc_moments_of *m) {
    int64_t most = 0;
    for (int64_t b = 0; b < m->buckets; b++) {
        if (m->at[b + 1] > most) most = m->at[b + 1];
        m->at[b + 1] += m->at[b];
    }
    m->n = m->at[m->buckets];
    m->keys = tc_spare((size_t)(m->n + most + 1) * sizeof *m->keys);
    m->spare = m->keys ? m->keys + m->n : NULL;
    m->round = 1;
    return m->keys != NULL;
}

int64_t tc_next_bucket(struct tc_moments_of *m, uint64_t **keys) {
    while (m->next < m->buckets) { /* at[b] is now where the bucket b ends */
        const int64_t begin = m->first, n = m->at[m->next++] - begin;
        m->first += n;
        if (!n) continue;
        *keys = tc_radix_sort(m->keys + begin, m->spare, n, 16, 16 + m->shift);
        return n;
    }
    return 0;
}

void tc_moments_end(struct tc_moments_of *m) {
    free(m->at);
    tc_spare_free(m->keys);
}

/* The moments at which something opens or closes. Where a stretch follows another without a gap, only
 * what differs between the two. */
static void moments(const int64_t *start, const int64_t *end, const uint8_t *bits, int64_t n,
                    struct tc_moments_of *m) {
    uint8_t open = 0;
    for (int64_t i = 0; i < n; i++) {
        if (i && start[i] == end[i - 1]) {
            if (open != bits[i]) tc_put(m, start[i], bits[i] & (uint8_t)~open, open & (uint8_t)~bits[i]);
        } else {
            if (open) tc_put(m, end[i - 1], 0, open);
            if (bits[i]) tc_put(m, start[i], bits[i], 0);
        }
        open = bits[i];
    }
    if (n && open) tc_put(m, end[n - 1], 0, open);
}

int64_t tc_sweep(const int64_t *start, const int64_t *end, const uint8_t *bits, int64_t n, int sets,
                 int64_t *time, int32_t *counts) {
    int64_t zero = INT64_MAX, last = INT64_MIN;
    for (int64_t i = 0; i < n; i++) {
        if (!bits[i]) continue;
        if (end[i] < start[i]) return TC_OTHERWISE;
        if (start[i] < zero) zero = start[i];
        if (end[i] > last) last = end[i];
    }
    if (last < zero) return 0;
    uint64_t span = (uint64_t)last - (uint64_t)zero;
    if (span >> TC_TIME_BITS) return TC_OTHERWISE;
    struct tc_moments_of m;
    int64_t k = TC_TABLES_NO_MEMORY;
    if (tc_moments_begin(&m, zero, span, 2 * n)) {
        moments(start, end, bits, n, &m);
        if (tc_moments_place(&m)) {
            moments(start, end, bits, n, &m);
            k = 0;
        }
    }
    int32_t now[8] = {0};
    uint64_t *keys;
    for (int64_t in; k >= 0 && (in = tc_next_bucket(&m, &keys)) > 0;) {
        for (int64_t i = 0; i < in;) {
            time[k] = (int64_t)(keys[i] >> 16) + zero;
            i += tc_at_once(keys + i, in - i, sets, now);
            for (int s = 0; s < sets; s++) counts[s * 2 * n + k] = now[s];
            k++;
        }
    }
    tc_moments_end(&m);
    return k;
}

/* ---- threads ---- */

#define MOST_CPUS 65536
#define MOST_TIDS (1 << 23)

static int concerns(struct tc_kernel k, int64_t i) { return k.tid[i] > 0 && k.event[i] != TC_EV_LOST; }

/* An IN is written after the switch: its slice begins at the OUT before it on the same CPU, at most
 * `switch_ns` before the record. */
static int slice_begins(struct tc_kernel k, int64_t switch_ns, int64_t *begin) {
    int64_t *left = malloc(MOST_CPUS * sizeof *left);
    if (!left) return 0;
    for (int i = 0; i < MOST_CPUS; i++) left[i] = INT64_MIN;
    for (int64_t i = 0; i < k.n; i++) {
        const uint8_t event = k.event[i];
        int64_t *before = &left[k.cpu[i]];
        begin[i] = k.time[i];
        if (event == TC_EV_IN)
            begin[i] = k.time[i] - switch_ns > *before ? k.time[i] - switch_ns : *before;
        if (event == TC_EV_OUT || event == TC_EV_OUT_PREEMPTED || event == TC_EV_EXIT)
            *before = k.time[i];
    }
    free(left);
    return 1;
}

/* All rows by tid, those of one tid in their order. */
static int by_tid(struct tc_kernel k, int64_t *order) {
    int32_t most = 0;
    for (int64_t i = 0; i < k.n; i++)
        if (k.tid[i] > most) most = k.tid[i];
    uint32_t *at = calloc((size_t)most + 2, sizeof *at);
    if (!at) return 0;
    for (int64_t i = 0; i < k.n; i++) at[k.tid[i] + 1]++;
    for (int32_t t = 0; t <= most; t++) at[t + 1] += at[t];
    for (int64_t i = 0; i < k.n; i++) order[at[k.tid[i]]++] = i;
    free(at);
    return 1;
}

int64_t tc_lives(struct tc_kernel k, int64_t switch_ns, int64_t *row, int32_t *life, int64_t *begin) {
    for (int64_t i = 0; i < k.n; i++)
        if (k.tid[i] < 0 || k.tid[i] >= MOST_TIDS || k.cpu[i] < 0 || k.cpu[i] >= MOST_CPUS)
            return TC_OTHERWISE;
    if (k.n >= INT32_MAX) return TC_OTHERWISE;
    int64_t *begins = tc_spare((size_t)(k.n + 1) * sizeof *begins);
    if (!begins || !slice_begins(k, switch_ns, begins) || !by_tid(k, row)) {
        tc_spare_free(begins);
        return TC_TABLES_NO_MEMORY;
    }
    int64_t m = 0, number = -1, before = -1, tid = 0, kept = 0;
    int ended = 0, forked = 0;
    for (int64_t i = 0; i < k.n; i++) {
        const int64_t at = row[i];
        const uint8_t event = k.event[at];
        /* On an idle core a newborn's clock starts with its first slice: nobody woke it. */
        if (forked && event == TC_EV_IN && begins[at] == k.time[at] - switch_ns) begins[at] = k.time[at];
        forked = event == TC_EV_FORK;
        if (!concerns(k, at)) continue;
        if (k.tid[at] != tid) ended = 0;
        tid = k.tid[at];
        const int turn = event == TC_EV_EXIT || event == TC_EV_EXEC || event == TC_EV_FORK;
        if (turn) ended = event == TC_EV_EXIT;
        else if (ended) continue; /* what a dead thread cannot say */
        if (!kept || tid != before || event == TC_EV_FORK) number++;
        kept = 1;
        before = tid;
        begin[m] = begins[at];
        life[m] = (int32_t)number;
        row[m++] = at;
    }
    tc_spare_free(begins);
    return m;
}

static int loss_within(const struct tc_rows *r, int32_t cpu, int64_t start, int64_t end) {
    int64_t low = 0, high = r->losses; /* the first loss at or after (cpu, start) */
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        const int64_t *at = r->lost + 2 * middle;
        if (at[0] < cpu || (at[0] == cpu && at[1] < start)) low = middle + 1;
        else high = middle;
    }
    return low < r->losses && r->lost[2 * low] == cpu && r->lost[2 * low + 1] < end;
}

/* The record of this thread that follows; its own name's change tells nothing. */
static int64_t next_said(const struct tc_rows *r, int64_t i) {
    for (int64_t j = i + 1; j < r->n && r->life[j] == r->life[i]; j++)
        if (r->event[j] != TC_EV_COMM) return j;
    return -1;
}

static int leaves(uint8_t event) {
    return event == TC_EV_OUT || event == TC_EV_OUT_PREEMPTED || event == TC_EV_EXIT;
}

int64_t tc_stretches(struct tc_rows r, const struct tc_meanings *m, struct tc_pieces out,
                     int64_t *odd, int64_t *odds) {
    int64_t k = 0, before = -1;
    *odds = 0;
    for (int64_t i = 0; i < r.n; i++) {
        const uint8_t event = r.event[i];
        if (event == TC_EV_COMM) continue;
        const int64_t j = next_said(&r, i), life = r.life[i];
        int64_t start = r.begin[i];
        if (before >= 0 && r.life[before] == life && r.time[before] > start) start = r.time[before];
        int64_t end = r.died[life];
        if (j >= 0) {
            int64_t next = r.begin[j] > r.time[i] ? r.begin[j] : r.time[i];
            if (next < end) end = next;
        }
        before = i;
        const int on = event == TC_EV_IN || event == TC_EV_EXEC;
        const int contradicted = j >= 0 && (on ? r.event[j] == TC_EV_IN ||
                                                     (leaves(r.event[j]) && r.cpu[j] != r.cpu[i])
                                               : leaves(r.event[j]));
        if (contradicted || (r.losses && loss_within(&r, r.cpu[i], start, end))) {
            odd[(*odds)++] = i;
            continue;
        }
        if (event == TC_EV_EXIT || end <= start) continue;
        const int line = event == TC_EV_OUT_PREEMPTED || event == TC_EV_FORK;
        out.owner[k] = out.thread[k] = (int32_t)life;
        out.start[k] = start;
        out.end[k] = end;
        out.state[k] = on ? m->working : line ? m->in_line : m->waiting;
        out.reason[k] = on ? m->none : line ? m->for_core : m->not_known;
        out.core[k++] = on ? r.cpu[i] : -1;
    }
    return k;
}

/* ---- what the agents said ---- */

void tc_opened(const uint8_t *what, const int32_t *epoch, int64_t n, int32_t *stack, int32_t *inner,
               int32_t *closes) {
    int64_t depth = 0;
    for (int64_t i = 0; i < n; i++) {
        if (epoch[i] == i) depth = 0;
        closes[i] = -1;
        if (what[i] == 1) stack[depth++] = (int32_t)i;
        else if (what[i] == 2 && depth) closes[i] = stack[--depth];
        inner[i] = depth ? stack[depth - 1] : -1;
    }
}

/* The seed is not known to who wrote the file: nobody can make all pairs fall on one place. */
static inline uint64_t mix(uint64_t seed, int64_t a, int64_t b) {
    uint64_t x = ((uint64_t)a ^ seed) * 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 32 ^ (uint64_t)b) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 29 ^ seed) * 0x94d049bb133111ebu;
    return x ^ x >> 32;
}

int64_t tc_pairs(const int64_t *a, const int64_t *b, int64_t n, int64_t *which, int64_t *head) {
    uint64_t mask = 1023;
    while (mask < (uint64_t)n * 2) mask = mask * 2 + 1;
    int64_t *slot = tc_spare((size_t)(mask + 1) * sizeof *slot);
    if (!slot) return TC_TABLES_NO_MEMORY;
    const uint64_t seed = (uint64_t)(uintptr_t)slot * 0x2545f4914f6cdd1du ^ (uint64_t)(uintptr_t)&mask;
    memset(slot, 0xff, (size_t)(mask + 1) * sizeof *slot);
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        uint64_t h = mix(seed, a[i], b[i]) & mask;
        while (slot[h] >= 0 && (a[head[slot[h]]] != a[i] || b[head[slot[h]]] != b[i])) h = (h + 1) & mask;
        if (slot[h] < 0) {
            slot[h] = count;
            head[count++] = i;
        }
        which[i] = slot[h];
    }
    tc_spare_free(slot);
    return count;
}
