/* Threads, thread pools, process pools and processes: names, and the pieces of work given to pools.
 *
 * Items of a thread pool are numbered as they are made; a small table finds the number again when a
 * worker begins one. Items of process pools are known on both sides of a pipe: its inode (both hold
 * the same pipe) and the pool's own number of the piece make the key. The worker loops of process
 * pools are one Python function each that takes its queues as arguments; they are given a thin C
 * object in place of each queue, which says when a piece was taken and when its result was put.
 * loky, the pool of joblib, keeps the classes and names of concurrent.futures.process. */
#define _GNU_SOURCE
#include "agent.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

enum pool_kind { POOL_THREADS = 1, POOL_PROCESSES = 2, POOL_MULTIPROCESSING = 3, POOL_WORKER = 4 };

/* ---- threads ---- */

static vectorcallfunc o_thread;

/* A Thread and a Process keep their names and targets alike. */
static __attribute__((noinline)) void say_runner(enum tc_event event, PyObject *runner) {
    struct tc_text text;
    tc_text_init(&text);
    PyObject *name = tc_own_attr(runner, "_name"), *target = tc_own_attr(runner, "_target");
    if (!target || target == Py_None) {
        Py_XDECREF(target);
        target = tc_dict_attr((PyObject *)Py_TYPE(runner), "run");
    }
    tc_text_add_str(&text, name);
    tc_text_add_callable(&text, target);
    uint64_t daemon = event == TC_EV_THREAD && tc_own_true(runner, "_daemonic");
    tc_event_full(event, daemon, NULL, 0, &text);
    Py_XDECREF(name);
    Py_XDECREF(target);
}

void tc_say_thread(PyObject *thread) { say_runner(TC_EV_THREAD, thread); }

static PyObject *my_thread(PyObject *f, PyObject *const *args, size_t flags, PyObject *names) {
    if (PyVectorcall_NARGS(flags) < 1) return o_thread(f, args, flags, names);
    uint32_t generation = tc_generation;
    PyObject *thread = Py_NewRef(args[0]);
    say_runner(TC_EV_THREAD, thread);
    PyObject *result = o_thread(f, args, flags, names);
    if (generation == tc_generation) {
        struct tc_error error;
        tc_error_save(&error);
        PyObject *name = tc_own_attr(thread, "_name");
        tc_event_text(TC_EV_THREAD_END, 0, name);
        Py_XDECREF(name);
        tc_error_restore(&error);
    }
    Py_DECREF(thread);
    return result;
}

void tc_threading_install(PyObject *module) {
    PyObject *type = tc_dict_attr(module, "Thread");
    PyObject *bootstrap = type && PyType_Check(type) ? tc_dict_attr(type, "_bootstrap") : NULL;
    tc_hook_function(bootstrap, my_thread, &o_thread);
    Py_XDECREF(bootstrap);
    Py_XDECREF(type);
}

/* ---- numbers of a thread pool's items, by the address of the item ---- */

static struct entry {
    void *address; /* NULL: empty */
    uint64_t number;
} *numbers;
static size_t numbers_size, numbers_used;
static uint64_t numbers_given;
static pthread_mutex_t numbers_lock = PTHREAD_MUTEX_INITIALIZER;

static void lock_numbers(void) { pthread_mutex_lock(&numbers_lock); }
static void unlock_numbers(void) { pthread_mutex_unlock(&numbers_lock); }

static size_t number_slot(const struct entry *in, size_t size, void *address) {
    size_t i = (size_t)(((uint64_t)(uintptr_t)address >> 4) * TC_SPREAD >> 20) & (size - 1);
    while (in[i].address && in[i].address != address) i = (i + 1) & (size - 1);
    return i;
}

static int grow_numbers(void) {
    size_t size = numbers_size ? 2 * numbers_size : 256;
    struct entry *larger = calloc(size, sizeof *larger);
    if (!larger) return -1;
    for (size_t i = 0; i < numbers_size; i++)
        if (numbers[i].address) larger[number_slot(larger, size, numbers[i].address)] = numbers[i];
    free(numbers);
    numbers = larger;
    numbers_size = size;
    return 0;
}

