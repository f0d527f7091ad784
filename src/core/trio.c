/* trio's tasks, told by an instrument of trio's own public kind, one for each run.
 *
 * Every run makes one `Instruments` for its instruments; a hook on its __init__ adds ours, so that a
 * program need not know of it, and trio calls it at the moments that asyncio must be hooked for. The
 * events are asyncio's, and a name's fifth part says that it is a task of trio:
 *
 *   before_run, after_run               LOOP, LOOP_END
 *   task_spawned                        TASK_NEW, TASK_NAME
 *   task_scheduled                      READY; by the task itself: its step will end with STEP_YIELD
 *   before_task_step, after_task_step   STEP and its end
 *   task_exited                         within its last step, which becomes STEP_DONE
 *
 * What a suspended task waits for is read off its await chain, as for asyncio (suspended.c). A step
 * is two calls here, not one, so what it found on the thread (a step of asyncio around it, in guest
 * mode) is kept in the instrument, of which each run has its own. */
#include "agent.h"

struct instrument {
    PyObject_HEAD
    PyObject *task; /* whose step runs, owned, or NULL */
    PyObject *outer;
    int outer_ready, exited, looping;
    uint32_t generation, recording;
};

/* An instrument stays in its run when its recording is over; the next one has another there. */
static int is_over(PyObject *self) { return ((struct instrument *)self)->recording != tc_recordings; }

static vectorcallfunc o_instruments_init;
static PyTypeObject *instruments_type;
static PyObject *s_coro;

static PyObject *attribute(PyObject *task, PyObject *name) {
    PyObject *value = PyObject_GenericGetAttr(task, name);
    if (!value) PyErr_Clear();
    return value;
}

/* ---- tasks ---- */

static void say_name(PyObject *task) {
    struct tc_text text;
    tc_text_init(&text);
    PyObject *name = tc_plain_attr(task, "name"), *coro = attribute(task, s_coro);
    tc_text_add_str(&text, name);
    tc_text_add_coroutine(&text, coro);
    tc_text_add(&text, "trio");
    tc_event_full(TC_EV_TASK_NAME, (uint64_t)(uintptr_t)task, NULL, 0, &text);
    Py_XDECREF(name);
    Py_XDECREF(coro);
}

static PyObject *task_spawned(PyObject *self, PyObject *task) {
    if (is_over(self)) Py_RETURN_NONE;
    tc_task_event(TC_EV_TASK_NEW, task);
    say_name(task);
    Py_RETURN_NONE;
}

static PyObject *task_scheduled(PyObject *self, PyObject *task) {
    if (is_over(self)) Py_RETURN_NONE;
    if (((struct instrument *)self)->task == task && tc_me.running == task) tc_me.own_ready = 1;
    else tc_task_event(TC_EV_READY, task);
    Py_RETURN_NONE;
}

static PyObject *task_exited(PyObject *self, PyObject *task) {
    struct instrument *me = (struct instrument *)self;
    if (me->task == task) me->exited = 1;
    Py_RETURN_NONE;
}

/* ---- steps ---- */

static void end_step(struct instrument *me) {
    PyObject *task = me->task;
    if (!task) return;
    me->task = NULL;
    int ready = tc_me.own_ready;
    tc_me.running = me->outer;
    tc_me.own_ready = me->outer_ready;
    if (me->generation != tc_generation) { /* the step forked, and this is the child */
        tc_me.running = NULL;
    } else if (me->exited) {
        tc_event(TC_EV_STEP_DONE, 0);
    } else if (ready) {
        tc_event(TC_EV_STEP_YIELD, 0);
    } else {
        PyObject *coro = attribute(task, s_coro);
        tc_event(TC_EV_STEP_END, (uint64_t)tc_suspended_coroutine(coro));
        Py_XDECREF(coro);
    }
    Py_DECREF(task);
}

/* On this thread the step of `task` has begun. */
static void begin_step(struct instrument *me, PyObject *task) {
    me->task = Py_NewRef(task);
    me->outer = tc_me.running;
    me->outer_ready = tc_me.own_ready;
    me->exited = 0;
    me->generation = tc_generation;
    tc_me.running = task;
    tc_me.own_ready = 0;
    tc_task_event(TC_EV_STEP, task);
}

