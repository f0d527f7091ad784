/* Who has the other end of a pipe or a socket: processes of the program's tree that have it open. No
 * Python in here. */
#ifndef TWOCOOKS_ENDS_H
#define TWOCOOKS_ENDS_H
#include <stddef.h>
#include <stdint.h>

enum { TC_ENDS = 4, TC_TREE = 64, TC_OPEN = 2048 };

/* The processes that are asked; the writer says when they changed. */
struct tc_tree {
    uint32_t pids[TC_TREE];
    size_t count;
    uint64_t changes;
};

struct tc_ends {
    struct tc_open { uint64_t link; uint32_t pid; int fd; uint32_t mode; } open[TC_OPEN];
    size_t count;
    uint64_t changes;       /* of the tree, when it was read */
    uint64_t read_ns, not_before_ns;
    size_t next;            /* the process that is read first next time */
    int netlink, own;       /* sockets of ours, plus 1: 0 = not open yet, -1 = refused */
};

/* The inode of the socket that this one of ours (borrowed from a process) is connected to; 0 = to none, to
 * one of another machine or network namespace, or it cannot be known. Costs some microseconds. */
uint64_t tc_peer_of(struct tc_ends *e, int fd, uint64_t inode);

/* Processes that have the other end open of what descriptor fd of process pid is; `link` is what its link
 * in /proc says, `peer` the inode of a socket's other end. The process itself, if it is one, comes last.
 * Each one told was seen to have it during this call; there may be more. Returns how many, 0 = not known.
 * Costs a few microseconds, and one part in 200 of the time for reading the lists of open files. */
size_t tc_ends_of(struct tc_ends *e, const struct tc_tree *tree, uint32_t pid, int fd, const char *link,
                  uint64_t peer, uint32_t pids[TC_ENDS]);

void tc_ends_close(struct tc_ends *e);
#endif
