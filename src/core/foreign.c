/* What is not followed, or not from here: said, so that nobody takes the threads for all there is.
 *
 * gevent, eventlet and curio switch between pieces of work that the agent does not know; the first hub
 * of gevent, and the import of the others' loops, say NOT_FOLLOWED with the library's name.
 *
 * A sub-interpreter has its own modules, so none of our hooks but those in C's static tables (and those
 * leave it alone, by the types of its objects). The boot folder's sitecustomize runs in it, too: its
 * start() says INTERPRETER, and hooks what is needed to know its threads. Nothing here may keep a Python
 * object: objects of one interpreter are not another one's to touch. */
#include "agent.h"

static vectorcallfunc o_hub_init, o_find_and_load;
static int said_gevent;

void tc_say_not_followed(const char *library) {
    struct tc_text text;
    tc_text_init(&text);
    tc_text_add(&text, library);
    tc_event_full(TC_EV_NOT_FOLLOWED, 0, NULL, 0, &text);
}

static PyObject *my_hub_init(PyObject *f, PyObject *const *args, size_t flags, PyObject *names) {
    if (!said_gevent) tc_say_not_followed("gevent");
    said_gevent = 1;
    return o_hub_init(f, args, flags, names);
}

void tc_gevent_install(PyObject *module) {
    PyObject *type = tc_dict_attr(module, "Hub");
    PyObject *init = type && PyType_Check(type) ? tc_dict_attr(type, "__init__") : NULL;
    tc_hook_function(init, my_hub_init, &o_hub_init);
    Py_XDECREF(init);
    Py_XDECREF(type);
}

void tc_eventlet_install(PyObject *module) {
    (void)module;
    tc_say_not_followed("eventlet");
}

void tc_curio_install(PyObject *module) {
    (void)module;
    tc_say_not_followed("curio");
}

/* ---- sub-interpreters ---- */

int tc_in_main_interpreter(void) { return PyInterpreterState_Get() == PyInterpreterState_Main(); }

static PyObject *my_find_and_load(PyObject *f, PyObject *const *args, size_t flags, PyObject *names) {
    PyObject *result = o_find_and_load(f, args, flags, names);
    if (!result || PyVectorcall_NARGS(flags) < 1 || !PyUnicode_Check(args[0]) ||
        PyUnicode_CompareWithASCIIString(args[0], "threading") != 0)
        return result;
    PyObject *module = PyDict_GetItemString(PyImport_GetModuleDict(), "threading");
    if (module && PyModule_Check(module)) tc_threading_install(module);
    PyErr_Clear();
    return result;
}

void tc_interpreter_start(PyObject *importlib) {
    tc_event(TC_EV_INTERPRETER, (uint64_t)PyInterpreterState_GetID(PyInterpreterState_Get()));
    PyObject *module = PyDict_GetItemString(PyImport_GetModuleDict(), "threading");
    PyObject *find = tc_dict_attr(importlib, "_find_and_load");
    if (module && PyModule_Check(module)) tc_threading_install(module);
    tc_hook_function(find, my_find_and_load, &o_find_and_load);
    Py_XDECREF(find);
    PyErr_Clear();
}
