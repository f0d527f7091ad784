/* The extension twocooks._arrow: hands columns over by the Arrow C data interface
 * (https://arrow.apache.org/docs/format/CDataInterface.html), in the capsules of its PyCapsule protocol.
 *
 * What goes wrong in such code is lifetime, so the rules stand here:
 *
 * - Who takes a struct over calls its release, once, on whatever thread, with or without the GIL, perhaps
 *   when Python is gone. So release is C: it takes the GIL only to give Python's buffers back, and leaves
 *   them where Python ends or has ended (leaking into a process that is over).
 * - Each array holds its own buffers and owns its own memory, so a child may be moved out of its parent and
 *   outlive it. A moved struct has no release any more; its parent then leaves it alone.
 * - A capsule that nobody took anything out of releases what is in it.
 * - A stream holds a finished schema and a finished array: to hand them out it needs no Python.
 *
 * It knows nothing of columns: export/arrow.py describes them as nested tuples (`schema`, `array` below).
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct ArrowSchema {
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    struct ArrowSchema **children, *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    struct ArrowArray **children, *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

#define SCHEMA "arrow_schema"
#define ARRAY "arrow_array"
#define STREAM "arrow_array_stream"
#define MOST_BUFFERS 3
#define DEEPEST 4 /* a table, a column, its dictionary: three */

/* Schemas -------------------------------------------------------------------------------------------- */

struct schema_parts {
    char *text; /* format, name, metadata in one piece */
    size_t format, name, metadata; /* their lengths; metadata 0 = none */
    struct ArrowSchema *child, **children, dictionary;
};

static void release_schema(struct ArrowSchema *s) {
    struct schema_parts *p = s->private_data;
    for (int64_t i = 0; i < s->n_children; i++) {
        if (s->children[i]->release) s->children[i]->release(s->children[i]);
    }
    if (s->dictionary && s->dictionary->release) s->dictionary->release(s->dictionary);
    free(p->text);
    free(p->child);
    free(p->children);
    free(p);
    s->release = NULL;
}

/* A schema with room for its children, which are empty (no release) until they are made. 0 = no memory. */
static int make_schema(struct ArrowSchema *s, const char *text, const struct schema_parts *size, int64_t flags,
                       int64_t n_children) {
    memset(s, 0, sizeof *s);
    struct schema_parts *p = calloc(1, sizeof *p);
    if (!p) return 0;
    size_t length = size->format + 1 + size->name + 1 + size->metadata;
    p->format = size->format, p->name = size->name, p->metadata = size->metadata;
    p->text = malloc(length);
    p->child = calloc((size_t)n_children + 1, sizeof *p->child);
    p->children = calloc((size_t)n_children + 1, sizeof *p->children);
    if (!p->text || !p->child || !p->children) {
        free(p->text);
        free(p->child);
        free(p->children);
        free(p);
        return 0;
    }
    memcpy(p->text, text, length);
    for (int64_t i = 0; i < n_children; i++) p->children[i] = &p->child[i];
    s->format = p->text;
    s->name = p->text + p->format + 1;
    s->metadata = p->metadata ? s->name + p->name + 1 : NULL;
    s->flags = flags;
    s->n_children = n_children;
    s->children = n_children ? p->children : NULL;
    s->release = release_schema;
    s->private_data = p;
    return 1;
}

static int copy_schema(const struct ArrowSchema *from, struct ArrowSchema *to) {
    struct schema_parts *p = from->private_data;
    if (!make_schema(to, p->text, p, from->flags, from->n_children)) return 0;
    int good = 1;
    for (int64_t i = 0; good && i < from->n_children; i++) good = copy_schema(from->children[i], to->children[i]);
    if (good && from->dictionary) {
        struct schema_parts *mine = to->private_data;
        good = copy_schema(from->dictionary, &mine->dictionary);
        if (good) to->dictionary = &mine->dictionary;
    }
    if (!good) to->release(to);
    return good;
}

static int read_schema(PyObject *node, struct ArrowSchema *s, int depth);

/* The children and the dictionary of a schema that is made. */
static int read_below(struct ArrowSchema *s, PyObject *children, PyObject *dictionary, int depth) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(children); i++) {
        if (!read_schema(PyTuple_GET_ITEM(children, i), s->children[i], depth + 1)) return 0;
    }
    if (dictionary == Py_None) return 1;
    struct schema_parts *p = s->private_data;
    if (!read_schema(dictionary, &p->dictionary, depth + 1)) return 0;
    s->dictionary = &p->dictionary;
    return 1;
}

