/* twocooks._core: the recorder for Python. Bindings only. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <sys/prctl.h>

#include "accounts.h"
#include "events.h"
#include "recorder.h"
#include "spawn.h"

typedef struct {
    PyObject_HEAD
    struct tc_recorder r;
} Recorder;

static PyObject *os_error(const char *what) {
    PyObject *args = Py_BuildValue("(is)", errno, what);
    if (args) PyErr_SetObject(PyExc_OSError, args);
    Py_XDECREF(args);
    return NULL;
}

static PyObject *recorder_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"fd", "max_bytes", NULL};
    int fd;
    unsigned long long max_bytes = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "i|K", names, &fd, &max_bytes)) return NULL;
    Recorder *self = (Recorder *)type->tp_alloc(type, 0);
    if (self && tc_recorder_init(&self->r, fd, max_bytes)) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static void recorder_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    tc_recorder_free(&((Recorder *)self)->r);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *open_rings(Recorder *self, PyObject *args) {
    unsigned int pid;
    int pages, cpus[4096], n = 0, running = 0;
    PyObject *list;
    if (!PyArg_ParseTuple(args, "IO!i|p", &pid, &PyList_Type, &list, &pages, &running)) return NULL;
    if (self->r.has_ring) return PyErr_Format(PyExc_RuntimeError, "the rings are open already");
    for (; n < PyList_GET_SIZE(list) && n < 4096; n++) {
        long cpu = PyLong_AsLong(PyList_GET_ITEM(list, n));
        if (cpu == -1 && PyErr_Occurred()) return NULL;
        cpus[n] = (int)cpu;
    }
    const char *what = "";
    if (n == 0 || pages < 1 || (pages & (pages - 1)))
        return PyErr_Format(PyExc_ValueError, "at least one CPU, and pages a power of two");
    if (tc_recorder_open_ring(&self->r, pid, cpus, n, pages, running, &what))
        return os_error(what);
    return PyLong_FromLong(self->r.ring.pages);
}

static PyObject *attach(Recorder *self, PyObject *args) {
    unsigned int tid;
    if (!PyArg_ParseTuple(args, "I", &tid)) return NULL;
    if (!self->r.has_ring) return PyErr_Format(PyExc_RuntimeError, "no rings are open");
    if (tc_ring_add(&self->r.ring, tid)) return os_error("perf_event_open");
    Py_RETURN_NONE;
}

static PyObject *found(Recorder *self, PyObject *args) {
    static const enum tc_record_type kinds[] = {TC_REC_OUT, TC_REC_IN, TC_REC_PREEMPTED};
    unsigned long long time_ns;
    unsigned int kind, pid, tid, maker;
    int cpu;
    const char *name;
    Py_ssize_t length;
    if (!PyArg_ParseTuple(args, "KIiIIIz#", &time_ns, &kind, &cpu, &pid, &tid, &maker, &name, &length)) return NULL;
    if (!self->r.has_ring || kind > 2) return PyErr_Format(PyExc_ValueError, "no rings are open, or no such state");
    if (maker) tc_recorder_found(&self->r, time_ns, TC_REC_FORK, cpu, pid, tid, maker);
    tc_recorder_found(&self->r, time_ns, kinds[kind], cpu, pid, tid, 0);
    if (name) tc_recorder_named(&self->r, time_ns, pid, tid, name, (size_t)length);
    Py_RETURN_NONE;
}

static PyObject *forked(Recorder *self, PyObject *args) {
    int last = 0;
    if (!PyArg_ParseTuple(args, "|p", &last)) return NULL;
    struct tc_recorder *r = &self->r;
    tc_recorder_round(r, 0);
    PyObject *out = PyDict_New();
    for (size_t i = 0; out && i < r->forked_count; i++) {
        PyObject *tid = PyLong_FromUnsignedLong(r->forked[i].tid);
        PyObject *row = Py_BuildValue("(IK)", r->forked[i].maker, (unsigned long long)r->forked[i].time_ns);
        if (!tid || !row || PyDict_SetItem(out, tid, row)) Py_CLEAR(out);
        Py_XDECREF(tid);
        Py_XDECREF(row);
    }
    if (last) r->attaching = 0;
    return out;
}

static PyObject *open_arena(Recorder *self, PyObject *args) {
    int fd;
    unsigned int npages;
    int ticks = 1;
    if (!PyArg_ParseTuple(args, "iI|p", &fd, &npages, &ticks)) return NULL;
    if (self->r.drain || !npages) return PyErr_Format(PyExc_RuntimeError, "no pages, or open already");
    if (tc_recorder_open_arena(&self->r, fd, npages, ticks)) return os_error("arena");
    Py_RETURN_NONE;
}

static PyObject *run(Recorder *self, PyObject *args) {
    static const char *const names[] = {"time", "exit", "signal", "size", "error"};
    unsigned long long until_ns;
    int pidfd;
    if (!PyArg_ParseTuple(args, "Ki", &until_ns, &pidfd)) return NULL;
    enum tc_why why;
    Py_BEGIN_ALLOW_THREADS
    why = tc_recorder_run(&self->r, until_ns, pidfd);
    Py_END_ALLOW_THREADS
    if (why == TC_WHY_ERROR) return PyErr_NoMemory();
    return PyUnicode_FromString(names[why]);
}

static PyObject *finish(Recorder *self, PyObject *Py_UNUSED(none)) {
    Py_BEGIN_ALLOW_THREADS
    tc_recorder_finish(&self->r);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *flush(Recorder *self, PyObject *Py_UNUSED(none)) {
    tc_recorder_round(&self->r, 1);
    Py_RETURN_NONE;
}

/* put(time_ns, event number, fields, text=None): a POLL or METER record. */
static PyObject *put(Recorder *self, PyObject *args) {
    unsigned long long time_ns;
    unsigned int event;
    PyObject *numbers;
    const char *text = NULL;
    Py_ssize_t length = 0;
    if (!PyArg_ParseTuple(args, "KIO!|z#", &time_ns, &event, &PyTuple_Type, &numbers, &text, &length))
        return NULL;
    const struct tc_event_row *row = event < TC_EVENT_LIMIT ? &tc_events[event] : &tc_events[0];
    uint64_t fields[TC_MAX_NUMBERS] = {0};
    if ((row->stream != TC_STREAM_POLL && row->stream != TC_STREAM_METER) ||
        PyTuple_GET_SIZE(numbers) != row->numbers)
        return PyErr_Format(PyExc_ValueError, "event %u takes other fields, or is not for Python", event);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(numbers); i++) {
        fields[i] = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(numbers, i));
        if (fields[i] == (uint64_t)-1 && PyErr_Occurred()) return NULL;
    }
    struct tc_stream *s = row->stream == TC_STREAM_POLL ? &self->r.poll : &self->r.meter;
    tc_put(s, time_ns, event, fields, text, (size_t)length);
    Py_RETURN_NONE;
}

