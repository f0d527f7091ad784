/* The agent's module: the start inside the watched program and the hook on imports.
 *
 * `sitecustomize.py` of the boot folder loads this file by its path and calls start(). From then on
 * everything hangs on one hook: importlib's _find_and_load, which C calls for each module that is not
 * loaded yet. It tells the outermost imports of each thread, and installs the other hooks when the
 * modules that they concern have been loaded, so that nothing is imported for our sake.
 *
 * The module's state is static on purpose: one process has one shared memory. A second module object
 * made from this file (twocooks._task imports it by name) sees the same state. In a sub-interpreter
 * start() only says that there is one, and hooks its threads (foreign.c). */
#define _GNU_SOURCE
#include "agent.h"

#include <dlfcn.h>
#include <string.h>

#define HELLO_GIL 1
#define HELLO_AFTER_FORK 2
#define HELLO_FREE_THREADED 4

static struct tc_text hello_text;
static uint64_t hello_more[2]; /* flags, address of _PyRuntime */
static int gil_is_on = 1;
static PyObject *is_gil_enabled; /* sys._is_gil_enabled of a free-threaded build, else NULL */
static vectorcallfunc o_find_and_load;
static _Atomic uint64_t blocks;

static void hello(int after_fork) {
    uint64_t more[2] = {hello_more[0] | (gil_is_on ? HELLO_GIL : 0), hello_more[1]};
    if (after_fork) more[0] |= HELLO_AFTER_FORK;
    tc_event_full(TC_EV_HELLO, PY_VERSION_HEX, more, 2, &hello_text);
}

/* ---- imports ---- */

static const struct {
    const char *module;
    void (*install)(PyObject *module);
} parts[] = {
    {"_asyncio", tc_steps_install},
    {"asyncio", tc_asyncio_install},
    {"threading", tc_threading_install},
    {"concurrent.futures.thread", tc_thread_pool_install},
    {"concurrent.futures.process", tc_process_pool_install},
    {"joblib.externals.loky.process_executor", tc_process_pool_install},
    {"loky.process_executor", tc_process_pool_install},
    {"multiprocessing.process", tc_process_install},
    {"multiprocessing.pool", tc_pool_install},
    {"trio._core._instrumentation", tc_trio_install},
    {"trio._core._thread_cache", tc_trio_workers_install},
    {"trio", tc_learn_install},
    {"anyio._backends._asyncio", tc_anyio_workers_install},
    {"gevent.hub", tc_gevent_install},
    {"eventlet.hubs", tc_eventlet_install},
    {"curio.kernel", tc_curio_install},
};
enum { PARTS = sizeof parts / sizeof *parts };
static char installed[PARTS];

static PyObject *loaded(const char *name) {
    PyObject *module = PyDict_GetItemString(PyImport_GetModuleDict(), name);
    return module && PyModule_Check(module) ? module : NULL;
}

static void install(int part) {
    PyObject *module = tc_writer_is_open() ? loaded(parts[part].module) : NULL;
    if (!module) return;
    Py_INCREF(module);
    parts[part].install(module);
    installed[part] = 1;
    Py_DECREF(module);
    PyErr_Clear();
}

static int is_loading(PyObject *module) {
    PyObject *spec = tc_dict_attr(module, "__spec__");
    int loading = spec && tc_own_true(spec, "_initializing");
    Py_XDECREF(spec);
    return loading;
}

/* 3.11 calls _find_and_load from importlib.import_module without passing here; so whatever came in
 * that way is found when the next import ends, or a loop begins to run. */
void tc_install_unseen(void) {
    for (int i = 0; i < PARTS; i++) {
        PyObject *module = installed[i] ? NULL : loaded(parts[i].module);
        if (module && !is_loading(module)) install(i);
    }
}

static void watch_gil(PyObject *name) {
    if (!is_gil_enabled || gil_is_on) return;
    PyObject *enabled = PyObject_CallNoArgs(is_gil_enabled);
    if (enabled == Py_True) {
        gil_is_on = 1;
        tc_event_text(TC_EV_GIL_ON, 0, name);
    }
    Py_XDECREF(enabled);
}

static void after_import(PyObject *name) {
    struct tc_error error;
    tc_error_save(&error);
    watch_gil(name);
    for (int i = 0; i < PARTS && PyUnicode_Check(name); i++)
        if (PyUnicode_CompareWithASCIIString(name, parts[i].module) == 0) install(i);
    if (tc_me.imports == 0) tc_install_unseen();
    PyErr_Clear();
    tc_error_restore(&error);
}

