/* The extension twocooks._codec: Python bindings of encode.c and decode.c, nothing else.
 *
 * decode() hands columns over as Buffer objects (the buffer protocol around one malloc), so that
 * numpy can use them without a copy and without numpy's C API. Functions keep no state between
 * calls, so they need no lock on free-threaded Python.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdlib.h>

#include "decode.h"
#include "encode.h"
#include "events.h"

typedef struct {
    PyObject_HEAD
    void *at;
    Py_ssize_t len;
} Buffer;

struct module_state {
    PyTypeObject *buffer_type;
};

static int buffer_get(PyObject *self, Py_buffer *view, int flags) {
    Buffer *b = (Buffer *)self;
    static char nothing[1];
    return PyBuffer_FillInfo(view, self, b->at ? b->at : nothing, b->len, 0, flags);
}

static void buffer_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    free(((Buffer *)self)->at);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot buffer_slots[] = {
    {Py_tp_doc, "Memory of one decoded column."},
    {Py_tp_dealloc, buffer_dealloc},
    {Py_bf_getbuffer, buffer_get},
    {0, NULL},
};
static PyType_Spec buffer_spec = {
    .name = "twocooks._codec.Buffer",
    .basicsize = sizeof(Buffer),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = buffer_slots,
};

/* Takes over the array's memory, cut to what is used. */
static PyObject *buffer_of(struct module_state *state, struct tc_array *a) {
    Buffer *b = PyObject_New(Buffer, state->buffer_type);
    if (!b) return NULL;
    size_t bytes = a->len * a->size;
    void *cut = bytes ? realloc(a->at, bytes) : NULL;
    b->at = cut ? cut : a->at;
    b->len = (Py_ssize_t)bytes;
    a->at = NULL;
    a->len = a->cap = 0;
    return (PyObject *)b;
}

static int decode_spans(struct tc_columns *columns, const Py_buffer *data, const Py_buffer *spans,
                        uint32_t stream, struct tc_result *results) {
    const Py_ssize_t count = spans->len / (Py_ssize_t)sizeof(struct tc_span);
    for (Py_ssize_t i = 0; i < count; i++) {
        struct tc_span span;
        memcpy(&span, (const char *)spans->buf + (size_t)i * sizeof span, sizeof span);
        if (span.offset < 0 || span.len < 0 || span.offset > data->len ||
            span.len > data->len - span.offset)
            return -1;
        results[i] = tc_decode(columns, data->buf, &span, stream);
        if (results[i].code == TC_NO_MEMORY) return -2;
    }
    return 0;
}

static PyObject *columns_tuple(struct module_state *state, struct tc_columns *columns,
                               struct tc_result *results, size_t count) {
    PyObject *tuple = PyTuple_New(TC_COLUMNS + 1);
    if (!tuple) return NULL;
    for (int i = 0; i < TC_COLUMNS; i++) {
        PyObject *item = buffer_of(state, &columns->column[i]);
        if (!item) goto fail;
        PyTuple_SET_ITEM(tuple, i, item);
    }
    PyObject *item = PyBytes_FromStringAndSize((char *)results, (Py_ssize_t)(count * sizeof *results));
    if (!item) goto fail;
    PyTuple_SET_ITEM(tuple, TC_COLUMNS, item);
    return tuple;
fail:
    Py_DECREF(tuple);
    return NULL;
}

static PyObject *codec_decode(PyObject *module, PyObject *args) {
    Py_buffer data, spans;
    unsigned int stream;
    if (!PyArg_ParseTuple(args, "y*y*I:decode", &data, &spans, &stream)) return NULL;
    struct tc_columns columns;
    tc_columns_init(&columns);
    PyObject *tuple = NULL;
    size_t count = (size_t)spans.len / sizeof(struct tc_span);
    struct tc_result *results = calloc(count + 1, sizeof *results);
    int failed = -2;
    if (results) {
        Py_BEGIN_ALLOW_THREADS
        failed = decode_spans(&columns, &data, &spans, stream, results);
        Py_END_ALLOW_THREADS
    }
    if (failed == -1) PyErr_SetString(PyExc_ValueError, "a span lies outside the data");
    else if (failed) PyErr_NoMemory();
    else tuple = columns_tuple(PyModule_GetState(module), &columns, results, count);
    free(results);
    tc_columns_free(&columns);
    PyBuffer_Release(&spans);
    PyBuffer_Release(&data);
    return tuple;
}

