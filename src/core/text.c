/* Texts of events, and the careful ways to read Python objects from a hook.
 *
 * A text is parts joined by U+001F. Names are the program's, so hostile: any str goes through our own
 * small encoder, which cannot fail on lone surrogates, leaves no cached copy in the str, keeps each
 * part short and turns separators within a part into spaces. */
#include "agent.h"

#include <stdio.h>
#include <string.h>

static void begin_part(struct tc_text *text) {
    if (text->parts++ && text->length < TC_TEXT_MAX) text->bytes[text->length++] = TC_SEPARATOR;
}

static uint32_t part_end(const struct tc_text *text) {
    uint32_t end = text->length + TC_PART_MAX;
    return end < TC_TEXT_MAX ? end : TC_TEXT_MAX;
}

void tc_text_add(struct tc_text *text, const char *part) {
    begin_part(text);
    for (uint32_t end = part_end(text); *part && text->length < end; part++)
        text->bytes[text->length++] = *part == TC_SEPARATOR ? ' ' : *part;
}

void tc_text_add_number(struct tc_text *text, long number) {
    char digits[24];
    snprintf(digits, sizeof digits, "%ld", number);
    tc_text_add(text, digits);
}

static char *put_utf8(char *at, Py_UCS4 c) {
    if (c < 0x80) {
        *at++ = c == (Py_UCS4)TC_SEPARATOR ? ' ' : (char)c;
    } else if (c >= 0xdc80 && c <= 0xdcff) { /* surrogateescape: the byte that it stands for */
        *at++ = (char)(c - 0xdc00);
    } else if (c < 0x800) {
        *at++ = (char)(0xc0 | c >> 6);
        *at++ = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *at++ = (char)(0xe0 | c >> 12);
        *at++ = (char)(0x80 | (c >> 6 & 63));
        *at++ = (char)(0x80 | (c & 63));
    } else {
        *at++ = (char)(0xf0 | c >> 18);
        *at++ = (char)(0x80 | (c >> 12 & 63));
        *at++ = (char)(0x80 | (c >> 6 & 63));
        *at++ = (char)(0x80 | (c & 63));
    }
    return at;
}

void tc_text_add_str(struct tc_text *text, PyObject *part) {
    begin_part(text);
    if (!part || !PyUnicode_Check(part)) return;
#if PY_VERSION_HEX < 0x030c0000
    if (!PyUnicode_IS_READY(part)) return;
#endif
    Py_ssize_t length = PyUnicode_GET_LENGTH(part);
    int kind = PyUnicode_KIND(part);
    const void *data = PyUnicode_DATA(part);
    uint32_t end = part_end(text);
    for (Py_ssize_t i = 0; i < length && text->length + 4 <= end; i++)
        text->length = (uint32_t)(put_utf8(text->bytes + text->length, PyUnicode_READ(kind, data, i)) -
                                  text->bytes);
}

/* ---- what can be called ---- */

void tc_text_add_code(struct tc_text *text, PyObject *qualname, PyObject *code) {
    tc_text_add_str(text, qualname);
    if (code && PyCode_Check(code)) {
        tc_text_add_str(text, ((PyCodeObject *)code)->co_filename);
        tc_text_add_number(text, ((PyCodeObject *)code)->co_firstlineno);
    } else {
        tc_text_add(text, "");
        tc_text_add(text, "");
    }
}

static int function_is(PyObject *callable, const char *name) {
    return PyFunction_Check(callable) &&
           PyUnicode_CompareWithASCIIString(((PyFunctionObject *)callable)->func_qualname, name) == 0;
}

/* The variable `name` that the function closed over, borrowed from it, or NULL. */
static PyObject *closed_over(PyObject *function, const char *name) {
    PyObject *cells = PyFunction_GET_CLOSURE(function), *found = NULL;
    PyObject *names = PyCode_GetFreevars((PyCodeObject *)PyFunction_GET_CODE(function));
    for (Py_ssize_t i = 0; names && cells && i < PyTuple_GET_SIZE(names) && i < PyTuple_GET_SIZE(cells); i++)
        if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, i), name) == 0)
            found = PyCell_GET(PyTuple_GET_ITEM(cells, i));
    Py_XDECREF(names);
    PyErr_Clear();
    return found;
}

/* The first function of joblib's BatchedCalls, which holds a list of (function, args, kwargs). */
static PyObject *first_of_batch(PyObject *batch) {
    PyObject *items = tc_own_attr(batch, "items"), *call = NULL;
    if (items && PyList_CheckExact(items) && PyList_GET_SIZE(items) > 0) call = PyList_GET_ITEM(items, 0);
    Py_XDECREF(items); /* the batch keeps it */
    return call && PyTuple_CheckExact(call) && PyTuple_GET_SIZE(call) > 0 ? PyTuple_GET_ITEM(call, 0) : NULL;
}

static PyObject *behind_wrapper(PyObject *wrapper, const char *name) {
    PyObject *inner = tc_own_attr(wrapper, name);
    Py_XDECREF(inner); /* the wrapper keeps it */
    return inner;
}

