/* What a thread waits on when it waits for bytes: the file, pipe or socket behind its system call. No
 * Python in here. */
#ifndef TWOCOOKS_FILES_H
#define TWOCOOKS_FILES_H
#include <stddef.h>
#include <stdint.h>

#include "encode.h"
#include "ends.h"
#include "texts.h"

enum { TC_FILE_TEXT = 600, TC_SOCKETS = 128, TC_EPOLLS = 16, TC_NAMED = 4,
       TC_FILE_LINK = 200 };

struct tc_told { /* one file that was named */
    int fd;
    uint64_t peer; /* of a socket: the inode of its other end; 0 = not known */
    char link[TC_FILE_LINK];
};

struct tc_files {
    struct tc_socket {
        uint64_t inode, peer, asked_ns;
        char ends[140]; /* "tcp own > other"; "" = nothing */
    } sockets[TC_SOCKETS];
    struct tc_tree tree;    /* whoever uses this says which processes there are */
    struct tc_ends ends;
    struct tc_told told[TC_NAMED]; /* what the latest text names */
    size_t told_count;
    uint64_t not_before_ns; /* the kernel's list of sockets is not read again */
    struct tc_epoll {
        uint32_t pid;
        int fd;
        uint64_t until_ns;       /* it has too many files, and is not asked again before */
        uint64_t hash;           /* of its list when the text was made; 0 = no text */
        size_t size;
        char text[TC_FILE_TEXT];
        struct tc_told told[TC_NAMED];
        size_t told_count;
        uint64_t ends_ns;        /* when the processes' files were last read */
    } epolls[TC_EPOLLS];
};

/* The text for what this system call (its number and first four arguments) waits on: a path,
 * "pipe:[inode]", "socket:[inode]", or "tcp own > other socket:[inode]" (also udp, unix; "-" for an end
 * without a name). A wait on several (epoll, poll, select) names up to TC_NAMED, joined by ", ",
 * sockets then without their number where they have ends. What an event loop only wakes itself by
 * (a nameless local socket, an eventfd) is left out beside others. Returns the text's length; 0 = it waits on none, on more, or it
 * cannot be known. Costs a few microseconds, for several ten; where sockets may not be asked, reading a
 * list of them now and then, one part in a hundred of the time. */
size_t tc_file_of(struct tc_files *f, uint32_t pid, uint64_t number, const uint64_t arguments[4],
                  char text[TC_FILE_TEXT]);

/* Puts what the system call waits on, and who has the other ends: a FILE record and its PEERs, or nothing. */
void tc_file_put(struct tc_files *f, struct tc_texts *texts, uint32_t pid, uint32_t tid, uint64_t number,
                 const uint64_t arguments[4], uint64_t now_ns, struct tc_stream *look);
/* The same for a wait on the lock inside an object of this type. */
void tc_file_put_object(struct tc_texts *texts, uint32_t tid, const char *type, uint64_t now_ns,
                        struct tc_stream *look);
#endif
