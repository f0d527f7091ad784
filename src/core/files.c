/* One readlink of /proc/PID/fd/N says which file, pipe or socket it is. Of a socket that is only an
 * inode. Its ends are asked of the socket itself, which pidfd_getfd(2) (Linux 5.6) lends us for the
 * few microseconds; it takes the rights that reading memory takes. Where it is refused, TCP sockets
 * stand in /proc/PID/net/tcp, one long list for all: several milliseconds, so it is read seldom. Who
 * has the other end is found by looking for it in the files of the program's processes (ends.c).
 *
 * What an epoll waits on stands in /proc/PID/fdinfo/EPFD, a line for each file. It is read anew at each
 * look (some 10 us): a list that was true 100 ms ago would name what nobody waits for any more. Only that there
 * were too many to name is kept for a while. The list says the inodes too: so a number that is
 * another file by now is noticed, and while the list stays the same, so does what it means. The arrays of poll and select lie in the process's memory.
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
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "events.h"
#include "os.h"

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
#define LIST_SHARE 100u /* one part in so many of the time may go into reading lists */
#define CROWD_NS 100000000ull /* so long an epoll of many files is not asked again */
#define AGAIN_NS 200000000ull /* after so long a socket without a known peer is asked again */
enum { MAX_LINES = 4000, MOST_FILES = TC_NAMED + 2 /* with what the loop wakes itself by */ };

struct waited { /* one file of several */
    int fd;
    uint64_t inode; /* 0: any */
};

/* The descriptor of a call that waits on one, or -1. */
static int descriptor(uint64_t number, const uint64_t arguments[4]) {
    static const uint8_t by_first[] = {SYS_read, SYS_write, SYS_pread64, SYS_pwrite64, SYS_readv,
        SYS_writev, SYS_connect, SYS_accept, SYS_sendto, SYS_recvfrom, SYS_sendmsg, SYS_recvmsg,
        SYS_flock, SYS_fsync, SYS_fdatasync, SYS_fcntl};
    int direct = number == SYS_accept4 || number == SYS_recvmmsg || number == SYS_sendmmsg;
    for (size_t i = 0; i < sizeof by_first; i++) direct |= number == by_first[i];
    return direct && arguments[0] < 1u << 30 ? (int)arguments[0] : -1;
}

/* ---- several ---- */

/* Adds one; the new count, more than MOST_FILES where there was no room. */
static size_t add_file(struct waited *all, size_t count, int fd, uint64_t inode) {
    for (size_t i = 0; i < count && i < MOST_FILES; i++)
        if (all[i].fd == fd) return count;
    if (count < MOST_FILES) all[count] = (struct waited){fd, inode};
    return count + 1;
}

/* The lines "tfd: 5 events: 19 data: 5 pos:0 ino:6b sdev:8" of an epoll's fdinfo. */
static size_t parse_epoll(const char *text, struct waited *all) {
    size_t count = 0;
    for (const char *line = text; line && count <= MOST_FILES;) {
        const char *end = strchr(line, '\n');
        int fd;
        unsigned events;
        unsigned long long inode = 0;
        /* The four highest bits say how; without any other it is switched off (EPOLLONESHOT). */
        if (sscanf(line, "tfd: %9d events: %8x data: %*x pos:%*d ino:%16llx", &fd, &events, &inode) >= 2 &&
            fd >= 0 && events << 4)
            count = add_file(all, count, fd, inode);
        line = end ? end + 1 : NULL;
    }
    return count;
}

/* *hash: of the list. */
static size_t of_epoll(struct tc_epoll *e, uint32_t pid, int fd, struct waited *all, uint64_t *hash) {
    char path[48], text[1024];
    uint64_t now = tc_now_ns();
    if (e->pid != pid || e->fd != fd) e->pid = pid, e->fd = fd, e->until_ns = e->hash = 0;
    if (now < e->until_ns) return 0;
    snprintf(path, sizeof path, "/proc/%u/fdinfo/%d", pid, fd);
    int list = open(path, O_RDONLY | O_CLOEXEC);
    if (list < 0) return 0;
    ssize_t size = read(list, text, sizeof text - 1);
    close(list);
    if (size <= 0) return 0;
    text[size] = 0;
    *hash = 0xcbf29ce484222325ull;
    for (ssize_t i = 0; i < size; i++) *hash = (*hash ^ (uint8_t)text[i]) * 0x100000001b3ull;
    if (*hash == e->hash) return 1;
    size_t count = parse_epoll(text, all);
    if (count <= MOST_FILES) return count;
    e->until_ns = now + CROWD_NS;
    return 0;
}

static int get(uint32_t pid, uint64_t from, void *to, size_t size) {
    struct iovec local = {to, size}, remote = {(void *)(uintptr_t)from, size};
    return process_vm_readv((pid_t)pid, &local, 1, &remote, 1, 0) == (ssize_t)size;
}

