/* The extension twocooks._tables: Python bindings of tables.c, account.c, agents.c and
 * lookups.c, nothing else.
 *
 * Arrays come and go as buffers, so numpy's C API is not needed. The callers (analyse/columns.py) give
 * arrays of the right type and length; lengths are checked here all the same, types by item size.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "account.h"
#include "agents.h"
#include "lookups.h"
#include "spill_numpy.h"
#include "tables.h"
#include "tables_args.h"

static PyObject *order(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    int64_t result;
    int timed = n == 3;
    if (!enter(&c, args, n, timed ? "iqQ" : "iQ") || !long_enough(&c, 1, c.count - 1, items(&c, 0))) return NULL;
    CALL(result, tc_order(c.view[0].buf, timed ? c.view[1].buf : NULL, items(&c, 0), c.view[timed + 1].buf))
    return result_of(&c, result);
}

static PyObject *overlay(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    int64_t result;
    if (!enter(&c, args, n, n > 10 ? "iqqbbiiiqqIQQBBIII" : "iqqbbiiiqq")) return NULL;
    struct tc_pieces a = pieces_at(&c, 0), out = {0};
    struct tc_tiling b = {c.view[7].buf, c.view[8].buf, c.view[9].buf, items(&c, 7)};
    if (!long_enough(&c, 0, 6, a.n) || !long_enough(&c, 7, 9, b.n)) return NULL;
    CALL(result, tc_overlay(a, b, NULL, NULL))
    if (n > 10 && result >= 0) {
        if (!long_enough(&c, 10, 17, result)) return NULL;
        out = pieces_at(&c, 10);
        CALL(result, tc_overlay(a, b, &out, c.view[17].buf))
    }
    return result_of(&c, result);
}

static PyObject *no_overlap(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    if (!enter(&c, args, n, "iqqQ")) return NULL;
    struct tc_tiling in = {c.view[0].buf, c.view[1].buf, c.view[2].buf, items(&c, 0)};
    if (!long_enough(&c, 1, 3, in.n)) return NULL;
    Py_BEGIN_ALLOW_THREADS
    tc_no_overlap(in, c.view[3].buf);
    Py_END_ALLOW_THREADS
    return result_of(&c, in.n);
}

static PyObject *gather(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    int64_t result;
    if (!enter(&c, args, n, "iqqbbiiiqqbbiibIQQBBII")) return NULL;
    struct tc_pieces a = pieces_at(&c, 0), b = pieces_at(&c, 7), out = pieces_at(&c, 15);
    const struct tc_gaps *gaps = items(&c, 14) == sizeof(struct tc_gaps) ? c.view[14].buf : NULL;
    int64_t room = b.n;
    for (int64_t i = 0; i < a.n; i++) room += a.owner[i] >= 0;
    if (gaps) room *= 2;
    if (!long_enough(&c, 0, 6, a.n) || !long_enough(&c, 7, 13, b.n) || !long_enough(&c, 15, 21, room))
        return NULL;
    CALL(result, tc_gather(a, b, gaps, out))
    return result_of(&c, result);
}

static PyObject *merge(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    int64_t result;
    if (!enter(&c, args, n, "iqqIQQ")) return NULL;
    struct tc_tiling in = {c.view[0].buf, c.view[1].buf, c.view[2].buf, items(&c, 0)};
    if (!long_enough(&c, 1, 5, in.n)) return NULL;
    CALL(result, tc_union(in, c.view[3].buf, c.view[4].buf, c.view[5].buf))
    return result_of(&c, result);
}

static PyObject *sweep(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    int64_t result;
    if (!enter(&c, args, n, "qqbQI")) return NULL;
    int64_t rows = items(&c, 0);
    if (!long_enough(&c, 1, 2, rows) || !long_enough(&c, 3, 4, 2 * rows)) return NULL;
    int64_t sets = rows ? items(&c, 4) / (2 * rows) : 0;
    CALL(result, tc_sweep(c.view[0].buf, c.view[1].buf, c.view[2].buf, rows, sets > 8 ? 8 : (int)sets,
                          c.view[3].buf, c.view[4].buf))
    return result_of(&c, result);
}

static PyObject *lives(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    int64_t result;
    if (n != 8) {
        PyErr_SetString(PyExc_TypeError, "lives takes switch_ns and seven arrays");
        return NULL;
    }
    long long switch_ns = PyLong_AsLongLong(args[0]);
    if (switch_ns == -1 && PyErr_Occurred()) return NULL;
    if (!enter(&c, args + 1, n - 1, "qbiiQIQ")) return NULL;
    struct tc_kernel k = {c.view[0].buf, c.view[1].buf, c.view[2].buf, c.view[3].buf, items(&c, 0)};
    if (!long_enough(&c, 1, 6, k.n)) return NULL;
    CALL(result, tc_lives(k, switch_ns, c.view[4].buf, c.view[5].buf, c.view[6].buf))
    return result_of(&c, result);
}

static PyObject *stretches(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    int64_t result;
    if (!enter(&c, args, n, "iqqbiqqbIQQBBIIQQ")) return NULL;
    struct tc_rows r = {c.view[0].buf, c.view[1].buf, c.view[2].buf, c.view[3].buf, c.view[4].buf,
                        items(&c, 0), c.view[5].buf, c.view[6].buf, items(&c, 6) / 2};
    if (!long_enough(&c, 1, 4, r.n) || !long_enough(&c, 8, 15, r.n) || !long_enough(&c, 16, 16, 1) ||
        !long_enough(&c, 7, 7, (int64_t)sizeof(struct tc_meanings)))
        return NULL;
    for (int64_t i = 0; i < r.n; i++) {
        if (r.life[i] < 0 || r.life[i] >= items(&c, 5)) {
            leave(&c);
            PyErr_SetString(PyExc_ValueError, "a life without a death");
            return NULL;
        }
    }
    struct tc_pieces out = pieces_at(&c, 8);
    CALL(result, tc_stretches(r, c.view[7].buf, out, c.view[15].buf, c.view[16].buf))
    return result_of(&c, result);
}

static PyObject *opened(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    if (!enter(&c, args, n, "biIII")) return NULL;
    int64_t rows = items(&c, 0);
    if (!long_enough(&c, 1, 4, rows)) return NULL;
    Py_BEGIN_ALLOW_THREADS
    tc_opened(c.view[0].buf, c.view[1].buf, rows, c.view[2].buf, c.view[3].buf, c.view[4].buf);
    Py_END_ALLOW_THREADS
    return result_of(&c, rows);
}

static PyObject *pairs(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    int64_t result;
    if (!enter(&c, args, n, "qqQQ") || !long_enough(&c, 1, 3, items(&c, 0))) return NULL;
    CALL(result, tc_pairs(c.view[0].buf, c.view[1].buf, items(&c, 0), c.view[2].buf, c.view[3].buf))
    return result_of(&c, result);
}

/* Whether the pieces at `first` and the three columns of tasks after them (chosen, begun, done) fit
 * together; else the twin decides. */
