/* Who holds the lock that another thread waits for. The contract is peek.h.
 *
 * Problem. CPython stores the owner of an RLock and the last holder of the GIL, and of a plain Lock
 * nothing. A guess is worse than no answer.
 *
 * Choice. A thread inside the body of `with lock:` has the lock's bound `__exit__` (3.14+: the method
 * and the lock) on the stack of that frame, from the moment it has the lock to the moment it gives it
 * back. Which places of a stack are in use is not stored while a frame calls C code, but the code's
 * exception table tells how many of them an exception would leave there: those are in use. The
 * instruction that enters lies outside of the table's range for the body, so a thread that is about
 * to take the lock, or waits for it, is not taken for its holder. What was left over in places that
 * are not in use is never looked at. Who took the lock by a call is told by peek_bare.c.
 *
 * Everything read here may be torn or garbage: a pointer is only followed by reads that can fail, and
 * an object counts only if it names the very lock that was asked for. That nothing changed hands
 * during the reads is for the reader of the trace to prove, from the kernel's records.
 */
#include "peek_inside.h"

enum { DEEPEST = 32, MAX_DEPTH = 48, MAX_LOCALS = 512, SLOTS = 24 };

/* The bytes at an address in the process are these (with the 0 at the end). */
static int is_name(struct tc_peek *p, uint64_t at, const char *name) {
    char bytes[16];
    size_t size = strlen(name) + 1;
    return is_word(at & ~7ull) && get(p, at, bytes, size) && !memcmp(bytes, name, size);
}

/* Up to 3.13: {.., PyMethodDef *, object}, and the definition begins with the name. */
static int is_bound_exit(struct tc_peek *p, uint64_t object, enum tc_futex kind, uint64_t lock) {
    uint64_t words[2];
    return is_word(object) && get(p, object + p->at[TC_OBJECT_SIZE], words, sizeof words) &&
           is_lock(p, words[1], kind, lock) && is_name(p, get_word(p, words[0]), "__exit__");
}

/* 3.14+: a method descriptor {.., type, name, ...}; the name is ASCII. */
static int is_exit(struct tc_peek *p, uint64_t object) {
    uint64_t name = is_word(object) ? get_word(p, object + p->at[TC_OBJECT_SIZE] + 8) : 0;
    return is_word(name) && is_name(p, name + p->at[TC_TEXT_ASCII], "__exit__");
}

static int in_body(struct tc_peek *p, const struct frame *f, const struct peek_code *of, enum tc_futex kind,
                   uint64_t lock) {
    uint64_t stack[MAX_DEPTH];
    uint32_t depth = tc_peek_depth(p, of);
    if (!depth || depth > MAX_DEPTH || of->locals > MAX_LOCALS) return 0;
    uint64_t from = f->at + p->at[TC_FRAME_SIZE] - 8 + 8ull * of->locals;
    if (!get(p, from, stack, depth * 8)) return 0;
    for (uint32_t i = 0; i < depth; i++) {
        if (p->hexversion < 0x030e0000) {
            if (is_bound_exit(p, stack[i], kind, lock)) return 1;
        } else if (i && is_lock(p, stack[i] & ~7ull, kind, lock) && is_exit(p, stack[i - 1] & ~7ull)) {
            return 1;
        }
    }
    return 0;
}

/* From the innermost frame outward, as far as none may have let go of the lock for those around it (a
 * condition that waits does). */
enum tc_held tc_peek_holds(struct tc_peek *p, uint32_t tid, enum tc_futex kind, uint64_t lock) {
    struct frame frames[DEEPEST];
    if (!p->usable || !tid || lock < 4096) return TC_HELD_NOT;
    size_t count = tc_peek_walk(p, tid, frames, DEEPEST);
    for (size_t i = 0; i < count; i++) {
        struct peek_code of;
        int told = tc_peek_code(p, &frames[i], &of);
        if (!told) return TC_HELD_NOT;
        if (told == 2) continue;
        struct peek_calls calls = tc_peek_calls(p, &frames[i], &of, kind, lock);
        if (calls.has) return TC_HELD_CALL;
        if (calls.freed) return TC_HELD_NOT;
        if (in_body(p, &frames[i], &of, kind, lock)) return TC_HELD_BODY;
    }
    return TC_HELD_NOT;
}

