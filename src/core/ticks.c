#define _GNU_SOURCE
#include "ticks.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "os.h"

#define LEAST_NS 1000000ull /* between two readings: their error would be too large a part of it */
#define TRIES 8
#define PROMPT 300 /* ticks; a pair of readings that took no longer was not disturbed */

#if defined(__x86_64__)
#include <cpuid.h>

static int is_constant(void) {
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1u << 8);
}
#else
static int is_constant(void) { return 0; }
#endif

int tc_ticks_usable(void) {
    char name[8] = "";
    int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t size = read(fd, name, sizeof name - 1);
    close(fd);
    return size > 0 && !strcmp(name, "tsc\n") && is_constant();
}

void tc_ticks_take(struct tc_ticks *t, uint64_t ticks, uint64_t ns) {
    uint64_t since = ns - t->ns;
    if (t->ns && (ns <= t->ns || ticks <= t->ticks || (t->rate > 0 && since < LEAST_NS))) return;
    if (t->ns) t->rate = (double)since / (double)(ticks - t->ticks);
    t->ticks = ticks;
    t->ns = ns;
}

void tc_ticks_read(struct tc_ticks *t) {
    uint64_t best = UINT64_MAX, ticks = 0, ns = 0;
    for (int i = 0; i < TRIES && best > PROMPT; i++) { /* the one with the least in between */
        uint64_t before = tc_ticks_now(), now = tc_now_ns(), took = tc_ticks_now() - before;
        if (took >= best) continue;
        best = took;
        ticks = before + took / 2;
        ns = now;
    }
    tc_ticks_take(t, ticks, ns);
}

uint64_t tc_ticks_ns(const struct tc_ticks *t, uint64_t ticks) {
    double ns = (double)(int64_t)(ticks - t->ticks) * t->rate; /* small: exact to a nanosecond */
    if (ns < 0) return ns < -(double)t->ns ? 0 : t->ns - (uint64_t)-ns;
    return ns > 9e18 - (double)t->ns ? t->ns : t->ns + (uint64_t)ns;
}