/* A new number for the item at `address`; 0 where there is no memory. */
uint64_t tc_item_number(void *address) {
    uint64_t number = 0;
    lock_numbers();
    if (2 * (numbers_used + 1) <= numbers_size || grow_numbers() == 0) {
        struct entry *entry = &numbers[number_slot(numbers, numbers_size, address)];
        numbers_used += !entry->address;
        *entry = (struct entry){address, number = ++numbers_given};
    }
    unlock_numbers();
    return number;
}

/* The number of the item, which is forgotten; 0 = it was made before the agent came. */
uint64_t tc_item_take(void *address) {
    uint64_t number = 0;
    lock_numbers();
    size_t i = numbers_size ? number_slot(numbers, numbers_size, address) : 0;
    if (numbers_size && numbers[i].address) {
        number = numbers[i].number;
        numbers_used--;
        numbers[i].address = NULL;
        /* What stood behind it in the same run may have to move up. */
        for (size_t j = (i + 1) & (numbers_size - 1); numbers[j].address; j = (j + 1) & (numbers_size - 1)) {
            struct entry moved = numbers[j];
            numbers[j].address = NULL;
            numbers[number_slot(numbers, numbers_size, moved.address)] = moved;
        }
    }
    unlock_numbers();
    return number;
}

/* ---- thread pools ---- */

static vectorcallfunc o_item_init, o_item_run;

__attribute__((noinline)) void tc_say_item(enum tc_event event, uint64_t item, uint64_t pool, PyObject *function,
                                          PyObject *arguments) {
    struct tc_text text;
    tc_text_init(&text);
    tc_text_add_call(&text, function, arguments);
    tc_event_full(event, item, &pool, event == TC_EV_ITEM_NEW ? 1 : 0, &text);
}

/* _WorkItem(future, fn, args, kwargs); since 3.14 (future, (fn, args, kwargs)). */
static PyObject *my_item_init(PyObject *f, PyObject *const *args, size_t flags, PyObject *names) {
    if (PyVectorcall_NARGS(flags) >= 3) {
        PyObject *function = args[2], *arguments = PyVectorcall_NARGS(flags) >= 4 ? args[3] : NULL;
        if (PyTuple_CheckExact(function) && PyTuple_GET_SIZE(function) >= 2) {
            arguments = PyTuple_GET_ITEM(args[2], 1);
            function = PyTuple_GET_ITEM(args[2], 0);
        }
        tc_say_item(TC_EV_ITEM_NEW, tc_item_number(args[0]), POOL_THREADS, function, arguments);
    }
    return o_item_init(f, args, flags, names);
}

static PyObject *my_item_run(PyObject *f, PyObject *const *args, size_t flags, PyObject *names) {
    uint64_t number = PyVectorcall_NARGS(flags) >= 1 ? tc_item_take(args[0]) : 0;
    if (!number) return o_item_run(f, args, flags, names);
    uint32_t generation = tc_generation;
    tc_event_text(TC_EV_ITEM, number, NULL);
    PyObject *result = o_item_run(f, args, flags, names);
    if (generation == tc_generation) tc_event(TC_EV_ITEM_END, number);
    return result;
}

int tc_items_ready(void) {
    static int forks;
    if (!forks && pthread_atfork(lock_numbers, unlock_numbers, unlock_numbers) == 0) forks = 1;
    return forks;
}

void tc_thread_pool_install(PyObject *module) {
    PyObject *type = tc_dict_attr(module, "_WorkItem");
    if (tc_items_ready() && tc_hook_init(type, my_item_init, &o_item_init))
        tc_hook_method(type, "run", my_item_run, &o_item_run);
    Py_XDECREF(type);
}

/* ---- keys of process pools' items ---- */

