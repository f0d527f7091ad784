/* asyncio tasks: made, ready, stepped, done; event loops.
 *
 * The hooks sit in the C functions behind asyncio.Task, so that every loop and every version from
 * 3.11 on goes through them and nothing in Python looks different:
 *
 *   Task.tp_init, and the function in Task.__dict__['__init__']   made; an eager start is inside
 *   TaskStepMethWrapper.tp_call                                   first step, bare yields
 *   the method definition "task_wakeup"                           steps after a future
 *   call_soon of the loop's class                                 ready
 *   _set_running_loop                                             loops
 *   vectorcall of asyncio.tasks._PyTask's functions               the task written in Python
 *
 * The two private ones among them are learned when call_soon is given the first one of its kind,
 * which is before it can be called. A task that is put in line during its own step (a bare yield, a
 * future that was done already) makes no READY: its step ends with STEP_YIELD. Steps nest: an eager
 * task starts inside the step of the task that made it.
 *
 * Types are per interpreter, method definitions per process: a task of an interpreter without the
 * agent is told by its type, whose tp_init is not ours, and left alone. */
#include "agent.h"

#include <string.h>

struct step_wrapper { /* TaskStepMethWrapper of _asynciomodule.c, all versions */
    PyObject_HEAD
    PyObject *task;
    PyObject *argument;
};

struct field {
    const char *name;
    getter get;
    void *closure;
};
static struct field f_state = {"_state", NULL, NULL}, f_waiter = {"_fut_waiter", NULL, NULL},
                    f_coro = {"_coro", NULL, NULL};

static initproc o_init;
static ternaryfunc o_step;
static PyCFunction o_wakeup, o_set_name, o_get_name, o_set_loop;
static vectorcallfunc o_call_soon, o_py_init, o_py_step;
static PyCFunctionWithKeywords o_call_soon_var;
typedef PyObject *(*fast_function)(PyObject *, PyObject *const *, Py_ssize_t, PyObject *);
static fast_function o_call_soon_fast;
static PyCFunction o_get_loop;
static PyObject *asyncio_c; /* the module _asyncio */
static PyObject *s_pending, *s_call_soon, *s_loop, *s_eager;
static PyTypeObject *py_task;    /* asyncio.tasks._PyTask */
static PyTypeObject *known_loop; /* the class whose call_soon was looked at last */

static int my_init(PyObject *task, PyObject *args, PyObject *kwargs);

int tc_is_task(PyObject *object) {
    for (PyTypeObject *type = Py_TYPE(object); type; type = type->tp_base)
        if (type->tp_init == my_init || (py_task && type == py_task)) return 1;
    return 0;
}

static int is_c_task(PyObject *object) {
    for (PyTypeObject *type = Py_TYPE(object); type; type = type->tp_base)
        if (type->tp_init == my_init) return 1;
    return 0;
}

static PyObject *read_field(PyObject *task, const struct field *field) {
    if (TC_LIKELY(is_c_task(task))) return field->get(task, field->closure);
    return tc_plain_attr(task, field->name);
}

/* ---- steps ---- */

struct step {
    PyObject *task, *outer;
    int outer_ready;
    uint32_t generation;
};

static void find_loop(struct tc_writer *me);

static void step_begin(struct step *step, PyObject *task) {
    struct tc_writer *me = tc_writer_mine();
    if (TC_RARELY(!me->loop && !me->no_loop)) find_loop(me);
    *step = (struct step){task, me->running, me->own_ready, tc_generation};
    Py_INCREF(task);
    me->running = task;
    me->own_ready = 0;
    tc_task_event(TC_EV_STEP, task);
}

static int is_done(PyObject *task) {
    PyObject *state = read_field(task, &f_state);
    int pending = !state || state == s_pending ||
                  (PyUnicode_Check(state) && PyUnicode_CompareWithASCIIString(state, "PENDING") == 0);
    Py_XDECREF(state);
    return !pending;
}

/* A suspended task's end of a step: -1 = it is ready already, as far as that can be told on a loop
 * whose call_soon has no hook. */