static size_t of_poll(uint32_t pid, const uint64_t arguments[4], struct waited *all) {
    struct pollfd asked[MOST_FILES];
    size_t count = 0;
    if (arguments[1] > MOST_FILES || !get(pid, arguments[0], asked, arguments[1] * sizeof *asked)) return 0;
    for (size_t i = 0; i < arguments[1]; i++)
        if (asked[i].fd >= 0) count = add_file(all, count, asked[i].fd, 0);
    return count;
}

static size_t of_select(uint32_t pid, const uint64_t arguments[4], struct waited *all) {
    unsigned long asked[FD_SETSIZE / (8 * sizeof(long))];
    size_t count = 0, words = (arguments[0] + 63) / 64;
    if (arguments[0] > FD_SETSIZE) return 0;
    for (int set = 1; set < 4; set++) {
        if (!arguments[set]) continue;
        if (!get(pid, arguments[set], asked, words * sizeof *asked)) return 0;
        for (size_t i = 0; i < arguments[0] && count <= MOST_FILES; i++)
            if (asked[i / 64] >> i % 64 & 1) count = add_file(all, count, (int)i, 0);
    }
    return count <= MOST_FILES ? count : 0;
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
    struct tc_socket *s = &f->sockets[inode % TC_SOCKETS];
    int size = put_socket(fd, s->ends, sizeof s->ends);
    if (!size) s->ends[0] = 0;
    s->inode = inode;
    s->peer = tc_peer_of(&f->ends, fd, inode);
    s->asked_ns = tc_now_ns();
    close(fd);
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
    uint64_t begin = tc_now_ns();
    if (begin < f->not_before_ns) return;
    list_sockets(f, pid, "tcp");
    list_sockets(f, pid, "tcp6");
    uint64_t end = tc_now_ns();
    f->not_before_ns = end + (end - begin) * LIST_SHARE;
}

/* "tcp own > other" and the like; NULL = not known. */
static const char *ends_of(struct tc_files *f, uint32_t pid, int fd, uint64_t inode) {
    struct tc_socket *s = &f->sockets[inode % TC_SOCKETS];
    size_t size = strlen(s->ends);
    int known = s->inode == inode;
    if (known && size && s->ends[size - 1] == '-' && !s->peer) known = 0; /* it may be connected by now */
    if (known && !s->peer && tc_now_ns() - s->asked_ns > AGAIN_NS) known = 0; /* or accepted */
    if (!known && !ask_socket(f, pid, fd, inode)) read_lists(f, pid);
    return s->inode == inode && *s->ends ? s->ends : NULL;
}

/* Its other end is another process's, and not its own: no loop wakes itself by such a socket. */
static int leads_out(struct tc_files *f, uint32_t pid, const struct tc_told *t) {
    uint32_t pids[TC_ENDS];
    size_t count = tc_ends_of(&f->ends, &f->tree, pid, t->fd, t->link, t->peer, pids);
    return count && pids[count - 1] != pid;
}

/* What this descriptor is. *quiet: a loop may have it just to be woken. Returns the length; 0 = not
 * known. `whole`: a socket's number follows its ends. */
static size_t put_file(struct tc_files *f, uint32_t pid, const struct waited *file, int whole, char *text,
                       size_t room, struct tc_told *told, int *quiet) {
    char path[48], *link = told->link;
    snprintf(path, sizeof path, "/proc/%u/fd/%d", pid, file->fd);
    ssize_t size = readlink(path, link, sizeof told->link - 1);
    if (size <= 0) return 0;
    link[size] = 0;
    int is_socket = !strncmp(link, "socket:[", 8), is_pipe = !strncmp(link, "pipe:[", 6);
    uint64_t inode = is_socket || is_pipe ? strtoull(strchr(link, '[') + 1, NULL, 10) : 0;
    if (inode && file->inode && inode != file->inode) return 0; /* another file has this number now */
    const char *ends = is_socket ? ends_of(f, pid, file->fd, inode) : NULL;
    const struct tc_socket *s = &f->sockets[inode % TC_SOCKETS];
    int asked = is_socket && s->inode == inode;
    told->fd = file->fd;
    told->peer = asked ? s->peer : 0;
    *quiet = !strncmp(link, "anon_inode:", 11) || (asked && !ends && !leads_out(f, pid, told));
    int all = ends ? snprintf(text, room, whole ? "%s %s" : "%s", ends, link)
                   : snprintf(text, room, "%s", link);
    return all > 0 && (size_t)all < room ? (size_t)all : 0;
}

/* Several, joined by ", ". One of them that cannot be known makes all unknown. Only quiet ones: told
 * where the program itself gave the list (`all_quiet`), for a loop always has one. */
