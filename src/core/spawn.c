/* The recorder's process must not disturb the program that it is started from: a child would send
 * SIGCHLD and be found by the program's own wait(). So it is made by a child that ends at once:
 *
 *   this thread -> helper's parent (clone, exit signal 0) -> the helper (exec)
 *
 * A child whose exit signal is 0 raises no signal, and wait() without __WCLONE does not see it; here it is
 * waited for by its number. (With exec the exit signal becomes SIGCHLD; so it is not this one that
 * execs.) The helper itself is an orphan from the start. Both share our memory until they exec or end
 * (CLONE_VM), as posix_spawn does it: no page is copied, no handler of pthread_atfork runs. All
 * signals are blocked meanwhile, so no handler of the program runs in them. */
#define _GNU_SOURCE
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK 65536u

struct order {
    char *const *argv, *const *envp;
    const int *fds;
    int count;
    sigset_t mask;
    char *stack; /* of the second one */
    volatile pid_t pid;
    volatile int error;
};

/* fds -> 3, 4...; first out of the way, since some may lie there. */
static int place_files(const struct order *o) {
    int away[16], null = open("/dev/null", O_RDWR);
    if (o->count > 16 || null < 0) return -1;
    for (int i = 0; i < o->count; i++)
        if ((away[i] = fcntl(o->fds[i], F_DUPFD, 32)) < 0) return -1;
    for (int i = 0; i < 3; i++)
        if (null != i && dup2(null, i) < 0) return -1;
    for (int i = 0; i < o->count; i++)
        if (dup2(away[i], 3 + i) < 0) return -1;
    unsigned first = 3u + (unsigned)o->count;
    if (syscall(SYS_close_range, first, ~0u, 0) == 0) return 0;
    long most = sysconf(_SC_OPEN_MAX); /* before Linux 5.9 */
    for (long fd = first; fd < (most > 0 && most < 65536 ? most : 65536); fd++) close((int)fd);
    return 0;
}

static int become(void *order) {
    struct order *o = order;
    struct sigaction usual = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) sigaction(number, &usual, NULL);
    setsid();
    if (place_files(o) == 0) {
        sigprocmask(SIG_SETMASK, &o->mask, NULL); /* an empty one */
        execve(o->argv[0], o->argv, o->envp);
    }
    o->error = errno ? errno : EIO;
    _exit(127);
}

static int start(void *order) {
    struct order *o = order;
    pid_t pid = clone(become, o->stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, o);
    if (pid < 0) o->error = errno;
    o->pid = pid;
    _exit(0);
}

int tc_spawn(char *const argv[], char *const envp[], const int *fds, int count, pid_t *pid) {
    struct order o = {.argv = argv, .envp = envp, .fds = fds, .count = count};
    char *stacks = mmap(NULL, 2 * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    sigset_t all, before;
    if (stacks == MAP_FAILED) return -1;
    o.stack = stacks;
    sigemptyset(&o.mask);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t first = clone(start, stacks + 2 * STACK, CLONE_VM | CLONE_VFORK, &o);
    if (first < 0) o.error = errno;
    else
        while (waitpid(first, NULL, __WCLONE) < 0 && errno == EINTR) {}
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    munmap(stacks, 2 * STACK);
    if (o.error) {
        errno = o.error;
        return -1;
    }
    *pid = o.pid;
    return 0;
}
