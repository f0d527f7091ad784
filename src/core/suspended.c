/* What a suspended task of asyncio or trio waits for.
 *
 * Its future's type says it where it is a task or a gather. Otherwise the innermost suspended
 * coroutine knows: it is found by walking cr_await, gi_yieldfrom and ag_await through coroutines,
 * generators and async generators of exactly those types (never a line of the program runs), and its
 * code object is looked up in a small table that is learned from the libraries' own modules (a
 * function belongs to the module whose globals it has: trio renames the modules of its functions).
 * trio's traps, through which all its waits go, say nothing themselves and are passed over. A future that
 * nobody in asyncio waits on may still carry the callback by which run_in_executor, wrap_future or
 * shield tied it to another one. Else: unknown, never a guess. */
#include "agent.h"

#include <string.h>
#if PY_VERSION_HEX < 0x030c0000
#include <structmember.h>
#endif

enum { WAIT_STICKY_LOCK = 13, WAIT_SKIP = 14, WAIT_STICKY_GROUP = 15 }; /* besides enum tc_wait, in the table only */

/* ---- the table ---- */

struct rule {
    const char *module, *qualname; /* "*": every coroutine of the module that has no line of its own */
    int wait;
};

static const struct rule rules[] = {
    {"asyncio.locks", "Lock.acquire", TC_WAIT_LOCK},
    {"asyncio.locks", "Semaphore.acquire", TC_WAIT_LOCK},
    {"asyncio.locks", "*", TC_WAIT_RESULT},
    {"asyncio.queues", "*", TC_WAIT_RESULT},
    {"asyncio.tasks", "sleep", TC_WAIT_SLEEP},
    {"asyncio.tasks", "as_completed.<locals>._wait_for_one", WAIT_STICKY_GROUP},
    {"asyncio.tasks", "_AsCompletedIterator._wait_for_one", WAIT_STICKY_GROUP},
    {"asyncio.tasks", "shield.<locals>._outer_done_callback", TC_WAIT_TASK},
    {"asyncio.tasks", "_wrap_awaitable", TC_WAIT_UNKNOWN},
#if PY_VERSION_HEX >= 0x030c0000
    {"asyncio.tasks", "wait_for", TC_WAIT_UNKNOWN}, /* awaits its argument itself: a bare future */
#endif
    {"asyncio.tasks", "*", TC_WAIT_GROUP},
    {"asyncio.taskgroups", "*", TC_WAIT_GROUP},
    {"asyncio.threads", "*", TC_WAIT_EXECUTOR},
    {"asyncio.futures", "_chain_future.<locals>._call_check_cancel", TC_WAIT_EXECUTOR},
    {"asyncio.futures", "Future.__await__", WAIT_SKIP},
    {"asyncio.base_events", "BaseEventLoop.shutdown_default_executor", TC_WAIT_EXECUTOR},
    {"asyncio.base_events", "*", TC_WAIT_IO},
    /* A child process is a task that this one started: delegated. */
    {"asyncio.base_subprocess", "BaseSubprocessTransport._wait", TC_WAIT_GROUP},
    {"asyncio.subprocess", "Process.wait", TC_WAIT_GROUP},
    {"asyncio.base_subprocess", "*", TC_WAIT_IO},
    {"asyncio.subprocess", "*", TC_WAIT_IO},
    {"asyncio.streams", "*", TC_WAIT_IO},
    {"asyncio.selector_events", "*", TC_WAIT_IO},
    {"asyncio.unix_events", "*", TC_WAIT_IO},
    {"asyncio.sslproto", "*", TC_WAIT_IO},
    {"anyio._backends._asyncio", "TaskGroup.__aexit__", TC_WAIT_GROUP},
    {"anyio._backends._asyncio", "TaskGroup.start", TC_WAIT_GROUP},
    {"anyio._backends._asyncio", "Lock.acquire", TC_WAIT_LOCK},
    {"anyio._backends._asyncio", "Semaphore.acquire", TC_WAIT_LOCK},
    {"anyio._backends._asyncio", "CapacityLimiter.acquire_on_behalf_of", WAIT_STICKY_LOCK},
    {"anyio._backends._asyncio", "AsyncIOBackend.run_sync_in_worker_thread", TC_WAIT_EXECUTOR},
    {"anyio._backends._asyncio", "Process.wait", WAIT_STICKY_GROUP},
    {"anyio._backends._asyncio", "*", TC_WAIT_IO},
    {"trio._core._traps", "*", WAIT_SKIP},
    {"trio._core._parking_lot", "*", WAIT_SKIP},
    {"trio._core._run", "NurseryManager.__aexit__", TC_WAIT_GROUP},
    {"trio._core._run", "Nursery._nested_child_finished", TC_WAIT_GROUP},
    {"trio._core._unbounded_queue", "*", TC_WAIT_RESULT},
    {"trio._core._io_epoll", "*", TC_WAIT_IO},
    {"trio._sync", "CapacityLimiter.acquire_on_behalf_of", TC_WAIT_LOCK},
    {"trio._sync", "Semaphore.acquire", TC_WAIT_LOCK},
    {"trio._sync", "_LockImpl.acquire", TC_WAIT_LOCK},
    {"trio._sync", "*", TC_WAIT_RESULT},
    {"trio._channel", "*", TC_WAIT_RESULT},
    {"trio._timeouts", "*", TC_WAIT_SLEEP},
    {"trio._threads", "to_thread_run_sync", TC_WAIT_EXECUTOR},
    {"trio._subprocess", "Process.wait", WAIT_STICKY_GROUP},
    {"trio._socket", "*", TC_WAIT_IO},
    {"trio._signals", "*", TC_WAIT_IO},
};

