/* Passes over what the agents said, sorted by thread: whose each event is, and what the tasks of event
 * loops do between their steps. The numpy twins stand in analyse/owners.py and analyse/aio.py. */
#ifndef TWOCOOKS_AGENTS_H
#define TWOCOOKS_AGENTS_H
#include "tables.h"

/* The rows with a task (0 <= task < tasks) and an event of the kind that begins or ends a stretch
 * between steps, by task and time. `rows` has room for n. Returns how many they are. */
int64_t tc_task_rows(const uint8_t *event, const int32_t *task, const int64_t *time, int64_t n,
                     int64_t tasks, int64_t *rows);

/* What a suspended task's word means (by model.Wait), and numbers of State and Reason. */
#define TC_WAITS 9
struct tc_waits {
    uint8_t state[TC_WAITS], reason[TC_WAITS];
    uint8_t in_line, turn, result;
};

/* The columns of the agents' events: `a` is what a step's end says the task waits for, `inside` the
 * task in whose name the event happened. */
struct tc_said {
    const uint8_t *event;
    const int64_t *time, *a;
    const int32_t *task, *inside, *thread;
    int64_t n;
};

/* The stretches between the steps. `rows` as tc_task_rows gives them; `last` for each group of one
 * task's rows the time at which its last stretch ends at the latest; `stepped` marks tasks of event
 * loops. Returns how many were written (no more than rows). */
int64_t tc_between(struct tc_said s, const int64_t *rows, int64_t m, const int64_t *last,
                   const uint8_t *stepped, int64_t tasks, const struct tc_waits *w,
                   struct tc_pieces out);
#endif