/* ---- what CPython stores ---- */

uint32_t tc_peek_gil_holder(struct tc_peek *p, uint64_t address, uint64_t *turn) {
    uint64_t gil = p->usable ? tc_peek_gil_of(p, address) : 0, held[3], tid = 0; /* who, whether, turn */
    if (!gil || !get(p, gil + p->at[TC_GIL_HOLDER], held, sizeof held)) return 0;
    if ((int32_t)held[1] != 1 || !is_word(held[0])) return 0;
    uint64_t again[3];
    struct tc_span spans[] = {{held[0] + p->at[TC_THREAD_TID], &tid, 8},
                              {gil + p->at[TC_GIL_HOLDER], again, sizeof again}};
    if (p->read(p->context, spans, 2) != 2 || tid >= 1u << 22) return tc_peek_drop(p), 0;
    /* It changed hands meanwhile: the thread's state may be another's by now. */
    if (held[0] != again[0] || (int32_t)again[1] != 1 || held[2] != again[2]) return p->torn++, 0;
    *turn = held[2];
    return (uint32_t)tid;
}

static int is_rlock(struct tc_peek *p, uint64_t object) {
    uint64_t type = is_word(object) ? get_word(p, object + p->at[TC_OBJECT_SIZE] - 8) : 0;
    if (!is_word(type)) return 0;
    if (type == p->rlock_type) return 1;
    if (!is_name(p, get_word(p, type + p->at[TC_OBJECT_SIZE] + 8), "_thread.RLock")) return 0;
    p->rlock_type = type;
    return 1;
}

/* Reads each of the spans that can be read; the others keep what they had. A call ends at what is no
 * address, and then another one goes on behind it. */
static void get_each(struct tc_peek *p, const struct tc_span *spans, size_t count) {
    for (size_t at = 0; at < count;) {
        size_t asked = count - at < MAX_SPANS ? count - at : MAX_SPANS;
        size_t got = p->read(p->context, spans + at, asked);
        at += got < asked ? got + 1 : got;
    }
}

/* Up to 3.13 nothing leads from the semaphore to the object, but whoever waits has the object, or
 * its bound method {.., definition, object}, among the places of its innermost frames. */
static uint64_t rlock_in(struct tc_peek *p, const uint64_t *slots, uint64_t lock) {
    uint64_t inside[SLOTS][2] = {{0}}, bound[SLOTS] = {0}, from = p->at[TC_OBJECT_SIZE];
    struct tc_span spans[SLOTS];
    size_t count = 0;
    for (size_t i = 0; i < SLOTS; i++)
        if (is_word(slots[i])) spans[count++] = (struct tc_span){slots[i] + from, inside[i], sizeof inside[i]};
    get_each(p, spans, count);
    count = 0;
    for (size_t i = 0; i < SLOTS; i++)
        if (is_word(inside[i][1])) spans[count++] = (struct tc_span){inside[i][1] + from, &bound[i], 8};
    get_each(p, spans, count);
    for (size_t i = 0; i < SLOTS; i++) {
        if (inside[i][0] == lock && is_rlock(p, slots[i])) return slots[i];
        if (bound[i] == lock && is_rlock(p, inside[i][1])) return inside[i][1];
    }
    return 0;
}

static uint64_t rlock_of(struct tc_peek *p, uint32_t waiter, uint64_t lock) {
    struct frame frames[2];
    size_t count = tc_peek_walk(p, waiter, frames, 2);
    for (size_t f = 0; f < count; f++) {
        uint64_t slots[SLOTS];
        if (!get(p, frames[f].at + p->at[TC_FRAME_SIZE] - 8, slots, sizeof slots)) continue;
        uint64_t object = rlock_in(p, slots, lock);
        if (object) return object;
    }
    return 0;
}

