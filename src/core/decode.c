/* The reader of records; decode.h says what comes out.
 *
 * The loop reads one record into a small struct first and only then appends a row, so that a damaged
 * record leaves nothing half done behind. Arrays grow by half, whatever the input claims: memory
 * follows the records that were really there.
 */
#include "decode.h"

#include <stdlib.h>
#include <string.h>

#include "events.h"

static const uint8_t sizes[TC_COLUMNS] = {8, 1, 4, 8, 8, 8, 8, 8, 4};

void tc_columns_init(struct tc_columns *c) {
    memset(c, 0, sizeof *c);
    for (int i = 0; i < TC_COLUMNS; i++) c->column[i].size = sizes[i];
}

void tc_columns_free(struct tc_columns *c) {
    for (int i = 0; i < TC_COLUMNS; i++) free(c->column[i].at);
    tc_columns_init(c);
}

static int grow(struct tc_array *a, size_t more) {
    if (a->cap - a->len >= more) return 1;
    size_t cap = a->cap + a->cap / 2 + more + 64;
    if (cap > SIZE_MAX / 16) return 0;
    void *at = realloc(a->at, cap * a->size);
    if (!at) return 0;
    a->at = at;
    a->cap = cap;
    return 1;
}

struct cursor {
    const uint8_t *at, *end;
    int code;
};

static uint64_t long_varint(struct cursor *in) {
    uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
        if (in->at == in->end) {
            in->code = TC_SHORT;
            return 0;
        }
        uint8_t byte = *in->at++;
        if (shift == 63 && byte > 1) break; /* the tenth byte holds one bit */
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    in->code = TC_BAD_VARINT;
    return 0;
}

/* After an error every further value is 0 and the code stays; the caller looks at it once. */
static inline uint64_t varint(struct cursor *in) {
    if (in->code) return 0;
    if (in->at < in->end && *in->at < 0x80) return *in->at++;
    return long_varint(in);
}

static inline uint64_t unzigzag(uint64_t value) { return value >> 1 ^ (0 - (value & 1)); }

struct record {
    uint32_t event;
    uint64_t numbers[TC_MAX_NUMBERS + 1];
    const uint8_t *text;
    uint32_t text_len;
};

/* What is carried from record to record within a block. */
struct state {
    uint64_t time, task, thread; /* thread: pid << 32 | tid last IN on this CPU, 0 = not known */
};

static int read_time(struct cursor *in, struct state *s, uint64_t dt) {
    s->time += dt; /* below 2^63 + 2^61: no overflow */
    if (s->time > INT64_MAX) in->code = TC_BAD_TIME;
    return !in->code;
}

static void read_fields(struct cursor *in, struct state *s, const struct tc_event_row *row,
                        struct record *r) {
    for (int i = 0; i < row->numbers; i++) {
        uint64_t value = varint(in);
        if (row->types[i] == 't') value = s->task += unzigzag(value);
        else if (row->types[i] == 's') value = unzigzag(value);
        r->numbers[i] = value;
    }
    if (!row->has_text) return;
    uint64_t len = varint(in);
    if (in->code) return;
    if (len > TC_MAX_STRING) in->code = TC_BAD_TEXT;
    else if (len > (uint64_t)(in->end - in->at)) in->code = TC_SHORT;
    if (in->code) return;
    r->text = in->at;
    r->text_len = (uint32_t)len;
    in->at += len;
}

/* One record. 0 = none to keep (an error, or a TIME_BACK). */
static int read_record(struct cursor *in, struct state *s, uint32_t stream, struct record *r) {
    uint64_t head = varint(in);
    if (in->code || !read_time(in, s, head >> 3)) return 0;
    uint64_t number;
    if ((head & 7) != TC_SHORT_NONE) {
        int16_t found = tc_short_events[stream][head & 7];
        number = found < 0 ? TC_EVENT_LIMIT : (uint64_t)found;
    } else {
        number = varint(in);
    }
    if (in->code) return 0;
    if (number >= TC_EVENT_LIMIT || !tc_events[number].name) {
        in->code = TC_UNKNOWN_EVENT;
        return 0;
    }
    const struct tc_event_row *row = &tc_events[number];
    if (row->stream && row->stream != stream) {
        in->code = TC_WRONG_STREAM;
        return 0;
    }
    r->event = (uint32_t)number;
    read_fields(in, s, row, r);
    if (in->code) return 0;
    if (number != TC_EV_TIME_BACK) return 1;
    if (r->numbers[0] > s->time) in->code = TC_BAD_TIME;
    else s->time -= r->numbers[0];
    return 0;
}

static int thread_of(struct cursor *in, uint64_t pid, uint64_t tid, uint64_t *x) {
    if (pid > INT32_MAX || tid > INT32_MAX) {
        in->code = TC_BAD_ID;
        return 0;
    }
    *x = pid << 32 | tid;
    return 1;
}

