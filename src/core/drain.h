/* The recorder's side of the agents' shared memory (arena.h): reads pages in order, turns entries
 * into records of the trace, names asyncio tasks by serial numbers instead of addresses.
 *
 * Everything in the arena was written by the watched program and is not trusted: lengths and kinds
 * are checked before use, and what does not fit is counted as damaged, never followed.
 */
#ifndef TWOCOOKS_DRAIN_H
#define TWOCOOKS_DRAIN_H
#include "arena.h"
#include "encode.h"

struct tc_drain;

/* Called for each HELLO: where that process keeps its Python state. */
typedef void tc_hello_fn(void *context, uint32_t pid, uint64_t runtime, uint32_t hexversion);

/* Lays an empty arena of npages into the memory file and maps it. `ticks`: the agents may write them
 * instead of nanoseconds, if this machine has them. NULL with errno. */
struct tc_drain *tc_drain_new(int fd, uint32_t npages, int ticks, tc_hello_fn *hello, void *context);
void tc_drain_free(struct tc_drain *d);

/* Reads all that the agents have written. Returns the number of entries. */
long tc_drain_read(struct tc_drain *d);

/* Closes the open blocks of all threads and appends them to out; forgets threads that are gone. */
void tc_drain_flush(struct tc_drain *d, struct tc_bytes *out);

/* Gives back the pages of processes that are gone without having closed them (killed, _exit). */
void tc_drain_sweep(struct tc_drain *d);

/* At time_ns the process began another program: pages that the one before left open are closed. */
void tc_drain_exec(struct tc_drain *d, uint32_t pid, uint64_t time_ns);

/* No agent may write any more. */
void tc_drain_close(struct tc_drain *d);

uint64_t tc_drain_lost(const struct tc_drain *d);
uint64_t tc_drain_damaged(const struct tc_drain *d);

/* What it remembers now: threads, and (thread or process, task) pairs. */
void tc_drain_held(const struct tc_drain *d, uint64_t *threads, uint64_t *tasks);
#endif