static size_t put_files(struct tc_files *f, uint32_t pid, const struct waited *files, size_t count,
                        int all_quiet, char *text) {
    char parts[MOST_FILES][TC_FILE_TEXT / 2];
    struct tc_told all[MOST_FILES];
    int quiet[MOST_FILES], loud = 0, last = 0;
    size_t at = 0, told = 0;
    for (size_t i = 0; i < count; i++) {
        if (!put_file(f, pid, &files[i], 0, parts[i], sizeof parts[i], &all[i], &quiet[i])) return 0;
        if (!quiet[i]) loud++, last = (int)i;
    }
    if (!loud && !all_quiet) return 0;
    if (loud == 1) {
        f->told_count = 1;
        return put_file(f, pid, &files[last], 1, text, TC_FILE_TEXT, f->told, quiet);
    }
    if ((loud ? (size_t)loud : count) > TC_NAMED) return 0;
    for (size_t i = 0; i < count; i++) {
        if (loud && quiet[i]) continue;
        int more = snprintf(text + at, TC_FILE_TEXT - at, "%s%s", told ? ", " : "", parts[i]);
        if (more <= 0 || at + (size_t)more >= TC_FILE_TEXT) return 0;
        at += (size_t)more;
        f->told[told++] = all[i];
    }
    f->told_count = told;
    return at;
}

/* The files of an epoll. */
static size_t put_epoll(struct tc_files *f, uint32_t pid, int fd, char text[TC_FILE_TEXT]) {
    struct waited files[MOST_FILES];
    struct tc_epoll *e = &f->epolls[(pid * 31u + (uint32_t)fd) % TC_EPOLLS];
    uint64_t hash;
    if (e->ends_ns != f->ends.read_ns) e->hash = 0; /* which sockets lead out may be told by now */
    size_t count = of_epoll(e, pid, fd, files, &hash);
    if (!count) return 0;
    if (hash != e->hash || e->ends_ns != f->ends.read_ns) {
        e->size = put_files(f, pid, files, count, 0, e->text);
        e->hash = hash;
        e->ends_ns = f->ends.read_ns;
        e->told_count = e->size ? f->told_count : 0;
        memcpy(e->told, f->told, sizeof e->told);
    }
    memcpy(text, e->text, e->size);
    memcpy(f->told, e->told, sizeof f->told);
    f->told_count = e->told_count;
    return e->size;
}

size_t tc_file_of(struct tc_files *f, uint32_t pid, uint64_t number, const uint64_t arguments[4],
                  char text[TC_FILE_TEXT]) {
    struct waited files[MOST_FILES] = {{descriptor(number, arguments), 0}};
    int quiet, loop = number == SYS_epoll_wait || number == SYS_epoll_pwait || number == SYS_epoll_pwait2;
    size_t count = files[0].fd >= 0, size = 0;
    f->told_count = 0;
    if (loop && arguments[0] < 1u << 30) size = put_epoll(f, pid, (int)arguments[0], text);
    if (number == SYS_poll || number == SYS_ppoll) count = of_poll(pid, arguments, files);
    if (number == SYS_select || number == SYS_pselect6) count = of_select(pid, arguments, files);
    if (count == 1) size = put_file(f, pid, files, 1, text, TC_FILE_TEXT, f->told, &quiet);
    if (count == 1) f->told_count = size > 0;
    if (count > 1) size = put_files(f, pid, files, count, 1, text);
    for (size_t i = 0; i < size; i++) /* names are the program's word */
        if ((unsigned char)text[i] < 32 || text[i] == 127) text[i] = '?';
    return size;
}

void tc_file_put(struct tc_files *f, struct tc_texts *texts, uint32_t pid, uint32_t tid, uint64_t number,
                 const uint64_t arguments[4], uint64_t now_ns, struct tc_stream *look) {
    char text[TC_FILE_TEXT];
    uint32_t pids[TC_ENDS];
    size_t size = tc_file_of(f, pid, number, arguments, text);
    if (!size) return;
    uint64_t fields[] = {tid, tc_texts_id(texts, look, now_ns, text, size)};
    tc_put(look, now_ns, TC_EV_FILE, fields, NULL, 0);
    for (size_t n = 0; n < f->told_count; n++) {
        const struct tc_told *t = &f->told[n];
        size_t count = tc_ends_of(&f->ends, &f->tree, pid, t->fd, t->link, t->peer, pids);
        for (size_t i = 0; i < count; i++) {
            uint64_t peer[] = {tid, n, pids[i]};
            tc_put(look, now_ns, TC_EV_PEER, peer, NULL, 0);
        }
    }
}

void tc_file_put_object(struct tc_texts *texts, uint32_t tid, const char *type, uint64_t now_ns,
                        struct tc_stream *look) {
    char text[100];
    int size = snprintf(text, sizeof text, "object:%s", type);
    if (size <= 0 || (size_t)size >= sizeof text) return;
    uint64_t fields[] = {tid, tc_texts_id(texts, look, now_ns, text, (size_t)size)};
    tc_put(look, now_ns, TC_EV_FILE, fields, NULL, 0);
}