#define TABLE_SIZE 2048u
static struct {
    PyObject *code; /* owned: its address must not be used again */
    int wait;
} table[TABLE_SIZE];
static uint32_t table_count;

static uint32_t table_slot(PyObject *code) {
    uint32_t i = (uint32_t)(((uint64_t)(uintptr_t)code >> 4) * TC_SPREAD >> 40) & (TABLE_SIZE - 1);
    for (;; i = (i + 1) & (TABLE_SIZE - 1)) {
        PyObject *there = __atomic_load_n(&table[i].code, __ATOMIC_ACQUIRE);
        if (!there || there == code) return i;
    }
}

static void table_add(PyObject *code, int wait) {
    if (table_count >= TABLE_SIZE / 2) return;
    uint32_t i = table_slot(code);
    if (table[i].code) return;
    table[i].wait = wait;
    table_count++;
    __atomic_store_n(&table[i].code, Py_NewRef(code), __ATOMIC_RELEASE);
}

static int table_get(PyObject *code) {
    uint32_t i = table_slot(code);
    return table[i].code ? table[i].wait : TC_WAIT_UNKNOWN;
}

/* ---- learning it ---- */

static void learn_code(PyObject *code, const char *module, int depth) {
    PyCodeObject *co = (PyCodeObject *)code;
    int coroutine = co->co_flags & (CO_COROUTINE | CO_ITERABLE_COROUTINE | CO_ASYNC_GENERATOR);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (strcmp(rules[i].module, module) != 0) continue;
        int any = rules[i].qualname[0] == '*';
        if (any ? coroutine : PyUnicode_CompareWithASCIIString(co->co_qualname, rules[i].qualname) == 0) {
            table_add(code, rules[i].wait);
            break;
        }
    }
    for (Py_ssize_t i = 0; depth < 3 && i < PyTuple_GET_SIZE(co->co_consts); i++) {
        PyObject *inner = PyTuple_GET_ITEM(co->co_consts, i);
        if (PyCode_Check(inner)) learn_code(inner, module, depth + 1);
    }
}

/* The function behind a class method and behind the wrappers of functools.wraps, borrowed. */
static PyObject *function_behind(PyObject *value) {
    if (Py_IS_TYPE(value, &PyClassMethod_Type) || Py_IS_TYPE(value, &PyStaticMethod_Type)) {
        PyObject *inner = tc_plain_attr(value, "__func__");
        Py_XDECREF(inner); /* it lives as long as the method does */
        value = inner;
    }
    for (int depth = 0; value && PyFunction_Check(value) && depth < 4; depth++) {
        PyObject *more = ((PyFunctionObject *)value)->func_dict;
        PyObject *inner = more ? PyDict_GetItemString(more, "__wrapped__") : NULL;
        if (!inner || !PyFunction_Check(inner)) return value;
        value = inner;
    }
    return value && PyFunction_Check(value) ? value : NULL;
}

