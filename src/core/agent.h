/* What the parts of the agent share. Everything here runs inside the watched program.
 *
 *   writer.c    one page of the shared memory per thread; no Python in it
 *   text.c      names, functions and places of Python objects, as text of an event
 *   agent.c     the module, the start, the import hook that installs the rest when it is needed
 *   steps.c     asyncio: tasks, steps, ready, loops
 *   timers.c    asyncio: since when a task could have gone on whose timer ran out
 *   suspended.c asyncio: what a suspended task waits for
 *   trio.c      trio: the same, by its instruments
 *   pools.c     threads, executors, multiprocessing
 *   workers.c   the worker threads of trio and anyio
 *   foreign.c   what is not followed; sub-interpreters
 *   undo.c      takes the hooks out again
 *
 * The rules of the house: never run the program's code from a hook, keep the exception that is set,
 * raise nothing of our own, change pointers of C functions rather than objects that it can see. */
#ifndef TWOCOOKS_AGENT_H
#define TWOCOOKS_AGENT_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

#pragma GCC visibility push(hidden) /* between our files no call goes through the PLT */

#include "arena.h"
#include "events.h"
#include "os.h"
#include "ticks.h"

#define TC_LIKELY(x) __builtin_expect(!!(x), 1)
#define TC_RARELY(x) __builtin_expect(!!(x), 0)
#define TC_VALUE_MASK 0xffffffffffffull

/* ---- the writer ---- */

/* One thread's place in the shared memory and the few things that the hooks remember about it. */
struct tc_writer {
    struct tc_unit *at, *end; /* at == end: no room, take a page */
    struct tc_page *page;     /* NULL: none */
    uint32_t generation;      /* of the process; another one = inherited by fork, worthless */
    uint32_t tid;
    uint64_t life, serial, lost;
    /* The hooks' own: */
    PyObject *running;  /* the asyncio task whose step runs, not owned */
    PyObject *queueing; /* the callback that an outer call_soon is putting in line, not owned */
    PyObject *inherited; /* the same task, owned, where its step began before the agent came */
    void *loop;         /* address of the running event loop */
    int timers;         /* of that loop it is told when they were due */
    int no_loop;        /* asyncio was asked for it: none */
    int own_ready;      /* the running task was put in line */
    int imports;        /* depth of imports */
};

extern __thread struct tc_writer tc_me __attribute__((tls_model("initial-exec")));

/* Counts the forks between the start and this process, and the recordings in it: what began in another
 * generation has not begun here. */
extern uint32_t tc_generation;
extern uint32_t tc_recordings; /* recordings alone */

/* This thread's writer, emptied where it is of another generation. */
struct tc_writer *tc_writer_fresh(void);
static inline struct tc_writer *tc_writer_mine(void) {
    return TC_LIKELY(tc_me.generation == tc_generation) ? &tc_me : tc_writer_fresh();
}

/* Opens the shared memory at `path`; `hello` makes the first entry of each process (flags 2 after a
 * fork). 0 = done, -1 = not ours or out of reach. */
int tc_writer_open(const char *path, void (*hello)(int after_fork));
int tc_writer_is_open(void);

/* The recording is over for this process: nothing is written any more, the memory is given back. */
void tc_writer_close(void);

/* Lets `speak` tell events as if that other thread of ours had told them: what was true of it before
 * the agent came. */
void tc_writer_for(uint32_t tid, void (*speak)(PyObject *), PyObject *what);

/* Makes room for 1 + units units on this thread; NULL where the event is lost (and counted). */
struct tc_unit *tc_writer_room(uint32_t units);

/* A prime by which hash tables here spread their keys. */
#define TC_SPREAD 0x9e3779b97f4a7c15ull

extern int tc_in_ticks; /* as the arena says */

/* The time of an entry. */
static inline uint64_t tc_stamp(void) { return TC_LIKELY(tc_in_ticks) ? tc_ticks_now() : tc_now_ns(); }

/* The reader looks at `used` only, so it is stored last. */
static inline void tc_publish(struct tc_unit *end) {
    struct tc_writer *me = &tc_me;
    uint32_t room = (uint32_t)((char *)me->end - (char *)end);
    me->at = end;
    atomic_store_explicit(&me->page->used, TC_PAGE_SIZE - room, memory_order_release);
}

