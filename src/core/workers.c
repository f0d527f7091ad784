/* The worker threads that trio and anyio keep for blocking calls: each call is an item of a pool.
 *
 * trio's cache hands a job over with ThreadCache.start_thread_soon and runs it in
 * WorkerThread._handle_job. anyio's workers on asyncio do all of it in one function, so only their
 * queue can tell; it gets the same thin object in front as those of process pools (pools.c). */
#include "agent.h"

enum { POOL_THREADS = 1 };

static vectorcallfunc o_start_soon, o_handle_job, o_worker_init;

static PyObject *my_start_soon(PyObject *f, PyObject *const *args, size_t flags, PyObject *names) {
    if (PyVectorcall_NARGS(flags) >= 2)
        tc_say_item(TC_EV_ITEM_NEW, tc_item_number(args[1]), POOL_THREADS, args[1], NULL);
    return o_start_soon(f, args, flags, names);
}

/* The worker's job is (function, deliver, name), in a slot of its class. */
static uint64_t number_of_job(PyObject *worker) {
    PyObject *job = tc_plain_attr(worker, "_job");
    uint64_t number = 0;
    if (job && PyTuple_CheckExact(job) && PyTuple_GET_SIZE(job) >= 1)
        number = tc_item_take(PyTuple_GET_ITEM(job, 0));
    Py_XDECREF(job);
    return number;
}

static PyObject *my_handle_job(PyObject *f, PyObject *const *args, size_t flags, PyObject *names) {
    uint64_t number = PyVectorcall_NARGS(flags) >= 1 ? number_of_job(args[0]) : 0;
    if (!number) return o_handle_job(f, args, flags, names);
    uint32_t generation = tc_generation;
    tc_event_text(TC_EV_ITEM, number, NULL);
    PyObject *result = o_handle_job(f, args, flags, names);
    if (generation == tc_generation) tc_event(TC_EV_ITEM_END, number);
    return result;
}

void tc_trio_workers_install(PyObject *module) {
    PyObject *cache = tc_dict_attr(module, "ThreadCache"), *worker = tc_dict_attr(module, "WorkerThread");
    if (cache && PyType_Check(cache) && worker && PyType_Check(worker) && tc_items_ready() &&
        tc_hook_method(worker, "_handle_job", my_handle_job, &o_handle_job))
        tc_hook_method(cache, "start_thread_soon", my_start_soon, &o_start_soon);
    Py_XDECREF(worker);
    Py_XDECREF(cache);
}

static PyObject *my_worker_init(PyObject *f, PyObject *const *args, size_t flags, PyObject *names) {
    PyObject *result = o_worker_init(f, args, flags, names);
    if (!result || PyVectorcall_NARGS(flags) < 1) return result;
    PyObject *queue = tc_own_attr(args[0], "queue");
    PyObject *ours = queue ? tc_worker_queue(queue) : NULL;
    if (ours && PyObject_SetAttrString(args[0], "queue", ours) < 0) PyErr_Clear();
    Py_XDECREF(ours);
    Py_XDECREF(queue);
    PyErr_Clear();
    return result;
}

void tc_anyio_workers_install(PyObject *module) {
    PyObject *worker = tc_dict_attr(module, "WorkerThread");
    if (worker && PyType_Check(worker) && tc_items_ready())
        tc_hook_init(worker, my_worker_init, &o_worker_init);
    Py_XDECREF(worker);
    tc_learn_install(module);
}