/* The four numbers at the head of an EVENTS payload, and where they end; None = there is none. */
static PyObject *codec_stream_head(PyObject *module, PyObject *payload) {
    (void)module;
    Py_buffer data;
    if (PyObject_GetBuffer(payload, &data, PyBUF_SIMPLE)) return NULL;
    const uint8_t *bytes = data.buf;
    unsigned long long values[4] = {0};
    Py_ssize_t at = 0;
    int good = 1;
    for (int i = 0; good && i < 4; i++) {
        for (int shift = 0;; shift += 7) {
            /* the tenth byte holds one bit */
            if (at >= data.len || shift > 63 || (shift == 63 && (bytes[at] & 0x7e))) {
                good = 0;
                break;
            }
            values[i] |= (unsigned long long)(bytes[at] & 0x7f) << shift;
            if (bytes[at++] < 0x80) break;
        }
    }
    PyBuffer_Release(&data);
    if (!good) Py_RETURN_NONE;
    return Py_BuildValue("KKKKn", values[0], values[1], values[2], values[3], at);
}

static int numbers_of(PyObject *fields, uint64_t *numbers, Py_ssize_t need) {
    Py_ssize_t given = PyTuple_GET_SIZE(fields);
    if (given < need || given > TC_MAX_NUMBERS) {
        PyErr_SetString(PyExc_ValueError, "wrong number of fields");
        return -1;
    }
    for (Py_ssize_t i = 0; i < given; i++) {
        numbers[i] = PyLong_AsUnsignedLongLongMask(PyTuple_GET_ITEM(fields, i));
        if (PyErr_Occurred()) return -1;
    }
    return 0;
}

/* One operation of encode(): (op, time, event, fields, text). */
static int encode_one(struct tc_stream *stream, struct tc_bytes *out, PyObject *operation) {
    const char *op, *text;
    Py_ssize_t text_len;
    unsigned long long time;
    unsigned int event;
    PyObject *fields;
    uint64_t n[TC_MAX_NUMBERS + 1] = {0};
    if (!PyTuple_Check(operation)) {
        PyErr_SetString(PyExc_TypeError, "an operation is a tuple");
        return -1;
    }
    if (!PyArg_ParseTuple(operation, "sKIO!z#", &op, &time, &event, &PyTuple_Type, &fields, &text,
                          &text_len))
        return -1;
    int known = event < TC_EVENT_LIMIT && tc_events[event].name;
    Py_ssize_t need = op[0] == 'i' || op[0] == 'o' ? 3 : known ? tc_events[event].numbers : 0;
    if (op[0] == 'f') need = 0;
    if (numbers_of(fields, n, need)) return -1;
    switch (op[0]) {
    case 'p': tc_put(stream, time, event, n, text, (size_t)text_len); break;
    case 'i': tc_put_in(stream, time, (uint32_t)n[0], (uint32_t)n[1], n[2] != 0); break;
    case 'o': tc_put_out(stream, time, (uint32_t)n[0], (uint32_t)n[1], n[2] != 0); break;
    case 'f': tc_stream_flush(stream, out); break;
    default: PyErr_SetString(PyExc_ValueError, "operations are put, in, out, flush"); return -1;
    }
    return 0;
}

static PyObject *codec_encode(PyObject *module, PyObject *args) {
    (void)module;
    unsigned int kind;
    unsigned long long key_a, key_b;
    PyObject *operations, *result = NULL;
    if (!PyArg_ParseTuple(args, "IKKO!:encode", &kind, &key_a, &key_b, &PyList_Type, &operations))
        return NULL;
    struct tc_stream stream;
    struct tc_bytes out = {0};
    tc_stream_init(&stream, kind, key_a, key_b);
    for (Py_ssize_t i = 0; i < PyList_Size(operations); i++) {
        PyObject *operation = PySequence_GetItem(operations, i);
        int failed = !operation || encode_one(&stream, &out, operation);
        Py_XDECREF(operation);
        if (failed) goto done;
    }
    tc_stream_flush(&stream, &out);
    if (out.failed || stream.payload.failed) PyErr_NoMemory();
    else result = PyBytes_FromStringAndSize((char *)out.at, (Py_ssize_t)out.len);
done:
    tc_stream_free(&stream);
    tc_bytes_free(&out);
    return result;
}

/* Rows as numpy holds them: time[n], event[n], numbers[n][width]. IN, OUT and OUT_PREEMPTED of a CPU
 * take the short or the full form as the recorder would choose: numbers are pid, tid, pid is known. */
