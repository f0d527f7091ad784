/* Takes the hooks out again, when a recording that measure() began ends before the program does.
 *
 * Every pointer that the agent replaces is noted here with what it was. Taking it back touches only what is
 * still ours: another tool may have put its own hook over it, which calls ours; then ours stays behind
 * that one, and as no memory is shared any more it writes nothing and only calls on. */
#include "agent.h"

#include <pthread.h>
#include <stdlib.h>

struct change {
    void **slot; /* NULL: an attribute */
    void *ours, *original;
    PyObject *keep;
    const char *name;
};

static struct change *changes;
static size_t count, room;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void note(const struct change *change) {
    pthread_mutex_lock(&lock);
    if (count == room) {
        size_t more = room ? 2 * room : 64;
        struct change *larger = realloc(changes, more * sizeof *changes);
        if (larger) changes = larger, room = more;
    }
    int kept = count < room;
    if (kept) changes[count++] = *change;
    pthread_mutex_unlock(&lock);
    if (kept) Py_XINCREF(change->keep);
}

void tc_undo_note(void *slot, void *ours, void *original, PyObject *keep) {
    if (!tc_in_main_interpreter()) return;
    note(&(struct change){slot, ours, original, keep, NULL});
}

void tc_undo_note_attr(PyObject *type, const char *name, PyObject *ours, PyObject *original) {
    if (!tc_in_main_interpreter()) return;
    note(&(struct change){NULL, Py_NewRef(ours), Py_NewRef(original), type, name});
}

static void put_back_attr(const struct change *change) {
    PyObject *now = tc_dict_attr(change->keep, change->name);
    if (now == change->ours) PyObject_SetAttrString(change->keep, change->name, change->original);
    PyErr_Clear();
    Py_XDECREF(now);
    Py_DECREF((PyObject *)change->ours);
    Py_DECREF((PyObject *)change->original);
}

void tc_undo_all(void) {
    pthread_mutex_lock(&lock);
    struct change *all = changes;
    size_t n = count;
    changes = NULL;
    count = room = 0;
    pthread_mutex_unlock(&lock);
    while (n--) { /* the latest first */
        const struct change *change = &all[n];
        void *ours = change->ours;
        if (!change->slot) put_back_attr(change);
        else __atomic_compare_exchange_n(change->slot, &ours, change->original, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
        Py_XDECREF(change->keep);
    }
    free(all);
}
