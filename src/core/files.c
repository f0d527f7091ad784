/* One readlink of /proc/PID/fd/N says which file, pipe or socket it is. Of a socket that is only an
 * inode. Its ends are asked of the socket itself, which pidfd_getfd(2) (Linux 5.6) lends us for the
 * few microseconds; it takes the rights that reading memory takes. Where it is refused, TCP sockets
 * stand in /proc/PID/net/tcp, one long list for all: several milliseconds, so it is read seldom. Who
 * has the other end of a pipe or of a nameless local socket the kernel does not tell.
 */
#define _GNU_SOURCE
#include "files.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#define LIST_SHARE 100u /* one part in so many of the time may go into reading lists */
enum { MAX_LINES = 4000 };

static uint64_t clock_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* The descriptor, or -1. */
static int descriptor(uint32_t pid, uint64_t number, const uint64_t arguments[2]) {
    static const uint8_t by_first[] = {SYS_read, SYS_write, SYS_pread64, SYS_pwrite64, SYS_readv,
        SYS_writev, SYS_connect, SYS_accept, SYS_sendto, SYS_recvfrom, SYS_sendmsg, SYS_recvmsg,
        SYS_flock, SYS_fsync, SYS_fdatasync, SYS_fcntl};
    int direct = number == SYS_accept4 || number == SYS_recvmmsg || number == SYS_sendmmsg;
    for (size_t i = 0; i < sizeof by_first; i++) direct |= number == by_first[i];
    if (direct) return arguments[0] < 1u << 30 ? (int)arguments[0] : -1;
    if ((number != SYS_poll && number != SYS_ppoll) || arguments[1] != 1) return -1;
    struct pollfd one;
    struct iovec local = {&one, sizeof one}, remote = {(void *)(uintptr_t)arguments[0], sizeof one};
    if (process_vm_readv((pid_t)pid, &local, 1, &remote, 1, 0) != sizeof one) return -1;
    return one.fd;
}

/* "0100007F:1F90" as the kernel prints an address: words in the order of the machine. */
static int put_end(char *to, size_t room, const char *hex) {
    char name[INET6_ADDRSTRLEN];
    uint32_t words[4];
    size_t digits = strcspn(hex, ":");
    if (digits != 8 && digits != 32) return 0;
    for (size_t i = 0; i < digits / 8; i++)
        if (sscanf(hex + 8 * i, "%8x", &words[i]) != 1) return 0;
    if (!inet_ntop(digits == 8 ? AF_INET : AF_INET6, words, name, sizeof name)) return 0;
    unsigned long port = strtoul(hex + digits + 1, NULL, 16);
    int size = snprintf(to, room, digits == 8 ? "%s:%lu" : "[%s]:%lu", name, port);
    return size > 0 && (size_t)size < room ? size : 0;
}

/* ---- asked of the socket itself ---- */

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    struct sockaddr_un local;
};

/* An end in words; 0 = it has no name. */
static int put_address(char *to, size_t room, const union address *a, socklen_t length) {
    char name[INET6_ADDRSTRLEN];
    int size = 0;
    if (a->any.sa_family == AF_INET && inet_ntop(AF_INET, &a->four.sin_addr, name, sizeof name))
        size = snprintf(to, room, "%s:%u", name, ntohs(a->four.sin_port));
    else if (a->any.sa_family == AF_INET6 && inet_ntop(AF_INET6, &a->six.sin6_addr, name, sizeof name))
        size = snprintf(to, room, "[%s]:%u", name, ntohs(a->six.sin6_port));
    else if (a->any.sa_family == AF_UNIX && length > offsetof(struct sockaddr_un, sun_path)) {
        const char *path = a->local.sun_path; /* its first byte is 0 where it lies in no folder */
        size_t most = length - offsetof(struct sockaddr_un, sun_path);
        size = path[0] ? snprintf(to, room, "%.*s", (int)most, path)
                       : snprintf(to, room, "@%.*s", (int)most - 1, path + 1);
    }
    return size > 0 && (size_t)size < room ? size : 0;
}

static int has_name(const union address *a, socklen_t length) {
    return a->any.sa_family != AF_UNIX || length > offsetof(struct sockaddr_un, sun_path);
}

