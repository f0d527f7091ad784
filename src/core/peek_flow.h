/* What a function's byte code says about locks that are taken by calls: `lock.acquire()` ...
 * `lock.release()`. No process is read here and nothing is known of objects: only which expression was
 * taken and not yet let go at which instruction. How: peek_flow.c. */
#ifndef TWOCOOKS_PEEK_FLOW_H
#define TWOCOOKS_PEEK_FLOW_H
#include <stddef.h>
#include <stdint.h>

#include "peek_opcodes.h"

/* What a name of the code means to us. */
enum tc_role {
    TC_NAME_OTHER,
    TC_NAME_ACQUIRE,
    TC_NAME_RELEASE,
    TC_NAME_SAVE, /* _release_save: a condition lets go of its lock */
    TC_NAME_UNDO, /* another way to let go */
};

enum { TC_EXPRESSIONS = 31, TC_ATTRIBUTES = 2 };
#define TC_ANY_LOCK (1u << 31) /* in `freed`: of what is not known */

/* What stands before `.acquire` or `.release`: a variable, perhaps with attributes. */
struct tc_expression {
    uint8_t root;  /* OP_LOAD_FAST, OP_LOAD_DEREF: place in the frame; OP_LOAD_GLOBAL, OP_LOAD_NAME: name */
    uint8_t count; /* attributes */
    uint8_t save;  /* the lock of this condition is meant */
    uint8_t unused;
    uint32_t index, attribute[TC_ATTRIBUTES]; /* names */
};

struct tc_flow {
    uint32_t units;    /* code units; 0: the code could not be followed, it may do anything */
    uint16_t *of_unit; /* instruction of each code unit */
    /* For each instruction, as it begins, a bit an expression: it was taken by this very run of the function,
     * has not been let go by it, and will be, on each way out that is no exception: */
    uint32_t *alone; /* ... and nothing else was let go since; */
    uint32_t *among; /* ... if what else was let go are other locks. */
    uint32_t *freed; /* may have been let go since the function began */
    uint32_t count;
    struct tc_expression expressions[TC_EXPRESSIONS];
};

/* hexversion's opcodes; NULL: not known. */
const struct tc_opcodes *tc_flow_opcodes(uint32_t hexversion);

/* roles: one of enum tc_role for each name. The tables are as the code object has them. NULL: no memory. */
struct tc_flow *tc_flow_new(const struct tc_opcodes *opcodes, const uint8_t *code, size_t units,
                            const uint8_t *roles, size_t names, const uint8_t *catches,
                            size_t catch_size);
void tc_flow_free(struct tc_flow *flow);
#endif