/* 24 bits that both sides of a queue know: of its pipe's inode; of its own address where it has no
 * pipe, for then both sides are one process. */
static uint64_t queue_key(PyObject *queue) {
    PyObject *reader = tc_own_attr(queue, "_reader");
    struct stat info = {0};
    long fd = -1;
    if (!reader) return (uint64_t)(uintptr_t)queue >> 4 & 0xffffff;
    PyObject *handle = tc_plain_attr(reader, "_handle"); /* Connection's own; None when it is closed */
    if (handle && PyLong_CheckExact(handle)) fd = PyLong_AsLong(handle);
    Py_XDECREF(handle);
    Py_DECREF(reader);
    return fd >= 0 && fstat((int)fd, &info) == 0 ? (uint64_t)info.st_ino & 0xffffff : 0;
}

static uint64_t item_key(uint64_t queue, uint64_t work) { return (queue & 0xffffff) << 24 | (work & 0xffffff); }

/* A Pool numbers its jobs, and each job's chunks from 0. */
static uint64_t chunk_number(long job, long chunk) { return (uint64_t)job * 0x9e3779b1u + (uint64_t)chunk; }

/* A variable of the Python function that (through C) called this hook; new reference or NULL. The
 * functions asked are the standard library's own. */
static PyObject *callers_variable(const char *name) {
    PyFrameObject *frame = PyEval_GetFrame(); /* borrowed */
    PyObject *value = NULL;
    if (!frame) return NULL;
#if PY_VERSION_HEX >= 0x030c0000
    value = PyFrame_GetVarString(frame, name);
#else
    PyObject *locals = PyFrame_GetLocals(frame);
    value = locals && PyDict_CheckExact(locals) ? Py_XNewRef(PyDict_GetItemString(locals, name)) : NULL;
    Py_XDECREF(locals);
#endif
    PyErr_Clear();
    return value;
}

/* ---- the worker's queues ---- */

/* Stands for one queue within a worker loop. `in` is itself for the queue that gives, and that one for
 * the queue that takes results. */
struct stand_in {
    PyObject_HEAD
    PyObject *queue;
    struct stand_in *in; /* owned only where it is another one */
    enum pool_kind kind;
    uint64_t key, item;
    int open;
    int patched; /* the program has set an attribute */
    uint32_t generation;
};

static void begin_item(struct stand_in *in, PyObject *work) {
    PyObject *function = NULL, *arguments = NULL;
    uint64_t number = 0;
    if (in->kind == POOL_PROCESSES) {
        number = (uint64_t)tc_own_long(work, "work_id", 0);
        function = tc_own_attr(work, "fn");
        arguments = tc_own_attr(work, "args");
    } else if (PyTuple_CheckExact(work) && PyTuple_GET_SIZE(work) >= 5) {
        PyObject *job = PyTuple_GET_ITEM(work, 0), *chunk = PyTuple_GET_ITEM(work, 1);
        if (PyLong_CheckExact(job) && PyLong_CheckExact(chunk))
            number = chunk_number(PyLong_AsLong(job), PyLong_AsLong(chunk));
        function = Py_NewRef(PyTuple_GET_ITEM(work, 2));
        arguments = Py_NewRef(PyTuple_GET_ITEM(work, 3));
    }
    PyErr_Clear();
    if (function) {
        in->item = item_key(in->key, number);
        in->open = 1;
        in->generation = tc_generation;
        tc_say_item(TC_EV_ITEM, in->item, 0, function, arguments);
    }
    Py_XDECREF(function);
    Py_XDECREF(arguments);
}

/* The method of the queue's class, bound to it. */
static PyObject *of_class(PyObject *queue, const char *name) {
    PyObject *type = (PyObject *)Py_TYPE(queue), *found = PyObject_GetAttrString(type, name), *method = NULL;
    descrgetfunc bind = found ? Py_TYPE(found)->tp_descr_get : NULL;
    if (bind) method = bind(found, queue, type);
    Py_XDECREF(found);
    PyErr_Clear();
    return method;
}