static PyObject *my_find_and_load(PyObject *f, PyObject *const *args, size_t flags, PyObject *names) {
    if (PyVectorcall_NARGS(flags) < 1) return o_find_and_load(f, args, flags, names);
    struct tc_writer *me = tc_writer_mine();
    uint32_t generation = tc_generation;
    PyObject *name = Py_NewRef(args[0]);
    if (me->imports++ == 0) tc_event_text(TC_EV_IMPORT, 0, name);
    PyObject *result = o_find_and_load(f, args, flags, names);
    if (generation == tc_generation && --me->imports == 0) tc_event(TC_EV_IMPORT_END, 0);
    after_import(name);
    Py_DECREF(name);
    return result;
}

/* ---- the start ---- */

const char *tc_runtime(void) { return (const char *)(uintptr_t)hello_more[1]; }

static void fill_hello(PyObject *script) {
    PyObject *executable = PySys_GetObject("executable"); /* borrowed */
    tc_text_init(&hello_text);
    tc_text_add(&hello_text, "cpython");
    tc_text_add_str(&hello_text, script);
    tc_text_add_str(&hello_text, executable);
    hello_more[1] = (uint64_t)(uintptr_t)dlsym(RTLD_DEFAULT, "_PyRuntime");
#ifdef Py_GIL_DISABLED
    hello_more[0] = HELLO_FREE_THREADED;
    is_gil_enabled = Py_XNewRef(PySys_GetObject("_is_gil_enabled"));
    PyObject *enabled = is_gil_enabled ? PyObject_CallNoArgs(is_gil_enabled) : NULL;
    gil_is_on = enabled != Py_False;
    Py_XDECREF(enabled);
#endif
}

/* ---- the end ---- */

static PyObject *at_exit(PyObject *module, PyObject *none) {
    (void)module, (void)none;
    if (tc_writer_is_open() && getpid() == gettid()) tc_event(TC_EV_MAIN_END, 0);
    Py_RETURN_NONE;
}

static PyMethodDef at_exit_def = {"at_exit", at_exit, METH_NOARGS, NULL};

/* The first function given to atexit is the last one called: after it comes only Python's own
 * clearing up. The module atexit, if nobody had loaded it, is left unloaded as it was. */
static PyObject *exit_function;

static void call_atexit(const char *method, PyObject *function) {
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    int loaded = PyDict_GetItemString(modules, "atexit") != NULL;
    PyObject *module = PyImport_ImportModule("atexit");
    PyObject *done = module && function ? PyObject_CallMethod(module, method, "O", function) : NULL;
    if (module && !loaded && PyDict_DelItemString(modules, "atexit") < 0) PyErr_Clear();
    Py_XDECREF(done);
    Py_XDECREF(module);
    PyErr_Clear();
}

PyDoc_STRVAR(start_doc, "start(path, script, importlib)\n--\n\n"
"Opens the shared memory at path and says hello, hooks importlib (the frozen _bootstrap module) and\n"
"whatever is loaded already. Returns whether the agent is at work. Never raises.");

static PyObject *agent_start(PyObject *module, PyObject *args) {
    const char *path;
    PyObject *script, *importlib;
    (void)module;
    if (!PyArg_ParseTuple(args, "sOO", &path, &script, &importlib)) return NULL;
    if (!tc_in_main_interpreter()) {
        if (tc_writer_is_open()) tc_interpreter_start(importlib);
        Py_RETURN_FALSE;
    }
    if (tc_writer_is_open()) Py_RETURN_FALSE;
    fill_hello(script);
    if (tc_writer_open(path, hello) < 0) Py_RETURN_FALSE;
    tc_writer_room(0); /* greets */
    tc_suspended_init();
    if (!exit_function) exit_function = PyCFunction_New(&at_exit_def, NULL);
    call_atexit("register", exit_function);
    PyObject *find = tc_dict_attr(importlib, "_find_and_load");
    tc_hook_function(find, my_find_and_load, &o_find_and_load);
    Py_XDECREF(find);
    tc_install_unseen();
    PyErr_Clear();
    Py_RETURN_TRUE;
}

PyDoc_STRVAR(stop_doc, "stop(why='')\n--\n\nTakes the hooks out again and gives the shared memory back. Nothing is told any "
             "more, until the next start(). why: what the recorder is told not to be able to follow from here on. Returns "
             "whether the agent was at work.");

static PyObject *agent_stop(PyObject *module, PyObject *args) {
    const char *why = "";
    (void)module;
    if (!PyArg_ParseTuple(args, "|s", &why)) return NULL;
    if (!tc_writer_is_open() || !tc_in_main_interpreter()) Py_RETURN_FALSE;
    if (*why) tc_say_not_followed(why);
    tc_writer_close();
    tc_undo_all();
    tc_steps_over();
    memset(installed, 0, sizeof installed);
    call_atexit("unregister", exit_function);
    Py_CLEAR(exit_function);
    Py_CLEAR(is_gil_enabled);
    Py_RETURN_TRUE;
}