static int encode_row(struct tc_stream *stream, int64_t time, uint8_t event, const uint64_t *n) {
    switch (stream->kind == TC_STREAM_KERNEL ? event : 0) {
    case TC_EV_IN: tc_put_in(stream, (uint64_t)time, (uint32_t)n[0], (uint32_t)n[1], n[2] != 0); break;
    case TC_EV_OUT:
    case TC_EV_OUT_PREEMPTED:
        tc_put_out(stream, (uint64_t)time, (uint32_t)n[0], (uint32_t)n[1], event == TC_EV_OUT_PREEMPTED);
        break;
    default: tc_put(stream, (uint64_t)time, event, n, NULL, 0);
    }
    return stream->payload.failed;
}

static PyObject *codec_encode_rows(PyObject *module, PyObject *args) {
    (void)module;
    unsigned int kind;
    unsigned long long key_a, key_b, most;
    Py_buffer time, event, numbers;
    if (!PyArg_ParseTuple(args, "IKKy*y*y*K:encode_rows", &kind, &key_a, &key_b, &time, &event,
                          &numbers, &most))
        return NULL;
    struct tc_stream stream;
    struct tc_bytes out = {0};
    PyObject *result = NULL;
    const Py_ssize_t count = event.len, width = count ? numbers.len / 8 / count : 8;
    tc_stream_init(&stream, kind, key_a, key_b);
    if (time.len != 8 * count || numbers.len != 8 * width * count || width < 8) {
        PyErr_SetString(PyExc_ValueError, "rows take time[n], event[n], numbers[n][8 or more]");
        goto done;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (encode_row(&stream, ((int64_t *)time.buf)[i], ((uint8_t *)event.buf)[i],
                       (uint64_t *)numbers.buf + i * width))
            break;
        if (stream.payload.len >= most) tc_stream_flush(&stream, &out);
    }
    tc_stream_flush(&stream, &out);
    if (out.failed || stream.payload.failed) PyErr_NoMemory();
    else result = PyBytes_FromStringAndSize((char *)out.at, (Py_ssize_t)out.len);
done:
    tc_stream_free(&stream);
    tc_bytes_free(&out);
    PyBuffer_Release(&time);
    PyBuffer_Release(&event);
    PyBuffer_Release(&numbers);
    return result;
}

static PyObject *codec_block(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer payload;
    unsigned char kind;
    if (!PyArg_ParseTuple(args, "by*:block", &kind, &payload)) return NULL;
    struct tc_bytes out = {0};
    tc_block(&out, kind, payload.buf, (size_t)payload.len);
    PyBuffer_Release(&payload);
    PyObject *result = out.failed ? PyErr_NoMemory()
                                  : PyBytes_FromStringAndSize((char *)out.at, (Py_ssize_t)out.len);
    tc_bytes_free(&out);
    return result;
}

static PyMethodDef methods[] = {
    {"decode", codec_decode, METH_VARARGS,
     "decode(data, spans, stream) -> nine column Buffers and the results' bytes"},
    {"stream_head", codec_stream_head, METH_O, "stream_head(payload) -> kind, key_a, key_b, base_ns, start"},
    {"encode", codec_encode, METH_VARARGS,
     "encode(kind, key_a, key_b, operations) -> blocks as they lie in a file (for tests)"},
    {"encode_rows", codec_encode_rows, METH_VARARGS,
     "encode_rows(kind, key_a, key_b, time, event, numbers, most) -> blocks of about `most` bytes"},
    {"block", codec_block, METH_VARARGS, "block(kind, payload) -> one block"},
    {NULL, NULL, 0, NULL},
};

static int module_exec(PyObject *module) {
    struct module_state *state = PyModule_GetState(module);
    state->buffer_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &buffer_spec, NULL);
    return state->buffer_type ? PyModule_AddType(module, state->buffer_type) : -1;
}

static int module_traverse(PyObject *module, visitproc visit, void *arg) {
    struct module_state *state = PyModule_GetState(module);
    if (state) Py_VISIT(state->buffer_type);
    return 0;
}

static int module_clear(PyObject *module) {
    struct module_state *state = PyModule_GetState(module);
    if (state) Py_CLEAR(state->buffer_type);
    return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, module_exec},
#if PY_VERSION_HEX >= 0x030c0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030d0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "twocooks._codec",
    .m_doc = "Trace bytes to columns and back.",
    .m_size = sizeof(struct module_state),
    .m_methods = methods,
    .m_slots = slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
};

PyMODINIT_FUNC PyInit__codec(void) { return PyModuleDef_Init(&definition); }
