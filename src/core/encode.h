/* Writes records of format/spec.py into a growing buffer: one tc_stream is one open EVENTS block.
 *
 * Use: tc_stream_init once; tc_put for each record (opens a block by itself); tc_stream_flush closes
 * the block (head with length and crc32) and appends it to `out`. Memory errors are sticky in
 * stream->failed; nothing here aborts. No Python in here. The Python twin is format/encode.py.
 */
#ifndef TWOCOOKS_ENCODE_H
#define TWOCOOKS_ENCODE_H
#include <stddef.h>
#include <stdint.h>

struct tc_bytes {
    uint8_t *at;
    size_t len, cap;
    int failed;
};

struct tc_stream {
    uint32_t kind;            /* enum tc_stream_kind in events.h */
    uint64_t key_a, key_b;
    struct tc_bytes payload;  /* of the open block; empty = no block is open */
    uint64_t last_ns;         /* running time within the block */
    uint64_t last_task;       /* task reference before, within the block */
    uint64_t thread;          /* tid now known as IN on this CPU within the block, 0 = none */
    uint32_t records;
};

void tc_stream_init(struct tc_stream *s, uint32_t kind, uint64_t key_a, uint64_t key_b);
void tc_stream_free(struct tc_stream *s);

/* One record. `fields` are the event's non-text fields in order (signed ones as int64 cast), `text`
 * its text or NULL (then length 0 is written where the event has one). The caller keeps to the
 * table; an unknown event or a text longer than 4096 (cut there) is not an error. */
void tc_put(struct tc_stream *s, uint64_t time_ns, uint32_t event, const uint64_t *fields,
            const char *text, size_t text_len);

/* The three hot records of a CPU, which keep s->thread and choose the short or the full form. */
void tc_put_in(struct tc_stream *s, uint64_t time_ns, uint32_t pid, uint32_t tid, int pid_is_known);
void tc_put_out(struct tc_stream *s, uint64_t time_ns, uint32_t pid, uint32_t tid, int preempted);

/* Closes the open block, if any, and appends it to out as it lies in the file. */
void tc_stream_flush(struct tc_stream *s, struct tc_bytes *out);

/* A whole block of any kind (META, END). */
void tc_block(struct tc_bytes *out, uint8_t kind, const void *payload, size_t len);

int tc_bytes_add(struct tc_bytes *b, const void *data, size_t len);
void tc_bytes_free(struct tc_bytes *b);
uint32_t tc_crc32(const void *data, size_t len); /* as zlib.crc32 */
#endif