/* An event with at most its first field. */
static inline void tc_event(enum tc_event event, uint64_t value) {
    struct tc_unit *unit = tc_me.at;
    if (TC_RARELY(unit == tc_me.end || tc_me.generation != tc_generation) && !(unit = tc_writer_room(0))) return;
    unit->time = tc_stamp();
    unit->word = (uint64_t)event << 56 | (value & TC_VALUE_MASK);
    tc_publish(unit + 1);
}

static inline void tc_task_event(enum tc_event event, PyObject *task) {
    tc_event(event, (uint64_t)(uintptr_t)task);
}

/* ---- texts ---- */

#define TC_TEXT_MAX 4000 /* an entry has at most 255 units */
#define TC_PART_MAX 900

struct tc_text {
    uint32_t length, parts;
    char bytes[TC_TEXT_MAX + 16];
};

static inline void tc_text_init(struct tc_text *text) { text->length = text->parts = 0; }
void tc_text_add(struct tc_text *text, const char *part);
void tc_text_add_number(struct tc_text *text, long number);
/* Adds a str; anything else counts as empty. Never raises, calls or allocates. */
void tc_text_add_str(struct tc_text *text, PyObject *part);
/* Adds three parts: function, file, line of whatever can be called. */
void tc_text_add_callable(struct tc_text *text, PyObject *callable);
/* The same; `arguments` let it see through the helpers of pools. */
void tc_text_add_call(struct tc_text *text, PyObject *callable, PyObject *arguments);
/* The same three parts of a coroutine (generator, async generator). */
void tc_text_add_coroutine(struct tc_text *text, PyObject *coro);
void tc_text_add_code(struct tc_text *text, PyObject *qualname, PyObject *code);

/* An event with all its fields: the first, up to two more numbers, a text or NULL. */
void tc_event_full(enum tc_event event, uint64_t value, const uint64_t *more, uint32_t count,
                   const struct tc_text *text);

/* The same with one str as its text, or an empty text for NULL. A function of its own, so that hooks
 * around the program's calls do not keep a whole text on the stack. */
void tc_event_text(enum tc_event event, uint64_t value, PyObject *part) __attribute__((noinline));

/* ---- Python, with care ---- */

/* Puts the exception that is set aside; every hook that does more than write an event stands
 * between these two. Whatever was raised in between is dropped. */
struct tc_error {
#if PY_VERSION_HEX >= 0x030c0000
    PyObject *exception;
#else
    PyObject *type, *value, *traceback;
#endif
};
void tc_error_save(struct tc_error *error);
void tc_error_restore(struct tc_error *error);

/* The attribute `name` in the standard way, for types that are known to keep to it: new reference or
 * NULL without an exception. */
PyObject *tc_plain_attr(PyObject *object, const char *name);
/* The attribute `name` that the instance itself holds, a new reference, or NULL without an
 * exception. An attribute of that name on the class (a property, a slot) is not asked. */
PyObject *tc_own_attr(PyObject *object, const char *name);
/* What `package.module.name` is, if that module is one; a new reference or NULL, no exception. */
PyObject *tc_part_of(PyObject *package, const char *module, const char *name);
/* An attribute of a module or a class without descriptors; new reference or NULL, no exception. */
PyObject *tc_dict_attr(PyObject *module_or_type, const char *name);
/* The same as a C long; `missing` where it is none. */
long tc_own_long(PyObject *object, const char *name, long missing);
int tc_own_true(PyObject *object, const char *name);

/* Puts `hook` before a Python function: everything in C that calls it, and since 3.12 everything,
 * goes through the hook. All functions of one hook must share one original, kept in *original.
 * Returns 1 if the hook is in place. */
int tc_hook_function(PyObject *function, vectorcallfunc hook, vectorcallfunc *original);

/* ---- what is taken back at the end ---- */

/* A pointer of C that was `original` and is `ours` now; `keep`: the object that it lies in, or NULL
 * where that is never freed. Nothing is kept of sub-interpreters. */