/* (format, name, metadata or None, flags, (child, ...), dictionary or None); texts are bytes. */
static int read_schema(PyObject *node, struct ArrowSchema *s, int depth) {
    const char *format, *name, *metadata;
    Py_ssize_t length;
    long long flags;
    PyObject *children, *dictionary;
    if (depth >= DEEPEST || !PyTuple_Check(node)) {
        PyErr_SetString(PyExc_TypeError, "a schema is a tuple, and not nested so deep");
        return 0;
    }
    if (!PyArg_ParseTuple(node, "yyz#LO!O", &format, &name, &metadata, &length, &flags, &PyTuple_Type, &children,
                          &dictionary)) {
        return 0;
    }
    struct schema_parts size = {.format = strlen(format), .name = strlen(name), .metadata = metadata ? (size_t)length : 0};
    char *text = malloc(size.format + 1 + size.name + 1 + size.metadata);
    int good = text != NULL;
    if (good) {
        memcpy(text, format, size.format + 1);
        memcpy(text + size.format + 1, name, size.name + 1);
        if (size.metadata) memcpy(text + size.format + 1 + size.name + 1, metadata, size.metadata);
        good = make_schema(s, text, &size, flags, PyTuple_GET_SIZE(children));
    }
    free(text);
    if (!good) {
        PyErr_NoMemory();
        return 0;
    }
    if (read_below(s, children, dictionary, depth)) return 1;
    s->release(s);
    return 0;
}

/* Arrays --------------------------------------------------------------------------------------------- */

struct array_parts {
    Py_buffer view[MOST_BUFFERS];
    int views;
    const void *buffer[MOST_BUFFERS];
    struct ArrowArray *child, **children, dictionary;
};

/* Python has ended, or is about to: nothing of it may be touched, and taking the GIL might never return. */
static int python_is_gone(void) {
#if PY_VERSION_HEX >= 0x030d0000
    return !Py_IsInitialized() || Py_IsFinalizing();
#else
    return !Py_IsInitialized() || _Py_IsFinalizing();
#endif
}

static void release_array(struct ArrowArray *a) {
    struct array_parts *p = a->private_data;
    for (int64_t i = 0; i < a->n_children; i++) {
        if (a->children[i]->release) a->children[i]->release(a->children[i]);
    }
    if (a->dictionary && a->dictionary->release) a->dictionary->release(a->dictionary);
    if (p->views && !python_is_gone()) {
        PyGILState_STATE state = PyGILState_Ensure();
        while (p->views) PyBuffer_Release(&p->view[--p->views]);
        PyGILState_Release(state);
    }
    int kept = p->views; /* a view that is not given back must stay where it is */
    free(p->child);
    free(p->children);
    if (!kept) free(p);
    a->release = NULL;
}

/* An array with room for its children, which are empty until they are made. 0 = no memory. */
static int make_array(struct ArrowArray *a, int64_t length, int64_t nulls, int64_t n_children) {
    memset(a, 0, sizeof *a);
    struct array_parts *p = calloc(1, sizeof *p);
    if (!p) return 0;
    p->child = calloc((size_t)n_children + 1, sizeof *p->child);
    p->children = calloc((size_t)n_children + 1, sizeof *p->children);
    if (!p->child || !p->children) {
        free(p->child);
        free(p->children);
        free(p);
        return 0;
    }
    for (int64_t i = 0; i < n_children; i++) p->children[i] = &p->child[i];
    a->length = length;
    a->null_count = nulls;
    a->n_children = n_children;
    a->children = n_children ? p->children : NULL;
    a->buffers = p->buffer;
    a->release = release_array;
    a->private_data = p;
    return 1;
}

static int read_array(PyObject *node, struct ArrowArray *a, int depth);

/* Buffers, children and dictionary of an array that is made. */
static int fill_array(struct ArrowArray *a, PyObject *buffers, PyObject *children, PyObject *dictionary, int depth) {
    struct array_parts *p = a->private_data;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(buffers); i++) {
        PyObject *from = PyTuple_GET_ITEM(buffers, i);
        a->n_buffers = i + 1;
        if (from == Py_None) continue;
        if (PyObject_GetBuffer(from, &p->view[p->views], PyBUF_SIMPLE)) return 0;
        p->buffer[i] = p->view[p->views++].buf;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(children); i++) {
        if (!read_array(PyTuple_GET_ITEM(children, i), a->children[i], depth + 1)) return 0;
    }
    if (dictionary == Py_None) return 1;
    if (!read_array(dictionary, &p->dictionary, depth + 1)) return 0;
    a->dictionary = &p->dictionary;
    return 1;
}

/* (length, nulls, (buffer or None, ...), (child, ...), dictionary or None); a buffer is any object with one. */
static int read_array(PyObject *node, struct ArrowArray *a, int depth) {
    long long length, nulls;
    PyObject *buffers, *children, *dictionary;
    if (depth >= DEEPEST || !PyTuple_Check(node)) {
        PyErr_SetString(PyExc_TypeError, "an array is a tuple, and not nested so deep");
        return 0;
    }
    if (!PyArg_ParseTuple(node, "LLO!O!O", &length, &nulls, &PyTuple_Type, &buffers, &PyTuple_Type, &children,
                          &dictionary)) {
        return 0;
    }
    if (PyTuple_GET_SIZE(buffers) > MOST_BUFFERS) {
        PyErr_SetString(PyExc_ValueError, "too many buffers");
        return 0;
    }
    if (!make_array(a, length, nulls, PyTuple_GET_SIZE(children))) {
        PyErr_NoMemory();
        return 0;
    }
    if (fill_array(a, buffers, children, dictionary, depth)) return 1;
    a->release(a);
    return 0;
}

