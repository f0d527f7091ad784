/* Who took a lock by a call of acquire(). The contract is peek_inside.h.
 *
 * Problem. Nothing on the stack names a lock that was taken by a call, and CPython stores no owner.
 *
 * Choice. The code says between which instructions a lock is held, and by which expression it was taken
 * (peek_flow.c, once for each code object that calls release at all). Here the expression is looked up
 * as the program would do it: a local variable in the frame, a variable of a function around in its
 * cell, a global in the dictionary of globals by the very name object of the code, an attribute in
 * the object's own values. Only if that is the lock that the waiter waits for, the frame has it.
 * What else was let go in the same function, or may have been in the functions that it is calling
 * now, must be found to be other locks; else nothing is claimed. Conditions let go of their lock while
 * they wait: theirs is looked up by its name.
 *
 * Not looked up: elements of lists and dictionaries, attributes of classes and of objects with slots,
 * results of calls. What another function stores into the same global or attribute in between, or
 * lets go and takes again without a frame of its own that shows it, is not seen.
 */
#include "peek_flow.h"
#include "peek_inside.h"

#include <stdlib.h>

enum {
    MAX_NAMES = 512,
    MAX_CODE = 1 << 15,    /* bytes of byte code */
    MAX_ENTRIES = 1 << 12, /* of a dictionary */
    MAX_LITERAL = 64,      /* of one whose names must be read */
    CHUNK = 3072,          /* of its entries read at once: a multiple of both their sizes */
    NAMES_AT_ONCE = 8,
    TYPE_HEAD = 320,
    NAME_ROOM = 16,
    INLINE_VALUES = 1 << 2, MANAGED_DICT = 1 << 4, /* in tp_flags */
};

/* ---- names ---- */

