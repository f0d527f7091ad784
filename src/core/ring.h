/* The kernel's own record of a process tree: every switch, fork, exec and exit, without root.
 *
 * One software dummy event per CPU is opened on the child before it execs and inherited by all that
 * it makes (perf_event_open(2): context_switch, task, comm, inherit, enable_on_exec). The event counts
 * nothing; the kernel writes its side records into the CPU's ring, 32 bytes a switch. A task clock
 * counter, inherited as well, is the kernel's total to check the slices against. No Python in here.
 *
 * A process that runs already is attached to thread by thread: the first one's events have the rings,
 * those of the others write into them (tc_ring_add).
 */
#ifndef TWOCOOKS_RING_H
#define TWOCOOKS_RING_H
#include <stddef.h>
#include <stdint.h>

enum tc_record_type { TC_REC_IN, TC_REC_OUT, TC_REC_PREEMPTED, TC_REC_FORK, TC_REC_EXIT, TC_REC_COMM,
                      TC_REC_EXEC, TC_REC_LOST };

struct tc_record {
    uint64_t time_ns;
    enum tc_record_type type;
    uint32_t pid, tid, ppid, ptid;
    uint64_t lost;
    char comm[20];
};

struct tc_cpu_ring {
    int cpu, fd;
    void *map;
    uint64_t data_size;
    uint64_t last_ns;  /* of the last record read, for the window of a loss */
    uint64_t lost;     /* reported by LOST records so far */
    struct tc_record before; /* the latest record, where threads were added */
    uint32_t executed; /* the process whose EXEC is the latest record of the thread on this core, or 0 */
};

struct tc_ring {
    struct tc_cpu_ring *cpu;
    int ncpu, pages, task_clock_fd;
    int *more; /* of each thread added: its events' files by CPU, then its task clock's or -1 */
    size_t threads;
};

/* Opens the events of `pid` on the CPUs given, `pages` (a power of two) data pages each, halved until
 * the kernel takes them. They begin when it runs another program, or at once (`running`). 0, or -1
 * with errno; *what says which call failed. */
int tc_ring_open(struct tc_ring *ring, uint32_t pid, const int *cpus, int ncpu, int pages, int running,
                 const char **what);

/* One more running thread, with all that it makes from now on. 0, or -1 with errno: then it has none
 * of the events. */
int tc_ring_add(struct tc_ring *ring, uint32_t tid);
void tc_ring_close(struct tc_ring *ring);

/* Reads all that lies in one CPU's ring now, in its order. Returns the number of records. */
typedef void tc_record_fn(void *context, struct tc_cpu_ring *cpu, const struct tc_record *record);
long tc_ring_drain(struct tc_cpu_ring *cpu, tc_record_fn *take, void *context);

/* Records that the kernel says it dropped on this CPU in all, or 0 where it cannot say (before 6.0).
 * Losses at the very end have no LOST record: only this number knows them. */
uint64_t tc_ring_lost(const struct tc_cpu_ring *cpu);

/* The task clock of the whole tree so far in ns, 0 where it could not be opened. */
uint64_t tc_ring_task_clock(const struct tc_ring *ring);
#endif
