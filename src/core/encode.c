/* The writer of format/spec.py's records; encode.h says how it is used.
 *
 *   payload = varint kind, varint key_a, varint key_b, varint base time, records
 *   record  = varint (dt << 3 | short) [varint number] fields...
 *
 * A record needs at most 10 bytes a varint, so room for all of it is made once and the varints are
 * then written without further checks. On a memory error the record is dropped as a whole, so a
 * block never ends inside a record.
 */
#include "encode.h"

#include <stdlib.h>
#include <string.h>

#include "events.h"

#define MAX_VARINT 10
#define MAX_DT ((UINT64_C(1) << 61) - 1)

static int room(struct tc_bytes *b, size_t more) {
    if (b->cap - b->len >= more) return 1;
    size_t cap = b->cap ? b->cap : 4096;
    while (cap - b->len < more) {
        if (cap > SIZE_MAX / 2) goto fail;
        cap *= 2;
    }
    uint8_t *at = realloc(b->at, cap);
    if (!at) goto fail;
    b->at = at;
    b->cap = cap;
    return 1;
fail:
    b->failed = 1;
    return 0;
}

int tc_bytes_add(struct tc_bytes *b, const void *data, size_t len) {
    if (!room(b, len)) return -1;
    if (len) memcpy(b->at + b->len, data, len);
    b->len += len;
    return 0;
}

void tc_bytes_free(struct tc_bytes *b) {
    free(b->at);
    memset(b, 0, sizeof *b);
}

