/* Feeds tc_peek a memory that stands still and lies: the pages that it reads of a real process are kept
 * once, then each round spoils some words in them, asks everything, and puts them back. So a failure
 * happens again with the same seed and the same image. Built with the sanitizers.
 *
 *     peek_image PID RUNTIME HEXVERSION LOCK SEED ROUNDS TID...
 *
 * Fails where a call crashes, reads without end, writes past its buffer, tells a name that is in
 * no place of the image, or denies its own counter of dropped answers. Prints how many looks told
 * the truth, how many something else, and how many were dropped as torn. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "peek.h"

enum { PAGE = 4096, PAGES = 2048, PLACES = 8192, READS = 1 << 17, TEXT = 4096, TIDS = 64, CHANGES = 24 };

static struct page {
    uint64_t at;
    uint8_t bytes[PAGE];
} image[PAGES];
static struct { uint64_t at; size_t size; } places[PLACES]; /* what was read: where lies are noticed */
static size_t pages, place_count;
static uint16_t index_of[PAGES * 2]; /* page by address: its number plus 1; open addressing */
static int target, frozen; /* frozen: nothing is taken from the process any more */
static uint64_t random_state;
static unsigned long reads;

static uint64_t draw(void) { /* xorshift64* */
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dull;
}

static void fail(const char *what, const char *text) {
    fprintf(stderr, "peek_image: %s: %s\n", what, text);
    exit(1);
}

static uint8_t *byte_at(uint64_t at) {
    size_t i = at / PAGE % (PAGES * 2);
    for (; index_of[i]; i = (i + 1) % (PAGES * 2))
        if (image[index_of[i] - 1].at == at / PAGE * PAGE) return &image[index_of[i] - 1].bytes[at % PAGE];
    if (frozen || pages == PAGES) return NULL;
    struct iovec local = {image[pages].bytes, PAGE};
    struct iovec remote = {(void *)(uintptr_t)(at / PAGE * PAGE), PAGE};
    if (process_vm_readv(target, &local, 1, &remote, 1, 0) != PAGE) return NULL;
    image[pages].at = at / PAGE * PAGE;
    index_of[i] = (uint16_t)(++pages);
    return &image[pages - 1].bytes[at % PAGE];
}

static size_t read_image(void *context, const struct tc_span *spans, size_t count) {
    (void)context;
    for (size_t i = 0; i < count; i++) {
        reads++;
        for (size_t done = 0; done < spans[i].size;) {
            uint64_t at = spans[i].from + done;
            size_t part = PAGE - at % PAGE;
            if (part > spans[i].size - done) part = spans[i].size - done;
            uint8_t *from = byte_at(at);
            if (!from) return i;
            memcpy((char *)spans[i].to + done, from, part);
            done += part;
        }
        if (frozen || place_count == PLACES) continue;
        places[place_count].at = spans[i].from;
        places[place_count++].size = spans[i].size;
    }
    return count;
}

/* ---- lies, as memory would tell them ---- */

static struct { uint64_t at, was; } changes[CHANGES];
static size_t changed;

static void put(uint64_t at, uint64_t word) {
    uint8_t *first = byte_at(at), *last = byte_at(at + 7);
    if (!first || last != first + 7 || changed == CHANGES) return;
    changes[changed].at = at;
    memcpy(&changes[changed++].was, first, 8);
    memcpy(first, &word, 8);
}

static void put_back(void) {
    while (changed) memcpy(byte_at(changes[changed - 1].at), &changes[changed - 1].was, 8), changed--;
}

static uint64_t some_place(void) {
    size_t which = draw() % place_count;
    return places[which].at + draw() % (places[which].size + 1) / 8 * 8;
}

static void spoil(void) {
    uint64_t at = some_place(), word = 0;
    uint8_t *now = byte_at(at), *end = byte_at(at + 7);
    if (!now || end != now + 7) return;
    memcpy(&word, now, 8);
    switch (draw() % 8) {
    case 0: put(at, word ^ 1ull << draw() % 64); break;
    case 1: put(at, some_place()); break;                /* to something else */
    case 2: put(at, at - draw() % 8 * 8); break;         /* to itself: a ring */
    case 3: put(at, ~0ull - draw() % 4096); break;       /* no length is that long */
    case 4: put(at, draw() % 4096); break;
    case 5: put(at, word + 8 * (draw() % 16)); break;
    case 6: put(at, draw()); break;
    default:                                             /* freed: a link to the next free, filled */
        put(at, some_place());
        for (int i = 1; i < 8; i++) put(at + 8u * (unsigned)i, 0xddddddddddddddddull);
    }
}

/* ---- what was told ---- */

static char truth[TIDS][TEXT];
static unsigned long true_count, other_count;

static uint32_t unit(uint64_t at, unsigned width, int *known) {
    uint32_t value = 0;
    for (unsigned i = 0; i < width; i++) {
        const uint8_t *byte = byte_at(at + i);
        if (!byte) return *known = 0;
        value |= (uint32_t)*byte << (8 * i);
    }
    return value;
}

/* The characters stand in the image, one, two or four bytes each ('?' stands for any). */
static int stands_in_image(const char *name, size_t size) {
    for (size_t i = 0; i < size; i++)
        if ((uint8_t)name[i] > 127) return 1; /* recoded: not looked for */
    for (size_t p = 0; p < pages; p++)
        for (uint64_t at = image[p].at; at < image[p].at + PAGE; at++) {
            if (size && *name != '?' && image[p].bytes[at % PAGE] != (uint8_t)*name) continue;
            for (unsigned width = 1; width <= 4; width *= 2) {
                int known = 1;
                size_t same = 0;
                while (same < size && known) {
                    uint32_t c = unit(at + same * width, width, &known);
                    if (name[same] != '?' && c != (uint8_t)name[same]) break;
                    same++;
                }
                if (known && same == size) return 1;
            }
        }
    return 0;
}