static uint32_t thread_by_ident(struct tc_peek *p, uint64_t ident) {
    for (int again = 0; again < 2; again++) {
        for (uint32_t i = 0; i < p->thread_places; i++) {
            struct thread *t = &p->threads[i];
            uint64_t words[2];
            if (!t->tid || t->ident != ident) continue;
            struct tc_span spans[] = {{t->state + p->at[TC_THREAD_TID], &words[0], 8},
                                      {t->state + p->at[TC_THREAD_IDENT], &words[1], 8}};
            if (p->read(p->context, spans, 2) == 2 && words[0] == t->tid && words[1] == ident)
                return t->tid; /* an ended thread's ident may be another's now */
        }
        tc_peek_new_threads(p);
    }
    return 0;
}

uint32_t tc_peek_owner(struct tc_peek *p, uint32_t waiter, enum tc_futex kind, uint64_t lock) {
    if (!p->usable || lock < 4096) return 0;
    uint64_t owner = 0;
    if (kind == TC_FUTEX_SEMAPHORE) {
        uint64_t object = rlock_of(p, waiter, lock);
        if (object) owner = get_word(p, object + p->at[TC_OBJECT_SIZE] + 8);
    } else if (p->hexversion >= 0x030e0000 && is_rlock(p, lock - p->at[TC_OBJECT_SIZE])) {
        owner = get_word(p, lock + 8); /* {PyMutex; ident; how often} */
    }
    return owner ? thread_by_ident(p, owner) : 0;
}

uint32_t tc_peek_next(struct tc_peek *p, int fresh) {
    if (!p->usable) return 0;
    if (fresh) tc_peek_new_threads(p);
    for (uint32_t left = p->thread_places; left; left--) {
        if (p->asked >= p->thread_places) p->asked = 0;
        uint32_t tid = p->threads[p->asked++].tid;
        if (tid) return tid;
    }
    return 0;
}

/* ---- what is no lock of the program's ---- */

/* A type's own type is a type, and so on up to the one that is its own. */
static int is_type(struct tc_peek *p, uint64_t type) {
    for (int level = 0; level < 4 && is_word(type); level++) {
        uint64_t above = get_word(p, type + p->at[TC_OBJECT_SIZE] - 8);
        if (above == type) return is_name(p, get_word(p, type + p->at[TC_OBJECT_SIZE] + 8), "type");
        type = above;
    }
    return 0;
}

/* What a type is called, without its module. 0: no text. */
static int put_type(struct tc_peek *p, uint64_t type, char *to, size_t size) {
    char name[128];
    if (!get(p, get_word(p, type + p->at[TC_OBJECT_SIZE] + 8), name, sizeof name)) return 0;
    if (!memchr(name, 0, sizeof name)) return 0;
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127) return 0;
    const char *last = strrchr(name, '.');
    last = last ? last + 1 : name;
    if (!*last || strlen(last) >= size) return 0;
    memcpy(to, last, strlen(last) + 1);
    return 1;
}

/* Only a free-threaded object has this head: {thread, flags (2 bytes), lock (1 byte), ...}. */
enum { OBJECT_LOCK = 10 };

enum tc_futex tc_peek_parked(struct tc_peek *p, uint32_t tid, uint64_t lock, char *type, size_t size) {
    if (size) type[0] = 0;
    if (!p->usable || p->at[TC_OBJECT_SIZE] <= 16 || !size) return TC_FUTEX_PARKED;
    for (uint32_t i = 0; i < p->thread_places; i++) /* a thread is stopped by a word in its own state */
        if (p->threads[i].tid == tid && lock - p->threads[i].state < p->thread_size) return TC_FUTEX_WORLD;
    uint64_t object = lock - OBJECT_LOCK;
    if (object & 15) return TC_FUTEX_PARKED;
    uint64_t of = get_word(p, object + p->at[TC_OBJECT_SIZE] - 8);
    return is_type(p, of) && put_type(p, of, type, size) ? TC_FUTEX_OBJECT : TC_FUTEX_PARKED;
}