static int waits_for(PyObject *task) {
    PyObject *waiter = read_field(task, &f_waiter), *coro = NULL;
    int wait = -1;
    if (waiter && waiter != Py_None) {
        coro = read_field(task, &f_coro);
        wait = tc_suspended_class(waiter, coro);
    }
    Py_XDECREF(waiter);
    Py_XDECREF(coro);
    return wait;
}

/* `raised`: an exception is set, and only reading the state in C is safe. */
static void step_end(struct step *step, int raised) {
    struct tc_writer *me = &tc_me;
    int ready = me->own_ready;
    me->running = step->outer;
    me->own_ready = step->outer_ready;
    if (step->generation != tc_generation) { /* the step forked, and this is the child */
        me->running = NULL;
    } else if (ready) {
        tc_event(TC_EV_STEP_YIELD, 0);
    } else if (raised) {
        struct tc_error error;
        tc_error_save(&error);
        tc_event(is_done(step->task) ? TC_EV_STEP_DONE : TC_EV_STEP_END, 0);
        tc_error_restore(&error);
    } else if (is_done(step->task)) {
        tc_event(TC_EV_STEP_DONE, 0);
    } else {
        int wait = waits_for(step->task);
        if (wait < 0) tc_event(TC_EV_STEP_YIELD, 0);
        else tc_event(TC_EV_STEP_END, (uint64_t)wait);
    }
    Py_DECREF(step->task);
}

static PyObject *my_step(PyObject *self, PyObject *args, PyObject *kwargs) {
    PyObject *task = ((struct step_wrapper *)self)->task;
    if (!task) return o_step(self, args, kwargs);
    struct step step;
    if (TC_RARELY(tc_me.inherited != NULL)) tc_known_step_over();
    step_begin(&step, task);
    PyObject *result = o_step(self, args, kwargs);
    step_end(&step, !result);
    return result;
}

static PyObject *my_wakeup(PyObject *task, PyObject *future) {
    if (!is_c_task(task)) return o_wakeup(task, future);
    struct step step;
    if (TC_RARELY(tc_me.inherited != NULL)) tc_known_step_over();
    step_begin(&step, task);
    PyObject *result = o_wakeup(task, future);
    step_end(&step, !result);
    return result;
}

/* _PyTask: one function of it calls another, so only the outermost counts. */
static PyObject *my_py_step(PyObject *f, PyObject *const *args, size_t flags, PyObject *names) {
    if (PyVectorcall_NARGS(flags) < 1 || tc_me.running == args[0]) return o_py_step(f, args, flags, names);
    struct step step;
    if (TC_RARELY(tc_me.inherited != NULL)) tc_known_step_over();
    step_begin(&step, args[0]);
    PyObject *result = o_py_step(f, args, flags, names);
    step_end(&step, !result);
    return result;
}

/* ---- tasks are made and named ---- */

static __attribute__((noinline)) void say_name(PyObject *task) {
    struct tc_text text;
    struct tc_error error;
    tc_error_save(&error);
    tc_text_init(&text);
    PyObject *name = is_c_task(task) ? o_get_name(task, NULL) : tc_own_attr(task, "_name");
    tc_text_add_str(&text, name);
    PyObject *coro = read_field(task, &f_coro);
    tc_text_add_coroutine(&text, coro);
    tc_event_full(TC_EV_TASK_NAME, (uint64_t)(uintptr_t)task, NULL, 0, &text);
    Py_XDECREF(name);
    Py_XDECREF(coro);
    PyErr_Clear();
    tc_error_restore(&error);
}

static void hook_loop_class(PyTypeObject *type);

/* Whether this task will make its first step inside its __init__. */
static int starts_eagerly(PyObject *kwargs, PyObject *loop) {
    PyObject *eager = kwargs ? PyDict_GetItemWithError(kwargs, s_eager) : NULL;
    if (!eager || !PyLong_Check(eager) || PyObject_IsTrue(eager) != 1) return 0;
    return tc_me.loop && (!loop || loop == Py_None || loop == tc_me.loop);
}