/* The function that a library's own small function or object stands for, borrowed, or NULL. */
static PyObject *stands_for(PyObject *callable) {
    const char *type = Py_TYPE(callable)->tp_name;
    if (strcmp(type, "BatchedCalls") == 0) return first_of_batch(callable);
    if (strcmp(type, "CallableObjectWrapper") == 0) return behind_wrapper(callable, "_obj");
    if (strcmp(type, "_TracebackCapturingWrapper") == 0) return behind_wrapper(callable, "func");
    if (function_is(callable, "to_thread_run_sync.<locals>.worker_fn")) return closed_over(callable, "sync_fn");
    if (function_is(callable, "TrioBackend.run_sync_in_worker_thread.<locals>.wrapper"))
        return closed_over(callable, "func");
    return NULL;
}

/* The function behind methods and functools.partial, borrowed from `callable`; pools hand their
 * chunks to small helpers of their own, behind which the user's function is the first argument. */
static PyObject *behind(PyObject *callable, PyObject *arguments) {
    for (int depth = 0; callable && depth < 8; depth++) {
        PyObject *inner = stands_for(callable);
        if (inner) {
            callable = inner;
        } else if (PyMethod_Check(callable)) {
            callable = PyMethod_GET_FUNCTION(callable);
        } else if (strcmp(Py_TYPE(callable)->tp_name, "functools.partial") == 0) {
            PyObject *function = tc_plain_attr(callable, "func");
            arguments = tc_plain_attr(callable, "args");
            Py_XDECREF(function); /* both live as long as the partial does */
            Py_XDECREF(arguments);
            if (!function) return callable;
            callable = function;
        } else if (arguments && PyTuple_CheckExact(arguments) && PyTuple_GET_SIZE(arguments) > 0 &&
                   (function_is(callable, "_process_chunk") || function_is(callable, "mapstar") ||
                    function_is(callable, "starmapstar"))) {
            PyObject *first = PyTuple_GET_ITEM(arguments, 0);
            arguments = NULL;
            if (PyTuple_CheckExact(first) && PyTuple_GET_SIZE(first) > 0) first = PyTuple_GET_ITEM(first, 0);
            callable = first;
        } else if (arguments && PyCFunction_CheckExact(callable) && PyCFunction_GET_SELF(callable) &&
                   PyContext_CheckExact(PyCFunction_GET_SELF(callable)) && PyTuple_CheckExact(arguments) &&
                   PyTuple_GET_SIZE(arguments) > 0) {
            callable = PyTuple_GET_ITEM(arguments, 0); /* Context.run, as asyncio.to_thread makes it */
            arguments = NULL;
        } else {
            return callable;
        }
    }
    return callable;
}

void tc_text_add_call(struct tc_text *text, PyObject *callable, PyObject *arguments) {
    callable = callable ? behind(callable, arguments) : NULL;
    if (!callable) {
        tc_text_add_code(text, NULL, NULL);
    } else if (PyFunction_Check(callable)) {
        PyFunctionObject *function = (PyFunctionObject *)callable;
        tc_text_add_code(text, function->func_qualname, function->func_code);
    } else {
        if (PyCFunction_Check(callable)) tc_text_add(text, ((PyCFunctionObject *)callable)->m_ml->ml_name);
        else if (PyType_Check(callable)) tc_text_add(text, ((PyTypeObject *)callable)->tp_name);
        else tc_text_add(text, Py_TYPE(callable)->tp_name);
        tc_text_add(text, "");
        tc_text_add(text, "");
    }
}

void tc_text_add_callable(struct tc_text *text, PyObject *callable) { tc_text_add_call(text, callable, NULL); }

void tc_event_full(enum tc_event event, uint64_t value, const uint64_t *more, uint32_t count,
                   const struct tc_text *text) {
    uint32_t length = text ? text->length : 0;
    uint32_t words = count + (text ? 1 + (length + 7) / 8 : 0);
    uint32_t units = (words + 1) / 2;
    struct tc_unit *unit = tc_writer_room(units);
    if (!unit) return;
    unit->time = tc_stamp();
    unit->word = (uint64_t)event << 56 | (uint64_t)units << 48 | (value & TC_VALUE_MASK);
    uint64_t *word = (uint64_t *)(unit + 1);
    memset(word, 0, units * sizeof *unit);
    for (uint32_t i = 0; i < count; i++) *word++ = more[i];
    if (text) {
        *word++ = length;
        memcpy(word, text->bytes, length);
    }
    tc_publish(unit + 1 + units);
}

void tc_event_text(enum tc_event event, uint64_t value, PyObject *part) {
    struct tc_text text;
    tc_text_init(&text);
    tc_text_add_str(&text, part);
    tc_event_full(event, value, NULL, 0, &text);
}

/* ---- exceptions, attributes, functions ---- */

void tc_error_save(struct tc_error *error) {
#if PY_VERSION_HEX >= 0x030c0000
    error->exception = PyErr_GetRaisedException();
#else
    PyErr_Fetch(&error->type, &error->value, &error->traceback);
#endif
}

