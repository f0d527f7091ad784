/* Made from src/twocooks/format/spec.py by python -m twocooks.format.generate: do not edit. */
#ifndef TWOCOOKS_EVENTS_H
#define TWOCOOKS_EVENTS_H
#include <stdint.h>

#define TC_MAGIC "twocooks"
#define TC_VERSION 1u
#define TC_MAX_STRING 4096u
#define TC_SEPARATOR '\x1f'
#define TC_SHORT_NONE 7 /* announces the event's number */
#define TC_EVENT_LIMIT 83 /* one more than the highest event number */
#define TC_MAX_NUMBERS 8 /* no event has more number fields */
#define TC_STREAM_LIMIT 6

enum tc_block_kind {
    TC_BLOCK_META = 1,
    TC_BLOCK_EVENTS = 2,
    TC_BLOCK_END = 3,
};

enum tc_stream_kind {
    TC_STREAM_KERNEL = 1,
    TC_STREAM_AGENT = 2,
    TC_STREAM_LOOK = 3,
    TC_STREAM_POLL = 4,
    TC_STREAM_METER = 5,
};

enum tc_event {
    TC_EV_TIME_BACK = 0,
    TC_EV_OUT = 1,
    TC_EV_OUT_PREEMPTED = 2,
    TC_EV_IN = 3,
    TC_EV_IN_FULL = 4,
    TC_EV_OUT_FULL = 5,
    TC_EV_OUT_FULL_PREEMPTED = 6,
    TC_EV_FORK = 7,
    TC_EV_EXIT = 8,
    TC_EV_COMM = 9,
    TC_EV_EXEC = 10,
    TC_EV_LOST = 11,
    TC_EV_STEP = 16,
    TC_EV_STEP_END = 17,
    TC_EV_STEP_YIELD = 18,
    TC_EV_STEP_DONE = 19,
    TC_EV_READY = 20,
    TC_EV_TASK_NEW = 21,
    TC_EV_TASK_NAME = 22,
    TC_EV_HELLO = 23,
    TC_EV_THREAD = 24,
    TC_EV_THREAD_END = 25,
    TC_EV_PROCESS_NAME = 26,
    TC_EV_IMPORT = 27,
    TC_EV_IMPORT_END = 28,
    TC_EV_LOOP = 29,
    TC_EV_LOOP_END = 30,
    TC_EV_ITEM_NEW = 31,
    TC_EV_ITEM = 32,
    TC_EV_ITEM_END = 33,
    TC_EV_BLOCK = 34,
    TC_EV_BLOCK_END = 35,
    TC_EV_AGENT_LOST = 36,
    TC_EV_GIL_ON = 37,
    TC_EV_TASK_LATE = 38,
    TC_EV_MAIN_END = 39,
    TC_EV_NOT_FOLLOWED = 40,
    TC_EV_INTERPRETER = 41,
    TC_EV_DUE = 42,
    TC_EV_TIMERS = 43,
    TC_EV_TEXT = 48,
    TC_EV_LOOK = 49,
    TC_EV_HOLDER = 50,
    TC_EV_RUN = 51,
    TC_EV_FILE = 52,
    TC_EV_PEER = 53,
    TC_EV_LINE = 54,
    TC_EV_POLL = 64,
    TC_EV_POLL_TICK = 65,
    TC_EV_POLL_NEW = 66,
    TC_EV_POLL_GONE = 67,
    TC_EV_POLL_CPU = 68,
    TC_EV_METER = 80,
    TC_EV_CPUS = 81,
    TC_EV_TASK_CLOCK = 82,
};

struct tc_event_row {
    const char *name;  /* NULL: no such event */
    uint8_t stream;    /* enum tc_stream_kind, 0 = any */
    uint8_t shortcode; /* TC_SHORT_NONE where it has none */
    uint8_t numbers;   /* fields that are numbers; they come first */
    uint8_t has_text;  /* 1: a text follows them */
    char types[TC_MAX_NUMBERS + 1]; /* of the numbers: u, s (signed), t (task) */
};