/* Streams -------------------------------------------------------------------------------------------- */

struct stream_parts {
    struct ArrowSchema schema;
    struct ArrowArray array; /* without release once it was handed out */
};

static int get_schema(struct ArrowArrayStream *s, struct ArrowSchema *out) {
    struct stream_parts *p = s->private_data;
    return copy_schema(&p->schema, out) ? 0 : ENOMEM;
}

static int get_next(struct ArrowArrayStream *s, struct ArrowArray *out) {
    struct stream_parts *p = s->private_data;
    if (p->array.release) *out = p->array;
    else memset(out, 0, sizeof *out);
    p->array.release = NULL;
    return 0;
}

static const char *get_last_error(struct ArrowArrayStream *s) {
    (void)s;
    return "no memory"; /* nothing else can fail */
}

static void release_stream(struct ArrowArrayStream *s) {
    struct stream_parts *p = s->private_data;
    if (p->schema.release) p->schema.release(&p->schema);
    if (p->array.release) p->array.release(&p->array);
    free(p);
    s->release = NULL;
}

/* Capsules ------------------------------------------------------------------------------------------- */

#define DESTROYS(kind, name)                                       \
    static void destroy_##kind(PyObject *capsule) {                \
        struct kind *held = PyCapsule_GetPointer(capsule, name);   \
        if (held->release) held->release(held);                    \
        free(held);                                                \
    }

DESTROYS(ArrowSchema, SCHEMA)
DESTROYS(ArrowArray, ARRAY)
DESTROYS(ArrowArrayStream, STREAM)

static PyObject *schema_capsule(PyObject *node) {
    struct ArrowSchema *s = calloc(1, sizeof *s);
    if (!s) return PyErr_NoMemory();
    if (!read_schema(node, s, 0)) {
        free(s);
        return NULL;
    }
    PyObject *capsule = PyCapsule_New(s, SCHEMA, destroy_ArrowSchema);
    if (!capsule) {
        s->release(s);
        free(s);
    }
    return capsule;
}

static PyObject *array_capsule(PyObject *node) {
    struct ArrowArray *a = calloc(1, sizeof *a);
    if (!a) return PyErr_NoMemory();
    if (!read_array(node, a, 0)) {
        free(a);
        return NULL;
    }
    PyObject *capsule = PyCapsule_New(a, ARRAY, destroy_ArrowArray);
    if (!capsule) {
        a->release(a);
        free(a);
    }
    return capsule;
}

static PyObject *schema(PyObject *module, PyObject *node) {
    (void)module;
    return schema_capsule(node);
}

static PyObject *array(PyObject *module, PyObject *args) {
    PyObject *schema_node, *array_node;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO", &schema_node, &array_node)) return NULL;
    PyObject *first = schema_capsule(schema_node);
    PyObject *second = first ? array_capsule(array_node) : NULL;
    PyObject *both = second ? PyTuple_Pack(2, first, second) : NULL;
    Py_XDECREF(first);
    Py_XDECREF(second);
    return both;
}

static PyObject *stream(PyObject *module, PyObject *args) {
    PyObject *schema_node, *array_node;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO", &schema_node, &array_node)) return NULL;
    struct ArrowArrayStream *s = calloc(1, sizeof *s);
    struct stream_parts *p = calloc(1, sizeof *p);
    if (!s || !p) {
        free(s);
        free(p);
        return PyErr_NoMemory();
    }
    s->get_schema = get_schema;
    s->get_next = get_next;
    s->get_last_error = get_last_error;
    s->release = release_stream;
    s->private_data = p;
    PyObject *capsule = NULL;
    if (read_schema(schema_node, &p->schema, 0) && read_array(array_node, &p->array, 0)) {
        capsule = PyCapsule_New(s, STREAM, destroy_ArrowArrayStream);
    }
    if (!capsule) {
        release_stream(s);
        free(s);
    }
    return capsule;
}

static PyMethodDef methods[] = {
    {"schema", schema, METH_O, "schema(schema) -> capsule"},
    {"array", array, METH_VARARGS, "array(schema, array) -> (capsule, capsule)"},
    {"stream", stream, METH_VARARGS, "stream(schema, array) -> capsule: a stream of this one array"},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
#if PY_VERSION_HEX >= 0x030c0000
    /* A foreign thread that releases an array cannot know whose interpreter its buffers are. */
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030d0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "twocooks._arrow",
    .m_doc = "Columns by the Arrow C data interface.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__arrow(void) { return PyModuleDef_Init(&definition); }
