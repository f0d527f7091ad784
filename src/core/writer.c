/* The writer: how an event gets from a thread of the watched program into the shared memory.
 *
 * A thread's first event takes a page; a full page is closed and the next one taken; a thread that
 * ends closes its page through a pthread key. After fork the child forgets the page of the thread
 * that forked (it belongs to the parent), and its next event begins with a HELLO. Where there is no
 * page the event is lost and counted, and the count goes into the thread's next page.
 *
 * A recording that measure() began may end before the program does. Then the range of the shared memory
 * becomes plain empty memory of our own, which gives the arena back: a thread without the GIL's order
 * (free-threaded builds, sub-interpreters, the end of a thread) may be writing an entry just then. The
 * next arena takes the same range. What a thread remembers is of one generation, and each entry asks.
 *
 * Nothing here blocks, allocates or knows Python. */
#define _GNU_SOURCE
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

__thread struct tc_writer tc_me __attribute__((tls_model("initial-exec")));
uint32_t tc_generation = 1, tc_recordings;
int tc_in_ticks;

static struct tc_arena *_Atomic arena;
static void *range; /* of the arena, or of one that was closed */
static size_t range_size;
static int prepared;
static pthread_key_t thread_end;
static uint32_t my_pid;
static atomic_int hello_due;
static void (*say_hello)(int after_fork);

static void close_page(struct tc_writer *me) {
    if (me->page && me->generation == tc_generation)
        atomic_store_explicit(&me->page->state, TC_CLOSED, memory_order_release);
    me->page = NULL;
    me->at = me->end = NULL;
}

static void on_thread_end(void *writer) { close_page(writer); }

static void after_fork_in_child(void) {
    tc_generation++;
    my_pid = (uint32_t)getpid();
    memset(&tc_me, 0, sizeof tc_me);
    atomic_store(&hello_due, 2);
}

int tc_writer_is_open(void) { return arena != NULL; }

struct tc_writer *tc_writer_fresh(void) {
    struct tc_writer *me = &tc_me;
    memset(me, 0, sizeof *me);
    me->generation = tc_generation;
    return me;
}

static void *map_file(int fd, size_t size) {
    if (range && size <= range_size) return mmap(range, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED) range = map, range_size = size; /* a smaller one stays, unused: it is empty */
    return map;
}

static struct tc_arena *map_arena(const char *path) {
    struct tc_arena head;
    struct stat info;
    struct tc_arena *map = NULL;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) return NULL;
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) ||
        pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head || head.magic != TC_ARENA_MAGIC ||
        head.version != 1 || head.page_size != TC_PAGE_SIZE ||
        (uint64_t)info.st_size < tc_arena_size(head.npages))
        goto done;
    map = map_file(fd, tc_arena_size(head.npages));
    if (map == MAP_FAILED) map = NULL;
    else madvise(map, tc_arena_size(head.npages), MADV_DONTDUMP); /* core files stay the program's */
done:
    close(fd);
    return map;
}

int tc_writer_open(const char *path, void (*hello)(int after_fork)) {
    if (!prepared) {
        if (pthread_key_create(&thread_end, on_thread_end)) return -1;
        if (pthread_atfork(NULL, NULL, after_fork_in_child)) return -1;
        prepared = 1;
    }
    struct tc_arena *map = map_arena(path);
    if (!map) return -1;
    my_pid = (uint32_t)getpid();
    say_hello = hello;
    tc_in_ticks = map->in_ticks == 1;
    tc_generation++;
    tc_recordings++;
    arena = map;
    atomic_store(&hello_due, 1);
    return 0;
}

void tc_writer_close(void) {
    if (!arena) return;
    tc_generation++;
    arena = NULL;
    void *map = mmap(range, range_size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    if (map != MAP_FAILED) madvise(map, range_size, MADV_DONTDUMP);
}

/* Nobody has read for long: killed, or stopped. What is written then would only fill the memory. */
static int is_unread(struct tc_arena *arena) {
    uint64_t beat = atomic_load_explicit(&arena->beat_ns, memory_order_relaxed);
    if (!beat || tc_now_ns() < beat + TC_BEAT_NS) return 0;
    int kept = errno; /* the program's */
    if (kill((pid_t)arena->recorder_pid, 0) && errno == ESRCH)
        atomic_store_explicit(&arena->closed, 1, memory_order_release);
    errno = kept;
    return 1;
}

static int take_page(struct tc_arena *arena, struct tc_writer *me) {
    if (is_unread(arena)) return -1;
    uint32_t index = tc_take_page(arena);
    if (index == TC_NO_PAGE) return -1;
    struct tc_page *page = &tc_pages(arena)[index];
    if (!me->tid) {
        me->tid = (uint32_t)syscall(SYS_gettid);
        me->life = tc_now_ns();
        pthread_setspecific(thread_end, me);
    }
    page->pid = my_pid;
    page->tid = me->tid;
    page->life = me->life;
    page->serial = me->serial++;
    page->lost = me->lost;
    page->read = 0;
    me->lost = 0;
    me->page = page;
    me->at = tc_page_data(arena, arena->npages, index);
    me->end = me->at + TC_PAGE_SIZE / sizeof *me->at;
    atomic_store_explicit(&page->used, 0, memory_order_relaxed);
    atomic_store_explicit(&page->state, TC_OPEN, memory_order_release);
    return 0;
}

struct tc_unit *tc_writer_room(uint32_t units) {
    struct tc_writer *me = tc_writer_mine();
    struct tc_arena *in = arena;
    if (!in || atomic_load_explicit(&in->closed, memory_order_relaxed)) return NULL;
    if (TC_RARELY(atomic_load_explicit(&hello_due, memory_order_relaxed))) {
        int due = atomic_exchange(&hello_due, 0); /* first, for the greeting comes through here */
        if (due) say_hello(due == 2);
        if (due && !me->page) atomic_store(&hello_due, due); /* no room for it now */
    }
    if ((size_t)(me->end - me->at) > units) return me->at;
    close_page(me);
    if (take_page(in, me) < 0) {
        me->lost++;
        atomic_fetch_add_explicit(&in->lost, 1, memory_order_relaxed);
        return NULL;
    }
    return me->at;
}

void tc_writer_for(uint32_t tid, void (*speak)(PyObject *), PyObject *what) {
    struct tc_writer kept = *tc_writer_mine();
    if (tid == (uint32_t)syscall(SYS_gettid)) {
        speak(what);
        return;
    }
    tc_writer_fresh();
    tc_me.tid = tid;
    tc_me.life = tc_now_ns();
    speak(what);
    close_page(&tc_me);
    tc_me = kept;
}
