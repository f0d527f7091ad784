/* Problem. Who took a lock by `lock.acquire()` has nothing on its stack that says so. But its code says
 * it: at some instructions the call is behind it and `lock.release()` is not, whatever way it came.
 *
 * Choice. Data flow over the instructions of one function, once for each code object:
 *   forward, on all ways: taken by a call whose result is thrown away and that has no limit, or whose
 *     result was tested, and not let go since. Let go is what loads a method to let go with; what stores
 *     the variable or attribute; and a `yield`, behind which another thread may go on.
 *   backward, on all ways without an exception: it will let go, before it takes it again. If some
 *     function that it called had let go for it, that would be an error.
 * An exception may come at any instruction, and leads where the exception table says.
 * Whatever is not understood (code that is instrumented, other shapes of calls) takes nothing and
 * may let go of everything.
 *
 * The sets are bits of a word, so each step is a few instructions, and some rounds over the code are
 * enough: what is reached is 1 to 10 us for each code object that has such calls at all.
 */
#include "peek_flow.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_INSTRUCTIONS = 4096, MAX_UNITS = 1 << 14, MAX_CATCHES = 512, MAX_ROUNDS = 40,
       MAX_CAUGHT = 1 << 16 };

struct instruction {
    uint8_t kind, targeted; /* targeted: a jump or an exception leads here */
    uint32_t argument, next_unit, target;
    uint32_t freed, stored, taken;  /* bits of expressions; taken: it loads the method to take with */
    uint32_t gets, gets_by_jump;    /* taken where it goes on, or where it jumps */
};

struct range {
    uint32_t from, until, handler; /* instructions */
};

struct work {
    const struct tc_opcodes *opcodes;
    const uint8_t *roles;
    size_t names;
    struct instruction *at;
    uint32_t count, ranges, caught; /* caught: code units in all ranges */
    struct range range[MAX_CATCHES];
    struct tc_flow *flow;
};

const struct tc_opcodes *tc_flow_opcodes(uint32_t hexversion) {
    for (size_t i = 0; i < sizeof tc_opcode_tables / sizeof *tc_opcode_tables; i++)
        if (tc_opcode_tables[i].version == hexversion >> 16) return &tc_opcode_tables[i];
    return NULL;
}

void tc_flow_free(struct tc_flow *flow) {
    if (!flow) return;
    free(flow->of_unit);
    free(flow->alone);
    free(flow->among);
    free(flow->freed);
    free(flow);
}

/* ---- instructions ---- */

static int decode(struct work *w, const uint8_t *code, uint32_t units) {
    uint32_t high = 0;
    for (uint32_t u = 0; u < units;) {
        uint8_t kind = w->opcodes->kind[code[2 * u]];
        uint32_t argument = high | code[2 * u + 1], next = u + 1u + w->opcodes->caches[code[2 * u]];
        if (kind == OP_BAD || next > units || w->count == MAX_INSTRUCTIONS) return 0;
        for (uint32_t part = u; part < next; part++) w->flow->of_unit[part] = (uint16_t)w->count;
        high = kind == OP_EXTENDED ? argument << 8 : 0;
        if (kind != OP_EXTENDED)
            w->at[w->count++] = (struct instruction){.kind = kind, .argument = argument, .next_unit = next};
        u = next;
    }
    return !high && w->count;
}

static int is_back(int kind) {
    return kind == OP_JUMP_BACK || kind == OP_GOTO_BACK || kind == OP_IF_TRUE_BACK || kind == OP_IF_FALSE_BACK;
}
static int jumps(int kind) { return kind >= OP_JUMP && kind <= OP_IF_FALSE_BACK; }
static int goes_on(int kind) {
    return kind != OP_RETURN && kind != OP_RAISE && kind != OP_GOTO && kind != OP_GOTO_BACK;
}

static int find_targets(struct work *w, uint32_t units) {
    for (uint32_t i = 0; i < w->count; i++) {
        struct instruction *in = &w->at[i];
        if (goes_on(in->kind) && i + 1 == w->count) return 0;
        if (!jumps(in->kind)) continue;
        uint64_t to = is_back(in->kind) ? (uint64_t)in->next_unit - in->argument
                                        : (uint64_t)in->next_unit + in->argument;
        if (to >= units) return 0;
        in->target = w->flow->of_unit[to];
        w->at[in->target].targeted = 1;
    }
    return 1;
}

