/* Since when a task could have gone on whose timer ran out while its loop was held.
 *
 * Problem. A loop looks at its timers between two rounds. What ran out while a step held it is put in
 * line only then, so READY says when the loop looked, not when the timer ran out.
 *
 * Choice. The one that knows is the TimerHandle, and while its callback runs it is `self` in the frame
 * of Handle._run, a few frames around the call_soon that puts the task in line (sleep, timeouts, and
 * whatever a program gives to call_later). So nothing is hooked and nothing is remembered: where a task
 * becomes ready outside of all steps, the frames of this thread are walked for that one code object,
 * pointer by pointer; that costs nanoseconds, and none of it a loop that only yields. If the handle was
 * due more than LATE_NS ago, DUE says so, just before READY.
 *
 * Where frames keep what is known as in peek.c: 3.11 and 3.12 do not change, and later ones tell it
 * themselves. Handles are only believed of loops whose clock and timers are asyncio's own (TIMERS); those
 * of other loops (uvloop, Qt) stand in no frame. */
#include "agent.h"
#include "peek_layout.h"

#include <string.h>
#if PY_VERSION_HEX < 0x030c0000
#include <structmember.h>
#define Py_T_OBJECT_EX T_OBJECT_EX
#endif

enum { DEEPEST = 40, TIME = 0, METHODS = 4 };
#define LATE_NS 1000000ull /* a loop that is not held may be so late: it waits in whole milliseconds */

static const char *const own[METHODS] = {"time", "call_at", "call_later", "_run_once"};
static PyObject *base[METHODS]; /* BaseEventLoop's, owned */
static PyObject *names[METHODS], *clock_module, *true_clock;
static PyTypeObject *timer_type;
static PyObject *run_code; /* of Handle._run, owned: its address must not be used again */
static Py_ssize_t when_at; /* of TimerHandle._when in the object */
static size_t code_at, previous_at, self_at; /* in a frame; 0 = not known */

/* ---- where things are ---- */

static const struct tc_layout *my_layout(void) {
#ifdef Py_GIL_DISABLED
    const int free_threaded = 1;
#else
    const int free_threaded = 0;
#endif
    for (size_t i = 0; i < sizeof tc_layouts / sizeof *tc_layouts; i++)
        if (tc_layouts[i].version == PY_VERSION_HEX >> 16 && tc_layouts[i].free_threaded == free_threaded)
            return &tc_layouts[i];
    return NULL;
}

static void find_places(void) {
    const struct tc_layout *row = my_layout();
    size_t at[3] = {TC_FRAME_CODE, TC_FRAME_PREVIOUS, TC_FRAME_SIZE};
    previous_at = 0;
    if (!row) return;
#if PY_VERSION_HEX < 0x030d0000
    for (int i = 0; i < 3; i++) at[i] = row->at[at[i]];
#else
    const char *told = tc_runtime();
    uint64_t version = 0, place;
    if (!told || memcmp(told, "xdebugpy", 8) != 0) return;
    memcpy(&version, told + 8, sizeof version);
    if (version != Py_Version) return;
    for (int i = 0; i < 3; i++) {
        memcpy(&place, told + row->at[at[i]], sizeof place);
        if (place > 1024) return;
        at[i] = (size_t)place;
    }
#endif
    code_at = at[0], previous_at = at[1], self_at = at[2] - sizeof(void *);
}

static char *word_at(const char *frame, size_t at) {
    uintptr_t word;
    memcpy(&word, frame + at, sizeof word);
#if PY_VERSION_HEX >= 0x030e0000
    word &= ~(uintptr_t)7; /* CPython's tags */
#endif
    return (char *)word;
}

/* The handle whose callback runs on this thread, if it is a timer's; borrowed. */
static PyObject *running_timer(void) {
#if PY_VERSION_HEX < 0x030d0000
    const char *frame = (const char *)PyThreadState_Get()->cframe->current_frame;
#else
    const char *frame = (const char *)PyThreadState_Get()->current_frame;
#endif
    for (int depth = 0; frame && depth < DEEPEST; depth++) {
        if (word_at(frame, code_at) == (char *)run_code) {
            PyObject *handle = (PyObject *)word_at(frame, self_at);
            return handle && PyObject_TypeCheck(handle, timer_type) ? handle : NULL;
        }
        memcpy(&frame, frame + previous_at, sizeof frame);
    }
    return NULL;
}

