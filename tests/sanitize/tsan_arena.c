/* The agent's writer and the recorder's drain at once, for ThreadSanitizer: they share memory
 * without locks, and a missing order shows on few machines and seldom.
 *
 *     tsan_arena [RECORDS]     by each life of a writer; 2000 unless told
 *
 * Four threads write at a time, and each ends and another one takes its part, so pages are given
 * out, filled, left half full, read out and given out again. Pages are few: writers often find none,
 * and then write the same record again. One thread drains all the while. In the end each record has
 * come once, in its writer's order and with its text, and each refusal is told by an AGENT_LOST.
 *
 * ThreadSanitizer knows memory by its address, and the two sides map the file at two: it would see
 * no sharing at all. So the linker puts our mmap before the real one (-Wl,--wrap=mmap, and mmap64,
 * which Python.h makes of it in the agent), and both sides get one mapping. .ci/run builds it, from
 * the sources that the agent and the recorder are made of. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent.h"
#include "decode.h"
#include "drain.h"

enum { WRITERS = 4, LIVES = 6, PAGES = 10, SWEEP_EACH = 7 };

static uint32_t records = 2000;
static void *mapping;
static int mapped; /* times */
static atomic_int all_written;
/* The draining thread's; main looks when that has ended. */
static struct tc_drain *drain;
static uint32_t next[WRITERS * LIVES];
static uint64_t lost_told, hellos;

static void must(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "tsan_arena: %s\n", what);
    exit(1);
}

void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset);

void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    if (!mapped++) mapping = __real_mmap(at, size, protection, flags, fd, offset);
    return mapping;
}

void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    return __wrap_mmap(at, size, protection, flags, fd, offset);
}

/* ---- the writers ---- */

/* What a record says follows from its number alone. Of each four records, three have a text. */
static int event_of(uint32_t record) { return record % 4 ? TC_EV_ITEM : TC_EV_ITEM_END; }

static void text_of(uint32_t record, struct tc_text *text) {
    tc_text_init(text);
    text->parts = 1;
    text->length = record * 37 % 600; /* entries of many lengths: pages end in many ways */
    memset(text->bytes, 'a' + (int)(record % 26), text->length);
}

static void write_record(uint32_t life, uint32_t record) {
    uint64_t value = (uint64_t)life << 32 | record;
    struct tc_text text;
    if (event_of(record) == TC_EV_ITEM_END) {
        tc_event(TC_EV_ITEM_END, value);
        return;
    }
    text_of(record, &text);
    tc_event_full(TC_EV_ITEM, value, NULL, 0, &text);
}

static void *write_records(void *number) {
    uint32_t life = *(const uint32_t *)number;
    for (uint32_t record = 0; record < records;) {
        uint64_t lost = tc_me.lost;
        write_record(life, record);
        if (tc_me.lost > lost) sched_yield();
        else record++;
        if (record % 128 == 64) usleep(50); /* an open page that is read while nobody writes */
    }
    return NULL;
}

/* One life after another, each a thread of its own. */
static void *live(void *writer) {
    uint32_t first = *(const uint32_t *)writer * LIVES;
    for (uint32_t life = first; life < first + LIVES; life++) {
        pthread_t thread;
        must(!pthread_create(&thread, NULL, write_records, &life), "no thread");
        pthread_join(thread, NULL);
    }
    return NULL;
}

static void hello(int after_fork) {
    static const uint64_t more[2];
    static struct tc_text text; /* empty */
    must(!after_fork, "nobody forked");
    tc_event_full(TC_EV_HELLO, 0, more, 2, &text);
}

/* ---- the reader ---- */

static void look_at(const struct tc_columns *c, size_t row, const uint8_t *text, uint32_t length) {
    uint64_t x = ((const uint64_t *)c->column[TC_COL_X].at)[row];
    uint8_t event = ((const uint8_t *)c->column[TC_COL_EVENT].at)[row];
    if (event == TC_EV_HELLO) hellos++;
    if (event == TC_EV_AGENT_LOST) lost_told += x;
    if (event != TC_EV_ITEM && event != TC_EV_ITEM_END) return;
    uint32_t life = (uint32_t)(x >> 32), record = (uint32_t)x;
    must(life < WRITERS * LIVES, "a record of nobody");
    must(record == next[life], "a record is missing, double or out of order");
    must(event == event_of(record), "another event than was written");
    next[life]++;
    if (event != TC_EV_ITEM) return;
    struct tc_text want;
    text_of(record, &want);
    must(length == want.length && !memcmp(text, want.bytes, length), "another text than was written");
}

