/* Feeds tc_peek damaged memory: real reads of a real process whose bytes are then changed, so that
 * pointers, lengths, lists and line tables lie. Built with the sanitizers by test_fuzz_peek.py.
 *
 *     peek_fuzz PID RUNTIME HEXVERSION LOCK SEED ROUNDS TID...
 *
 * Ends with 0 when nothing crashed, each call kept within READS reads, and each text kept to its
 * promise. Prints how many calls found frames, the most reads of one call, and how many
 * found a holder of a lock. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "peek.h"

enum { READS = 1 << 17, POOL = 256, TEXT = 4096 };

static int target;
static uint64_t random_state, pool[POOL];
static unsigned damage; /* one word of so many is changed; 0 = none */
static unsigned long reads, most_reads, found, held;

static uint64_t draw(void) { /* xorshift64* */
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dull;
}

/* Lies as memory would tell them: other addresses (loops!), small and huge numbers, bit flips. */
static uint64_t lie(uint64_t word) {
    switch (draw() % 7) {
    case 0: return pool[draw() % POOL];
    case 1: return pool[draw() % POOL] + draw() % 64;
    case 2: return word ^ 1ull << draw() % 64;
    case 3: return draw() % 4096;
    case 4: return ~0ull - draw() % 4096;
    case 5: return draw();
    default: return word + 8 * (draw() % 16);
    }
}

static size_t damaged_read(void *context, const struct tc_span *spans, size_t count) {
    (void)context;
    for (size_t i = 0; i < count; i++) {
        struct iovec local = {spans[i].to, spans[i].size};
        struct iovec remote = {(void *)(uintptr_t)spans[i].from, spans[i].size};
        reads++;
        if (damage && draw() % (damage * 4) == 0) return i;
        if (process_vm_readv(target, &local, 1, &remote, 1, 0) != (ssize_t)spans[i].size) {
            if (!damage || draw() % 4) return i;
            for (size_t k = 0; k < spans[i].size; k++) ((char *)spans[i].to)[k] = (char)draw();
        }
        for (size_t k = 0; k + 8 <= spans[i].size; k += 8) {
            uint64_t word;
            memcpy(&word, (char *)spans[i].to + k, 8);
            if (word > 1 << 16 && word < 1ull << 47) pool[draw() % POOL] = word;
            if (damage && draw() % damage == 0) word = lie(word);
            memcpy((char *)spans[i].to + k, &word, 8);
        }
    }
    return count;
}

static void fail(const char *what) {
    fprintf(stderr, "peek_fuzz: %s\n", what);
    exit(1);
}

static void check_text(const char *text, int length, size_t size) {
    if (length < 0 || (size_t)length >= size) fail("a length outside the buffer");
    if (text[length] != 0 || strlen(text) != (size_t)length) fail("no end where it was promised");
    for (int i = 0; i < length; i++)
        if ((unsigned char)text[i] < 32 && text[i] != 0x1f) fail("a control character");
    found += length > 0;
}

static void within(void) {
    if (reads > most_reads) most_reads = reads;
    if (reads > READS) fail("too many reads");
    reads = 0;
}

/* Who has what: a lock that is held in the process, or any word. */
static void search(struct tc_peek *p, char **tids, int count, uint64_t true_lock) {
    uint32_t tid = (uint32_t)atoi(tids[draw() % (unsigned)count]);
    uint64_t turn, lock = draw() % 2 ? true_lock : pool[draw() % POOL];
    enum tc_futex kind = draw() % 2 ? TC_FUTEX_SEMAPHORE : TC_FUTEX_PARKED;
    held += (unsigned)tc_peek_holds(p, tid, kind, lock);
    within();
    held += tc_peek_owner(p, tid, kind, lock) != 0;
    within();
    tc_peek_gil_holder(p, draw() % 2 ? lock : draw(), &turn);
    within();
    tc_peek_next(p, draw() % 2);
    within();
}

/* The lock inside an object, which lies wherever. */
static void parked(struct tc_peek *p, uint32_t tid, uint64_t about) {
    size_t size = 1 + draw() % 64;
    char *type = malloc(size);
    if (!type) fail("no memory");
    reads = 0;
    int kind = (int)tc_peek_parked(p, tid, (about & ~15ull) + (draw() % 8 ? 10 : draw() % 16), type, size);
    within();
    if (!memchr(type, 0, size) || (kind == TC_FUTEX_OBJECT) != (*type != 0)) fail("an object without a type");
    for (const char *c = type; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127) fail("a type that is no text");
    free(type);
}

static void look(struct tc_peek *p, char **tids, int count, uint64_t true_lock) {
    for (int i = 0; i < count; i++) {
        size_t size = draw() % 8 ? TEXT : 1 + draw() % 64;
        char *text = malloc(size); /* its own block, so that the sanitizer sees an overrun */
        if (!text) fail("no memory");
        uint64_t lock = 0, address = draw() % 2 ? pool[draw() % POOL] : draw();
        reads = 0;
        check_text(text, tc_peek_frames(p, (uint32_t)atoi(tids[i]), (int)(draw() % 20), text, size),
                   size);
        tc_peek_futex(p, address, &lock);
        within();
        free(text);
        parked(p, (uint32_t)atoi(tids[i]), address);
        for (int k = 0; true_lock && k < 8; k++) search(p, tids, count, true_lock);
    }
}

int main(int count, char **words) {
    if (count < 8) fail("wrong arguments");
    target = atoi(words[1]);
    uint64_t runtime = strtoull(words[2], NULL, 10);
    uint32_t hexversion = (uint32_t)strtoul(words[3], NULL, 10);
    uint64_t lock = strtoull(words[4], NULL, 10);
    random_state = strtoull(words[5], NULL, 10) * 2 + 1;
    int rounds = atoi(words[6]);
    static const unsigned rates[] = {0, 2, 8, 32, 128, 512, 4096};
    for (int round = 0; round < rounds; round++) {
        damage = draw() % 3 ? 0 : rates[draw() % 7];
        struct tc_peek *p = tc_peek_new_by(damaged_read, NULL, runtime, hexversion);
        if (!p) continue;
        for (int again = 0; again < 4; again++) {
            damage = rates[draw() % 7];
            look(p, words + 7, count - 7, lock);
            if (draw() % 4 == 0) tc_peek_refresh(p);
        }
        tc_peek_free(p);
    }
    printf("%lu %lu %lu\n", found, most_reads, held);
    return 0;
}