static uint32_t varint(const uint8_t **at, const uint8_t *end) { /* 6 bits a byte, the highest first */
    uint32_t value = 0;
    for (int i = 0; *at < end && i < 6; i++) {
        uint8_t byte = *(*at)++;
        value = value << 6 | (byte & 63u);
        if (!(byte & 64)) break;
    }
    return value;
}

static int find_ranges(struct work *w, const uint8_t *at, size_t size, uint32_t units) {
    const uint8_t *end = at + size;
    while (at < end) {
        uint32_t start = varint(&at, end), length = varint(&at, end), handler = varint(&at, end);
        varint(&at, end);
        if (start >= units || length > units - start || !length || handler >= units) return 0;
        w->caught += length;
        if (w->ranges == MAX_CATCHES || w->caught > MAX_CAUGHT) return 0;
        uint16_t *of = w->flow->of_unit;
        w->range[w->ranges++] = (struct range){of[start], of[start + length - 1] + 1u, of[handler]};
        w->at[of[handler]].targeted = 1;
    }
    return 1;
}

/* ---- expressions ---- */

/* The name that an instruction loads from an object. 3.12 and later: the lowest bit says whether a method. */
static int loads_name(const struct work *w, const struct instruction *in, uint32_t *name, int *method) {
    if (in->kind != OP_LOAD_ATTR && in->kind != OP_LOAD_METHOD) return 0;
    int old = w->opcodes->version < 0x030c;
    *name = old ? in->argument : in->argument >> 1;
    *method = in->kind == OP_LOAD_METHOD || (!old && (in->argument & 1));
    return *name < w->names;
}

static int is_root(const struct instruction *in, struct tc_expression *e) {
    e->root = in->kind;
    e->index = in->argument;
    switch (in->kind) {
    case OP_LOAD_FAST_2:
    case OP_STORE_LOAD: e->root = OP_LOAD_FAST, e->index = in->argument & 15; return 1;
    case OP_LOAD_GLOBAL: e->index = in->argument >> 1; return 1;
    case OP_LOAD_FAST:
    case OP_LOAD_DEREF:
    case OP_LOAD_NAME: return 1;
    default: return 0;
    }
}

/* What the instruction at `i` takes a method of, as a bit; 0: something else than a plain chain of
 * loads, which no jump leads into. */
static uint32_t receiver(struct work *w, uint32_t i, int save) {
    struct tc_expression e = {0};
    uint32_t names[TC_ATTRIBUTES], name;
    int method;
    e.save = (uint8_t)save;
    for (;; e.count++) {
        if (!i || w->at[i].targeted) return 0;
        i--;
        if (is_root(&w->at[i], &e)) break;
        if (e.count == TC_ATTRIBUTES || !loads_name(w, &w->at[i], &name, &method) || method) return 0;
        names[e.count] = name;
    }
    for (int k = 0; k < e.count; k++) e.attribute[k] = names[e.count - 1 - k];
    struct tc_flow *f = w->flow;
    for (uint32_t k = 0; k < f->count; k++)
        if (!memcmp(&f->expressions[k], &e, sizeof e)) return 1u << k;
    if (f->count == TC_EXPRESSIONS) return 0;
    f->expressions[f->count] = e;
    return 1u << f->count++;
}

static uint32_t rooted(const struct work *w, int root, uint32_t index) {
    uint32_t bits = 0;
    for (uint32_t k = 0; k < w->flow->count; k++) {
        const struct tc_expression *e = &w->flow->expressions[k];
        int named = e->root == OP_LOAD_NAME ? OP_LOAD_GLOBAL : e->root;
        if (named == root && e->index == index) bits |= 1u << k;
    }
    return bits;
}

/* The expressions that are something else after this instruction. */
static uint32_t stores(const struct work *w, const struct instruction *in) {
    uint32_t a = in->argument, bits = 0;
    switch (in->kind) {
    case OP_STORE_FAST: return rooted(w, OP_LOAD_FAST, a) | rooted(w, OP_LOAD_DEREF, a);
    case OP_STORE_FAST_2: return rooted(w, OP_LOAD_FAST, a >> 4) | rooted(w, OP_LOAD_FAST, a & 15);
    case OP_STORE_LOAD: return rooted(w, OP_LOAD_FAST, a >> 4);
    case OP_STORE_DEREF: return rooted(w, OP_LOAD_DEREF, a);
    case OP_STORE_NAME: return rooted(w, OP_LOAD_GLOBAL, a);
    case OP_STORE_ATTR:
        for (uint32_t k = 0; k < w->flow->count; k++)
            for (int n = 0; n < w->flow->expressions[k].count; n++)
                if (w->flow->expressions[k].attribute[n] == a) bits |= 1u << k;
        return bits;
    default: return 0;
    }
}

