/* Starts a program that is no child of ours. No Python in here. */
#ifndef TWOCOOKS_SPAWN_H
#define TWOCOOKS_SPAWN_H
#include <sys/types.h>

/* Starts argv with the environment envp, in a session of its own; its files 3, 4... are fds[0..count-1],
 * 0 to 2 are /dev/null, all others are closed. 0, or -1 with errno (of the exec, too). The program is
 * not a child of this process: no SIGCHLD, nothing for wait(), and *pid is only its number. */
int tc_spawn(char *const argv[], char *const envp[], const int *fds, int count, pid_t *pid);
#endif