/* Where the program has put something of its own into the queue, who still has our method wants what was
 * there before (a mock that calls it), not his own again. (loky puts methods into its queues, too, but
 * before they are ours.) */
static PyObject *forward(struct stand_in *self, const char *name, PyObject *args, PyObject *kwargs) {
    PyObject *method = self->patched ? of_class(self->queue, name) : NULL;
    if (!method) method = PyObject_GetAttrString(self->queue, name);
    PyObject *result = method ? PyObject_Call(method, args, kwargs) : NULL;
    Py_XDECREF(method);
    return result;
}

/* Of a worker that has its queue to itself: (context, function, arguments, ...). */
static void begin_call(struct stand_in *in, PyObject *work) {
    uint64_t number = tc_item_take(work);
    if (!number) return;
    in->item = number;
    in->open = 1;
    in->generation = tc_generation;
    tc_event_text(TC_EV_ITEM, number, NULL);
}

static void end_item(struct stand_in *in) {
    if (!in->open) return;
    in->open = 0;
    if (in->generation == tc_generation) tc_event(TC_EV_ITEM_END, in->item);
}

static PyObject *stand_in_get(PyObject *object, PyObject *args, PyObject *kwargs) {
    struct stand_in *self = (struct stand_in *)object;
    PyObject *work = forward(self, "get", args, kwargs);
    if (work && work != Py_None) {
        if (self->kind == POOL_WORKER) begin_call(self, work);
        else begin_item(self, work);
    }
    return work;
}

static PyObject *stand_in_put(PyObject *object, PyObject *args, PyObject *kwargs) {
    struct stand_in *self = (struct stand_in *)object;
    PyObject *result = forward(self, "put", args, kwargs);
    end_item(self->in);
    return result;
}

static PyObject *stand_in_put_nowait(PyObject *object, PyObject *args, PyObject *kwargs) {
    struct stand_in *self = (struct stand_in *)object;
    PyObject *work = PyTuple_GET_SIZE(args) ? PyTuple_GET_ITEM(args, 0) : NULL;
    if (self->kind == POOL_WORKER && work && PyTuple_CheckExact(work) && PyTuple_GET_SIZE(work) >= 3)
        tc_say_item(TC_EV_ITEM_NEW, tc_item_number(work), POOL_THREADS, PyTuple_GET_ITEM(work, 1),
                    PyTuple_GET_ITEM(work, 2));
    return forward(self, "put_nowait", args, kwargs);
}

static PyObject *stand_in_task_done(PyObject *object, PyObject *args, PyObject *kwargs) {
    struct stand_in *self = (struct stand_in *)object;
    if (self->kind == POOL_WORKER) end_item(self);
    return forward(self, "task_done", args, kwargs);
}

/* What the program itself has put into the queue under this name; NULL = nothing. */
static PyObject *put_there(PyObject *queue, PyObject *name) {
    PyTypeObject *type = Py_TYPE(queue);
    if (!type->tp_dictoffset && !PyType_HasFeature(type, Py_TPFLAGS_MANAGED_DICT)) return NULL;
    PyObject *attributes = PyObject_GenericGetDict(queue, NULL);
    PyObject *found = attributes ? Py_XNewRef(PyDict_GetItemWithError(attributes, name)) : NULL;
    Py_XDECREF(attributes);
    PyErr_Clear();
    return found;
}

static PyObject *stand_in_getattr(PyObject *object, PyObject *name) {
    struct stand_in *self = (struct stand_in *)object;
    PyObject *queue = self->queue, *own = self->patched ? put_there(queue, name) : NULL;
    if (own) return own;
    own = PyObject_GenericGetAttr(object, name);
    if (own || !PyErr_ExceptionMatches(PyExc_AttributeError)) return own;
    PyErr_Clear();
    return PyObject_GetAttr(queue, name);
}