/* A value that is loaded without a call. What is called is loaded with an empty place beside it. */
static int is_argument(const struct work *w, const struct instruction *in) {
    uint32_t name;
    int method;
    switch (in->kind) {
    case OP_LOAD:
    case OP_LOAD_FAST:
    case OP_LOAD_FAST_2:
    case OP_LOAD_DEREF:
    case OP_LOAD_NAME: return 1;
    case OP_LOAD_GLOBAL: return !(in->argument & 1);
    case OP_LOAD_ATTR: return loads_name(w, in, &name, &method) && !method;
    default: return 0;
    }
}

/* The method to take `bit` with was loaded at `i`: finds where the lock is taken for sure. */
static void find_taking(struct work *w, uint32_t i, uint32_t bit) {
    uint32_t at = i + 1, arguments = 0;
    for (; at + 2 < w->count && is_argument(w, &w->at[at]); at++) arguments++;
    if (at + 2 < w->count && w->at[at].kind == OP_PRECALL) at++;
    if (at + 2 >= w->count || w->at[at++].kind != OP_CALL) return;
    if (w->at[at].kind == OP_POP_TOP && !arguments) w->at[at].gets |= bit;
    if (w->at[at].kind == OP_TO_BOOL) at++;
    for (uint32_t part = i + 1; part <= at; part++)
        if (w->at[part].targeted) {
            w->at[at].gets &= ~bit;
            return;
        }
    int kind = w->at[at].kind;
    if (kind == OP_IF_FALSE || kind == OP_IF_FALSE_BACK) w->at[at].gets |= bit;
    if (kind == OP_IF_TRUE || kind == OP_IF_TRUE_BACK) w->at[at].gets_by_jump |= bit;
}

static void find_calls(struct work *w) {
    uint32_t name;
    int method;
    for (uint32_t i = 0; i < w->count; i++) {
        struct instruction *in = &w->at[i];
        int role = loads_name(w, in, &name, &method) ? w->roles[name] : TC_NAME_OTHER;
        if (role == TC_NAME_OTHER) continue;
        uint32_t bit = role == TC_NAME_UNDO ? 0 : receiver(w, i, role == TC_NAME_SAVE);
        if (role != TC_NAME_ACQUIRE)
            in->freed = bit ? bit : TC_ANY_LOCK;
        else if (bit) {
            in->taken = bit;
            if (method) find_taking(w, i, bit); /* else it goes somewhere: `later(lock.acquire)` */
        }
    }
    for (uint32_t i = 0; i < w->count; i++) w->at[i].stored = stores(w, &w->at[i]);
}

/* ---- flow ---- */

static uint32_t gone(const struct instruction *in, int alone) {
    if (in->kind == OP_YIELD || (in->freed & TC_ANY_LOCK) || (alone && in->freed)) return ~0u;
    return in->freed | in->stored;
}

/* Each bit only ever falls, so it ends. */
static int meet(uint32_t *state, uint8_t *reached, uint32_t to, uint32_t with) {
    uint32_t now = state[to] & with;
    int changed = now != state[to] || !reached[to];
    state[to] = now;
    reached[to] = 1;
    return changed;
}

/* What was taken and not let go, on all ways to each instruction. */
static int held(const struct work *w, int alone, uint32_t *state, uint8_t *reached) {
    memset(state, 0xff, w->count * sizeof *state);
    memset(reached, 0, w->count);
    meet(state, reached, 0, 0);
    for (int round = 0, changed = 1; changed; round++) {
        if (round == MAX_ROUNDS) return 0;
        changed = 0;
        for (uint32_t i = 0; i < w->count; i++) {
            const struct instruction *in = &w->at[i];
            if (!reached[i]) continue;
            uint32_t left = state[i] & ~gone(in, alone);
            if (goes_on(in->kind)) changed |= meet(state, reached, i + 1, left | in->gets);
            if (jumps(in->kind)) changed |= meet(state, reached, in->target, left | in->gets_by_jump);
        }
        for (uint32_t r = 0; r < w->ranges; r++)
            for (uint32_t i = w->range[r].from; i < w->range[r].until; i++)
                if (reached[i])
                    changed |= meet(state, reached, w->range[r].handler, state[i] & ~gone(&w->at[i], alone));
    }
    for (uint32_t i = 0; i < w->count; i++)
        if (!reached[i]) state[i] = 0;
    return 1;
}