void tc_undo_note(void *slot, void *ours, void *original, PyObject *keep);
/* The attribute `name` of a class, a C string that stays. */
void tc_undo_note_attr(PyObject *type, const char *name, PyObject *ours, PyObject *original);
/* Puts everything back that still is ours. What somebody else has put in place since stays, and so does
 * our function behind it, switched off. */
void tc_undo_all(void);

/* The same for a method that other Python code calls. 3.11 calls Python functions from Python
 * without a look at that pointer, so there the attribute of the class itself is replaced by a C
 * function under the same name. */
int tc_hook_method(PyObject *type, const char *name, vectorcallfunc hook, vectorcallfunc *original);

/* The same for __init__ of a Python class. Since 3.13 the interpreter makes objects of simple classes
 * without calling their __init__ through C; another tp_alloc than the usual one forbids that. */
int tc_hook_init(PyObject *type, vectorcallfunc hook, vectorcallfunc *original);

/* ---- the parts ---- */

const char *tc_runtime(void); /* the interpreter's _PyRuntime, or NULL */
void tc_install_unseen(void);             /* looks for modules that came in unseen */
void tc_steps_over(void);                  /* of stop() */
void tc_steps_install(PyObject *module);   /* after _asyncio was loaded */
void tc_asyncio_install(PyObject *module); /* after asyncio was loaded */
void tc_timers_install(PyObject *module);  /* by tc_asyncio_install */
void tc_suspended_init(void);             /* once, at the start */
void tc_suspended_learn(void);            /* by tc_asyncio_install, and when one of the others came */
void tc_learn_install(PyObject *module);  /* after a module whose waits are known was loaded */
void tc_trio_install(PyObject *module);   /* after trio's instruments were loaded */
void tc_trio_workers_install(PyObject *module);
void tc_anyio_workers_install(PyObject *module);
void tc_gevent_install(PyObject *module);
void tc_eventlet_install(PyObject *module);
void tc_curio_install(PyObject *module);
void tc_say_not_followed(const char *library);
int tc_in_main_interpreter(void);
void tc_interpreter_start(PyObject *importlib); /* of a sub-interpreter, in it */
void tc_say_thread(PyObject *thread);
/* What asyncio was at before the agent came: a loop that runs on this thread; a task of it, at work
 * now, suspended, or neither; and the end of the step that was running. */
void tc_known_loop(PyObject *loop);
void tc_known_task(PyObject *task, int running, int suspended);
void tc_known_step_over(void);
/* The same of trio: its add_instrument, the task at work on this thread, and the list of all others. */
void tc_known_trio(PyObject *add, PyObject *task, PyObject *others);
void tc_threading_install(PyObject *module);
void tc_thread_pool_install(PyObject *module);
void tc_process_pool_install(PyObject *module);
void tc_process_install(PyObject *module);
void tc_pool_install(PyObject *module);

/* Of a task that becomes ready now, outside of all steps: DUE, if a timer's callback does it that ran out
 * some time ago. Only for a loop of which tc_timers_told() said that this can be known. */
void tc_say_due(PyObject *loop);
int tc_timers_told(PyObject *loop);

/* Items of pools, by the address of what stands for them: a new number (0 = no memory); the number,
 * which is forgotten with it (0 = unknown); whether numbers may be used at all. */
uint64_t tc_item_number(void *address);
uint64_t tc_item_take(void *address);
int tc_items_ready(void);
void tc_say_item(enum tc_event event, uint64_t item, uint64_t pool, PyObject *function, PyObject *arguments);
/* Stands before the queue of one worker thread and tells the calls that go through it. */
PyObject *tc_worker_queue(PyObject *queue);

/* What the task waits for: `waiter` is its _fut_waiter, `coro` its coroutine. A model.Wait. */
enum tc_wait {
    TC_WAIT_UNKNOWN, TC_WAIT_TASK, TC_WAIT_GATHER, TC_WAIT_GROUP, TC_WAIT_LOCK,
    TC_WAIT_RESULT, TC_WAIT_SLEEP, TC_WAIT_IO, TC_WAIT_EXECUTOR
};
enum tc_wait tc_suspended_class(PyObject *waiter, PyObject *coro);
enum tc_wait tc_suspended_coroutine(PyObject *coro); /* the same without a future */
int tc_is_task(PyObject *object); /* of any Task type that is hooked */

#pragma GCC visibility pop
#endif