static int my_init(PyObject *task, PyObject *args, PyObject *kwargs) {
    PyObject *loop = kwargs ? PyDict_GetItemWithError(kwargs, s_loop) : NULL;
    struct step step;
    int eager = starts_eagerly(kwargs, loop);
    if (loop && Py_TYPE(loop) != __atomic_load_n(&known_loop, __ATOMIC_RELAXED)) hook_loop_class(Py_TYPE(loop));
    tc_task_event(TC_EV_TASK_NEW, task);
    if (eager) step_begin(&step, task);
    int failed = o_init(task, args, kwargs);
    if (eager) step_end(&step, failed != 0);
    if (!failed) say_name(task);
    return failed;
}

static void hook_py_steps(PyObject *type) {
    static const char *const steps[] = {"_Task__step", "_Task__wakeup", "_Task__eager_start"};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        PyObject *step = tc_dict_attr(type, steps[i]);
        tc_hook_function(step, my_py_step, &o_py_step);
        Py_XDECREF(step);
    }
}

static PyObject *my_py_init(PyObject *f, PyObject *const *args, size_t flags, PyObject *names) {
    PyObject *task = PyVectorcall_NARGS(flags) >= 1 ? args[0] : NULL;
    if (task) hook_py_steps((PyObject *)Py_TYPE(task)); /* nest_asyncio puts another step in its place */
    if (task) tc_task_event(TC_EV_TASK_NEW, task);
    PyObject *result = o_py_init(f, args, flags, names);
    if (task && result) say_name(task);
    return result;
}

static PyObject *my_set_name(PyObject *task, PyObject *name) {
    PyObject *result = o_set_name(task, name);
    if (result && is_c_task(task)) say_name(task);
    return result;
}

/* ---- ready ---- */

static PyObject *learn_wakeup(PyCFunctionObject *function) {
    PyMethodDef *def = function->m_ml;
    if (!function->m_self || def->ml_flags != METH_O || strcmp(def->ml_name, "task_wakeup") != 0 ||
        !is_c_task(function->m_self))
        return NULL;
    if ((o_wakeup && o_wakeup != def->ml_meth) || !tc_writer_is_open()) return NULL;
    __atomic_store_n(&o_wakeup, def->ml_meth, __ATOMIC_RELEASE);
    __atomic_store_n(&def->ml_meth, my_wakeup, __ATOMIC_RELEASE);
    tc_undo_note(&def->ml_meth, (void *)my_wakeup, (void *)o_wakeup, NULL);
    return function->m_self;
}

static PyObject *learn_step(PyObject *callback) {
    PyTypeObject *type = Py_TYPE(callback);
    const char *name = strrchr(type->tp_name, '.');
    if (strcmp(name ? name + 1 : type->tp_name, "TaskStepMethWrapper") != 0 || !type->tp_call ||
        type->tp_basicsize < (Py_ssize_t)sizeof(struct step_wrapper) ||
        ((type->tp_flags & Py_TPFLAGS_HEAPTYPE) && !(type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE)))
        return NULL;
    PyObject *task = ((struct step_wrapper *)callback)->task;
    if (!task || !is_c_task(task) || (o_step && o_step != type->tp_call) || !tc_writer_is_open()) return NULL;
    __atomic_store_n(&o_step, type->tp_call, __ATOMIC_RELEASE);
    __atomic_store_n(&type->tp_call, my_step, __ATOMIC_RELEASE);
    tc_undo_note(&type->tp_call, (void *)my_step, (void *)o_step, (PyObject *)type);
    return task;
}

/* The task whose step this callback is, borrowed, or NULL. */
static PyObject *task_of(PyObject *callback) {
    if (Py_TYPE(callback)->tp_call == my_step) return ((struct step_wrapper *)callback)->task;
    if (PyCFunction_CheckExact(callback)) {
        PyCFunctionObject *function = (PyCFunctionObject *)callback;
        if (function->m_ml->ml_meth != my_wakeup) return learn_wakeup(function);
        return is_c_task(function->m_self) ? function->m_self : NULL;
    }
    if (PyMethod_Check(callback)) {
        PyObject *function = PyMethod_GET_FUNCTION(callback);
        int step = PyFunction_Check(function) && ((PyFunctionObject *)function)->vectorcall == my_py_step;
        return step ? PyMethod_GET_SELF(callback) : NULL;
    }
    return PyFunction_Check(callback) ? NULL : learn_step(callback);
}

