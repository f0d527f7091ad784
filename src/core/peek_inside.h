/* Shared by peek.c (processes, threads, frames) and peek_code.c (code objects, lines, texts). */
#ifndef TWOCOOKS_PEEK_INSIDE_H
#define TWOCOOKS_PEEK_INSIDE_H
#include <string.h>

#include "peek.h"
#include "peek_layout.h"

enum {
    MAX_THREAD_SIZE = 2048, /* the used part of a PyThreadState */
    MAX_FRAME_SIZE = 256,   /* the used part of a frame's head */
    MAX_CODE_SIZE = 512,    /* the used part of a code object's head */
    MAX_INTERPRETERS = 64,
    MAX_THREADS = 1 << 16,  /* places in the table; at most half of them are used */
    MAX_WALK = 1 << 15,     /* thread states looked at in one call */
    MAX_UNBOUND = 64,
    SEMAPHORES = 64,
    MAX_STEPS = 64,         /* frames looked at in one call, shown or not */
    MAX_FRAMES = 16,
    MAX_SPANS = 16,
    MAX_TABLE = 1 << 16,    /* bytes of a line table */
    CODES = 1024,
    WINDOW = 4096,
    NAME = 200,
};
#define MAX_OFFSET (1u << 20) /* of any place in _PyRuntime or PyInterpreterState */
#define MAX_CHUNK (1u << 16)

struct thread {
    uint32_t tid; /* 0: a free place */
    uint64_t state;
    uint64_t ident;       /* its pthread_self */
    uint64_t cframe;      /* 3.11, 3.12: where its _PyCFrame was last time */
    uint64_t window;      /* where its innermost frames were last time */
};

struct code {
    uint64_t at, file, name, table; /* addresses in the process; at = 0: a free place */
    int32_t first_line;
    uint32_t table_size;
    uint8_t *lines;  /* copy of the line table */
    uint64_t catch_at; /* address of the exception table */
    uint32_t catch_size;
    uint8_t *catches;  /* copy of it, made when it is first asked for */
    char *text;      /* file \0 function \0 */
    struct tc_flow *flow; /* of the locks that it takes by calls (peek_bare.c) ... */
    int followed;         /* ... once this is 1; NULL then: it has no such calls */
    uint64_t last_offset;
    int32_t last_line;
};

struct tc_peek {
    tc_read read;
    void *context;
    uint64_t runtime;
    uint32_t hexversion;
    int usable;
    uint32_t at[TC_FIELDS];
    size_t thread_size, frame_size, code_from, code_size;

    size_t interpreters;
    uint64_t interpreter[MAX_INTERPRETERS], gil[MAX_INTERPRETERS];

    struct thread *threads;
    uint32_t thread_places, threads_used;
    uint64_t unbound[MAX_UNBOUND];
    size_t unbound_count;

    struct code codes[CODES];
    uint8_t state[MAX_THREAD_SIZE];
    uint8_t window[WINDOW];
    uint64_t window_at; /* 0: nothing is in it */
    uint64_t rlock_type, lock_type; /* where the types of RLocks and locks are; 0 = none was met */
    uint64_t semaphores[SEMAPHORES]; /* addresses that were waited for as one */
    uint64_t torn;       /* answers dropped */
    uint32_t asked;      /* place in `threads` after the last that tc_peek_next gave */
};

struct frame {
    uint64_t at, code, ip;
    int32_t copy;
};

static inline uint64_t u64(const void *from) {
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline int get(struct tc_peek *p, uint64_t from, void *to, size_t size) {
    struct tc_span span = {from, to, size};
    return from && p->read(p->context, &span, 1) == 1;
}

static inline uint64_t get_word(struct tc_peek *p, uint64_t from) {
    uint64_t value = 0;
    return get(p, from, &value, sizeof value) ? value : 0;
}

/* Writes the frames as tc_peek_frames promises. Returns the length, 0 = a read failed. */
int tc_peek_put_frames(struct tc_peek *p, const struct frame *frames, size_t count, char *text,
                       size_t size);
void tc_peek_forget_codes(struct tc_peek *p);

/* An answer is dropped: counts it, unless the process has gone. */
void tc_peek_drop(struct tc_peek *p);

/* The innermost frames of a thread that run Python code. 0: it runs none, or it is not known. */
size_t tc_peek_walk(struct tc_peek *p, uint32_t tid, struct frame *frames, size_t want);
void tc_peek_new_threads(struct tc_peek *p); /* notes the thread states that are new */
/* The GIL's structure that this address lies in; 0 = none. */
uint64_t tc_peek_gil_of(struct tc_peek *p, uint64_t address);

/* A frame's code object, with what was read of its head just now. */
struct peek_code {
    struct code *code;
    uint64_t begin, units; /* its instructions; in code units of 2 bytes */
    uint64_t unit;         /* at which of them the frame is */
    uint64_t names;        /* the tuple of its names */
    uint32_t locals;       /* places of a frame before its stack */
};

/* 1: told. 2: the frame has not begun. 0: it cannot be read, or the frame is not in it. */
int tc_peek_code(struct tc_peek *p, const struct frame *f, struct peek_code *of);

/* A copy of the code's exception table in ->catches; 0: it has none, or it cannot be read. */
int tc_peek_catches(struct tc_peek *p, struct code *code);

/* How many places of the frame's stack are in use for sure, by the code's exception table: what
 * an exception here would leave on it. 0: none. */
uint32_t tc_peek_depth(struct tc_peek *p, const struct peek_code *of);

static inline int is_word(uint64_t value) { return value >= 4096 && value < 1ull << 47 && !(value & 7); }

/* The object is the lock of threading that the waiter waits for: its semaphore (up to 3.13), or the
 * mutex inside it. */
static inline int is_lock(struct tc_peek *p, uint64_t object, enum tc_futex kind, uint64_t lock) {
    uint64_t inside = object + p->at[TC_OBJECT_SIZE];
    if (kind == TC_FUTEX_PARKED) return inside == lock;
    return kind == TC_FUTEX_SEMAPHORE && is_word(object) && get_word(p, inside) == lock;
}

/* What a frame says by the calls of acquire and release in its code (peek_bare.c): whether it has the lock,
 * and whether it may have let go of it, so that frames around it prove nothing. */
struct peek_calls {
    int has, freed;
};
struct peek_calls tc_peek_calls(struct tc_peek *p, const struct frame *f, const struct peek_code *of,
                                enum tc_futex kind, uint64_t lock);
#endif