/* ---- which loops ---- */

/* The loop's method is asyncio's own: neither its class nor the loop itself has another one. */
static int is_own(PyObject *loop, int which) {
    if (!base[which] || _PyType_Lookup(Py_TYPE(loop), names[which]) != base[which]) return 0;
    PyObject *method = PyObject_GenericGetAttr(loop, names[which]);
    int good = method && PyMethod_Check(method) && PyMethod_GET_FUNCTION(method) == base[which];
    Py_XDECREF(method);
    PyErr_Clear();
    return good;
}

/* Nobody has put another clock in place (libraries that freeze time do). */
static int is_true_time(PyObject *loop) {
    PyObject *clock = tc_dict_attr(clock_module, "monotonic");
    int good = clock && clock == true_clock && is_own(loop, TIME);
    Py_XDECREF(clock);
    return good;
}

int tc_timers_told(PyObject *loop) {
    if (!previous_at || !run_code || !true_clock || !is_true_time(loop)) return 0;
    for (int i = TIME + 1; i < METHODS; i++)
        if (!is_own(loop, i)) return 0;
    return 1;
}

/* ---- since when ---- */

void tc_say_due(PyObject *loop) {
    PyObject *handle = running_timer(), *when;
    if (!handle) return;
    memcpy(&when, (char *)handle + when_at, sizeof when);
    if (!when || !PyFloat_CheckExact(when)) return;
    double late = (double)tc_now_ns() - 1e9 * PyFloat_AS_DOUBLE(when);
    if (late < (double)LATE_NS || late > (double)TC_VALUE_MASK || !is_true_time(loop)) return;
    tc_event(TC_EV_DUE, (uint64_t)late);
}

/* ---- in place ---- */

static void find_loop_methods(PyObject *asyncio) {
    PyObject *loop = tc_part_of(asyncio, "base_events", "BaseEventLoop");
    PyObject *clock = tc_part_of(asyncio, "base_events", "time"), *module = tc_dict_attr(asyncio, "base_events");
    if (!loop || !module || !clock || !PyModule_Check(clock)) goto done;
    Py_XSETREF(clock_module, Py_NewRef(clock));
    Py_XSETREF(true_clock, tc_dict_attr(clock, "monotonic"));
    if (true_clock && !PyCFunction_CheckExact(true_clock)) Py_CLEAR(true_clock);
    for (int i = 0; i < METHODS; i++) {
        PyObject *method = tc_dict_attr(loop, own[i]);
        if (!names[i]) names[i] = PyUnicode_InternFromString(own[i]);
        int plain = method && names[i] && PyFunction_Check(method) &&
                    ((PyFunctionObject *)method)->func_globals == PyModule_GetDict(module);
        Py_XSETREF(base[i], plain ? Py_NewRef(method) : NULL);
        Py_XDECREF(method);
    }
done:
    Py_XDECREF(module);
    Py_XDECREF(clock);
    Py_XDECREF(loop);
}

void tc_timers_install(PyObject *asyncio) {
    PyObject *handle = tc_part_of(asyncio, "events", "Handle"), *timer = tc_part_of(asyncio, "events", "TimerHandle");
    PyObject *run = handle && PyType_Check(handle) ? tc_dict_attr(handle, "_run") : NULL;
    PyObject *when = timer && PyType_Check(timer) ? tc_dict_attr(timer, "_when") : NULL;
    if (!run_code && run && PyFunction_Check(run) && when && Py_IS_TYPE(when, &PyMemberDescr_Type) &&
        ((PyMemberDescrObject *)when)->d_member->type == Py_T_OBJECT_EX) {
        when_at = ((PyMemberDescrObject *)when)->d_member->offset;
        timer_type = (PyTypeObject *)Py_NewRef(timer);
        run_code = Py_NewRef(((PyFunctionObject *)run)->func_code);
        find_places();
    }
    find_loop_methods(asyncio);
    Py_XDECREF(when);
    Py_XDECREF(run);
    Py_XDECREF(timer);
    Py_XDECREF(handle);
    PyErr_Clear();
}
