/* numpy's arrays in a spill: the functions of twocooks._tables that begin with spill_.
 *
 * numpy lets its users say where arrays lie (NEP 49): a capsule with four functions, which is set for
 * the running context. Each array keeps the capsule that made it, so the spill is there as long as its
 * last array is. The two functions of numpy's C API that are needed stand at places that have not moved
 * since numpy 1.22, so none of its headers are. */
#define PY_SSIZE_T_CLEAN
#include "spill_numpy.h"

#include <string.h>

#include "spill.h"

#define NAME "mem_handler" /* the name that numpy asks for */
enum { SET_HANDLER = 304, DEFAULT_HANDLER = 306 };

/* As numpy/ndarraytypes.h has it (version 1). */
struct allocator {
    void *self;
    void *(*get)(void *self, size_t bytes);
    void *(*zeroed)(void *self, size_t count, size_t bytes);
    void *(*again)(void *self, void *at, size_t bytes);
    void (*give)(void *self, void *at, size_t bytes);
};
struct handler {
    char name[127];
    uint8_t version;
    struct allocator use;
};

struct kept {
    struct handler handler; /* first: the capsule's pointer is one to it */
    struct allocator plain; /* numpy's own, for small blocks: it keeps some of them ready */
    struct tc_spill *spill;
    size_t least;
};

static void *get(void *self, size_t bytes) {
    const struct kept *k = self;
    return bytes < k->least ? k->plain.get(k->plain.self, bytes) : tc_spill_get(k->spill, bytes, 0);
}

static void *zeroed(void *self, size_t count, size_t bytes) {
    const struct kept *k = self;
    if (bytes && count > SIZE_MAX / bytes) return NULL;
    if (count * bytes < k->least) return k->plain.zeroed(k->plain.self, count, bytes);
    return tc_spill_get(k->spill, count * bytes, 1);
}

static void *again(void *self, void *at, size_t bytes) {
    const struct kept *k = self;
    if (at && !tc_spill_has(k->spill, at) && bytes < k->least) return k->plain.again(k->plain.self, at, bytes);
    return tc_spill_again(k->spill, at, bytes);
}

static void give(void *self, void *at, size_t bytes) {
    const struct kept *k = self;
    if (at && tc_spill_has(k->spill, at)) tc_spill_give(k->spill, at);
    else k->plain.give(k->plain.self, at, bytes);
}

static void gone(PyObject *capsule) {
    struct kept *k = PyCapsule_GetPointer(capsule, NAME);
    if (!k) return;
    tc_spill_close(k->spill);
    PyMem_RawFree(k);
}

static void **numpy_api(void) {
    PyObject *module = PyImport_ImportModule("numpy._core._multiarray_umath");
    if (!module) {
        PyErr_Clear();
        module = PyImport_ImportModule("numpy.core._multiarray_umath"); /* numpy 1 */
    }
    PyObject *capsule = module ? PyObject_GetAttrString(module, "_ARRAY_API") : NULL;
    Py_XDECREF(module);
    void **api = capsule ? PyCapsule_GetPointer(capsule, NULL) : NULL;
    Py_XDECREF(capsule); /* the module keeps it */
    return api;
}

static struct kept *kept_of(PyObject *capsule) {
    if (PyCapsule_IsValid(capsule, NAME) && PyCapsule_GetDestructor(capsule) == gone)
        return PyCapsule_GetPointer(capsule, NAME);
    PyErr_SetString(PyExc_TypeError, "this is no spill");
    return NULL;
}

PyObject *tc_py_spill_open(PyObject *module, PyObject *const *args, Py_ssize_t n) {
    (void)module;
    long long number[4];
    for (int i = 0; i < 4; i++) {
        number[i] = i < n ? PyLong_AsLongLong(args[i]) : -1;
        if (number[i] < 0) {
            if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "file, most, least, stay are numbers");
            return NULL;
        }
    }
    void **api = numpy_api();
    const struct handler *plain = api ? PyCapsule_GetPointer(*(PyObject **)api[DEFAULT_HANDLER], NAME) : NULL;
    if (!plain) return NULL;
    struct kept *k = PyMem_RawCalloc(1, sizeof *k);
    if (!k) return PyErr_NoMemory();
    k->spill = tc_spill_open((int)number[0], number[1], number[2], number[3]);
    if (!k->spill) {
        PyMem_RawFree(k);
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    k->plain = plain->use;
    k->least = (size_t)number[2];
    strcpy(k->handler.name, "twocooks_spill");
    k->handler.version = 1;
    k->handler.use = (struct allocator){k, get, zeroed, again, give};
    PyObject *capsule = PyCapsule_New(k, NAME, gone);
    if (!capsule) {
        tc_spill_close(k->spill);
        PyMem_RawFree(k);
    }
    return capsule;
}

PyObject *tc_py_spill_use(PyObject *module, PyObject *const *args, Py_ssize_t n) {
    (void)module;
    if (n != 1 || (args[0] != Py_None && !PyCapsule_IsValid(args[0], NAME))) {
        PyErr_SetString(PyExc_TypeError, "one handler, or None for numpy's own");
        return NULL;
    }
    void **api = numpy_api();
    if (!api) return NULL;
    PyObject *(*set)(PyObject *) = (PyObject * (*)(PyObject *)) api[SET_HANDLER];
    PyObject *before = set(args[0] == Py_None ? NULL : args[0]);
    const int own = args[0] != Py_None && PyCapsule_GetDestructor(args[0]) == gone;
    const struct kept *k = own ? PyCapsule_GetPointer(args[0], NAME) : NULL;
    if (before) tc_spill_work_in(k ? k->spill : NULL);
    return before;
}

PyObject *tc_py_spill_has(PyObject *module, PyObject *const *args, Py_ssize_t n) {
    (void)module;
    const struct kept *k = n == 2 ? kept_of(args[0]) : NULL;
    if (!k) return NULL;
    void *at = PyLong_AsVoidPtr(args[1]);
    if (!at && PyErr_Occurred()) return NULL;
    return PyBool_FromLong(tc_spill_has(k->spill, at));
}

PyObject *tc_py_spill_rest(PyObject *module, PyObject *const *args, Py_ssize_t n) {
    (void)module;
    struct kept *k = n == 2 ? kept_of(args[0]) : NULL;
    if (!k) return NULL;
    if (PyObject_IsTrue(args[1])) tc_spill_trim(k->spill);
    tc_spill_rest(k->spill);
    Py_RETURN_NONE;
}

PyObject *tc_py_spill_tell(PyObject *module, PyObject *const *args, Py_ssize_t n) {
    (void)module;
    struct kept *k = n == 1 ? kept_of(args[0]) : NULL;
    if (!k) return NULL;
    const struct tc_spill_told t = tc_spill_tell(k->spill);
    return Py_BuildValue("(LLLL)", (long long)t.size, (long long)t.used, (long long)t.beside, (long long)t.rests);
}