/* A call_soon may call another one (super()): the outermost speaks. Returns what to put back. */
static PyObject *queue_begin(PyObject *callback) {
    struct tc_writer *me = tc_writer_mine();
    PyObject *outer = me->queueing;
    if (callback != outer) {
        PyObject *task = task_of(callback);
        if (task && task == me->running) me->own_ready = 1;
        else if (task) {
            if (me->timers && !me->running) tc_say_due(me->loop);
            tc_task_event(TC_EV_READY, task);
        }
        me->queueing = callback;
    }
    return outer;
}

static PyObject *my_call_soon(PyObject *f, PyObject *const *args, size_t flags, PyObject *names) {
    if (PyVectorcall_NARGS(flags) < 2) return o_call_soon(f, args, flags, names);
    PyObject *outer = queue_begin(args[1]);
    PyObject *result = o_call_soon(f, args, flags, names);
    tc_me.queueing = outer;
    return result;
}

static PyObject *my_call_soon_fast(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names) {
    if (count < 1) return o_call_soon_fast(self, args, count, names);
    PyObject *outer = queue_begin(args[0]);
    PyObject *result = o_call_soon_fast(self, args, count, names);
    tc_me.queueing = outer;
    return result;
}

static PyObject *my_call_soon_var(PyObject *self, PyObject *args, PyObject *kwargs) {
    if (PyTuple_GET_SIZE(args) < 1) return o_call_soon_var(self, args, kwargs);
    PyObject *outer = queue_begin(PyTuple_GET_ITEM(args, 0));
    PyObject *result = o_call_soon_var(self, args, kwargs);
    tc_me.queueing = outer;
    return result;
}

/* Puts `hook` into a method definition, unless another original is behind it already. */
static void swap_method(PyMethodDef *def, PyCFunction hook, PyCFunction *original) {
    if (def->ml_meth == hook || (*original && *original != def->ml_meth) || !tc_writer_is_open()) return;
    __atomic_store_n(original, def->ml_meth, __ATOMIC_RELEASE);
    __atomic_store_n(&def->ml_meth, hook, __ATOMIC_RELEASE);
    tc_undo_note(&def->ml_meth, (void *)hook, (void *)*original, NULL);
}

static void hook_loop_class(PyTypeObject *type) {
    PyObject *function = _PyType_Lookup(type, s_call_soon);
    PyMethodDef *def = NULL;
    __atomic_store_n(&known_loop, type, __ATOMIC_RELAXED);
    if (!function) return;
    if (PyFunction_Check(function)) {
        tc_hook_function(function, my_call_soon, &o_call_soon);
        return;
    }
    const char *name = strrchr(Py_TYPE(function)->tp_name, '.');
    if (Py_IS_TYPE(function, &PyMethodDescr_Type))
        def = ((PyMethodDescrObject *)function)->d_method;
    else if (strcmp(name ? name + 1 : Py_TYPE(function)->tp_name, "cython_function_or_method") == 0)
        def = ((PyCFunctionObject *)function)->m_ml; /* uvloop; Cython keeps a PyCFunction's layout */
    if (!def) return;
    if (def->ml_flags == (METH_FASTCALL | METH_KEYWORDS))
        swap_method(def, (PyCFunction)(void (*)(void))my_call_soon_fast, (PyCFunction *)(void *)&o_call_soon_fast);
    else if (def->ml_flags == (METH_VARARGS | METH_KEYWORDS))
        swap_method(def, (PyCFunction)(void (*)(void))my_call_soon_var, (PyCFunction *)(void *)&o_call_soon_var);
}

void tc_steps_over(void) { __atomic_store_n(&known_loop, NULL, __ATOMIC_RELAXED); }

/* ---- what was there before the agent ---- */