static void check_part(const char *part, size_t size) {
    const char *name = memrchr(part, ':', size);
    const char *line = name ? memrchr(part, ':', (size_t)(name - part)) : NULL;
    if (!line || line + 1 == name || strspn(line + 1, "0123456789") != (size_t)(name - line - 1))
        fail("not file:line:function", part);
    if (!stands_in_image(part, (size_t)(line - part))) fail("a file out of nothing", part);
    if (!stands_in_image(name + 1, (size_t)(part + size - name - 1))) fail("a name out of nothing", part);
}

/* After a call of tc_peek_frames or tc_peek_running. */
static void check(const char *text, int length, int tid) {
    if (reads > READS) fail("too many reads", text);
    reads = 0;
    if (length < 0 || length >= TEXT || strlen(text) != (size_t)length) fail("a wrong length", text);
    if (!length) return;
    if (!strcmp(text, truth[tid])) {
        true_count++;
        return;
    }
    other_count++;
    for (const char *part = text, *end; part; part = *end ? end + 1 : NULL) {
        end = strchrnul(part, 0x1f);
        /* What was true before is true of a part, too, without looking for it. */
        char *same = memmem(truth[tid], strlen(truth[tid]), part, (size_t)(end - part));
        if (!same) check_part(part, (size_t)(end - part));
    }
}

static void look(struct tc_peek *p, char **words, int tids, uint64_t lock) {
    for (int i = 0; i < tids; i++) {
        uint32_t tid = (uint32_t)atoi(words[i]);
        char *text = malloc(TEXT); /* its own block, so that the sanitizer sees an overrun */
        if (!text) fail("no memory", "");
        uint64_t before = tc_peek_torn(p), found = 0, turn = 0;
        int length = tc_peek_frames(p, tid, 6, text, TEXT);
        if (tc_peek_torn(p) > before && length) fail("told and counted as dropped", text);
        check(text, length, i);
        tc_peek_running(p, tid, 6, text, TEXT, &length);
        check(text, length, i);
        free(text);
        enum tc_futex kind = draw() % 2 ? TC_FUTEX_SEMAPHORE : TC_FUTEX_PARKED;
        uint64_t about = draw() % 2 ? lock : some_place();
        tc_peek_futex(p, about, &found);
        char type[64];
        tc_peek_parked(p, tid, (about & ~15ull) + 10, type, sizeof type);
        tc_peek_gil_holder(p, about, &turn);
        tc_peek_holds(p, tid, kind, about);
        tc_peek_owner(p, tid, kind, about);
        tc_peek_next(p, draw() % 2);
        if (reads > 7 * READS) fail("too many reads", "of a holder"); /* seven calls, each with its bounds */
        reads = 0;
    }
}

int main(int count, char **words) {
    if (count < 8) fail("wrong arguments", "");
    target = atoi(words[1]);
    uint64_t runtime = strtoull(words[2], NULL, 10), lock = strtoull(words[4], NULL, 10);
    uint32_t hexversion = (uint32_t)strtoul(words[3], NULL, 10);
    int tids = count - 7 < TIDS ? count - 7 : TIDS;
    struct tc_peek *p = tc_peek_new_by(read_image, NULL, runtime, hexversion);
    if (!p) fail("this Python cannot be read", "");
    random_state = strtoull(words[5], NULL, 10) * 2 + 1;
    for (int i = 0; i < tids; i++)
        tc_peek_frames(p, (uint32_t)atoi(words[7 + i]), 6, truth[i], TEXT);
    for (int i = 0; i < tids; i++) { /* so that all that can be asked is in the image */
        tc_peek_holds(p, (uint32_t)atoi(words[7 + i]), TC_FUTEX_PARKED, runtime);
        tc_peek_holds(p, (uint32_t)atoi(words[7 + i]), TC_FUTEX_SEMAPHORE, lock);
        tc_peek_holds(p, (uint32_t)atoi(words[7 + i]), TC_FUTEX_PARKED, lock);
        tc_peek_owner(p, (uint32_t)atoi(words[7 + i]), TC_FUTEX_SEMAPHORE, runtime);
    }
    look(p, words + 7, tids, lock);
    if (tc_peek_torn(p) || other_count) fail("torn before any harm", "");
    tc_peek_free(p);
    frozen = 1;
    true_count = 0;
    uint64_t torn = 0;
    for (long round = atol(words[6]); round > 0; round--) {
        p = tc_peek_new_by(read_image, NULL, runtime, hexversion);
        if (!p) fail("the image was not put back", "");
        if (draw() % 2) look(p, words + 7, tids, lock); /* it knows the place before it is spoilt */
        if (tc_peek_torn(p)) fail("the image was not put back", "");
        for (uint64_t harm = 1 + draw() % 4; harm; harm--) spoil();
        look(p, words + 7, tids, lock);
        if (draw() % 4 == 0) tc_peek_refresh(p), look(p, words + 7, tids, lock);
        torn += tc_peek_torn(p);
        tc_peek_free(p);
        put_back();
    }
    printf("%lu %lu %llu\n", true_count, other_count, (unsigned long long)torn);
    return 0;
}