void tc_error_restore(struct tc_error *error) {
#if PY_VERSION_HEX >= 0x030c0000
    PyErr_SetRaisedException(error->exception);
#else
    PyErr_Restore(error->type, error->value, error->traceback);
#endif
}

PyObject *tc_plain_attr(PyObject *object, const char *name) {
    PyObject *key = PyUnicode_InternFromString(name), *value = NULL;
    if (key) value = PyObject_GenericGetAttr(object, key);
    Py_XDECREF(key);
    PyErr_Clear();
    return value;
}

PyObject *tc_own_attr(PyObject *object, const char *name) {
    PyObject *key = PyUnicode_InternFromString(name), *value = NULL;
    if (key && !_PyType_Lookup(Py_TYPE(object), key)) value = PyObject_GenericGetAttr(object, key);
    Py_XDECREF(key);
    PyErr_Clear();
    return value;
}

long tc_own_long(PyObject *object, const char *name, long missing) {
    PyObject *value = tc_own_attr(object, name);
    long number = value && PyLong_CheckExact(value) ? PyLong_AsLong(value) : missing;
    if (PyErr_Occurred()) {
        PyErr_Clear();
        number = missing;
    }
    Py_XDECREF(value);
    return number;
}

int tc_own_true(PyObject *object, const char *name) {
    PyObject *value = tc_own_attr(object, name);
    int is = value == Py_True;
    Py_XDECREF(value);
    return is;
}

PyObject *tc_dict_attr(PyObject *holder, const char *name) {
    PyObject *key = PyUnicode_InternFromString(name), *value = NULL;
    if (key && PyModule_Check(holder)) value = PyDict_GetItemWithError(PyModule_GetDict(holder), key);
    else if (key && PyType_Check(holder)) value = _PyType_Lookup((PyTypeObject *)holder, key);
    Py_XINCREF(value);
    Py_XDECREF(key);
    PyErr_Clear();
    return value;
}

int tc_hook_function(PyObject *object, vectorcallfunc hook, vectorcallfunc *original) {
    if (!object || !PyFunction_Check(object) || !tc_writer_is_open()) return 0;
    PyFunctionObject *function = (PyFunctionObject *)object;
    vectorcallfunc now = function->vectorcall;
    if (now == hook) return 1;
    vectorcallfunc known = __atomic_load_n(original, __ATOMIC_ACQUIRE);
    if (known && known != now) return 0; /* another tool's: one original is all we can call */
    __atomic_store_n(original, now, __ATOMIC_RELEASE);
#if PY_VERSION_HEX >= 0x030c0000
    PyFunction_SetVectorcall(function, hook);
#else
    __atomic_store_n(&function->vectorcall, hook, __ATOMIC_RELEASE);
#endif
    tc_undo_note(&function->vectorcall, (void *)hook, (void *)now, object);
    return 1;
}

int tc_hook_method(PyObject *type, const char *name, vectorcallfunc hook, vectorcallfunc *original) {
    PyObject *function = tc_dict_attr(type, name);
    int done = 0;
#if PY_VERSION_HEX >= 0x030c0000
    done = tc_hook_function(function, hook, original);
#else
    vectorcallfunc now = function && PyFunction_Check(function) ? ((PyFunctionObject *)function)->vectorcall : NULL;
    if (!tc_writer_is_open()) now = NULL;
    PyMethodDef *def = now && (!*original || *original == now) ? PyMem_RawCalloc(1, sizeof *def) : NULL;
    if (def) {
        *original = now;
        def->ml_name = name;
        def->ml_meth = (PyCFunction)(void (*)(void))hook; /* self is the function: a vectorcall's arguments */
        def->ml_flags = METH_FASTCALL | METH_KEYWORDS;
        PyObject *call = PyCFunction_NewEx(def, function, ((PyFunctionObject *)function)->func_module);
        PyObject *method = call ? PyInstanceMethod_New(call) : NULL;
        done = method && PyObject_SetAttrString(type, name, method) == 0;
        if (done) tc_undo_note_attr(type, name, method, function);
        Py_XDECREF(call);
        Py_XDECREF(method);
        PyErr_Clear();
    }
#endif
    Py_XDECREF(function);
    return done;
}

static PyObject *plain_alloc(PyTypeObject *type, Py_ssize_t items) { return PyType_GenericAlloc(type, items); }

int tc_hook_init(PyObject *type, vectorcallfunc hook, vectorcallfunc *original) {
    if (!type || !PyType_Check(type)) return 0;
    PyObject *init = tc_dict_attr(type, "__init__");
    int done = tc_hook_function(init, hook, original);
    allocfunc *alloc = &((PyTypeObject *)type)->tp_alloc;
    if (done && *alloc == PyType_GenericAlloc) {
        *alloc = plain_alloc;
        tc_undo_note(alloc, (void *)plain_alloc, (void *)PyType_GenericAlloc, type);
    }
    Py_XDECREF(init);
    return done;
}