static PyObject *before_task_step(PyObject *self, PyObject *task) {
    end_step((struct instrument *)self);
    if (!is_over(self)) begin_step((struct instrument *)self, task);
    Py_RETURN_NONE;
}

static PyObject *after_task_step(PyObject *self, PyObject *task) {
    (void)task;
    end_step((struct instrument *)self);
    Py_RETURN_NONE;
}

/* ---- runs ---- */

static PyObject *before_run(PyObject *self, PyObject *none) {
    struct instrument *me = (struct instrument *)self;
    (void)none;
    me->looping = 1;
    me->generation = tc_generation;
    tc_event(TC_EV_LOOP, (uint64_t)(uintptr_t)self & TC_VALUE_MASK);
    Py_RETURN_NONE;
}

static PyObject *after_run(PyObject *self, PyObject *none) {
    struct instrument *me = (struct instrument *)self;
    (void)none;
    end_step(me);
    if (me->looping && me->generation == tc_generation) tc_event(TC_EV_LOOP_END, 0);
    me->looping = 0;
    Py_RETURN_NONE;
}

static void dealloc(PyObject *self) {
    Py_XDECREF(((struct instrument *)self)->task);
    Py_TYPE(self)->tp_free(self);
}

static PyMethodDef methods[] = {
    {"before_run", before_run, METH_NOARGS, NULL},
    {"after_run", after_run, METH_NOARGS, NULL},
    {"task_spawned", task_spawned, METH_O, NULL},
    {"task_scheduled", task_scheduled, METH_O, NULL},
    {"before_task_step", before_task_step, METH_O, NULL},
    {"after_task_step", after_task_step, METH_O, NULL},
    {"task_exited", task_exited, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject instrument_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "twocooks.Instrument",
    .tp_basicsize = sizeof(struct instrument),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_dealloc = dealloc,
    .tp_methods = methods,
};

static struct instrument *new_instrument(void) {
    struct instrument *ours = PyObject_New(struct instrument, &instrument_type);
    if (!ours) return NULL;
    ours->task = ours->outer = NULL;
    ours->outer_ready = ours->exited = ours->looping = 0;
    ours->generation = tc_generation;
    ours->recording = tc_recordings;
    return ours;
}

/* A run that goes on on this thread when the agent comes, in a step of `task`. */
void tc_known_trio(PyObject *add, PyObject *task, PyObject *others) {
    if (!s_coro || !(instrument_type.tp_flags & Py_TPFLAGS_READY)) return;
    struct instrument *ours = new_instrument();
    PyObject *added = ours ? PyObject_CallOneArg(add, (PyObject *)ours) : NULL;
    if (added) {
        Py_XDECREF(before_run((PyObject *)ours, NULL));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(others); i++) {
            PyObject *other = PyList_GET_ITEM(others, i), *coro = attribute(other, s_coro);
            say_name(other);
            tc_task_event(TC_EV_STEP, other);
            tc_event(TC_EV_STEP_END, (uint64_t)tc_suspended_coroutine(coro));
            Py_XDECREF(coro);
        }
        say_name(task);
        begin_step(ours, task);
    }
    Py_XDECREF(added);
    Py_XDECREF((PyObject *)ours);
    PyErr_Clear();
}

static PyObject *my_instruments_init(PyObject *f, PyObject *const *args, size_t flags, PyObject *names) {
    PyObject *result = o_instruments_init(f, args, flags, names);
    if (!result || PyVectorcall_NARGS(flags) < 1 || !Py_IS_TYPE(args[0], instruments_type)) return result;
    struct instrument *ours = new_instrument();
    if (ours) {
        PyObject *added = PyObject_CallMethod(args[0], "add_instrument", "O", ours);
        Py_XDECREF(added);
        Py_DECREF(ours);
    }
    PyErr_Clear();
    return result;
}

void tc_trio_install(PyObject *module) {
    PyObject *type = tc_dict_attr(module, "Instruments");
    if (!s_coro) s_coro = PyUnicode_InternFromString("coro");
    if (type && PyType_Check(type) && s_coro && PyType_Ready(&instrument_type) == 0) {
        if (!instruments_type) instruments_type = (PyTypeObject *)Py_NewRef(type);
        tc_hook_init(type, my_instruments_init, &o_instruments_init);
    }
    Py_XDECREF(type);
    PyErr_Clear();
}