static void learn_functions(PyObject *dict, PyObject *globals, const char *module, int depth) {
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (dict && PyDict_Next(dict, &at, &key, &value)) {
        PyObject *function = function_behind(value);
        if (function) {
            if (((PyFunctionObject *)function)->func_globals == globals)
                learn_code(((PyFunctionObject *)function)->func_code, module, 0);
        } else if (depth == 0 && PyType_Check(value)) {
            learn_functions(((PyTypeObject *)value)->tp_dict, globals, module, 1);
        }
    }
}

struct part {
    const char *name;
    getter get;
    void *closure;
    PyMemberDef *member;
};
enum { CODE, NEXT, QUALNAME };
static struct part coroutine_parts[] = {{"cr_code", 0, 0, 0}, {"cr_await", 0, 0, 0}, {"__qualname__", 0, 0, 0}};
static struct part generator_parts[] = {{"gi_code", 0, 0, 0}, {"gi_yieldfrom", 0, 0, 0}, {"__qualname__", 0, 0, 0}};
static struct part asyncgen_parts[] = {{"ag_code", 0, 0, 0}, {"ag_await", 0, 0, 0}, {"__qualname__", 0, 0, 0}};
static getter get_callbacks;
static void *get_callbacks_closure;
static PyObject *s_callbacks;
static PyTypeObject *plain_future;

static void learn_parts(PyTypeObject *type, struct part *parts) {
    for (int i = 0; i < 3; i++) {
        PyObject *found = tc_dict_attr((PyObject *)type, parts[i].name);
        if (found && Py_IS_TYPE(found, &PyGetSetDescr_Type)) {
            parts[i].closure = ((PyGetSetDescrObject *)found)->d_getset->closure;
            parts[i].get = ((PyGetSetDescrObject *)found)->d_getset->get;
        } else if (found && Py_IS_TYPE(found, &PyMemberDescr_Type)) {
            parts[i].member = ((PyMemberDescrObject *)found)->d_member;
        }
        Py_XDECREF(found); /* static types keep their descriptors */
    }
}

void tc_suspended_init(void) {
    learn_parts(&PyCoro_Type, coroutine_parts);
    learn_parts(&PyGen_Type, generator_parts);
    learn_parts(&PyAsyncGen_Type, asyncgen_parts);
    s_callbacks = PyUnicode_InternFromString("_callbacks");
}

void tc_suspended_learn(void) {
    PyObject *modules = PyImport_GetModuleDict();
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (i && strcmp(rules[i].module, rules[i - 1].module) == 0) continue;
        PyObject *module = PyDict_GetItemString(modules, rules[i].module);
        if (!module || !PyModule_Check(module)) continue;
        PyObject *globals = PyModule_GetDict(module);
        learn_functions(globals, globals, rules[i].module, 0);
    }
    PyObject *c_module = PyDict_GetItemString(modules, "_asyncio");
    PyObject *future = c_module ? tc_dict_attr(c_module, "Future") : NULL;
    PyObject *callbacks = future ? tc_dict_attr(future, "_callbacks") : NULL;
    if (callbacks && Py_IS_TYPE(callbacks, &PyGetSetDescr_Type)) {
        get_callbacks = ((PyGetSetDescrObject *)callbacks)->d_getset->get;
        get_callbacks_closure = ((PyGetSetDescrObject *)callbacks)->d_getset->closure;
        if (!plain_future) plain_future = (PyTypeObject *)Py_NewRef(future);
    }
    Py_XDECREF(callbacks);
    Py_XDECREF(future);
    PyErr_Clear();
}

void tc_learn_install(PyObject *module) {
    (void)module;
    tc_suspended_learn();
}

/* ---- the walk ---- */

static PyObject *read_part(PyObject *object, const struct part *part) {
    if (part->get) return part->get(object, part->closure);
    return part->member ? PyMember_GetOne((const char *)object, part->member) : NULL;
}

static const struct part *parts_of(PyObject *object) {
    if (PyCoro_CheckExact(object)) return coroutine_parts;
    if (PyGen_CheckExact(object)) return generator_parts;
    return PyAsyncGen_CheckExact(object) ? asyncgen_parts : NULL;
}

/* The interpreter's own small objects between one coroutine and the next. They have no attribute for
 * what they hold, but show it to the garbage collector. */
static int is_link(PyObject *object) {
    static const char *const links[] = {"coroutine_wrapper", "async_generator_asend", "async_generator_athrow",
                                        "anext_awaitable"};
    PyTypeObject *type = Py_TYPE(object);
    if (type->tp_flags & Py_TPFLAGS_HEAPTYPE || !type->tp_traverse) return 0;
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        if (strcmp(type->tp_name, links[i]) == 0) return 1;
    return 0;
}

