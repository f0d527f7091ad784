/* One readlink of /proc/PID/fd/N says which file, pipe or socket it is. Of a socket that is only an
 * inode; the ends of TCP sockets stand in /proc/PID/net/tcp, one long list for all, so it is read only
 * for a socket that is not known yet, and seldom. Who has the other end of a pipe or of a local
 * socket the kernel does not tell here.
 */
#define _GNU_SOURCE
#include "files.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define LIST_NS 20000000ull
enum { MAX_LINES = 4000 };

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

static void note_socket(struct tc_files *f, const char *line) {
    char own[64], other[64];
    unsigned long inode = 0;
    if (sscanf(line, " %*d: %63s %63s %*x %*s %*s %*s %*d %*d %lu", own, other, &inode) != 3 || !inode)
        return;
    char *ends = f->sockets[inode % TC_SOCKETS].ends;
    size_t room = sizeof f->sockets[0].ends;
    int size = put_end(ends, room, own);
    f->sockets[inode % TC_SOCKETS].inode = 0;
    if (!size || (size_t)size + 4 > room) return;
    memcpy(ends + size, " > ", 4);
    if (put_end(ends + size + 3, room - (size_t)size - 3, other))
        f->sockets[inode % TC_SOCKETS].inode = inode;
}

static void list_sockets(struct tc_files *f, uint32_t pid, const char *family) {
    char path[48], line[512];
    snprintf(path, sizeof path, "/proc/%u/net/%s", pid, family);
    FILE *list = fopen(path, "re");
    for (int i = 0; list && i < MAX_LINES && fgets(line, sizeof line, list); i++) note_socket(f, line);
    if (list) fclose(list);
}

/* The ends of a TCP socket; NULL = it is none, or not known. */
static const char *ends_of(struct tc_files *f, uint32_t pid, uint64_t inode, uint64_t now_ns) {
    size_t place = inode % TC_SOCKETS;
    if (f->sockets[place].inode != inode && now_ns - f->listed_ns >= LIST_NS) {
        f->listed_ns = now_ns;
        list_sockets(f, pid, "tcp");
        list_sockets(f, pid, "tcp6");
    }
    return f->sockets[place].inode == inode ? f->sockets[place].ends : NULL;
}

size_t tc_file_of(struct tc_files *f, uint32_t pid, uint64_t number, const uint64_t arguments[2],
                  uint64_t now_ns, char text[TC_FILE_TEXT]) {
    char path[48], link[TC_FILE_TEXT - 110];
    int fd = descriptor(pid, number, arguments);
    if (fd < 0) return 0;
    snprintf(path, sizeof path, "/proc/%u/fd/%d", pid, fd);
    ssize_t size = readlink(path, link, sizeof link - 1);
    if (size <= 0) return 0;
    link[size] = 0;
    for (ssize_t i = 0; i < size; i++)
        if ((unsigned char)link[i] < 32 || link[i] == 127) link[i] = '?';
    const char *ends = NULL;
    if (!strncmp(link, "socket:[", 8)) ends = ends_of(f, pid, strtoull(link + 8, NULL, 10), now_ns);
    int all = ends ? snprintf(text, TC_FILE_TEXT, "tcp %s %s", ends, link)
                   : snprintf(text, TC_FILE_TEXT, "%s", link);
    return all > 0 && all < TC_FILE_TEXT ? (size_t)all : 0;
}