static int stand_in_setattr(PyObject *object, PyObject *name, PyObject *value) {
    struct stand_in *self = (struct stand_in *)object;
    self->patched = 1;
    return PyObject_SetAttr(self->queue, name, value);
}

static void stand_in_dealloc(PyObject *object) {
    struct stand_in *self = (struct stand_in *)object;
    Py_XDECREF(self->queue);
    if (self->in && self->in != self) Py_DECREF((PyObject *)self->in);
    Py_TYPE(object)->tp_free(object);
}

static PyMethodDef stand_in_methods[] = {
    {"get", (PyCFunction)(void (*)(void))stand_in_get, METH_VARARGS | METH_KEYWORDS, NULL},
    {"put", (PyCFunction)(void (*)(void))stand_in_put, METH_VARARGS | METH_KEYWORDS, NULL},
    {"put_nowait", (PyCFunction)(void (*)(void))stand_in_put_nowait, METH_VARARGS | METH_KEYWORDS, NULL},
    {"task_done", (PyCFunction)(void (*)(void))stand_in_task_done, METH_VARARGS | METH_KEYWORDS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject stand_in_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "Queue",
    .tp_basicsize = sizeof(struct stand_in),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_dealloc = stand_in_dealloc,
    .tp_getattro = stand_in_getattr,
    .tp_setattro = stand_in_setattr,
    .tp_methods = stand_in_methods,
};

static PyObject *stand_in_new(PyObject *queue, struct stand_in *in, enum pool_kind kind) {
    if (PyType_Ready(&stand_in_type) < 0) return NULL;
    struct stand_in *self = PyObject_New(struct stand_in, &stand_in_type);
    if (!self) return NULL;
    self->queue = Py_NewRef(queue);
    self->in = in ? (struct stand_in *)Py_NewRef((PyObject *)in) : self;
    self->kind = kind;
    self->key = queue_key(queue);
    self->item = 0;
    self->open = 0;
    self->patched = 0;
    self->generation = tc_generation;
    return (PyObject *)self;
}

PyObject *tc_worker_queue(PyObject *queue) { return stand_in_new(queue, NULL, POOL_WORKER); }

enum { WORKER_ARGUMENTS = 16 };

/* Calls a worker loop with its two queues, the first two arguments, replaced. */
static PyObject *run_worker(vectorcallfunc original, enum pool_kind kind, PyObject *f, PyObject *const *args,
                            size_t flags, PyObject *names) {
    Py_ssize_t given = PyVectorcall_NARGS(flags), all = given + (names ? PyTuple_GET_SIZE(names) : 0);
    PyObject *changed[WORKER_ARGUMENTS];
    PyObject *in = NULL, *out = NULL, *result;
    if (given >= 2 && all <= WORKER_ARGUMENTS) {
        in = stand_in_new(args[0], NULL, kind);
        out = in ? stand_in_new(args[1], (struct stand_in *)in, kind) : NULL;
    }
    if (out) {
        for (Py_ssize_t i = 2; i < all; i++) changed[i] = args[i];
        changed[0] = in;
        changed[1] = out;
        result = original(f, changed, (size_t)given, names);
    } else {
        PyErr_Clear();
        result = original(f, args, flags, names);
    }
    Py_XDECREF(out);
    Py_XDECREF(in);
    return result;
}

/* ---- concurrent.futures.process ---- */

static vectorcallfunc o_work_init, o_process_worker;

/* submit() makes the item just before it files it under its own _queue_count. */
static PyObject *my_work_init(PyObject *f, PyObject *const *args, size_t flags, PyObject *names) {
    if (PyVectorcall_NARGS(flags) >= 4) {
        PyObject *pool = callers_variable("self");
        PyObject *queue = pool ? tc_own_attr(pool, "_call_queue") : NULL;
        long work = pool ? tc_own_long(pool, "_queue_count", -1) : -1;
        if (queue && work >= 0)
            tc_say_item(TC_EV_ITEM_NEW, item_key(queue_key(queue), (uint64_t)work), POOL_PROCESSES, args[2], args[3]);
        Py_XDECREF(queue);
        Py_XDECREF(pool);
    }
    return o_work_init(f, args, flags, names);
}

static PyObject *my_process_worker(PyObject *f, PyObject *const *args, size_t flags, PyObject *names) {
    return run_worker(o_process_worker, POOL_PROCESSES, f, args, flags, names);
}

void tc_process_pool_install(PyObject *module) {
    PyObject *type = tc_dict_attr(module, "_WorkItem"), *worker = tc_dict_attr(module, "_process_worker");
    tc_hook_init(type, my_work_init, &o_work_init);
    tc_hook_function(worker, my_process_worker, &o_process_worker);
    Py_XDECREF(worker);
    Py_XDECREF(type);
}

/* ---- multiprocessing ---- */

static vectorcallfunc o_process, o_pool_worker, o_apply_init, o_map_init;

static PyObject *my_process(PyObject *f, PyObject *const *args, size_t flags, PyObject *names) {
    if (PyVectorcall_NARGS(flags) >= 1) say_runner(TC_EV_PROCESS_NAME, args[0]);
    return o_process(f, args, flags, names);
}

void tc_process_install(PyObject *module) {
    PyObject *type = tc_dict_attr(module, "BaseProcess");
    if (type && PyType_Check(type)) tc_hook_method(type, "_bootstrap", my_process, &o_process);
    Py_XDECREF(type);
}

static PyObject *my_pool_worker(PyObject *f, PyObject *const *args, size_t flags, PyObject *names) {
    return run_worker(o_pool_worker, POOL_MULTIPROCESSING, f, args, flags, names);
}

/* After an ApplyResult or MapResult was made: its pieces are given to the pool now. */
static void say_pieces(PyObject *pool, PyObject *job, long pieces) {
    PyObject *function = callers_variable("func"), *queue = tc_own_attr(pool, "_inqueue");
    long number = tc_own_long(job, "_job", -1);
    uint64_t key = queue ? queue_key(queue) : 0;
    if (function && number >= 0)
        for (long i = 0; i < pieces; i++)
            tc_say_item(TC_EV_ITEM_NEW, item_key(key, chunk_number(number, i)), POOL_MULTIPROCESSING, function, NULL);
    Py_XDECREF(function);
    Py_XDECREF(queue);
}

static int is_class(PyObject *object, const char *name) {
    PyObject *type_name = PyType_GetName(Py_TYPE(object));
    int is = type_name && PyUnicode_CompareWithASCIIString(type_name, name) == 0;
    Py_XDECREF(type_name);
    return is;
}

static PyObject *my_apply_init(PyObject *f, PyObject *const *args, size_t flags, PyObject *names) {
    PyObject *result = o_apply_init(f, args, flags, names);
    if (result && PyVectorcall_NARGS(flags) >= 2 && is_class(args[0], "ApplyResult")) say_pieces(args[1], args[0], 1);
    return result;
}

static PyObject *my_map_init(PyObject *f, PyObject *const *args, size_t flags, PyObject *names) {
    PyObject *result = o_map_init(f, args, flags, names);
    if (result && PyVectorcall_NARGS(flags) >= 2)
        say_pieces(args[1], args[0], tc_own_long(args[0], "_number_left", 0));
    return result;
}

void tc_pool_install(PyObject *module) {
    PyObject *worker = tc_dict_attr(module, "worker");
    tc_hook_function(worker, my_pool_worker, &o_pool_worker);
    PyObject *apply = tc_dict_attr(module, "ApplyResult"), *map = tc_dict_attr(module, "MapResult");
    tc_hook_init(apply, my_apply_init, &o_apply_init);
    tc_hook_init(map, my_map_init, &o_map_init);
    Py_XDECREF(apply);
    Py_XDECREF(map);
    Py_XDECREF(worker);
}
