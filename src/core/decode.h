/* Reads records of format/spec.py into columns. Hostile bytes give a result code, never a crash: each
 * byte is read behind a check, a record is kept only when all of it was read, and there are never
 * more rows than bytes. No Python in here. The Python twin is format/decode.py.
 */
#ifndef TWOCOOKS_DECODE_H
#define TWOCOOKS_DECODE_H
#include <stddef.h>
#include <stdint.h>

enum tc_code {
    TC_OK = 0,
    TC_SHORT = 1,         /* a record reaches beyond its block */
    TC_BAD_VARINT = 2,    /* more than 64 bits */
    TC_UNKNOWN_EVENT = 3, /* not in the table */
    TC_WRONG_STREAM = 4,  /* an event of another kind of stream */
    TC_BAD_TIME = 5,      /* before 0 or beyond 2^63 */
    TC_BAD_ID = 6,        /* a pid or tid beyond 2^31 */
    TC_BAD_TEXT = 7,      /* a text longer than the format allows */
    TC_NO_MEMORY = 8,
};

/* A growing array of items of `size` bytes. */
struct tc_array {
    void *at;
    size_t len, cap, size;
};

/* A span is where the records of one EVENTS payload lie, without the payload's head. */
struct tc_span {
    int64_t offset, len; /* bytes, within the data */
    int64_t key;         /* goes into the rows as it is */
    int64_t base_ns;     /* time that the first record counts from */
};

struct tc_result {
    int64_t code; /* enum tc_code; at TC_OK the whole span was read */
    int64_t at;   /* where, from the span's offset, the record begins that could not be read */
    int64_t rows; /* how many rows came from this span */
};

/* One row a record, in order. KERNEL: x = pid << 32 | tid, pid 0 where the record does not say, OUT's
 * thread filled in from the IN before it; the FULL events are reduced to IN, OUT, OUT_PREEMPTED.
 * Other streams: x = the first number (task references undone), 0 where there is none. Events with
 * more numbers than that also have an entry in wide_row (the row's index) and all their numbers in
 * wide. Texts: text_row, text_at (offset within the data), text_len. Unsigned 64-bit values are kept
 * as their bits in int64. */
enum tc_column {
    TC_COL_TIME, TC_COL_EVENT, TC_COL_KEY, TC_COL_X, TC_COL_WIDE_ROW, TC_COL_WIDE,
    TC_COL_TEXT_ROW, TC_COL_TEXT_AT, TC_COL_TEXT_LEN, TC_COLUMNS
};
struct tc_columns {
    struct tc_array column[TC_COLUMNS];
};

void tc_columns_init(struct tc_columns *c);
void tc_columns_free(struct tc_columns *c);

/* Appends the rows of one span; the caller has checked that the span lies within the data. */
struct tc_result tc_decode(struct tc_columns *c, const uint8_t *data, const struct tc_span *span,
                           uint32_t stream_kind);
#endif