PyDoc_STRVAR(known_thread_doc, "known_thread(number, thread)\n--\n\nTells of a threading.Thread that runs already, "
             "under the kernel's number.");

static PyObject *agent_known_thread(PyObject *module, PyObject *args) {
    unsigned int number;
    PyObject *thread;
    (void)module;
    if (!PyArg_ParseTuple(args, "IO", &number, &thread)) return NULL;
    if (tc_writer_is_open()) tc_writer_for(number, tc_say_thread, thread);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(known_loop_doc, "known_loop(loop, tasks)\n--\n\nTells of an event loop of asyncio that runs on this thread "
             "already, or None, and of tasks: (task, is at work, is suspended).");

static PyObject *agent_known_loop(PyObject *module, PyObject *args) {
    PyObject *loop, *tasks;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO!", &loop, &PyList_Type, &tasks)) return NULL;
    if (!tc_writer_is_open() || !tc_in_main_interpreter()) Py_RETURN_NONE;
    if (loop != Py_None) tc_known_loop(loop);
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(tasks); i++) {
        PyObject *task;
        int running, suspended;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(tasks, i), "Opp", &task, &running, &suspended)) return NULL;
        tc_known_task(task, running, suspended);
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(known_trio_doc, "known_trio(add_instrument, task, others)\n--\n\nTells of a run of trio that goes on on this "
             "thread already, in a step of task.");

static PyObject *agent_known_trio(PyObject *module, PyObject *args) {
    PyObject *add, *task, *others;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOO!", &add, &task, &PyList_Type, &others)) return NULL;
    if (tc_writer_is_open() && tc_in_main_interpreter()) tc_known_trio(add, task, others);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(step_over_doc, "step_over()\n--\n\nTo be called by the loop behind the step that known_loop() said to be at work.");

static PyObject *agent_step_over(PyObject *module, PyObject *none) {
    (void)module, (void)none;
    tc_known_step_over();
    Py_RETURN_NONE;
}

PyDoc_STRVAR(block_doc, "block(name)\n--\n\nA block of this name begins here, or, for a number, that block "
             "goes on here. Returns its number, 0 where no agent is at work.");

/* Numbers are unique in the whole tree of processes, so that one can be handed to another process. */
static uint64_t new_block(void) {
    uint64_t count = atomic_fetch_add(&blocks, 1) + 1;
    return ((uint64_t)getpid() & 0x3fffff) << 26 | (count & 0x3ffffff);
}

static PyObject *agent_block(PyObject *module, PyObject *name) {
    struct tc_text text;
    (void)module;
    if (!tc_writer_is_open()) return PyLong_FromLong(0);
    tc_text_init(&text);
    uint64_t number;
    if (PyLong_Check(name)) {
        number = PyLong_AsUnsignedLongLong(name);
        if (PyErr_Occurred()) { /* no number of ours: the program would not hear of it unwatched */
            PyErr_Clear();
            number = 0;
        }
        number &= TC_VALUE_MASK;
        if (!number) return PyLong_FromLong(0);
    } else {
        number = new_block();
        tc_text_add_str(&text, name);
    }
    tc_event_full(TC_EV_BLOCK, number, NULL, 0, &text);
    return PyLong_FromUnsignedLongLong(number);
}

PyDoc_STRVAR(block_end_doc, "block_end(number)\n--\n\nThe block ends. Does nothing for 0.");

static PyObject *agent_block_end(PyObject *module, PyObject *number) {
    (void)module;
    uint64_t block = PyLong_AsUnsignedLongLong(number);
    if (PyErr_Occurred()) return NULL;
    if (block && tc_writer_is_open()) tc_event(TC_EV_BLOCK_END, block);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"start", agent_start, METH_VARARGS, start_doc},
    {"stop", agent_stop, METH_VARARGS, stop_doc},
    {"known_thread", agent_known_thread, METH_VARARGS, known_thread_doc},
    {"known_loop", agent_known_loop, METH_VARARGS, known_loop_doc},
    {"known_trio", agent_known_trio, METH_VARARGS, known_trio_doc},
    {"step_over", agent_step_over, METH_NOARGS, step_over_doc},
    {"block", agent_block, METH_O, block_doc},
    {"block_end", agent_block_end, METH_O, block_end_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_agent", .m_doc = "What runs inside the watched program.",
    .m_size = 0, .m_methods = methods, .m_slots = slots,
};

PyMODINIT_FUNC PyInit__agent(void) { return PyModuleDef_Init(&definition); }