static void loop_begins(struct tc_writer *me, PyObject *loop) {
    me->loop = loop;
    tc_event(TC_EV_LOOP, (uint64_t)(uintptr_t)loop);
    me->timers = tc_timers_told(loop);
    if (me->timers) tc_event(TC_EV_TIMERS, 0);
    hook_loop_class(Py_TYPE(loop));
}

void tc_known_loop(PyObject *loop) {
    struct tc_writer *me = tc_writer_mine();
    if (me->loop == loop) return;
    loop_begins(me, loop);
}

/* Since 3.14 the tasks of a loop are only found by the loop, and at little cost on its thread. */
static void name_tasks(PyObject *loop) {
    PyObject *all_tasks = PyObject_GetAttrString(asyncio_c, "all_tasks");
    PyObject *found = all_tasks ? PyObject_CallOneArg(all_tasks, loop) : NULL;
    PyObject *each = found ? PyObject_GetIter(found) : NULL, *task;
    while (each && (task = PyIter_Next(each))) {
        if (tc_is_task(task) && !is_done(task)) say_name(task);
        Py_DECREF(task);
    }
    Py_XDECREF(each);
    Py_XDECREF(found);
    Py_XDECREF(all_tasks);
}

/* A loop of another thread was running when the agent came; asked once on each thread. */
static void find_loop(struct tc_writer *me) {
    me->no_loop = 1;
    if (!o_get_loop || !asyncio_c || !tc_in_main_interpreter()) return;
    PyObject *loop = o_get_loop(asyncio_c, NULL);
    if (loop && loop != Py_None) {
        tc_known_loop(loop);
        name_tasks(loop);
    }
    Py_XDECREF(loop);
    PyErr_Clear();
}

void tc_known_task(PyObject *task, int running, int suspended) {
    struct tc_writer *me = tc_writer_mine();
    if (!tc_is_task(task) || is_done(task)) return;
    say_name(task); /* no TASK_NEW: it may have stepped on another thread by now, and is one task */
    if (running && !me->running) {
        tc_task_event(TC_EV_STEP, task);
        me->running = me->inherited = Py_NewRef(task);
    } else if (suspended) {
        int wait = waits_for(task);
        tc_task_event(TC_EV_STEP, task);
        if (wait < 0) tc_event(TC_EV_STEP_YIELD, 0);
        else tc_event(TC_EV_STEP_END, (uint64_t)wait);
    }
    PyErr_Clear();
}

void tc_known_step_over(void) {
    struct tc_writer *me = tc_writer_mine();
    PyObject *task = me->inherited;
    if (!task) return;
    me->inherited = NULL;
    struct step step = {task, NULL, 0, tc_generation};
    step_end(&step, 0); /* lets go of the task */
}

/* ---- loops ---- */

static PyObject *my_set_loop(PyObject *module, PyObject *loop) {
    PyObject *result = o_set_loop(module, loop);
    void *now = loop == Py_None ? NULL : loop;
    struct tc_writer *me = tc_writer_mine();
    me->no_loop = !now; /* as long as nobody says otherwise */
    if (!result || now == me->loop || !tc_in_main_interpreter()) return result;
    /* A loop does not end inside a step of its tasks. Who takes it away there puts it back (a loop run
     * inside another), or did not mean to (3.13's run_forever, where it refuses): a part of the step. */
    int inside = me->running && me->loop;
    if (!inside && me->loop) {
        tc_event(TC_EV_LOOP_END, 0);
        me->loop = NULL;
    }
    if (now) {
        if (!inside) loop_begins(me, loop);
        else hook_loop_class(Py_TYPE(loop));
#if PY_VERSION_HEX < 0x030c0000
        tc_install_unseen();
#endif
    }
    return result;
}

/* ---- in place ---- */

static int find_field(PyTypeObject *type, struct field *field) {
    PyObject *found = tc_dict_attr((PyObject *)type, field->name);
    int ok = found && Py_IS_TYPE(found, &PyGetSetDescr_Type);
    if (ok) {
        PyGetSetDef *def = ((PyGetSetDescrObject *)found)->d_getset;
        field->closure = def->closure;
        field->get = def->get;
        ok = def->get != NULL;
    }
    Py_XDECREF(found);
    return ok;
}