/* "tcp own > other"; 0 = nothing to tell. An end without a name is "-". */
static int put_socket(int fd, char *to, size_t room) {
    union address ends[2];
    socklen_t lengths[2] = {sizeof ends[0], sizeof ends[1]}, size = sizeof(int);
    int kind = 0;
    memset(ends, 0, sizeof ends);
    if (getsockname(fd, &ends[0].any, &lengths[0]) || getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &size))
        return 0;
    if (getpeername(fd, &ends[1].any, &lengths[1])) lengths[1] = 0; /* nobody is connected */
    int family = ends[0].any.sa_family, named = has_name(&ends[0], lengths[0]);
    if (family != AF_UNIX && family != AF_INET && family != AF_INET6) return 0;
    if (family == AF_UNIX && !named && !(lengths[1] && has_name(&ends[1], lengths[1]))) return 0;
    const char *what = family == AF_UNIX ? "unix" : kind == SOCK_STREAM ? "tcp" : "udp";
    int at = snprintf(to, room, "%s ", what);
    for (int i = 0; i < 2; i++) {
        int more = lengths[i] ? put_address(to + at, room - (size_t)at, &ends[i], lengths[i]) : 0;
        at += more ? more : snprintf(to + at, room - (size_t)at, "-");
        if ((size_t)at + 5 > room) return 0;
        if (!i) at += snprintf(to + at, room - (size_t)at, " > ");
    }
    return at;
}

/* 1: the socket answered, or has nothing to tell; 0: it may not be asked. */
static int ask_socket(struct tc_files *f, uint32_t pid, int number, uint64_t inode) {
    int process = (int)syscall(SYS_pidfd_open, pid, 0);
    if (process < 0) return 0;
    int fd = (int)syscall(SYS_pidfd_getfd, process, number, 0);
    close(process);
    if (fd < 0) return 0;
    char ends[sizeof f->sockets[0].ends];
    int size = put_socket(fd, ends, sizeof ends);
    close(fd);
    f->sockets[inode % TC_SOCKETS].inode = inode;
    memcpy(f->sockets[inode % TC_SOCKETS].ends, size ? ends : "", size ? (size_t)size + 1 : 1);
    return 1;
}

/* ---- found in the kernel's list ---- */

static void note_socket(struct tc_files *f, const char *line) {
    char own[64], other[64];
    unsigned long inode = 0;
    if (sscanf(line, " %*d: %63s %63s %*x %*s %*s %*s %*d %*d %lu", own, other, &inode) != 3 || !inode)
        return;
    char *ends = f->sockets[inode % TC_SOCKETS].ends;
    size_t room = sizeof f->sockets[0].ends, at = 4;
    memcpy(ends, "tcp ", at);
    f->sockets[inode % TC_SOCKETS].inode = 0;
    int size = put_end(ends + at, room - at, own);
    at += (size_t)size;
    if (!size || at + 4 > room) return;
    memcpy(ends + at, " > ", 4);
    if (put_end(ends + at + 3, room - at - 3, other)) f->sockets[inode % TC_SOCKETS].inode = inode;
}

static void list_sockets(struct tc_files *f, uint32_t pid, const char *family) {
    char path[48], line[512];
    snprintf(path, sizeof path, "/proc/%u/net/%s", pid, family);
    FILE *list = fopen(path, "re");
    for (int i = 0; list && i < MAX_LINES && fgets(line, sizeof line, list); i++) note_socket(f, line);
    if (list) fclose(list);
}

static void read_lists(struct tc_files *f, uint32_t pid) {
    uint64_t begin = clock_ns();
    if (begin < f->not_before_ns) return;
    list_sockets(f, pid, "tcp");
    list_sockets(f, pid, "tcp6");
    uint64_t end = clock_ns();
    f->not_before_ns = end + (end - begin) * LIST_SHARE;
}

/* "tcp own > other" and the like; NULL = not known. */
static const char *ends_of(struct tc_files *f, uint32_t pid, int fd, uint64_t inode) {
    size_t place = inode % TC_SOCKETS;
    if (f->sockets[place].inode != inode && !ask_socket(f, pid, fd, inode)) read_lists(f, pid);
    return f->sockets[place].inode == inode && *f->sockets[place].ends ? f->sockets[place].ends : NULL;
}

size_t tc_file_of(struct tc_files *f, uint32_t pid, uint64_t number, const uint64_t arguments[2],
                  char text[TC_FILE_TEXT]) {
    char path[48], link[TC_FILE_TEXT - 110];
    int fd = descriptor(pid, number, arguments);
    if (fd < 0) return 0;
    snprintf(path, sizeof path, "/proc/%u/fd/%d", pid, fd);
    ssize_t size = readlink(path, link, sizeof link - 1);
    if (size <= 0) return 0;
    link[size] = 0;
    const char *ends = NULL;
    if (!strncmp(link, "socket:[", 8)) ends = ends_of(f, pid, fd, strtoull(link + 8, NULL, 10));
    int all = ends ? snprintf(text, TC_FILE_TEXT, "%s %s", ends, link)
                   : snprintf(text, TC_FILE_TEXT, "%s", link);
    if (all <= 0 || all >= TC_FILE_TEXT) return 0;
    for (int i = 0; i < all; i++) /* names are the program's word */
        if ((unsigned char)text[i] < 32 || text[i] == 127) text[i] = '?';
    return (size_t)all;
}