__attribute__((unused))
static const struct tc_event_row tc_events[TC_EVENT_LIMIT] = {
    [0] = {"TIME_BACK", 0, TC_SHORT_NONE, 1, 0, "u"},
    [1] = {"OUT", TC_STREAM_KERNEL, 0, 0, 0, ""},
    [2] = {"OUT_PREEMPTED", TC_STREAM_KERNEL, 1, 0, 0, ""},
    [3] = {"IN", TC_STREAM_KERNEL, 2, 1, 0, "u"},
    [4] = {"IN_FULL", TC_STREAM_KERNEL, 3, 2, 0, "uu"},
    [5] = {"OUT_FULL", TC_STREAM_KERNEL, 4, 2, 0, "uu"},
    [6] = {"OUT_FULL_PREEMPTED", TC_STREAM_KERNEL, 5, 2, 0, "uu"},
    [7] = {"FORK", TC_STREAM_KERNEL, TC_SHORT_NONE, 4, 0, "uuuu"},
    [8] = {"EXIT", TC_STREAM_KERNEL, TC_SHORT_NONE, 2, 0, "uu"},
    [9] = {"COMM", TC_STREAM_KERNEL, TC_SHORT_NONE, 2, 1, "uu"},
    [10] = {"EXEC", TC_STREAM_KERNEL, TC_SHORT_NONE, 2, 1, "uu"},
    [11] = {"LOST", TC_STREAM_KERNEL, 6, 2, 0, "uu"},
    [16] = {"STEP", TC_STREAM_AGENT, 0, 1, 0, "t"},
    [17] = {"STEP_END", TC_STREAM_AGENT, 1, 1, 0, "u"},
    [18] = {"STEP_YIELD", TC_STREAM_AGENT, 2, 0, 0, ""},
    [19] = {"STEP_DONE", TC_STREAM_AGENT, 3, 0, 0, ""},
    [20] = {"READY", TC_STREAM_AGENT, 4, 1, 0, "t"},
    [21] = {"TASK_NEW", TC_STREAM_AGENT, 5, 1, 0, "t"},
    [22] = {"TASK_NAME", TC_STREAM_AGENT, 6, 1, 1, "t"},
    [23] = {"HELLO", TC_STREAM_AGENT, TC_SHORT_NONE, 3, 1, "uuu"},
    [24] = {"THREAD", TC_STREAM_AGENT, TC_SHORT_NONE, 1, 1, "u"},
    [25] = {"THREAD_END", TC_STREAM_AGENT, TC_SHORT_NONE, 0, 1, ""},
    [26] = {"PROCESS_NAME", TC_STREAM_AGENT, TC_SHORT_NONE, 0, 1, ""},
    [27] = {"IMPORT", TC_STREAM_AGENT, TC_SHORT_NONE, 0, 1, ""},
    [28] = {"IMPORT_END", TC_STREAM_AGENT, TC_SHORT_NONE, 0, 0, ""},
    [29] = {"LOOP", TC_STREAM_AGENT, TC_SHORT_NONE, 1, 0, "u"},
    [30] = {"LOOP_END", TC_STREAM_AGENT, TC_SHORT_NONE, 0, 0, ""},
    [31] = {"ITEM_NEW", TC_STREAM_AGENT, TC_SHORT_NONE, 2, 1, "uu"},
    [32] = {"ITEM", TC_STREAM_AGENT, TC_SHORT_NONE, 1, 1, "u"},
    [33] = {"ITEM_END", TC_STREAM_AGENT, TC_SHORT_NONE, 1, 0, "u"},
    [34] = {"BLOCK", TC_STREAM_AGENT, TC_SHORT_NONE, 1, 1, "u"},
    [35] = {"BLOCK_END", TC_STREAM_AGENT, TC_SHORT_NONE, 1, 0, "u"},
    [36] = {"AGENT_LOST", TC_STREAM_AGENT, TC_SHORT_NONE, 1, 0, "u"},
    [37] = {"GIL_ON", TC_STREAM_AGENT, TC_SHORT_NONE, 0, 1, ""},
    [38] = {"TASK_LATE", TC_STREAM_AGENT, TC_SHORT_NONE, 1, 0, "t"},
    [39] = {"MAIN_END", TC_STREAM_AGENT, TC_SHORT_NONE, 0, 0, ""},
    [40] = {"NOT_FOLLOWED", TC_STREAM_AGENT, TC_SHORT_NONE, 0, 1, ""},
    [41] = {"INTERPRETER", TC_STREAM_AGENT, TC_SHORT_NONE, 1, 0, "u"},
    [42] = {"DUE", TC_STREAM_AGENT, TC_SHORT_NONE, 1, 0, "u"},
    [43] = {"TIMERS", TC_STREAM_AGENT, TC_SHORT_NONE, 0, 0, ""},
    [48] = {"TEXT", TC_STREAM_LOOK, TC_SHORT_NONE, 1, 1, "u"},
    [49] = {"LOOK", TC_STREAM_LOOK, 0, 7, 0, "uuuuuuu"},
    [50] = {"HOLDER", TC_STREAM_LOOK, 1, 8, 0, "uuuuuuuu"},
    [51] = {"RUN", TC_STREAM_LOOK, 2, 5, 0, "uuuuu"},
    [52] = {"FILE", TC_STREAM_LOOK, 3, 2, 0, "uu"},
    [53] = {"PEER", TC_STREAM_LOOK, 4, 3, 0, "uuu"},
    [54] = {"LINE", TC_STREAM_LOOK, 5, 2, 0, "uu"},
    [64] = {"POLL", TC_STREAM_POLL, 0, 5, 0, "uuuuu"},
    [65] = {"POLL_TICK", TC_STREAM_POLL, 1, 1, 0, "u"},
    [66] = {"POLL_NEW", TC_STREAM_POLL, TC_SHORT_NONE, 3, 1, "uuu"},
    [67] = {"POLL_GONE", TC_STREAM_POLL, TC_SHORT_NONE, 2, 0, "uu"},
    [68] = {"POLL_CPU", TC_STREAM_POLL, TC_SHORT_NONE, 1, 0, "u"},
    [80] = {"METER", TC_STREAM_METER, 0, 4, 0, "uuuu"},
    [81] = {"CPUS", TC_STREAM_METER, TC_SHORT_NONE, 3, 0, "uuu"},
    [82] = {"TASK_CLOCK", TC_STREAM_METER, TC_SHORT_NONE, 1, 0, "u"},
};

/* The event of a short code within a stream kind; -1 = none. */
__attribute__((unused))
static const int16_t tc_short_events[TC_STREAM_LIMIT][7] = {
    {-1, -1, -1, -1, -1, -1, -1},
    {1, 2, 3, 4, 5, 6, 11},
    {16, 17, 18, 19, 20, 21, 22},
    {49, 50, 51, 52, 53, 54, -1},
    {64, 65, -1, -1, -1, -1, -1},
    {80, -1, -1, -1, -1, -1, -1},
};
#endif
