/* What a thread waits on when it waits for bytes: the file, pipe or socket behind its system call. No
 * Python in here. */
#ifndef TWOCOOKS_FILES_H
#define TWOCOOKS_FILES_H
#include <stddef.h>
#include <stdint.h>

enum { TC_FILE_TEXT = 300, TC_SOCKETS = 128 };

struct tc_files {
    struct { uint64_t inode; char ends[140]; } sockets[TC_SOCKETS]; /* "tcp own > other"; "" = nothing */
    uint64_t not_before_ns; /* the kernel's list of sockets is not read again */
};

/* The text for the file descriptor on which this system call waits: a path, "pipe:[inode]",
 * "socket:[inode]", or "tcp own > other socket:[inode]" (also udp, unix; "-" for an end without a
 * name). Returns its length; 0 = it waits on none, or it cannot be known. Costs a few microseconds;
 * where sockets may not be asked, reading a list of them now and then, one part in a hundred of the
 * time. */
size_t tc_file_of(struct tc_files *f, uint32_t pid, uint64_t number, const uint64_t arguments[2],
                  char text[TC_FILE_TEXT]);
#endif