static int join(uint32_t *state, uint32_t to, uint32_t with) {
    uint32_t before = state[to];
    state[to] |= with;
    return state[to] != before;
}

/* What may have been let go on the way to each instruction. An expression whose variable is stored
 * somewhere may have been another lock then. */
static int freed(const struct work *w, uint32_t *state) {
    uint32_t stored = 0;
    for (uint32_t i = 0; i < w->count; i++) stored |= w->at[i].stored;
    memset(state, 0, w->count * sizeof *state);
    for (int round = 0, changed = 1; changed; round++) {
        if (round == MAX_ROUNDS) return 0;
        changed = 0;
        for (uint32_t i = 0; i < w->count; i++) {
            const struct instruction *in = &w->at[i];
            uint32_t now = state[i] | (in->freed & stored ? TC_ANY_LOCK : in->freed);
            if (goes_on(in->kind)) changed |= join(state, i + 1, now);
            if (jumps(in->kind)) changed |= join(state, in->target, now);
        }
        for (uint32_t r = 0; r < w->ranges; r++)
            for (uint32_t i = w->range[r].from; i < w->range[r].until; i++) {
                uint32_t now = w->at[i].freed & stored ? TC_ANY_LOCK : w->at[i].freed;
                changed |= join(state, w->range[r].handler, state[i] | now);
            }
    }
    return 1;
}

/* What will be let go: on all ways out but exceptions (all), or on some way. */
static int leaves(const struct work *w, int all, uint32_t *state) {
    memset(state, all ? 0xff : 0, w->count * sizeof *state);
    for (int round = 0, changed = 1; changed; round++) {
        if (round == MAX_ROUNDS) return 0;
        changed = 0;
        for (uint32_t i = w->count; i-- > 0;) {
            const struct instruction *in = &w->at[i];
            uint32_t after = all && in->kind != OP_RETURN ? ~0u : 0;
            if (goes_on(in->kind)) after = all ? after & state[i + 1] : after | state[i + 1];
            if (jumps(in->kind)) after = all ? after & state[in->target] : after | state[in->target];
            uint32_t now = (after & ~(in->taken | in->stored)) | (in->freed & ~TC_ANY_LOCK);
            changed |= now != state[i];
            state[i] = now;
        }
    }
    return 1;
}

static int follow(struct work *w) {
    struct tc_flow *f = w->flow;
    uint32_t *all = malloc(w->count * sizeof *all), *some = malloc(w->count * sizeof *some);
    uint8_t *reached = malloc(w->count);
    int done = all && some && reached && held(w, 1, f->alone, reached) && held(w, 0, f->among, reached) &&
               freed(w, f->freed) && leaves(w, 1, all) && leaves(w, 0, some);
    for (uint32_t i = 0; done && i < w->count; i++) {
        f->alone[i] &= all[i] & some[i];
        f->among[i] &= all[i] & some[i];
    }
    free(all);
    free(some);
    free(reached);
    return done;
}

struct tc_flow *tc_flow_new(const struct tc_opcodes *opcodes, const uint8_t *code, size_t units,
                            const uint8_t *roles, size_t names, const uint8_t *catches,
                            size_t catch_size) {
    struct tc_flow *f = calloc(1, sizeof *f);
    struct work *w = calloc(1, sizeof *w);
    if (f && w && opcodes && units && units <= MAX_UNITS) {
        *w = (struct work){.opcodes = opcodes, .roles = roles, .names = names, .flow = f};
        w->at = malloc(MAX_INSTRUCTIONS * sizeof *w->at);
        f->of_unit = calloc(units, sizeof *f->of_unit);
        uint32_t all = (uint32_t)units;
        if (w->at && f->of_unit && decode(w, code, all) && find_targets(w, all) &&
            find_ranges(w, catches, catch_size, all)) {
            find_calls(w);
            f->alone = calloc(w->count, sizeof *f->alone);
            f->among = calloc(w->count, sizeof *f->among);
            f->freed = calloc(w->count, sizeof *f->freed);
            if (f->alone && f->among && f->freed && follow(w)) f->units = all;
        }
        free(w->at);
    }
    free(w);
    return f;
}
