/* What several parts ask the kernel. */
#ifndef TWOCOOKS_OS_H
#define TWOCOOKS_OS_H
#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* CLOCK_MONOTONIC, the clock of all that is recorded. */
static inline uint64_t tc_now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* There is no such thread any more. */
static inline int tc_thread_ended(uint32_t pid, uint32_t tid) {
    return syscall(SYS_tgkill, pid, tid, 0) < 0 && errno == ESRCH;
}
#endif
