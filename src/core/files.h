/* What a thread waits on when it waits for bytes: the file, pipe or socket behind its system call. No
 * Python in here. */
#ifndef TWOCOOKS_FILES_H
#define TWOCOOKS_FILES_H
#include <stddef.h>
#include <stdint.h>

enum { TC_FILE_TEXT = 300, TC_SOCKETS = 128 };

struct tc_files {
    struct { uint64_t inode; char ends[100]; } sockets[TC_SOCKETS]; /* both ends of TCP sockets seen */
    uint64_t listed_ns; /* when the kernel's list of sockets was last read */
};

/* The text for the file descriptor on which this system call waits: a path, "pipe:[inode]", or
 * "tcp own:port > other:port socket:[inode]". Returns its length; 0 = it waits on none, or it
 * cannot be known. Costs a few microseconds, and now and then (not more often than every 20 ms) the
 * reading of a list of sockets. */
size_t tc_file_of(struct tc_files *f, uint32_t pid, uint64_t number, const uint64_t arguments[2],
                  uint64_t now_ns, char text[TC_FILE_TEXT]);
#endif