static PyMethodDef *find_method(PyObject *holder, const char *name, int flags) {
    PyObject *found = tc_dict_attr(holder, name);
    PyMethodDef *def = NULL;
    if (found && Py_IS_TYPE(found, &PyMethodDescr_Type)) def = ((PyMethodDescrObject *)found)->d_method;
    else if (found && PyCFunction_CheckExact(found)) def = ((PyCFunctionObject *)found)->m_ml;
    Py_XDECREF(found); /* its holder keeps it, and the definition is in the module's own memory */
    return def && def->ml_flags == flags ? def : NULL;
}

static int names_ready(void) {
    if (!s_pending) s_pending = PyUnicode_InternFromString("PENDING");
    if (!s_call_soon) s_call_soon = PyUnicode_InternFromString("call_soon");
    if (!s_loop) s_loop = PyUnicode_InternFromString("loop");
    if (!s_eager) s_eager = PyUnicode_InternFromString("eager_start");
    return s_pending && s_call_soon && s_loop && s_eager;
}

void tc_steps_install(PyObject *module) {
    PyObject *found = tc_dict_attr(module, "Task");
    if (!found || !PyType_Check(found) || !names_ready()) goto done;
    PyTypeObject *task = (PyTypeObject *)found;
    if (task->tp_init == my_init || (o_init && o_init != task->tp_init)) goto done;
    PyMethodDef *get_name = find_method(found, "get_name", METH_NOARGS);
    PyMethodDef *set_name = find_method(found, "set_name", METH_O);
    PyMethodDef *set_loop = find_method(module, "_set_running_loop", METH_O);
    PyObject *wrapper = tc_dict_attr(found, "__init__");
    if (get_name && set_loop && wrapper && Py_IS_TYPE(wrapper, &PyWrapperDescr_Type) &&
        find_field(task, &f_state) && find_field(task, &f_waiter) && find_field(task, &f_coro)) {
        PyWrapperDescrObject *slot = (PyWrapperDescrObject *)wrapper;
        o_get_name = get_name->ml_meth;
        o_init = task->tp_init;
        if (slot->d_wrapped == (void *)o_init) {
            slot->d_wrapped = (void *)my_init;
            tc_undo_note(&slot->d_wrapped, (void *)my_init, (void *)o_init, wrapper);
        }
        __atomic_store_n(&task->tp_init, my_init, __ATOMIC_RELEASE);
        tc_undo_note(&task->tp_init, (void *)my_init, (void *)o_init, found);
        PyMethodDef *get_loop = find_method(module, "_get_running_loop", METH_NOARGS);
        o_get_loop = get_loop ? get_loop->ml_meth : NULL;
        if (!asyncio_c) asyncio_c = Py_NewRef(module);
        if (set_name) swap_method(set_name, my_set_name, &o_set_name);
        swap_method(set_loop, my_set_loop, &o_set_loop);
    }
    Py_XDECREF(wrapper);
done:
    Py_XDECREF(found);
}

PyObject *tc_part_of(PyObject *package, const char *module, const char *name) {
    PyObject *part = tc_dict_attr(package, module), *found = NULL;
    if (part && PyModule_Check(part)) found = tc_dict_attr(part, name);
    Py_XDECREF(part);
    return found;
}

void tc_asyncio_install(PyObject *asyncio) {
    PyObject *loop = tc_part_of(asyncio, "base_events", "BaseEventLoop");
    PyObject *task = tc_part_of(asyncio, "tasks", "_PyTask");
    if (!o_init) goto done; /* without the C part there is no order of events to keep */
    if (loop && PyType_Check(loop)) hook_loop_class((PyTypeObject *)loop);
    if (task && PyType_Check(task)) {
        PyObject *init = tc_dict_attr(task, "__init__");
        if (!py_task) py_task = (PyTypeObject *)Py_NewRef(task);
        tc_hook_function(init, my_py_init, &o_py_init);
        Py_XDECREF(init);
        hook_py_steps(task);
    }
    tc_suspended_learn();
    tc_timers_install(asyncio);
done:
    Py_XDECREF(loop);
    Py_XDECREF(task);
}