static struct tc_tasks tasks_at(const struct call *c, int first) {
    const Py_buffer *v = c->view + first;
    return (struct tc_tasks){v[0].buf, v[1].buf, v[2].buf, items(c, first)};
}

static int words_at(struct call *c, int at) { return long_enough(c, at, at, (int64_t)sizeof(struct tc_words)); }

static PyObject *state_sums(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    if (!enter(&c, args, n, "iqqbbiiQ")) return NULL;
    struct tc_pieces t = pieces_at(&c, 0);
    int64_t tasks = items(&c, 7) / TC_STATES, result = TC_OTHERWISE;
    if (!long_enough(&c, 0, 6, t.n)) return NULL;
    Py_BEGIN_ALLOW_THREADS
    if (tc_rows_fit(t, tasks)) {
        tc_state_sums(t, tasks, c.view[7].buf);
        result = t.n;
    }
    Py_END_ALLOW_THREADS
    return result_of(&c, result);
}

static PyObject *worked(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    long long own;
    int64_t all;
    if (!numbers_of(args, n, &own, 1) || !enter(&c, args + 1, n - 1, "iqqbbiibQQ")) return NULL;
    struct tc_pieces t = pieces_at(&c, 0);
    if (!long_enough(&c, 0, 6, t.n) || !words_at(&c, 7) || !long_enough(&c, 9, 9, 1)) return NULL;
    CALL(all, tc_worked(t, c.view[7].buf, (int32_t)own, items(&c, 8), c.view[8].buf))
    *(int64_t *)c.view[9].buf = all;
    return result_of(&c, t.n);
}