static inline uint8_t *put_varint(uint8_t *p, uint64_t value) {
    while (value >= 0x80) {
        *p++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *p++ = (uint8_t)value;
    return p;
}

static inline uint64_t zigzag(uint64_t value) { return value << 1 ^ (0 - (value >> 63)); }

void tc_stream_init(struct tc_stream *s, uint32_t kind, uint64_t key_a, uint64_t key_b) {
    memset(s, 0, sizeof *s);
    s->kind = kind;
    s->key_a = key_a;
    s->key_b = key_b;
}

void tc_stream_free(struct tc_stream *s) { tc_bytes_free(&s->payload); }

/* The head of a block's payload and of a record: everything before the fields. */
static inline uint8_t *begin(struct tc_stream *s, uint8_t *p, uint64_t time_ns, uint32_t event) {
    const struct tc_event_row *row = &tc_events[event];
    if (!s->payload.len) {
        p = put_varint(p, s->kind);
        p = put_varint(p, s->key_a);
        p = put_varint(p, s->key_b);
        p = put_varint(p, time_ns);
        s->last_ns = time_ns;
        s->last_task = s->thread = s->records = 0;
    }
    if (time_ns < s->last_ns) {
        p = put_varint(p, TC_SHORT_NONE);
        p = put_varint(p, TC_EV_TIME_BACK);
        p = put_varint(p, s->last_ns - time_ns);
        s->last_ns = time_ns;
    }
    uint64_t dt = time_ns - s->last_ns;
    if (dt > MAX_DT) dt = MAX_DT; /* 73 years: only a broken clock; the time is wrong either way */
    s->last_ns += dt;
    int is_short = row->shortcode != TC_SHORT_NONE && row->stream == s->kind;
    p = put_varint(p, dt << 3 | (is_short ? row->shortcode : TC_SHORT_NONE));
    return is_short ? p : put_varint(p, event);
}

/* A text is cut before the character that does not fit. */
static size_t cut(const char *text, size_t len) {
    if (len <= TC_MAX_STRING) return len;
    size_t end = TC_MAX_STRING;
    while (end > TC_MAX_STRING - 3 && ((unsigned char)text[end] & 0xc0) == 0x80) end--;
    return end;
}

static void know_thread(struct tc_stream *s, uint32_t event, const uint64_t *fields) {
    if (event == TC_EV_IN) s->thread = fields[0];
    else if (event == TC_EV_IN_FULL) s->thread = fields[1];
    else if (event <= TC_EV_OUT_FULL_PREEMPTED) s->thread = 0;
    else if (event == TC_EV_LOST) s->thread = 0; /* it may have left meanwhile */
}

void tc_put(struct tc_stream *s, uint64_t time_ns, uint32_t event, const uint64_t *fields,
            const char *text, size_t text_len) {
    if (event >= TC_EVENT_LIMIT || !tc_events[event].name || event == TC_EV_TIME_BACK) return;
    const struct tc_event_row *row = &tc_events[event];
    size_t cut_len = row->has_text && text ? cut(text, text_len) : 0;
    /* 4 of the payload's head, 3 of TIME_BACK, 2 of the record's head, 1 text length */
    if (!room(&s->payload, (10 + row->numbers) * MAX_VARINT + cut_len)) return;
    uint8_t *p = begin(s, s->payload.at + s->payload.len, time_ns, event);
    for (int i = 0; i < row->numbers; i++) {
        uint64_t value = fields[i];
        if (row->types[i] == 't') {
            uint64_t change = value - s->last_task;
            s->last_task = value;
            value = zigzag(change);
        } else if (row->types[i] == 's') {
            value = zigzag(value);
        }
        p = put_varint(p, value);
    }
    if (row->has_text) {
        p = put_varint(p, cut_len);
        if (cut_len) memcpy(p, text, cut_len);
        p += cut_len;
    }
    s->payload.len = (size_t)(p - s->payload.at);
    s->records++;
    if (s->kind == TC_STREAM_KERNEL) know_thread(s, event, fields);
}

void tc_put_in(struct tc_stream *s, uint64_t time_ns, uint32_t pid, uint32_t tid, int pid_is_known) {
    uint64_t full[2] = {pid, tid}, tid_only = tid;
    if (pid_is_known) tc_put(s, time_ns, TC_EV_IN, &tid_only, NULL, 0);
    else tc_put(s, time_ns, TC_EV_IN_FULL, full, NULL, 0);
}

void tc_put_out(struct tc_stream *s, uint64_t time_ns, uint32_t pid, uint32_t tid, int preempted) {
    uint64_t full[2] = {pid, tid};
    if (s->payload.len && tid && s->thread == tid) /* an empty payload knows no thread */
        tc_put(s, time_ns, preempted ? TC_EV_OUT_PREEMPTED : TC_EV_OUT, NULL, NULL, 0);
    else
        tc_put(s, time_ns, preempted ? TC_EV_OUT_FULL_PREEMPTED : TC_EV_OUT_FULL, full, NULL, 0);
}

static void put_u32(uint8_t *p, uint32_t value) {
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(value >> 8 * i);
}

/* 4 length, 1 kind, 3 zero, 4 crc32, payload */
void tc_block(struct tc_bytes *out, uint8_t kind, const void *payload, size_t len) {
    if (len > UINT32_MAX || !room(out, 12 + len)) {
        out->failed = 1;
        return;
    }
    uint8_t head[12] = {0};
    put_u32(head, (uint32_t)len);
    head[4] = kind;
    put_u32(head + 8, tc_crc32(payload, len));
    tc_bytes_add(out, head, sizeof head);
    tc_bytes_add(out, payload, len);
}

void tc_stream_flush(struct tc_stream *s, struct tc_bytes *out) {
    if (s->payload.len) tc_block(out, TC_BLOCK_EVENTS, s->payload.at, s->payload.len);
    s->payload.len = 0;
    s->last_ns = s->last_task = s->thread = s->records = 0;
}

/* CRC-32 (IEEE, reflected), eight bytes a step by eight tables ("slicing by 8", Kounavis and Berry 2005):
 * the recorder shares its cores with the program, and a byte at a time was a tenth of its work.
 * crc_table[k][b]: the CRC of byte b with k zero bytes behind it. Filled before any thread begins. */
static uint32_t crc_table[8][256];

__attribute__((constructor)) static void fill_crc_table(void) {
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t crc = b;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
        crc_table[0][b] = crc;
    }
    for (int k = 1; k < 8; k++)
        for (uint32_t b = 0; b < 256; b++)
            crc_table[k][b] = crc_table[k - 1][b] >> 8 ^ crc_table[0][crc_table[k - 1][b] & 255];
}

static inline uint32_t get_u32(const uint8_t *p) {
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t tc_crc32(const void *data, size_t len) {
    const uint8_t *p = data;
    uint32_t crc = 0xffffffffu;
    for (; len >= 8; len -= 8, p += 8) {
        uint32_t low = crc ^ get_u32(p), high = get_u32(p + 4);
        crc = crc_table[7][low & 255] ^ crc_table[6][low >> 8 & 255] ^ crc_table[5][low >> 16 & 255] ^
              crc_table[4][low >> 24] ^ crc_table[3][high & 255] ^ crc_table[2][high >> 8 & 255] ^
              crc_table[1][high >> 16 & 255] ^ crc_table[0][high >> 24];
    }
    for (; len; len--) crc = crc >> 8 ^ crc_table[0][(crc ^ *p++) & 255];
    return ~crc;
}