static uint8_t role_of(const char *text, uint64_t length) {
    static const struct { const char *text; uint8_t role; } known[] = {
        {"acquire", TC_NAME_ACQUIRE},    {"release", TC_NAME_RELEASE},
        {"_release_save", TC_NAME_SAVE}, {"release_lock", TC_NAME_UNDO},
        {"__exit__", TC_NAME_UNDO},      {"_at_fork_reinit", TC_NAME_UNDO},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (length == strlen(known[i].text) && !memcmp(text, known[i].text, length)) return known[i].role;
    return TC_NAME_OTHER;
}

/* The names of a code object and what they mean to us. -1: they cannot be read. */
static int read_roles(struct tc_peek *p, uint64_t tuple, uint8_t *roles) {
    uint64_t count = 0, names[MAX_NAMES];
    if (!is_word(tuple) || !get(p, tuple + p->at[TC_OBJECT_SIZE], &count, 8) || count > MAX_NAMES) return -1;
    if (count && !get(p, tuple + p->at[TC_TUPLE_ITEMS], names, count * 8)) return -1;
    for (uint64_t done = 0; done < count; done += NAMES_AT_ONCE) {
        struct { uint64_t length; char text[NAME_ROOM]; } read[NAMES_AT_ONCE];
        struct tc_span spans[2 * NAMES_AT_ONCE];
        size_t some = count - done < NAMES_AT_ONCE ? count - done : NAMES_AT_ONCE;
        for (size_t i = 0; i < some; i++) {
            uint64_t at = names[done + i];
            spans[2 * i] = (struct tc_span){at + p->at[TC_TEXT_LENGTH], &read[i].length, 8};
            spans[2 * i + 1] = (struct tc_span){at + p->at[TC_TEXT_ASCII], read[i].text, NAME_ROOM};
        }
        if (p->read(p->context, spans, 2 * some) != 2 * some) return -1;
        for (size_t i = 0; i < some; i++) roles[done + i] = role_of(read[i].text, read[i].length);
    }
    return (int)count;
}

/* Follows the code, once. 0: it cannot be read now. */
static int follow_code(struct tc_peek *p, const struct peek_code *of) {
    struct code *c = of->code;
    if (c->followed) return 1;
    uint8_t roles[MAX_NAMES] = {0}, *bytes;
    int names = read_roles(p, of->names, roles), lets_go = 0;
    for (int i = 0; i < names; i++) lets_go |= roles[i] > TC_NAME_ACQUIRE;
    if (names < 0) return 0;
    if (!lets_go) return c->followed = 1;
    uint64_t size = 2 * of->units;
    if (size > MAX_CODE) size = 0; /* such code may do anything */
    if (!(bytes = malloc(size + 1))) return 0;
    uint64_t catches = 0; /* the size of the exception table, which must be had if there is one */
    if (get(p, of->begin, bytes, size ? size : 1) && get(p, c->catch_at + p->at[TC_BYTES_SIZE], &catches, 8) &&
        (!catches || tc_peek_catches(p, c))) {
        c->flow = tc_flow_new(tc_flow_opcodes(p->hexversion), bytes, size / 2, roles, (size_t)names, c->catches,
                              c->catch_size);
        c->followed = c->flow != NULL;
    }
    free(bytes);
    return c->followed;
}

/* ---- objects ---- */

/* The place of a name among the entries of a dictionary's keys; the value beside it goes to *value.
 * literal: the name's text, where the object is not known. -1: not there, or not known. */
static int find_key(struct tc_peek *p, uint64_t keys, uint64_t name, const char *literal, uint64_t *value) {
    uint8_t head[40], part[CHUNK];
    if (!is_word(keys) || !get(p, keys, head, p->at[TC_KEYS_INDICES])) return -1;
    uint64_t count = u64(head + p->at[TC_KEYS_INDICES] - 8);
    uint8_t log_bytes = head[9], kind = head[10]; /* behind the count of references */
    if (count > (literal ? MAX_LITERAL : MAX_ENTRIES) || log_bytes > 20 || kind > 2) return -1;
    size_t size = kind == 0 ? 24 : 16, key = kind == 0 ? 8 : 0; /* general entries begin with a hash */
    uint64_t entries = keys + p->at[TC_KEYS_INDICES] + (1ull << log_bytes);
    for (uint64_t i = 0; i < count; i++) {
        size_t at = i * size % CHUNK, left = (count - i) * size;
        if (!at && !get(p, entries + i * size, part, left < CHUNK ? left : CHUNK)) return -1;
        uint64_t found = u64(part + at + key);
        char text[NAME_ROOM];
        if (literal && is_word(found) && get(p, found + p->at[TC_TEXT_ASCII], text, NAME_ROOM)) {
            if (strncmp(text, literal, NAME_ROOM)) continue;
        } else if (literal || found != name) {
            continue;
        }
        *value = u64(part + at + key + 8);
        return (int)i;
    }
    return -1;
}

static uint64_t in_values(struct tc_peek *p, uint64_t values, int place) {
    uint64_t before = p->hexversion >= 0x030d0000 ? 8 : 0; /* capacity and others */
    return place < 0 ? 0 : get_word(p, values + before + 8 * (uint64_t)place);
}

static uint64_t in_dict(struct tc_peek *p, uint64_t dict, uint64_t name, const char *literal) {
    uint64_t parts[2], value = 0; /* keys, values that lie apart */
    if (!is_word(dict) || !get(p, dict + p->at[TC_DICT_KEYS], parts, sizeof parts)) return 0;
    int place = find_key(p, parts[0], name, literal, &value);
    if (place < 0) return 0;
    return parts[1] ? in_values(p, parts[1], place) : value;
}

/* The attribute in the object's own values; 0: not there. */
static uint64_t in_object(struct tc_peek *p, uint64_t object, uint64_t name, const char *literal) {
    uint8_t head[TYPE_HEAD];
    uint64_t type = is_word(object) ? get_word(p, object + p->at[TC_OBJECT_SIZE] - 8) : 0, dict = 0, values = 0;
    if (!is_word(type) || !get(p, type, head, sizeof head)) return 0;
    uint64_t flags = u64(head + p->at[TC_TYPE_FLAGS]), offset = u64(head + p->at[TC_TYPE_DICTOFFSET]);
    if (!(flags & MANAGED_DICT)) {
        if (!offset || offset > 4096) return 0; /* it has none, or lies behind a variable part */
        return in_dict(p, get_word(p, object + offset), name, literal);
    }
    if (p->hexversion < 0x030c0000) {
        values = get_word(p, object - 32);
        dict = get_word(p, object - 24);
    } else if (p->hexversion < 0x030d0000) {
        uint64_t either = get_word(p, object - 24); /* odd: values */
        if (either & 1) values = either + 1;
        else dict = either;
    } else {
        dict = get_word(p, object - (p->at[TC_OBJECT_SIZE] > 16 ? 8 : 24));
        if (!dict && (flags & INLINE_VALUES)) values = object + u64(head + p->at[TC_TYPE_BASICSIZE]);
    }
    if (!values) return in_dict(p, dict, name, literal);
    uint64_t keys = get_word(p, type + p->at[TC_TYPE_KEYS]), none;
    return in_values(p, values, find_key(p, keys, name, literal, &none));
}

/* A type by its name in C; *known: where it was last time. */
static int is_of(struct tc_peek *p, uint64_t object, const char *name, uint64_t *known) {
    char text[NAME_ROOM] = "";
    uint64_t type = is_word(object) ? get_word(p, object + p->at[TC_OBJECT_SIZE] - 8) : 0;
    if (!is_word(type)) return 0;
    if (known && type == *known) return 1;
    if (!get(p, get_word(p, type + p->at[TC_OBJECT_SIZE] + 8), text, NAME_ROOM)) return 0;
    if (strncmp(text, name, NAME_ROOM)) return 0;
    if (known) *known = type;
    return 1;
}

/* ---- expressions ---- */

static uint64_t name_at(struct tc_peek *p, const struct peek_code *of, uint32_t which) {
    return which < MAX_NAMES ? get_word(p, of->names + p->at[TC_TUPLE_ITEMS] + 8ull * which) : 0;
}

static uint64_t root_of(struct tc_peek *p, const struct frame *f, const struct peek_code *of,
                        const struct tc_expression *e) {
    uint64_t spaces[3]; /* globals, builtins, locals */
    if (e->root == OP_LOAD_FAST || e->root == OP_LOAD_DEREF) {
        if (e->index >= of->locals) return 0;
        uint64_t found = get_word(p, f->at + p->at[TC_FRAME_SIZE] - 8 + 8ull * e->index);
        if (p->hexversion >= 0x030e0000) found &= ~7ull; /* CPython's tags */
        if (e->root == OP_LOAD_FAST || !is_word(found)) return found;
        return get_word(p, found + p->at[TC_OBJECT_SIZE]);
    }
    if (!get(p, f->at + p->at[TC_FRAME_GLOBALS], spaces, sizeof spaces)) return 0;
    if (e->root == OP_LOAD_NAME && spaces[0] != spaces[2]) return 0; /* a class, or exec with two */
    return in_dict(p, spaces[0], name_at(p, of, e->index), NULL);
}

static uint64_t value_of(struct tc_peek *p, const struct frame *f, const struct peek_code *of,
                         const struct tc_expression *e) {
    uint64_t value = root_of(p, f, of, e);
    for (int i = 0; value && i < e->count; i++)
        value = in_object(p, value, name_at(p, of, e->attribute[i]), NULL);
    return value && e->save ? in_object(p, value, 0, "_lock") : value;
}

/* All of these are locks, and none is the one that is waited for. */
static int are_others(struct tc_peek *p, const struct frame *f, const struct peek_code *of, uint32_t bits,
                      enum tc_futex kind, uint64_t lock) {
    if (bits & TC_ANY_LOCK) return 0;
    for (uint32_t i = 0; i < of->code->flow->count; i++) {
        if (!(bits >> i & 1)) continue;
        uint64_t value = value_of(p, f, of, &of->code->flow->expressions[i]);
        if (is_of(p, value, "Condition", NULL)) value = in_object(p, value, 0, "_lock");
        if (!is_of(p, value, "_thread.lock", &p->lock_type) && !is_of(p, value, "_thread.RLock", &p->rlock_type))
            return 0;
        if (is_lock(p, value, kind, lock)) return 0;
    }
    return 1;
}

struct peek_calls tc_peek_calls(struct tc_peek *p, const struct frame *f, const struct peek_code *of,
                                enum tc_futex kind, uint64_t lock) {
    if (!follow_code(p, of)) return (struct peek_calls){0, 1};
    const struct tc_flow *flow = of->code->flow;
    if (!flow) return (struct peek_calls){0, 0};
    if (of->unit >= flow->units) return (struct peek_calls){0, 1};
    uint32_t at = flow->of_unit[of->unit], taken = flow->among[at] | flow->alone[at];
    for (uint32_t i = 0; i < flow->count; i++) {
        uint32_t bit = 1u << i;
        if (!(taken & bit)) continue;
        uint64_t value = value_of(p, f, of, &flow->expressions[i]);
        if (!is_lock(p, value, kind, lock) || !is_of(p, value, "_thread.lock", &p->lock_type)) continue;
        if (flow->alone[at] & bit || are_others(p, f, of, flow->freed[at] & ~bit, kind, lock))
            return (struct peek_calls){1, 0};
    }
    uint32_t freed = flow->freed[at];
    return (struct peek_calls){0, freed && !are_others(p, f, of, freed, kind, lock)};
}
