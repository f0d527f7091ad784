/* Coverage-guided fuzzing of the reader of records: the input is the payload of one EVENTS block, as
 * format/FORMAT.md has it. The sanitizers see each byte that is read outside it; beyond that, what
 * decode.h promises is checked: no more rows than bytes, columns that fit together, texts within the
 * data, and that what stands before a broken record is read as if nothing came after it.
 *
 * Build and run (clang with its runtime libraries), from the root of the project:
 *
 *     clang -std=c11 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
 *         -Isrc/core -o fuzz_decode tests/fuzz/fuzz_decode.c src/core/decode.c
 *     python -m tests.fuzz.decode_inputs seeds
 *     ./fuzz_decode -max_total_time=60 -max_len=4096 seeds tests/fuzz/corpus/decode
 *
 * The second command writes the blocks of tests/fuzz/corpus as first inputs. New finds land in the
 * folder `seeds`. The fewest of them that reach all that was reached are kept:
 *
 *     ./fuzz_decode -merge=1 -max_len=300 tests/fuzz/corpus/decode seeds
 *
 * test_decode_inputs.py gives what is kept to the Python binding and to its twin. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "events.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "fuzz_decode: %s\n", what);
    abort();
}

/* The four numbers of a payload's head; not the reader's own code, which is in Python. */
static int head_number(const uint8_t **at, const uint8_t *end, uint64_t *value) {
    *value = 0;
    for (int shift = 0; shift < 64 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return 1;
    }
    return 0;
}

static void check_columns(const struct tc_columns *c, const struct tc_span *span, size_t rows) {
    const struct tc_array *column = c->column;
    must(column[TC_COL_TIME].len == rows && column[TC_COL_EVENT].len == rows &&
         column[TC_COL_KEY].len == rows && column[TC_COL_X].len == rows, "columns of other lengths");
    size_t wide = 0, texts = column[TC_COL_TEXT_ROW].len;
    for (size_t i = 0; i < column[TC_COL_WIDE_ROW].len; i++) {
        uint64_t row = ((uint64_t *)column[TC_COL_WIDE_ROW].at)[i];
        must(row < rows, "numbers of no row");
        uint8_t event = ((uint8_t *)column[TC_COL_EVENT].at)[row];
        must(event < TC_EVENT_LIMIT && tc_events[event].name, "an unknown event was kept");
        wide += tc_events[event].numbers;
    }
    must(column[TC_COL_WIDE].len == wide, "numbers are missing");
    must(column[TC_COL_TEXT_AT].len == texts && column[TC_COL_TEXT_LEN].len == texts, "half a text");
    for (size_t i = 0; i < texts; i++) {
        int64_t at = ((int64_t *)column[TC_COL_TEXT_AT].at)[i];
        uint32_t length = ((uint32_t *)column[TC_COL_TEXT_LEN].at)[i];
        must(((uint64_t *)column[TC_COL_TEXT_ROW].at)[i] < rows, "a text of no row");
        must(at >= span->offset && length <= TC_MAX_STRING, "a text before the records, or too long");
        must(at + length <= span->offset + span->len, "a text beyond the records");
    }
    for (size_t i = 0; i < rows; i++)
        must(((int64_t *)column[TC_COL_TIME].at)[i] >= 0, "a time before 0");
}

/* What stands before the broken record, alone: the same rows, and nothing is wrong with it. */
static void check_before(const struct tc_columns *c, const uint8_t *data, struct tc_span span,
                         uint32_t stream, struct tc_result result) {
    struct tc_columns before;
    tc_columns_init(&before);
    span.len = result.at;
    struct tc_result again = tc_decode(&before, data, &span, stream);
    must(again.code == TC_OK && again.at == result.at && again.rows == result.rows,
         "the records before the broken one are read otherwise without it");
    for (int i = 0; i < TC_COLUMNS; i++) {
        const struct tc_array *a = &c->column[i], *b = &before.column[i];
        must(a->len == b->len && (!a->len || !memcmp(a->at, b->at, a->len * a->size)),
             "a broken record left something behind");
    }
    tc_columns_free(&before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *at = data, *end = data + size;
    uint64_t stream, key_a, key_b, base;
    if (!head_number(&at, end, &stream) || !head_number(&at, end, &key_a) ||
        !head_number(&at, end, &key_b) || !head_number(&at, end, &base))
        return 0;
    struct tc_span span = {.offset = at - data, .len = end - at, .key = 1, .base_ns = (int64_t)base};
    struct tc_columns columns;
    tc_columns_init(&columns);
    struct tc_result result = tc_decode(&columns, data, &span, (uint32_t)stream);
    must(result.code >= TC_OK && result.code < TC_NO_MEMORY, "no code that the format knows");
    must(result.at >= 0 && result.at <= span.len, "stopped outside the records");
    must(result.rows >= 0 && result.rows <= result.at, "more rows than bytes");
    must(result.code != TC_OK || result.at == span.len, "all right, but not read to the end");
    check_columns(&columns, &span, (size_t)result.rows);
    if (span.base_ns >= 0 && (uint32_t)stream && (uint32_t)stream < TC_STREAM_LIMIT)
        check_before(&columns, data, span, (uint32_t)stream, result);
    tc_columns_free(&columns);
    return 0;
}
