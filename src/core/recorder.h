/* The recorder's loop: one round drains the kernel's rings and the agents' pages, looks once at each
 * thread that waits, and writes the records out. No Python in here.
 *
 * It comes when the oldest unlabelled wait is due for its look, at least every 3.5 ms while threads
 * block, and down to every 20 ms while nothing happens.
 * Blocks are written at least every 100 ms, so a killed recorder loses no more than that.
 */
#ifndef TWOCOOKS_RECORDER_H
#define TWOCOOKS_RECORDER_H
#include <stdint.h>

#include "drain.h"
#include "encode.h"
#include "ring.h"
#include "waits.h"

enum tc_why { TC_WHY_TIME, TC_WHY_EXIT, TC_WHY_SIGNAL, TC_WHY_SIZE, TC_WHY_ERROR };

struct tc_filed { /* what the file holds of one CPU */
    uint64_t last_ns; /* time of its last record */
    uint64_t lost;    /* counted by its LOST records */
    int flushed;      /* it is part of what is being written */
};

struct tc_on { /* the thread on a CPU */
    uint32_t pid, tid;
    uint64_t left_ns; /* it was pushed off then, maybe by us; 0 = it is on */
};

struct tc_forked { /* a thread that began, with the kernel's events from its maker or without them */
    uint32_t tid, maker;
    uint64_t time_ns;
};

struct tc_recorder {
    int out_fd, error;          /* errno of the write that failed; only the end is tried after it */
    uint64_t max_bytes, written, stopped_ns;
    uint64_t reserved;          /* disk space is promised up to this offset */
    uint64_t drained_ns;        /* when the rings were last read */
    uint64_t flushed_ns;        /* all that happened before is in the file */
    uint64_t settled_ns, clock_ns; /* when the last was read, and the task clock then; 0: not yet */
    int ending;                 /* the last block may use the room kept for it */
    struct tc_filed *filed;     /* by CPU, as the rings */
    struct tc_ring ring;
    int has_ring;
    struct tc_stream *cpu_stream;
    struct tc_drain *drain;
    struct tc_waits *waits;
    struct tc_stream look, poll, meter;
    struct tc_on *on;           /* by CPU, as the rings */
    int next_on;                /* the CPU whose thread is looked at first next time */
    uint64_t last_runs_ns;
    struct tc_bytes out;
    uint64_t last_flush_ns, last_sweep_ns;
    uint64_t idle_rounds;       /* rounds since a thread blocked or waited unlabelled */
    uint32_t in_vain;           /* rounds in a row in which no wait asked for a quick pace */
    int agents_write;           /* agents had written since the last round */
    uint64_t blocked;           /* times that a thread left its core by itself */
    uint64_t switches, kernel_records, agent_records;
    struct tc_forked *forked;   /* while it attaches: what began meanwhile */
    size_t forked_count;
    int attaching;              /* it attaches to a running process: until tc_recorder_attached */
    uint64_t unfollowed;        /* programs with other rights, which the kernel stopped recording */
    struct pid_table *pids;
};

/* 0, or -1 where there is no memory (tc_recorder_free either way). */
int tc_recorder_init(struct tc_recorder *r, int out_fd, uint64_t max_bytes);
void tc_recorder_free(struct tc_recorder *r);

/* Opens the rings (see tc_ring_open) and one stream for each. */
int tc_recorder_open_ring(struct tc_recorder *r, uint32_t pid, const int *cpus, int ncpu, int pages,
                          int running, const char **what);

/* A thread of which nothing was recorded so far, as it was found: `kind` TC_REC_IN (on this CPU),
 * TC_REC_OUT (blocked), TC_REC_PREEMPTED (in line) or TC_REC_FORK (a process, `maker` its parent), and its name. */
void tc_recorder_found(struct tc_recorder *r, uint64_t time_ns, enum tc_record_type kind, int cpu, uint32_t pid,
                       uint32_t tid, uint32_t maker);
void tc_recorder_named(struct tc_recorder *r, uint64_t time_ns, uint32_t pid, uint32_t tid, const char *name,
                       size_t length);

/* Lays the agents' arena of npages into the memory file (`ticks`: see drain.h). 0, or -1 with errno. */
int tc_recorder_open_arena(struct tc_recorder *r, int fd, uint32_t npages, int ticks);

/* Runs until the time is until_ns, pidfd becomes readable (its process has ended), a signal has come,
 * or the file is full. pidfd may be -1. */
enum tc_why tc_recorder_run(struct tc_recorder *r, uint64_t until_ns, int pidfd);

/* One round by hand: drain all, look at waits, write what is old enough (all, if `flush`). */
void tc_recorder_round(struct tc_recorder *r, int flush);

/* The program has ended: reads all that is there and the task clock, near enough to each other that what
 * outlives the program cannot make the two differ. What comes later is not recorded. Returns when. */
uint64_t tc_recorder_settle(struct tc_recorder *r);

/* CPU time of all that is recorded, ns; 0: not counted. */
uint64_t tc_recorder_clock(const struct tc_recorder *r);

/* The last round: what the fds know about losses becomes LOST records; everything is written. Where
 * writing had stopped, each CPU gets a LOST record over all that is missing. */
void tc_recorder_finish(struct tc_recorder *r);

/* Writes all of r->out, or nothing and stops: the size limit is reached, or r->error says why. */
int tc_recorder_write(struct tc_recorder *r);
#endif
