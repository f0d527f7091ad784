#define _GNU_SOURCE
#include "ring.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef PERF_FORMAT_LOST
#define PERF_FORMAT_LOST (1u << 4)
#endif
#define PAGE 4096u

/* pid, tid, time, cpu, reserved: what sample_id_all appends to every record. */
#define TRAILER 24u

static int perf_open(struct perf_event_attr *attr, uint32_t pid, int cpu) {
    attr->size = sizeof *attr;
    int fd = (int)syscall(SYS_perf_event_open, attr, (pid_t)pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0 && errno == EINVAL && (attr->read_format & PERF_FORMAT_LOST)) {
        attr->read_format &= ~(uint64_t)PERF_FORMAT_LOST; /* kernels before 6.0 */
        fd = (int)syscall(SYS_perf_event_open, attr, (pid_t)pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    }
    return fd;
}

static void dummy_event(struct perf_event_attr *attr, int pages, int running) {
    memset(attr, 0, sizeof *attr);
    attr->type = PERF_TYPE_SOFTWARE;
    attr->config = PERF_COUNT_SW_DUMMY;
    attr->sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU;
    attr->read_format = PERF_FORMAT_LOST;
    attr->disabled = attr->enable_on_exec = !running;
    attr->inherit = 1;
    attr->exclude_kernel = attr->exclude_hv = 1; /* what an unprivileged user may ask for */
    attr->context_switch = attr->task = attr->comm = attr->comm_exec = attr->sample_id_all = 1;
    attr->use_clockid = 1;
    attr->clockid = CLOCK_MONOTONIC;
    attr->watermark = 1;
    attr->wakeup_watermark = (uint32_t)pages * PAGE / 4;
}

static int open_task_clock(uint32_t pid, int running) {
    struct perf_event_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.type = PERF_TYPE_SOFTWARE;
    attr.config = PERF_COUNT_SW_TASK_CLOCK;
    attr.disabled = attr.enable_on_exec = !running;
    attr.inherit = 1;
    attr.exclude_kernel = attr.exclude_hv = 1; /* the clock runs in the kernel too, all the same */
    return perf_open(&attr, pid, -1);
}

static int open_one(struct tc_cpu_ring *cpu, uint32_t pid, int pages, int running, const char **what) {
    struct perf_event_attr attr;
    dummy_event(&attr, pages, running);
    *what = "perf_event_open";
    cpu->fd = perf_open(&attr, pid, cpu->cpu);
    if (cpu->fd < 0) return -1;
    *what = "mmap";
    void *map = mmap(NULL, ((size_t)pages + 1) * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, cpu->fd, 0);
    if (map == MAP_FAILED) return -1;
    cpu->map = map;
    cpu->data_size = (uint64_t)pages * PAGE;
    return 0;
}

int tc_ring_open(struct tc_ring *ring, uint32_t pid, const int *cpus, int ncpu, int pages, int running,
                 const char **what) {
    memset(ring, 0, sizeof *ring);
    ring->task_clock_fd = -1;
    *what = "memory";
    ring->cpu = calloc((size_t)ncpu, sizeof *ring->cpu);
    if (!ring->cpu) return -1;
    ring->ncpu = ncpu;
    for (;; pages /= 2) {
        int i = 0;
        for (int k = 0; k < ncpu; k++) ring->cpu[k] = (struct tc_cpu_ring){.cpu = cpus[k], .fd = -1};
        while (i < ncpu && open_one(&ring->cpu[i], pid, pages, running, what) == 0) i++;
        if (i == ncpu) break;
        int error = errno;
        int too_large = !strcmp(*what, "mmap") && (error == EPERM || error == ENOMEM) && pages > 1;
        for (int k = 0; k < ncpu; k++) {
            if (ring->cpu[k].map) munmap(ring->cpu[k].map, ring->cpu[k].data_size + PAGE);
            if (ring->cpu[k].fd >= 0) close(ring->cpu[k].fd);
        }
        if (!too_large) {
            free(ring->cpu);
            memset(ring, 0, sizeof *ring);
            ring->task_clock_fd = -1;
            errno = error;
            return -1;
        }
    }
    ring->pages = pages;
    ring->task_clock_fd = open_task_clock(pid, running);
    return 0;
}

int tc_ring_add(struct tc_ring *ring, uint32_t tid) {
    size_t each = (size_t)ring->ncpu + 1;
    struct perf_event_attr attr;
    if ((ring->threads & (ring->threads + 1)) == 0) { /* room for 1, 3, 7... threads is used up */
        int *more = realloc(ring->more, (2 * ring->threads + 1) * each * sizeof *more);
        if (!more) return -1;
        ring->more = more;
    }
    int *fds = ring->more + ring->threads * each;
    for (int k = 0; k < ring->ncpu; k++) {
        dummy_event(&attr, ring->pages, 1);
        fds[k] = perf_open(&attr, tid, ring->cpu[k].cpu);
        if (fds[k] >= 0 && ioctl(fds[k], PERF_EVENT_IOC_SET_OUTPUT, ring->cpu[k].fd) == 0) continue;
        int error = errno;
        for (int i = 0; i <= k; i++)
            if (fds[i] >= 0) close(fds[i]);
        errno = error;
        return -1;
    }
    fds[ring->ncpu] = open_task_clock(tid, 1);
    ring->threads++;
    return 0;
}

void tc_ring_close(struct tc_ring *ring) {
    for (int i = 0; i < ring->ncpu; i++) {
        if (ring->cpu[i].map) munmap(ring->cpu[i].map, ring->cpu[i].data_size + PAGE);
        if (ring->cpu[i].fd >= 0) close(ring->cpu[i].fd);
    }
    free(ring->cpu);
    if (ring->task_clock_fd >= 0) close(ring->task_clock_fd);
    for (size_t i = 0; i < ring->threads * ((size_t)ring->ncpu + 1); i++)
        if (ring->more[i] >= 0) close(ring->more[i]);
    free(ring->more);
    memset(ring, 0, sizeof *ring);
    ring->task_clock_fd = -1;
}

/* The body of one kernel record into ours; 0 where it is of no interest or not whole. */
static int parse(const uint8_t *raw, uint32_t size, struct tc_record *out) {
    struct perf_event_header head;
    memcpy(&head, raw, sizeof head);
    if (size < sizeof head + TRAILER) return 0;
    const uint8_t *body = raw + sizeof head, *trailer = raw + size - TRAILER;
    uint32_t room = size - (uint32_t)sizeof head - TRAILER;
    memset(out, 0, sizeof *out);
    memcpy(&out->pid, trailer, 4);
    memcpy(&out->tid, trailer + 4, 4);
    memcpy(&out->time_ns, trailer + 8, 8);
    switch (head.type) {
    case PERF_RECORD_SWITCH:
        out->type = !(head.misc & PERF_RECORD_MISC_SWITCH_OUT)          ? TC_REC_IN
                    : head.misc & PERF_RECORD_MISC_SWITCH_OUT_PREEMPT ? TC_REC_PREEMPTED
                                                                      : TC_REC_OUT;
        return 1;
    case PERF_RECORD_FORK:
    case PERF_RECORD_EXIT: {
        if (room < 24) return 0;
        uint32_t ids[4];
        memcpy(ids, body, sizeof ids);
        memcpy(&out->time_ns, body + 16, 8);
        out->type = head.type == PERF_RECORD_FORK ? TC_REC_FORK : TC_REC_EXIT;
        out->pid = ids[0], out->ppid = ids[1], out->tid = ids[2], out->ptid = ids[3];
        return 1;
    }
    case PERF_RECORD_COMM:
        if (room < 8) return 0;
        memcpy(&out->pid, body, 4);
        memcpy(&out->tid, body + 4, 4);
        room -= 8;
        memcpy(out->comm, body + 8, room < 16 ? room : 16);
        out->type = head.misc & PERF_RECORD_MISC_COMM_EXEC ? TC_REC_EXEC : TC_REC_COMM;
        return 1;
    case PERF_RECORD_LOST:
        if (room < 16) return 0;
        memcpy(&out->lost, body + 8, 8);
        out->type = TC_REC_LOST;
        return 1;
    default:
        return 0;
    }
}

long tc_ring_drain(struct tc_cpu_ring *cpu, tc_record_fn *take, void *context) {
    struct perf_event_mmap_page *head_page = cpu->map;
    const uint8_t *data = (const uint8_t *)cpu->map + PAGE;
    uint64_t head = __atomic_load_n(&head_page->data_head, __ATOMIC_ACQUIRE);
    uint64_t tail = head_page->data_tail, mask = cpu->data_size - 1;
    long count = 0;
    while (tail < head) {
        struct perf_event_header h;
        uint8_t copy[512];
        uint64_t at = tail & mask;
        memcpy(&h, data + at, sizeof h); /* records are 8-byte aligned: a head never wraps */
        if (h.size < sizeof h || h.size > head - tail) break;
        const uint8_t *raw = data + at;
        if (at + h.size > cpu->data_size && h.size <= sizeof copy) { /* wraps around the end */
            uint64_t first = cpu->data_size - at;
            memcpy(copy, raw, first);
            memcpy(copy + first, data, h.size - first);
            raw = copy;
        }
        struct tc_record record;
        if (h.size <= sizeof copy && parse(raw, h.size, &record)) {
            take(context, cpu, &record);
            if (record.type == TC_REC_LOST) cpu->lost += record.lost;
            if (record.time_ns > cpu->last_ns) cpu->last_ns = record.time_ns;
            count++;
        }
        tail += h.size;
    }
    __atomic_store_n(&head_page->data_tail, tail, __ATOMIC_RELEASE);
    return count;
}

uint64_t tc_ring_lost(const struct tc_cpu_ring *cpu) {
    uint64_t value[2] = {0, 0};
    return read(cpu->fd, value, sizeof value) == sizeof value ? value[1] : 0;
}

static uint64_t read_clock(int fd) {
    uint64_t value = 0;
    return fd >= 0 && read(fd, &value, sizeof value) == sizeof value ? value : 0;
}

uint64_t tc_ring_task_clock(const struct tc_ring *ring) {
    uint64_t sum = read_clock(ring->task_clock_fd);
    size_t each = (size_t)ring->ncpu + 1;
    for (size_t i = 0; i < ring->threads; i++) sum += read_clock(ring->more[i * each + each - 1]);
    return sum;
}