static PyObject *ends(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    if (!enter(&c, args, n, "iqqbbiibbQQ")) return NULL;
    struct tc_pieces t = pieces_at(&c, 0);
    int64_t tasks = items(&c, 9), result = TC_OTHERWISE;
    if (!long_enough(&c, 0, 6, t.n) || !words_at(&c, 7) || !long_enough(&c, 8, 8, TC_REASONS) ||
        !long_enough(&c, 10, 10, tasks))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    if (tc_rows_fit(t, tasks)) {
        tc_ends(t, c.view[7].buf, c.view[8].buf, c.view[9].buf, c.view[10].buf);
        result = t.n;
    }
    Py_END_ALLOW_THREADS
    return result_of(&c, result);
}

static PyObject *begins(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    if (!enter(&c, args, n, "iqqbbiibbqqQQQ")) return NULL;
    struct tc_pieces t = pieces_at(&c, 0);
    struct tc_begins b = {c.view[9].buf, c.view[10].buf, c.view[11].buf, c.view[12].buf, c.view[13].buf};
    int64_t tasks = items(&c, 9), result = TC_OTHERWISE;
    if (!long_enough(&c, 0, 6, t.n) || !words_at(&c, 7) || !long_enough(&c, 8, 8, TC_REASONS) ||
        !long_enough(&c, 10, 13, tasks))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    if (tc_rows_fit(t, tasks)) {
        tc_begins(t, c.view[7].buf, c.view[8].buf, b);
        result = t.n;
    }
    Py_END_ALLOW_THREADS
    return result_of(&c, result);
}

static PyObject *chosen_sums(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    if (!enter(&c, args, n, "iqqbbiibqqbQQQ")) return NULL;
    struct tc_pieces t = pieces_at(&c, 0);
    struct tc_tasks tasks = tasks_at(&c, 7);
    int64_t result = TC_OTHERWISE;
    if (!long_enough(&c, 0, 6, t.n) || !long_enough(&c, 8, 9, tasks.n) || !words_at(&c, 10) ||
        !long_enough(&c, 11, 11, TC_STATES * TC_REASONS) || !long_enough(&c, 12, 12, 2) ||
        !long_enough(&c, 13, 13, tasks.n))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    if (tc_rows_fit(t, tasks.n)) {
        tc_chosen_sums(t, tasks, c.view[10].buf, c.view[11].buf, c.view[12].buf, c.view[13].buf);
        result = t.n;
    }
    Py_END_ALLOW_THREADS
    return result_of(&c, result);
}