/* block(kind, payload): a META or END block, written at once, whatever the limit is. */
static PyObject *block(Recorder *self, PyObject *args) {
    unsigned char kind;
    Py_buffer payload;
    if (!PyArg_ParseTuple(args, "by*", &kind, &payload)) return NULL;
    tc_block(&self->r.out, kind, payload.buf, (size_t)payload.len);
    PyBuffer_Release(&payload);
    uint64_t stopped = self->r.stopped_ns, max_bytes = self->r.max_bytes;
    self->r.stopped_ns = self->r.max_bytes = 0;
    int written = tc_recorder_write(&self->r);
    self->r.max_bytes = max_bytes;
    if (stopped) self->r.stopped_ns = stopped;
    if (!written) {
        errno = self->r.error;
        return os_error("write");
    }
    Py_RETURN_NONE;
}

static PyObject *settle(Recorder *self, PyObject *Py_UNUSED(none)) {
    return PyLong_FromUnsignedLongLong(tc_recorder_settle(&self->r));
}

static PyObject *task_clock_ns(Recorder *self, PyObject *Py_UNUSED(none)) {
    return PyLong_FromUnsignedLongLong(tc_recorder_clock(&self->r));
}

static PyObject *stats(Recorder *self, PyObject *Py_UNUSED(none)) {
    struct tc_recorder *r = &self->r;
    PyObject *lost = PyDict_New();
    if (!lost) return NULL;
    for (int i = 0; r->has_ring && i < r->ring.ncpu; i++) {
        PyObject *key = PyUnicode_FromFormat("%d", r->ring.cpu[i].cpu);
        uint64_t at_fd = tc_ring_lost(&r->ring.cpu[i]), seen = r->ring.cpu[i].lost;
        PyObject *value = PyLong_FromUnsignedLongLong(at_fd > seen ? at_fd : seen);
        int bad = !key || !value || PyDict_SetItem(lost, key, value);
        Py_XDECREF(key);
        Py_XDECREF(value);
        if (bad) {
            Py_DECREF(lost);
            return NULL;
        }
    }
    struct tc_waits_counts looks = {0};
    tc_waits_counts(r->waits, &looks);
    uint64_t threads = 0, tasks = 0;
    if (r->drain) tc_drain_held(r->drain, &threads, &tasks);
    return Py_BuildValue(
        "{sN sK sK sK sK sK sK sK sK sK sK sK sK sK sK sK si}", "lost", lost, "task_clock_ns",
        (unsigned long long)tc_recorder_clock(r), "switches",
        (unsigned long long)r->switches, "kernel_records", (unsigned long long)r->kernel_records,
        "agent_records", (unsigned long long)r->agent_records, "agent_lost",
        (unsigned long long)(r->drain ? tc_drain_lost(r->drain) : 0), "agent_damaged",
        (unsigned long long)(r->drain ? tc_drain_damaged(r->drain) : 0),
        "agent_threads", (unsigned long long)threads, "agent_tasks", (unsigned long long)tasks, "written",
        (unsigned long long)r->written, "looked", (unsigned long long)looks.looked, "missed",
        (unsigned long long)looks.missed, "denied", (unsigned long long)looks.denied,
        "torn", (unsigned long long)looks.torn, "unfollowed",
        (unsigned long long)r->unfollowed, "stopped_ns", (unsigned long long)r->stopped_ns, "error", r->error);
}