/* Reduces a kernel record to one of the plain events and its thread. */
static int kernel_x(struct cursor *in, struct state *s, struct record *r, uint64_t *x) {
    uint64_t *n = r->numbers;
    switch (r->event) {
    case TC_EV_IN:
        if (!thread_of(in, 0, n[0], x)) return 0;
        s->thread = *x;
        return 1;
    case TC_EV_OUT:
    case TC_EV_OUT_PREEMPTED:
        *x = s->thread;
        s->thread = 0;
        return 1;
    case TC_EV_LOST:
        *x = 0;
        s->thread = 0;
        return 1;
    }
    if (!thread_of(in, n[0], n[1], x)) return 0;
    if (r->event == TC_EV_IN_FULL) {
        r->event = TC_EV_IN;
        s->thread = *x;
    } else if (r->event == TC_EV_OUT_FULL || r->event == TC_EV_OUT_FULL_PREEMPTED) {
        r->event = r->event == TC_EV_OUT_FULL ? TC_EV_OUT : TC_EV_OUT_PREEMPTED;
        s->thread = 0;
    }
    return 1;
}

static void push64(struct tc_array *a, uint64_t value) { ((uint64_t *)a->at)[a->len++] = value; }

static int append_wide(struct tc_columns *c, const struct record *r, int numbers) {
    struct tc_array *rows = &c->column[TC_COL_WIDE_ROW], *wide = &c->column[TC_COL_WIDE];
    if (!grow(rows, 1) || !grow(wide, (size_t)numbers)) return 0;
    push64(rows, c->column[TC_COL_TIME].len);
    for (int i = 0; i < numbers; i++) push64(wide, r->numbers[i]);
    return 1;
}

static int append_text(struct tc_columns *c, const struct record *r, const uint8_t *data) {
    struct tc_array *rows = &c->column[TC_COL_TEXT_ROW], *at = &c->column[TC_COL_TEXT_AT];
    struct tc_array *len = &c->column[TC_COL_TEXT_LEN];
    if (!grow(rows, 1) || !grow(at, 1) || !grow(len, 1)) return 0;
    push64(rows, c->column[TC_COL_TIME].len);
    push64(at, (uint64_t)(r->text - data));
    ((uint32_t *)len->at)[len->len++] = r->text_len;
    return 1;
}

static int append(struct tc_columns *c, const struct state *s, const struct record *r, uint64_t x,
                  int32_t key) {
    struct tc_array *time = &c->column[TC_COL_TIME], *event = &c->column[TC_COL_EVENT];
    struct tc_array *keys = &c->column[TC_COL_KEY], *xs = &c->column[TC_COL_X];
    size_t row = time->len;
    if (!grow(time, 1) || !grow(event, 1) || !grow(keys, 1) || !grow(xs, 1)) return 0;
    ((uint64_t *)time->at)[row] = s->time;
    ((uint8_t *)event->at)[row] = (uint8_t)r->event;
    ((int32_t *)keys->at)[row] = key;
    ((uint64_t *)xs->at)[row] = x;
    time->len = event->len = keys->len = xs->len = row + 1;
    return 1;
}

struct tc_result tc_decode(struct tc_columns *c, const uint8_t *data, const struct tc_span *span,
                           uint32_t stream) {
    const uint8_t *begin = data + span->offset;
    struct cursor in = {begin, begin + span->len, TC_OK};
    struct state s = {(uint64_t)span->base_ns, 0, 0};
    struct tc_result result = {TC_OK, 0, 0};
    const int32_t key = (int32_t)span->key;
    if (!stream || stream >= TC_STREAM_LIMIT) in.code = TC_WRONG_STREAM;
    else if (span->base_ns < 0) in.code = TC_BAD_TIME;
    while (!in.code && in.at < in.end) {
        struct record r; /* read_record sets the numbers that the event has */
        r.numbers[0] = 0; /* else gcc 16 cannot see that TIME_BACK has one */
        r.text = NULL;
        r.text_len = 0;
        result.at = in.at - begin;
        if (!read_record(&in, &s, stream, &r)) continue;
        int numbers = tc_events[r.event].numbers, has_text = tc_events[r.event].has_text;
        int wide = numbers > 1;
        uint64_t x = numbers ? r.numbers[0] : 0;
        if (stream == TC_STREAM_KERNEL) {
            if (!kernel_x(&in, &s, &r, &x)) continue;
            wide = numbers > 2 || r.event == TC_EV_LOST;
        }
        if ((wide && !append_wide(c, &r, numbers)) || (has_text && !append_text(c, &r, data)) ||
            !append(c, &s, &r, x, key)) {
            in.code = TC_NO_MEMORY;
            continue;
        }
        result.rows++;
    }
    if (!in.code) result.at = span->len;
    result.code = in.code;
    return result;
}