static PyObject *curves(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    long long given[2]; /* least, hands */
    if (!numbers_of(args, n, given, 2)) return NULL;
    const int wanted = n > 13;
    if (!enter(&c, args + 2, n - 2, wanted ? "iqqbbiibqqbQIQB" : "iqqbbiibqqb")) return NULL;
    struct tc_pieces t = pieces_at(&c, 0);
    struct tc_tasks tasks = tasks_at(&c, 7);
    struct tc_measures how = {given[0], (int32_t)given[1], NULL, NULL};
    int64_t result, room = wanted ? items(&c, 11) : 0;
    void *time = wanted ? c.view[11].buf : NULL, *counts = wanted ? c.view[12].buf : NULL;
    if (!long_enough(&c, 0, 6, t.n) || !long_enough(&c, 8, 9, tasks.n) || !words_at(&c, 10) ||
        (wanted && (!long_enough(&c, 12, 12, TC_KEPT * room) || !long_enough(&c, 13, 13, TC_MEASURES) ||
                    !long_enough(&c, 14, 14, room))))
        return NULL;
    if (wanted) {
        how.out = c.view[13].buf;
        how.together = c.view[14].buf;
    }
    CALL(result, !tc_rows_fit(t, tasks.n) ? TC_OTHERWISE
                                          : tc_curves(t, tasks, c.view[10].buf, how, room, time, counts))
    return result_of(&c, result);
}

static PyObject *cooks(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    long long walk_ns;
    int64_t result;
    if (!numbers_of(args, n, &walk_ns, 1) || !enter(&c, args + 1, n - 1, "iqqbbiibqqbQQ")) return NULL;
    struct tc_pieces t = pieces_at(&c, 0);
    struct tc_tasks tasks = tasks_at(&c, 7);
    if (!long_enough(&c, 0, 6, t.n) || !words_at(&c, 10) || !long_enough(&c, 11, 12, t.n)) return NULL;
    CALL(result, tc_cooks(t, tasks, c.view[10].buf, walk_ns, c.view[11].buf, c.view[12].buf))
    return result_of(&c, result);
}

static PyObject *cores(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    long long least;
    int64_t result;
    if (!numbers_of(args, n, &least, 1) || !enter(&c, args + 1, n - 1, "iqqbbiibqqbQQQ")) return NULL;
    struct tc_pieces t = pieces_at(&c, 0);
    struct tc_tasks tasks = tasks_at(&c, 7);
    if (!long_enough(&c, 0, 6, t.n) || !words_at(&c, 10) || !long_enough(&c, 11, 11, TC_K_SUMS) ||
        !long_enough(&c, 12, 13, t.n))
        return NULL;
    CALL(result, tc_cores(t, tasks, c.view[10].buf, least, c.view[11].buf, c.view[12].buf, c.view[13].buf))
    return result_of(&c, result);
}

static PyObject *shared(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    int64_t result;
    if (!enter(&c, args, n, "qqqqQ")) return NULL;
    struct tc_moments a = {c.view[0].buf, c.view[1].buf, items(&c, 0)};
    struct tc_moments b = {c.view[2].buf, c.view[3].buf, items(&c, 2)};
    if (!long_enough(&c, 1, 1, a.n) || !long_enough(&c, 3, 3, b.n) || !long_enough(&c, 4, 4, 1)) return NULL;
    CALL(result, tc_shared(a, b, c.view[4].buf))
    return result_of(&c, result);
}

static PyObject *inside(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    if (!enter(&c, args, n, "qiqqBQ")) return NULL;
    struct tc_curve p = {c.view[0].buf, c.view[1].buf, items(&c, 0)};
    struct tc_moments within = {c.view[2].buf, c.view[3].buf, items(&c, 2)};
    if (!long_enough(&c, 1, 1, p.n) || !long_enough(&c, 3, 3, within.n) || !long_enough(&c, 4, 4, p.n) ||
        !long_enough(&c, 5, 5, 2))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    tc_inside(p, within, c.view[4].buf, c.view[5].buf);
    Py_END_ALLOW_THREADS
    return result_of(&c, p.n);
}