static PyMethodDef recorder_methods[] = {
    {"open_rings", (PyCFunction)open_rings, METH_VARARGS,
     "open_rings(pid, cpus, pages, running=False) -> pages: opens the kernel's rings for pid, which has not exec'd "
     "yet, or is running. OSError (with the refused call as its text) where the kernel says no."},
    {"attach", (PyCFunction)attach, METH_VARARGS,
     "attach(tid): one more running thread is recorded, with all that it makes from now on. OSError."},
    {"found", (PyCFunction)found, METH_VARARGS,
     "found(time_ns, how, cpu, pid, tid, maker, name): a thread that was not recorded before: 0 blocked, 1 on this CPU, "
     "2 in line; maker: the parent where it is a process's first thread and not the root's, else 0; name: bytes or None."},
    {"forked", (PyCFunction)forked, METH_VARARGS,
     "forked(last=False) -> {tid: (maker's tid, time_ns)}: the threads whose beginning was recorded since the rings "
     "were opened on a running process; after the last call that is not noted any more."},
    {"open_arena", (PyCFunction)open_arena, METH_VARARGS,
     "open_arena(fd, npages, ticks=True): lays the agents' shared memory into the memory file. ticks: times\n"
     "may be those of the processor's counter."},
    {"run", (PyCFunction)run, METH_VARARGS,
     "run(until_ns, pidfd) -> 'time' | 'exit' | 'signal' | 'size': records until then."},
    {"put", (PyCFunction)put, METH_VARARGS, "put(time_ns, event, fields, text=None): a POLL or METER record."},
    {"block", (PyCFunction)block, METH_VARARGS, "block(kind, payload): writes a META or END block."},
    {"flush", (PyCFunction)flush, METH_NOARGS, "One round by hand, everything written."},
    {"finish", (PyCFunction)finish, METH_NOARGS, "The last round: agents stop, losses are written down."},
    {"settle", (PyCFunction)settle, METH_NOARGS,
     "Reads the last records and the task clock together; nothing is recorded after it. Returns when (ns)."},
    {"task_clock_ns", (PyCFunction)task_clock_ns, METH_NOARGS,
     "CPU time of the program and all that it started, by the kernel's counter; 0: not counted."},
    {"stats", (PyCFunction)stats, METH_NOARGS, "What was recorded and lost so far, as a dict."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot recorder_slots[] = {
    {Py_tp_new, recorder_new},
    {Py_tp_dealloc, recorder_dealloc},
    {Py_tp_methods, recorder_methods},
    {Py_tp_doc, "Recorder(fd, max_bytes=0): records one process tree into the trace file fd."},
    {0, NULL},
};
static PyType_Spec recorder_spec = {"twocooks._core.Recorder", sizeof(Recorder), 0, Py_TPFLAGS_DEFAULT,
                                    recorder_slots};

static PyObject *accounts_in(const int *fds, struct tc_account *told, Py_ssize_t first, Py_ssize_t count) {
    PyObject *out = PyList_New(0);
    for (Py_ssize_t i = first; out && i < count; i++) {
        struct tc_account growth = {-1, 0, 0};
        if (tc_account_read(fds[i], &told[i], &growth) == TC_ACCOUNT_SAME) continue;
        PyObject *row = Py_BuildValue("(nLLL)", i, (long long)growth.run, (long long)growth.line,
                                      (long long)growth.turns);
        if (!row || PyList_Append(out, row)) Py_CLEAR(out);
        Py_XDECREF(row);
    }
    return out;
}

static PyObject *read_accounts(PyObject *module, PyObject *args) {
    Py_buffer fds, told;
    Py_ssize_t first;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*w*n", &fds, &told, &first)) return NULL;
    PyObject *out = NULL;
    Py_ssize_t count = fds.len / (Py_ssize_t)sizeof(int);
    if (first < 0 || told.len != count * (Py_ssize_t)sizeof(struct tc_account))
        PyErr_SetString(PyExc_ValueError, "three numbers a file, and a place among them");
    else
        out = accounts_in(fds.buf, told.buf, first, count);
    PyBuffer_Release(&fds);
    PyBuffer_Release(&told);
    return out;
}

/* A NULL-terminated array of the strings of a list of bytes, borrowed; NULL with an exception. */
static char **strings_of(PyObject *list) {
    Py_ssize_t count = PyList_GET_SIZE(list);
    char **all = PyMem_Calloc((size_t)count + 1, sizeof *all);
    if (!all) return (char **)PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < count; i++)
        if (!(all[i] = PyBytes_AsString(PyList_GET_ITEM(list, i)))) {
            PyMem_Free(all);
            return NULL;
        }
    return all;
}

static PyObject *spawn(PyObject *module, PyObject *args) {
    PyObject *argv, *envp, *files;
    int fds[16], count = 0;
    pid_t pid = 0;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O!O!", &PyList_Type, &argv, &PyList_Type, &envp, &PyTuple_Type, &files)) return NULL;
    if (PyList_GET_SIZE(argv) < 1 || PyTuple_GET_SIZE(files) > 16)
        return PyErr_Format(PyExc_ValueError, "a program, and at most 16 files");
    for (; count < PyTuple_GET_SIZE(files); count++) {
        fds[count] = (int)PyLong_AsLong(PyTuple_GET_ITEM(files, count));
        if (fds[count] == -1 && PyErr_Occurred()) return NULL;
    }
    char **words = strings_of(argv), **environment = words ? strings_of(envp) : NULL;
    int failed = 0;
    if (environment) {
        Py_BEGIN_ALLOW_THREADS
        failed = tc_spawn(words, environment, fds, count, &pid);
        Py_END_ALLOW_THREADS
        if (failed) os_error("spawn");
    }
    PyMem_Free(environment);
    PyMem_Free(words);
    return !environment || failed ? NULL : PyLong_FromLong(pid);
}

static PyObject *trust(PyObject *module, PyObject *args) {
    unsigned int pid;
    (void)module;
    if (!PyArg_ParseTuple(args, "I", &pid)) return NULL;
    return PyBool_FromLong(prctl(PR_SET_PTRACER, (unsigned long)pid, 0, 0, 0) == 0);
}

static PyMethodDef functions[] = {
    {"trust", trust, METH_VARARGS,
     "trust(pid) -> done: under Yama, that process may look into this one from here on (0: nobody may)."},
    {"spawn", spawn, METH_VARARGS,
     "spawn(argv, envp, fds) -> pid: starts a program (lists of bytes) that is no child of this process; its files "
     "3, 4... are fds, all others are closed. OSError."},
    {"read_accounts", read_accounts, METH_VARARGS,
     "read_accounts(fds, told, first) -> [(place, run, line, turns)]: reads the open schedstat files fds (array "
     "'i') from place first on; told (array 'q', three numbers a file) holds the accounts, and is brought up to "
     "date. A row for each account that grew, with its growth (ns, ns, times); run is -1 where the thread ended."},
    {NULL, NULL, 0, NULL},
};

static int module_exec(PyObject *module) {
    PyObject *type = PyType_FromModuleAndSpec(module, &recorder_spec, NULL);
    int failed = !type || PyModule_AddType(module, (PyTypeObject *)type);
    Py_XDECREF(type);
    return failed ? -1 : 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_core", "The recorder's C side.", 0, functions, module_slots,
                             NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__core(void) { return PyModuleDef_Init(&module); }
