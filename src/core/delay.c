/* The kernel's records tell when a thread came on a core, not when it was woken. But its account in
 * /proc/PID/task/TID/schedstat counts all that it stood in line, from being woken or pushed off to being on a core.
 * Two readings during two waits bound how late each wake between them came to a core. */
#define _GNU_SOURCE
#include "delay.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "events.h"

void tc_delay_put(uint32_t pid, uint32_t tid, uint64_t now_ns, struct tc_stream *look) {
    char path[64], line[96];
    unsigned long long ran, waited, turns;
    snprintf(path, sizeof path, "/proc/%u/task/%u/schedstat", pid, tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ssize_t size = read(fd, line, sizeof line - 1);
    close(fd);
    if (size <= 0) return;
    line[size] = 0;
    /* "0 0 0": this kernel does not count. */
    if (sscanf(line, "%llu %llu %llu", &ran, &waited, &turns) != 3 || !turns) return;
    uint64_t fields[] = {tid, waited};
    tc_put(look, now_ns, TC_EV_LINE, fields, NULL, 0);
}