static PyObject *places(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    int64_t result;
    if (!enter(&c, args, n, "iqqbbiibqqbqqQQQ")) return NULL;
    struct tc_pieces t = pieces_at(&c, 0);
    struct tc_tasks tasks = tasks_at(&c, 7);
    struct tc_moments within = {c.view[11].buf, c.view[12].buf, items(&c, 11)};
    int64_t threads = items(&c, 13);
    if (!long_enough(&c, 0, 6, t.n) || !words_at(&c, 10) || !long_enough(&c, 12, 12, within.n) ||
        !long_enough(&c, 14, 14, threads))
        return NULL;
    for (int64_t i = 0; i < t.n; i++) {
        if (t.owner[i] < tasks.n) continue;
        leave(&c);
        PyErr_SetString(PyExc_ValueError, "a stretch of no task");
        return NULL;
    }
    CALL(result, tc_places(t, tasks, c.view[10].buf, within, c.view[13].buf, c.view[14].buf, threads,
                           c.view[15].buf, items(&c, 15)))
    return result_of(&c, result);
}

static PyObject *runs(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    long long given[3];
    int64_t result, *start = NULL, *end = NULL;
    if (!numbers_of(args, n, given, 3) || !enter(&c, args + 3, n - 3, n > 5 ? "qiQQ" : "qi")) return NULL;
    if (!long_enough(&c, 1, 1, items(&c, 0))) return NULL;
    CALL(result, tc_runs(c.view[0].buf, c.view[1].buf, items(&c, 0), (int32_t)given[0],
                         (int32_t)given[1], given[2], NULL, NULL))
    if (n > 5) {
        if (!long_enough(&c, 2, 3, result)) return NULL;
        start = c.view[2].buf;
        end = c.view[3].buf;
        CALL(result, tc_runs(c.view[0].buf, c.view[1].buf, items(&c, 0), (int32_t)given[0],
                             (int32_t)given[1], given[2], start, end))
    }
    return result_of(&c, result);
}

static PyObject *turns(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    long long given[2]; /* least, hands */
    int64_t result;
    if (!numbers_of(args, n, given, 2) || !enter(&c, args + 2, n - 2, "iqqbbiibqqbbqiQ")) return NULL;
    struct tc_pieces t = pieces_at(&c, 0);
    struct tc_tasks tasks = tasks_at(&c, 7);
    struct tc_curve p = {c.view[12].buf, c.view[13].buf, items(&c, 12)};
    if (!long_enough(&c, 0, 6, t.n) || !long_enough(&c, 8, 9, tasks.n) || !words_at(&c, 10) ||
        !long_enough(&c, 11, 11, tasks.n) || !long_enough(&c, 13, 13, p.n) ||
        !long_enough(&c, 14, 14, TC_TURNS))
        return NULL;
    CALL(result, !tc_rows_fit(t, tasks.n) ? TC_OTHERWISE
                                          : tc_turns(t, tasks, c.view[11].buf, c.view[10].buf, p, given[0],
                                                     (int32_t)given[1], c.view[14].buf))
    return result_of(&c, result);
}

static PyObject *ordered(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    int64_t result;
    if (!enter(&c, args, n, "iqq") || !long_enough(&c, 1, 2, items(&c, 0))) return NULL;
    CALL(result, tc_ordered(c.view[0].buf, c.view[1].buf, c.view[2].buf, items(&c, 0)))
    return result_of(&c, result);
}

static PyObject *task_rows(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    long long tasks;
    int64_t result;
    if (!numbers_of(args, n, &tasks, 1) || !enter(&c, args + 1, n - 1, "biqQ")) return NULL;
    if (tasks < 0 || tasks > INT32_MAX || !long_enough(&c, 1, 3, items(&c, 0))) return NULL;
    CALL(result, tc_task_rows(c.view[0].buf, c.view[1].buf, c.view[2].buf, items(&c, 0), tasks, c.view[3].buf))
    return result_of(&c, result);
}