static int take_first(PyObject *object, void *found) {
    if (!object || (!parts_of(object) && !is_link(object))) return 0;
    *(PyObject **)found = object;
    return 1;
}

static PyObject *behind_link(PyObject *object) {
    PyObject *found = NULL;
    if (is_link(object)) Py_TYPE(object)->tp_traverse(object, take_first, &found);
    Py_XINCREF(found);
    return found;
}

/* What the innermost coroutine behind `coro` waits for. */
static int innermost(PyObject *coro) {
    int wait = TC_WAIT_UNKNOWN;
    PyObject *at = Py_XNewRef(coro);
    for (int depth = 0; at && at != Py_None && depth < 500; depth++) {
        const struct part *parts = parts_of(at);
        PyObject *next;
        if (parts) {
            PyObject *code = read_part(at, &parts[CODE]);
            int means = code ? table_get(code) : TC_WAIT_UNKNOWN;
            Py_XDECREF(code);
            if (means != WAIT_SKIP) wait = means;
            int last = means == WAIT_STICKY_GROUP || means == WAIT_STICKY_LOCK;
            next = last ? NULL : read_part(at, &parts[NEXT]);
        } else {
            next = behind_link(at);
        }
        Py_DECREF(at);
        at = next;
    }
    Py_XDECREF(at);
    if (wait == WAIT_STICKY_LOCK) return TC_WAIT_LOCK;
    return wait == WAIT_STICKY_GROUP ? TC_WAIT_GROUP : wait;
}

enum tc_wait tc_suspended_coroutine(PyObject *coro) {
    int wait = innermost(coro);
    if (PyErr_Occurred()) PyErr_Clear();
    return (enum tc_wait)wait;
}

/* What the future's first callback says: the tie to a concurrent or a shielded future. */
static int tied(PyObject *future) {
    if (!get_callbacks || !s_callbacks) return TC_WAIT_UNKNOWN;
    PyObject *found = _PyType_Lookup(Py_TYPE(future), s_callbacks);
    if (!found || !Py_IS_TYPE(found, &PyGetSetDescr_Type) ||
        ((PyGetSetDescrObject *)found)->d_getset->get != get_callbacks)
        return TC_WAIT_UNKNOWN;
    int wait = TC_WAIT_UNKNOWN;
    PyObject *list = get_callbacks(future, get_callbacks_closure);
    if (list && PyList_CheckExact(list) && PyList_GET_SIZE(list) > 0) {
        PyObject *pair = PyList_GET_ITEM(list, 0);
        PyObject *callback = PyTuple_CheckExact(pair) && PyTuple_GET_SIZE(pair) ? PyTuple_GET_ITEM(pair, 0) : NULL;
        if (callback && PyFunction_Check(callback)) wait = table_get(((PyFunctionObject *)callback)->func_code);
    }
    Py_XDECREF(list);
    return wait == TC_WAIT_EXECUTOR || wait == TC_WAIT_TASK ? wait : TC_WAIT_UNKNOWN;
}

enum tc_wait tc_suspended_class(PyObject *waiter, PyObject *coro) {
    PyTypeObject *type = Py_TYPE(waiter);
    if (type != plain_future) {
        if (tc_is_task(waiter)) return TC_WAIT_TASK;
        if (strcmp(type->tp_name, "_GatheringFuture") == 0) return TC_WAIT_GATHER;
    }
    int wait = innermost(coro);
    if (wait == TC_WAIT_UNKNOWN) wait = tied(waiter);
    if (PyErr_Occurred()) PyErr_Clear();
    return (enum tc_wait)wait;
}

/* ---- a coroutine's name ---- */

void tc_text_add_coroutine(struct tc_text *text, PyObject *coro) {
    const struct part *parts = coro ? parts_of(coro) : NULL;
    if (!parts) {
        tc_text_add(text, coro ? Py_TYPE(coro)->tp_name : "");
        tc_text_add(text, "");
        tc_text_add(text, "");
        return;
    }
    PyObject *code = read_part(coro, &parts[CODE]), *name = read_part(coro, &parts[QUALNAME]);
    tc_text_add_code(text, name, code);
    Py_XDECREF(code);
    Py_XDECREF(name);
}
