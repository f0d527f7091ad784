/* How the bindings in tables_module.c take their arguments: whole numbers, then arrays as buffers. */
#ifndef TWOCOOKS_TABLES_ARGS_H
#define TWOCOOKS_TABLES_ARGS_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "tables.h"

#define MOST 24

/* The arguments of one call: arrays, each with its items' size. */
struct call {
    Py_buffer view[MOST];
    int count;
};

static void leave(struct call *c) {
    while (c->count) PyBuffer_Release(&c->view[--c->count]);
}

/* Takes one array for each letter: lower case to read, upper case to write; q 8 bytes, i 4, b 1. */
static int enter(struct call *c, PyObject *const *args, Py_ssize_t n, const char *letters) {
    c->count = 0;
    for (const char *l = letters; *l; l++) {
        if (c->count >= n) {
            PyErr_SetString(PyExc_TypeError, "an array is missing");
            goto fail;
        }
        int writable = *l < 'a';
        Py_buffer *view = &c->view[c->count];
        if (PyObject_GetBuffer(args[c->count], view, writable ? PyBUF_CONTIG : PyBUF_CONTIG_RO)) goto fail;
        c->count++;
        Py_ssize_t size = (*l | 32) == 'q' ? 8 : (*l | 32) == 'i' ? 4 : 1;
        if (view->itemsize != size) {
            PyErr_SetString(PyExc_TypeError, "an array of another type");
            goto fail;
        }
    }
    return 1;
fail:
    leave(c);
    return 0;
}

static int64_t items(const struct call *c, int i) {
    return (int64_t)(c->view[i].len / c->view[i].itemsize);
}

/* All arrays from `first` to `last` have at least so many items. */
static int long_enough(struct call *c, int first, int last, int64_t least) {
    for (int i = first; i <= last; i++) {
        if (items(c, i) < least) {
            PyErr_SetString(PyExc_ValueError, "an array is too short");
            leave(c);
            return 0;
        }
    }
    return 1;
}

static PyObject *result_of(struct call *c, int64_t result) {
    leave(c);
    if (result == TC_TABLES_NO_MEMORY) return PyErr_NoMemory();
    return PyLong_FromLongLong(result);
}

/* Whole numbers before the arrays. */
static int numbers_of(PyObject *const *args, Py_ssize_t n, long long *numbers, int count) {
    if (n < count) {
        PyErr_SetString(PyExc_TypeError, "numbers are missing");
        return 0;
    }
    for (int i = 0; i < count; i++) {
        numbers[i] = PyLong_AsLongLong(args[i]);
        if (numbers[i] == -1 && PyErr_Occurred()) return 0;
    }
    return 1;
}

#define CALL(result, expression)                   \
    Py_BEGIN_ALLOW_THREADS result = (expression); \
    Py_END_ALLOW_THREADS

/* Seven arrays from `first` on: the columns of Pieces, letters "iqqbbii". */
static struct tc_pieces pieces_at(const struct call *c, int first) {
    const Py_buffer *v = c->view + first;
    return (struct tc_pieces){v[0].buf, v[1].buf, v[2].buf, v[3].buf,
                              v[4].buf, v[5].buf, v[6].buf, items(c, first)};
}
#endif