static PyObject *between(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    int64_t result;
    if (!enter(&c, args, n, "bqqiiiqqbbIQQBBII")) return NULL;
    const Py_buffer *v = c.view;
    struct tc_said said = {v[0].buf, v[1].buf, v[2].buf, v[3].buf, v[4].buf, v[5].buf, items(&c, 0)};
    const int64_t m = items(&c, 6), *rows = v[6].buf;
    if (!long_enough(&c, 1, 5, said.n) || !long_enough(&c, 10, 16, m) ||
        !long_enough(&c, 9, 9, (int64_t)sizeof(struct tc_waits)))
        return NULL;
    int64_t groups = 0, good = 1;
    for (int64_t i = 0; good && i < m; i++) {
        good = rows[i] >= 0 && rows[i] < said.n;
        if (good && (!i || said.task[rows[i]] != said.task[rows[i - 1]])) groups++;
    }
    if (!good || groups > items(&c, 7)) {
        leave(&c);
        PyErr_SetString(PyExc_ValueError, "rows of no event, or a task without an end");
        return NULL;
    }
    CALL(result, tc_between(said, rows, m, c.view[7].buf, c.view[8].buf, items(&c, 8), c.view[9].buf,
                            pieces_at(&c, 10)))
    return result_of(&c, result);
}

static PyObject *asof(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    if (!enter(&c, args, n, "iqiqQ")) return NULL;
    const int64_t asked = items(&c, 0), rows = items(&c, 2);
    if (!long_enough(&c, 1, 1, asked) || !long_enough(&c, 3, 3, rows) || !long_enough(&c, 4, 4, asked)) return NULL;
    const Py_buffer *v = c.view;
    Py_BEGIN_ALLOW_THREADS
    tc_asof(v[0].buf, v[1].buf, asked, v[2].buf, v[3].buf, rows, v[4].buf);
    Py_END_ALLOW_THREADS
    return result_of(&c, asked);
}

static PyObject *lacking(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    int64_t result;
    long long number[2]; /* low, hands */
    if (!numbers_of(args, n, number, 2) || !enter(&c, args + 2, n - 2, n > 5 ? "qiiQQ" : "qii")) return NULL;
    const Py_buffer *v = c.view;
    const int64_t rows = items(&c, 0);
    if (!long_enough(&c, 1, 2, rows)) return NULL;
    CALL(result, tc_lacking(v[0].buf, v[1].buf, v[2].buf, rows, number[0], number[1], NULL, NULL))
    if (n > 5) {
        if (!long_enough(&c, 3, 4, result)) return NULL;
        CALL(result, tc_lacking(v[0].buf, v[1].buf, v[2].buf, rows, number[0], number[1], v[3].buf, v[4].buf))
    }
    return result_of(&c, result);
}

static PyObject *alone(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    struct call c;
    int64_t result;
    long long number[2]; /* blink, least */
    if (!numbers_of(args, n, number, 2) || !enter(&c, args + 2, n - 2, "iqqbbiibqqqqqqQ")) return NULL;
    const Py_buffer *v = c.view;
    struct tc_pieces t = pieces_at(&c, 0);
    struct tc_threads threads = {v[8].buf, v[9].buf, v[10].buf, items(&c, 8)};
    struct tc_asked asked = {v[11].buf, v[12].buf, v[13].buf, items(&c, 11)};
    if (!long_enough(&c, 0, 6, t.n) || !long_enough(&c, 7, 7, (int64_t)sizeof(struct tc_words)) ||
        !long_enough(&c, 8, 10, threads.n) || !long_enough(&c, 11, 14, asked.n))
        return NULL;
    for (int64_t k = 0; k < threads.n; k++) {
        if (threads.heads[k] >= 0 && threads.tails[k] <= t.n) continue;
        leave(&c);
        PyErr_SetString(PyExc_ValueError, "rows beyond the table");
        return NULL;
    }
    CALL(result, tc_alone(t, v[7].buf, threads, asked, number[0], number[1], v[14].buf))
    return result_of(&c, result);
}

#define METHOD(name, doc) {#name, (PyCFunction)(void (*)(void))name, METH_FASTCALL, doc}

