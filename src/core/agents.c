/* agents.h says what each function does. */
#include "agents.h"

#include <stdlib.h>

#include "events.h"

static int between(uint8_t event) {
    return event == TC_EV_STEP || event == TC_EV_STEP_END || event == TC_EV_STEP_YIELD ||
           event == TC_EV_STEP_DONE || event == TC_EV_READY || event == TC_EV_TASK_NEW;
}

int64_t tc_task_rows(const uint8_t *event, const int32_t *task, const int64_t *time, int64_t n,
                     int64_t tasks, int64_t *rows) {
    int64_t *at = calloc((size_t)tasks + 2, sizeof *at);
    if (!at) return TC_TABLES_NO_MEMORY;
    for (int64_t i = 0; i < n; i++) {
        if (task[i] < 0 || !between(event[i])) continue;
        if (task[i] >= tasks) {
            free(at);
            return TC_OTHERWISE;
        }
        at[task[i] + 1]++;
    }
    for (int64_t t = 0; t < tasks; t++) at[t + 1] += at[t];
    const int64_t m = at[tasks];
    for (int64_t i = 0; i < n; i++)
        if (task[i] >= 0 && between(event[i])) rows[at[task[i]]++] = i;
    const int64_t result = tc_sort_groups(time, rows, at, tasks) ? m : TC_TABLES_NO_MEMORY;
    free(at);
    return result;
}

/* A task's story so far. Rows are places in `rows`, -1 = none. */
struct story {
    int64_t step, over, ready;
    int gone;
};

static void hear(struct story *s, uint8_t event, int64_t i) {
    if (event == TC_EV_STEP) s->step = i;
    else if (event == TC_EV_READY) s->ready = i;
    else if (event != TC_EV_TASK_NEW) s->over = i;
    if (event == TC_EV_STEP_DONE) s->gone = 1;
}

/* Whether the event after row i, of the same task, is another task's wake-up call. */
static int woken_by_task(const struct tc_said *s, int64_t row, int64_t after, const uint8_t *stepped,
                         int64_t tasks) {
    const int32_t waker = s->inside[after];
    return waker >= 0 && waker < tasks && stepped[waker] && waker != s->task[row] &&
           s->event[after] == TC_EV_READY;
}

int64_t tc_between(struct tc_said s, const int64_t *rows, int64_t m, const int64_t *last,
                   const uint8_t *stepped, int64_t tasks, const struct tc_waits *w,
                   struct tc_pieces out) {
    int64_t k = 0, group = 0;
    struct story so_far = {-1, -1, -1, 0};
    for (int64_t i = 0; i < m; i++) {
        const int64_t row = rows[i];
        if (!i || s.task[row] != s.task[rows[i - 1]]) so_far = (struct story){-1, -1, -1, 0};
        hear(&so_far, s.event[row], i);
        const int same = i + 1 < m && s.task[rows[i + 1]] == s.task[row];
        const int64_t until = same ? s.time[rows[i + 1]] : last[group++];
        if (so_far.gone || so_far.step > so_far.over || until <= s.time[row]) continue;
        /* Woken while it still ran: it is in line as soon as its step ends. */
        const int woken = so_far.step >= 0 && so_far.ready > so_far.step;
        uint8_t state = w->in_line, reason = w->turn;
        if (s.event[row] == TC_EV_STEP_END && !woken) {
            const int64_t said = s.a[row] >= 0 && s.a[row] < TC_WAITS ? s.a[row] : 0;
            state = w->state[said];
            reason = w->reason[said];
            if (!said && same && woken_by_task(&s, row, rows[i + 1], stepped, tasks)) reason = w->result;
        }
        out.owner[k] = s.task[row];
        out.start[k] = s.time[row];
        out.end[k] = until;
        out.state[k] = state;
        out.reason[k] = reason;
        out.core[k] = -1;
        out.thread[k++] = s.thread[row];
    }
    return k;
}