static uint64_t varint(const uint8_t **at) {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
}

static void look_at_payload(const uint8_t *payload, uint32_t size) {
    const uint8_t *at = payload;
    struct tc_columns columns;
    tc_columns_init(&columns);
    uint32_t stream = (uint32_t)varint(&at);
    varint(&at), varint(&at); /* process and thread: lives are told apart by their records */
    struct tc_span span = {.base_ns = (int64_t)varint(&at)};
    span.offset = at - payload;
    span.len = size - span.offset;
    must(tc_decode(&columns, payload, &span, stream).code == TC_OK, "records that cannot be read");
    size_t texts = 0;
    for (size_t row = 0; row < columns.column[TC_COL_TIME].len; row++) {
        const uint8_t *text = NULL;
        uint32_t length = 0;
        if (texts < columns.column[TC_COL_TEXT_ROW].len &&
            ((uint64_t *)columns.column[TC_COL_TEXT_ROW].at)[texts] == row) {
            text = payload + ((uint64_t *)columns.column[TC_COL_TEXT_AT].at)[texts];
            length = ((uint32_t *)columns.column[TC_COL_TEXT_LEN].at)[texts++];
        }
        look_at(&columns, row, text, length);
    }
    tc_columns_free(&columns);
}

static void flush(void) {
    struct tc_bytes out = {0};
    tc_drain_flush(drain, &out);
    must(!out.failed, "no memory");
    for (size_t at = 0; at < out.len;) {
        uint32_t size;
        memcpy(&size, out.at + at, sizeof size); /* as a small-endian machine, which we are, has it */
        look_at_payload(out.at + at + 12, size);
        at += 12 + size;
    }
    tc_bytes_free(&out);
}

/* Everything that the recorder does with pages. exec is of another process: it looks at each. */
static void *read_all(void *unused) {
    int last = 0;
    for (unsigned round = 1; !last || tc_drain_read(drain); round++) {
        last = atomic_load(&all_written);
        tc_drain_read(drain);
        tc_drain_exec(drain, (uint32_t)getpid() + 1, UINT64_MAX);
        if (round % SWEEP_EACH) continue;
        flush();
        tc_drain_sweep(drain);
    }
    flush();
    return unused;
}

int main(int count, char **words) {
    if (count > 1) records = (uint32_t)strtoul(words[1], NULL, 10);
    int fd = memfd_create("tsan_arena", 0);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    drain = tc_drain_new(fd, PAGES, 1, NULL, NULL);
    must(drain && !tc_writer_open(path, hello), "no arena");
    must(mapped == 2, "the two sides have not met in our mmap");
    pthread_t reader, writer[WRITERS];
    uint32_t numbers[WRITERS];
    must(!pthread_create(&reader, NULL, read_all, NULL), "no thread");
    for (uint32_t i = 0; i < WRITERS; i++) {
        numbers[i] = i;
        must(!pthread_create(&writer[i], NULL, live, &numbers[i]), "no thread");
    }
    for (int i = 0; i < WRITERS; i++) pthread_join(writer[i], NULL);
    atomic_store(&all_written, 1);
    pthread_join(reader, NULL);
    for (int i = 0; i < WRITERS * LIVES; i++) must(next[i] == records, "records did not arrive");
    must(hellos == 1, "the greeting did not come once");
    must(!tc_drain_damaged(drain), "damaged entries");
    must(lost_told == tc_drain_lost(drain), "refusals that nobody told");
    printf("%u records by %d threads, %llu refusals\n", records * WRITERS * LIVES, WRITERS * LIVES,
           (unsigned long long)lost_told);
    tc_drain_free(drain);
    return 0;
}