static PyMethodDef methods[] = {
    METHOD(order, "order(group[, time], out) -> n, or -1: take the twin"),
    METHOD(overlay, "overlay(a's seven columns, b's group, start, end[, out: seven columns, found]) -> n or -1"),
    METHOD(no_overlap, "no_overlap(group, start, end, out start) -> n"),
    METHOD(gather, "gather(a's seven columns, b's, gaps: state and reason or nothing, out seven columns) -> n or -1"),
    METHOD(merge, "merge(group, start, end, out group, start, end) -> n or -1"),
    METHOD(sweep, "sweep(start, end, bits, out time, out counts) -> breaks or -1"),
    METHOD(lives, "lives(switch_ns, time, event, cpu, tid, out row, life, begin) -> n or -1"),
    METHOD(stretches, "stretches(life, time, begin, event, cpu, died, losses, meanings, out owner, start, end, "
                      "state, reason, core, thread, odd rows, their number) -> n"),
    METHOD(opened, "opened(what, epoch, spare, out inner, closes) -> n"),
    METHOD(pairs, "pairs(a, b, out which, head) -> distinct pairs"),
    METHOD(state_sums, "state_sums(seven columns, out ns[states][tasks]) -> n or -1"),
    METHOD(worked, "worked(own, seven columns, words, out ns[threads], all) -> n"),
    METHOD(ends, "ends(seven columns, words, outside, done, waits) -> n or -1"),
    METHOD(begins, "begins(seven columns, words, outside, enough, little, reached, away, tool) -> n or -1"),
    METHOD(chosen_sums, "chosen_sums(seven columns, chosen, begun, done, words, out ns[states][reasons], "
                        "before, gone) -> n or -1"),
    METHOD(curves, "curves(least, hands, seven columns, chosen, begun, done, words[, out time, counts, measures, "
                   "together]) -> breaks or -1"),
    METHOD(cooks, "cooks(walk_ns, seven columns, chosen, begun, done, words, out start, end) -> n or -1"),
    METHOD(cores, "cores(least, seven columns, chosen, begun, done, words, out sums, start, end) -> n or -1"),
    METHOD(shared, "shared(start, end, start, end, out ns) -> n or -1"),
    METHOD(inside, "inside(time, count, start, end, rows, out ns) -> n"),
    METHOD(runs, "runs(low, high, least, time, count[, out start, end]) -> runs"),
    METHOD(turns, "turns(least, hands, seven columns, chosen, begun, done, words, stepped, time, count, "
                  "out turns) -> 0 or -1"),
    METHOD(places, "places(seven columns, chosen, begun, done, words, start, end, out by thread, fought, "
                   "by core) -> n or -1"),
    METHOD(ordered, "ordered(group, start, end) -> 1 or 0"),
    METHOD(task_rows, "task_rows(tasks, event, task, time, out rows) -> n or -1"),
    METHOD(between, "between(event, time, a, task, inside, thread, rows, last, stepped, waits, out seven "
                    "columns) -> n"),
#define SPILL(name, doc) {#name, (PyCFunction)(void (*)(void))tc_py_##name, METH_FASTCALL, doc}
    SPILL(spill_open, "spill_open(file, most, least, stay) -> a handler for numpy's arrays"),
    SPILL(spill_use, "spill_use(handler or None) -> the one before; for arrays of the running context"),
    SPILL(spill_has, "spill_has(handler, address) -> whether it lies in the file"),
    SPILL(spill_rest, "spill_rest(handler, trim): lets go of all pages; trim: and of unused disk"),
    SPILL(spill_tell, "spill_tell(handler) -> bytes of the file, bytes in use, blocks beside it, rests"),
    METHOD(asof, "asof(group, time, table's group, time, out row) -> n"),
    METHOD(lacking, "lacking(low, hands, time, p, d[, out start, end]) -> stretches"),
    METHOD(alone, "alone(blink, least, seven columns, words, threads, heads, tails, who, start, end, "
                  "out thread) -> n"),
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
#if PY_VERSION_HEX >= 0x030c0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030d0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "twocooks._tables",
    .m_doc = "The inner loops of the analysis.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__tables(void) { return PyModuleDef_Init(&definition); }
