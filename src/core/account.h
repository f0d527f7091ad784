/* Passes over the finished tables of stretches: sums by task, state and reason, the counts over time,
 * and what is measured on them. Each is one loop over rows that lie in memory, where numpy would need
 * a column for every condition. The numpy twins stand in analyse/tally.py; numbers are the same to the
 * last bit, for all sums are of whole nanoseconds.
 */
#ifndef TWOCOOKS_ACCOUNT_H
#define TWOCOOKS_ACCOUNT_H
#include "tables.h"

#define TC_STATES 8
#define TC_REASONS 256

/* Numbers of model.State, then those of the reasons that decide something. */
struct tc_words {
    uint8_t unknown, working, in_line, wants_tool, waiting, delegated;
    uint8_t core, gil, too_short, not_known;
};

/* Which tasks are counted, and when each was on the go. */
struct tc_tasks {
    const uint8_t *chosen;
    const int64_t *begun, *done;
    int64_t n;
};

/* All rows have an owner below `tasks` and a state below TC_STATES. */
int tc_rows_fit(struct tc_pieces t, int64_t tasks);

/* ns of each task in each state: out[state * tasks + task] (zeroed by the caller). */
void tc_state_sums(struct tc_pieces t, int64_t tasks, int64_t *out);

/* What was worked on `own` by each thread (out, zeroed), and on that and for tasks (>= 0) in all. */
int64_t tc_worked(struct tc_pieces t, const struct tc_words *w, int32_t own, int64_t threads, int64_t *out);

/* For each task when its last stretch ends (done, at first -1) and the ns that it waits for the
 * outside: waiting for a reason that `outside` marks (outside[reason], TC_REASONS of them). */
void tc_ends(struct tc_pieces t, const struct tc_words *w, const uint8_t *outside, int64_t *done,
             int64_t *waits);

/* For each task when it had done `enough` ns of work (reached), when it first waited for the outside
 * after its first instructions (away; both at first INT64_MAX), and until when it waited for a tool
 * before that with less than `little` ns of work behind it (tool, at first 0). The table is sorted. */
struct tc_begins {
    const int64_t *enough;
    const double *little;
    int64_t *reached, *away, *tool;
};
void tc_begins(struct tc_pieces t, const struct tc_words *w, const uint8_t *outside, struct tc_begins b);

/* Of the chosen tasks: ns by state and reason (out[state * TC_REASONS + reason]), the ns in line [0] and
 * wanting a tool [1] before the tasks were begun, and the ns on the go of each task. */
void tc_chosen_sums(struct tc_pieces t, struct tc_tasks tasks, const struct tc_words *w, int64_t *out,
                    int64_t *before, int64_t *gone);

/* How many of the chosen tasks are at each moment: C on the go, P at work, D wanting hands (kept), M
 * perhaps wanting them, H at work or in line for a core, L in line for a core (only measured). The counts
 * since each break are counts[curve * room + break]. */
#define TC_CURVES 6
#define TC_KEPT 3
/* What is measured on the way; ns, or ns times a count (out, zeroed by the caller). `together` = P >= 2
 * for at least `least` ns, marked in a mask (room bytes, zeroed). `hands` = cores that the tasks may have
 * at once. */
enum tc_measure {
    TC_M_ACTIVE, TC_M_BUSY, TC_M_TOGETHER, TC_M_HANDED, TC_M_D2, TC_M_D1, TC_M_HIDDEN, TC_M_C2, TC_M_H1,
    TC_M_PLACED, TC_M_SUM_C, TC_M_SUM_P, TC_M_SUM_D, TC_M_SUM_C2, TC_M_SUM_TOGETHER, TC_M_SERVED,
    TC_M_WANTED, TC_M_FREE_LINE, TC_MEASURES
};
struct tc_measures {
    int64_t least;
    int32_t hands;
    int64_t *out;
    uint8_t *together;
};
/* Returns the number of breaks; with time NULL the room that they need. */
int64_t tc_curves(struct tc_pieces t, struct tc_tasks tasks, const struct tc_words *w,
                  struct tc_measures how, int64_t room, int64_t *time, int32_t *counts);

/* Stretches in which low <= count <= high for at least so many ns. start NULL = only their number. */
int64_t tc_runs(const int64_t *time, const int32_t *count, int64_t n, int32_t low, int32_t high,
                int64_t least, int64_t *start, int64_t *end);

/* Turns of the chosen tasks (account.py says what they are): changes of task on one thread among those
 * that `stepped` marks; the GIL lost after `least` ns of work; tasks pushed off their core where another
 * one followed within `least` ns, and those of them while P (the curve's counts, `time`) was `hands` or
 * more. */
enum tc_turns { TC_T_STEPS, TC_T_GIL, TC_T_PUSHED, TC_T_CROWDED, TC_TURNS };
struct tc_curve {
    const int64_t *time;
    const int32_t *count;
    int64_t n;
};
int64_t tc_turns(struct tc_pieces t, struct tc_tasks tasks, const uint8_t *stepped,
                 const struct tc_words *w, struct tc_curve p, int64_t least, int32_t hands, int64_t *out);

/* How many cores execute the program (slices at work), and how many of them chosen tasks. Returns the
 * number of stretches (start, end; room for all slices) in which two or more of the latter last for at
 * least so many ns. */
enum tc_core { TC_K_NS, TC_K_ONE, TC_K_TWO, TC_K_MOST, TC_K_SUMS }; /* K times ns; ns of K >= 1, >= 2 */
int64_t tc_cores(struct tc_pieces slices, struct tc_tasks tasks, const struct tc_words *w, int64_t least,
                 int64_t *out, int64_t *start, int64_t *end);

/* Work of threads (slices by thread and start) for the chosen tasks: for each unbroken stretch on a core
 * from the first to the last of it; walks of more than `walk_ns` part it where the stretch has more of
 * them than that for each slice. start and end have room for all slices. Returns how many they are. */
int64_t tc_cooks(struct tc_pieces slices, struct tc_tasks tasks, const struct tc_words *w, int64_t walk_ns,
                 int64_t *start, int64_t *end);

/* Marks the rows of a curve with a count of two or more that begin within the given moments and are not
 * marked yet; out = their ns [0], and those times the count [1]. */
struct tc_moments {
    const int64_t *start, *end;
    int64_t n;
};
void tc_inside(struct tc_curve p, struct tc_moments within, uint8_t *rows, int64_t *out);

/* ns (out) that two sorted, disjoint sets of moments share. */
int64_t tc_shared(struct tc_moments a, struct tc_moments b, int64_t *out);

/* Where the chosen tasks worked: ns by thread, by thread within the given moments (sorted, disjoint),
 * and by core. Returns TC_OTHERWISE where a thread or core is beyond the tables. */
int64_t tc_places(struct tc_pieces t, struct tc_tasks tasks, const struct tc_words *w,
                  struct tc_moments within, int64_t *by_thread, int64_t *fought, int64_t threads,
                  int64_t *by_core, int64_t cores);
#endif
