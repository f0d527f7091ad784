/* A pipe has two ends and one inode; who has it open for the other direction has the other end. (What a
 * link in /proc/PID/fd may do, read or write, stands in the link's own mode.) A socket has another inode
 * at its other end, which the kernel tells by NETLINK_SOCK_DIAG: of local sockets by their number, of TCP
 * connections within one network namespace by their addresses.
 *
 * Which processes have an inode open stands in their /proc/PID/fd, a link for each file: 2 us each, so
 * these lists are read when the tree of processes has changed, or what is asked for is not in them; never
 * for more than one part in SHARE of the time, and never more than MOST_LINKS of them at once. What the
 * lists said is only where to look: before a process is named, its link is read again. So whoever is named
 * has that end now; who got it since the lists were read is missing.
 *
 * A local socket without a name is found by its number; the other one may long be another's, if numbers
 * came round (2^32 files later).
 */
#define _GNU_SOURCE
#include "ends.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#define SHARE 200u
#define SOON_NS 100000000ull  /* after this the lists are read again for what is not in them */
#define LATER_NS 1000000000ull /* and after this in any case */
#define READS (uint32_t)S_IRUSR
#define WRITES (uint32_t)S_IWUSR
enum { MOST_LINKS = 1500, LINK_SIZE = 200 };

static uint64_t hash_of(const char *text) {
    uint64_t hash = 0xcbf29ce484222325ull;
    for (; *text; text++) hash = (hash ^ (uint8_t)*text) * 0x100000001b3ull;
    return hash;
}

/* ---- the other end of a socket ---- */

static int open_once(int *kept, int family, int type, int protocol) {
    if (!*kept) {
        int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
        *kept = fd < 0 ? -1 : fd + 1;
    }
    return *kept - 1;
}

/* Asks the kernel one thing; the length of the answer's body, copied to `answer`; 0 = none. The answer is
 * there when the question has been sent. */
static size_t ask(struct tc_ends *e, const void *question, size_t size, void *answer, size_t room) {
    struct { struct nlmsghdr head; char body[sizeof(struct inet_diag_req_v2)]; } sent;
    char got[1024] __attribute__((aligned(8)));
    int fd = open_once(&e->netlink, AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
    if (fd < 0 || size > sizeof sent.body) return 0;
    while (recv(fd, got, sizeof got, 0) > 0) {} /* nothing is left of an earlier question */
    memset(&sent, 0, sizeof sent);
    sent.head.nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
    sent.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    sent.head.nlmsg_flags = NLM_F_REQUEST;
    memcpy(sent.body, question, size);
    if (send(fd, &sent, sent.head.nlmsg_len, 0) < 0) return 0;
    ssize_t length = recv(fd, got, sizeof got, 0);
    const struct nlmsghdr *head = (const struct nlmsghdr *)got;
    if (length < (ssize_t)sizeof *head || head->nlmsg_len > (size_t)length ||
        head->nlmsg_len < NLMSG_HDRLEN || head->nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return 0;
    size_t body = head->nlmsg_len - NLMSG_HDRLEN;
    if (body > room) return 0;
    memcpy(answer, got + NLMSG_HDRLEN, body);
    return body;
}

static uint64_t local_peer(struct tc_ends *e, uint64_t inode) {
    struct unix_diag_req question = {.sdiag_family = AF_UNIX, .udiag_states = ~0u,
        .udiag_ino = (uint32_t)inode, .udiag_show = UDIAG_SHOW_PEER, .udiag_cookie = {~0u, ~0u}};
    char answer[512] __attribute__((aligned(8)));
    if (inode > UINT32_MAX) return 0;
    size_t size = ask(e, &question, sizeof question, answer, sizeof answer);
    const struct unix_diag_msg *told = (const struct unix_diag_msg *)answer;
    if (size < sizeof *told || told->udiag_ino != inode) return 0;
    for (size_t at = NLMSG_ALIGN(sizeof *told); at + sizeof(struct rtattr) <= size;) {
        struct rtattr part;
        memcpy(&part, answer + at, sizeof part);
        if (part.rta_len < sizeof part || at + part.rta_len > size) break;
        uint32_t peer;
        if (part.rta_type == UNIX_DIAG_PEER && part.rta_len >= RTA_LENGTH(sizeof peer)) {
            memcpy(&peer, answer + at + RTA_LENGTH(0), sizeof peer);
            return peer;
        }
        at += RTA_ALIGN(part.rta_len);
    }
    return 0;
}

/* Both sockets lie in one network namespace: elsewhere the same addresses are other connections. */
static int same_network(struct tc_ends *e, int fd) {
    uint64_t theirs = 0, ours = 0;
    socklen_t size = sizeof theirs, own_size = sizeof ours;
    int own = open_once(&e->own, AF_INET, SOCK_DGRAM, 0);
    return own >= 0 && !getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &theirs, &size) &&
           !getsockopt(own, SOL_SOCKET, SO_NETNS_COOKIE, &ours, &own_size) && theirs == ours;
}

union end {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

static void put_end(const union end *end, __be16 *port, __be32 address[4]) {
    if (end->any.sa_family == AF_INET) {
        *port = end->four.sin_port;
        memcpy(address, &end->four.sin_addr, sizeof end->four.sin_addr);
    } else {
        *port = end->six.sin6_port;
        memcpy(address, &end->six.sin6_addr, sizeof end->six.sin6_addr);
    }
}

static uint64_t tcp_peer(struct tc_ends *e, int fd) {
    union end own = {0}, other = {0};
    socklen_t own_size = sizeof own, other_size = sizeof other;
    if (getsockname(fd, &own.any, &own_size) || getpeername(fd, &other.any, &other_size)) return 0;
    if (own.any.sa_family != other.any.sa_family || !same_network(e, fd)) return 0;
    struct inet_diag_req_v2 question = {.sdiag_family = (uint8_t)own.any.sa_family,
        .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u};
    put_end(&other, &question.id.idiag_sport, question.id.idiag_src); /* what is our end there */
    put_end(&own, &question.id.idiag_dport, question.id.idiag_dst);
    question.id.idiag_cookie[0] = question.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    char answer[512] __attribute__((aligned(8)));
    size_t size = ask(e, &question, sizeof question, answer, sizeof answer);
    const struct inet_diag_msg *told = (const struct inet_diag_msg *)answer;
    if (size < sizeof *told) return 0;
    /* Where there is no such connection, the kernel offers whoever listens at that port. */
    int same = told->id.idiag_sport == question.id.idiag_sport && told->id.idiag_dport == question.id.idiag_dport;
    return same ? told->idiag_inode : 0;
}

uint64_t tc_peer_of(struct tc_ends *e, int fd, uint64_t inode) {
    int family = 0, kind = 0;
    socklen_t size = sizeof family;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size)) return 0;
    size = sizeof kind;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &size)) return 0;
    if (family == AF_UNIX) return local_peer(e, inode);
    return (family == AF_INET || family == AF_INET6) && kind == SOCK_STREAM ? tcp_peer(e, fd) : 0;
}

/* ---- who has a file open ---- */

/* Pipes, sockets, and what has a path, for it may be a FIFO. */
static int may_have_ends(const char *link) {
    return !strncmp(link, "pipe:[", 6) || !strncmp(link, "socket:[", 8) ||
           (link[0] == '/' && strncmp(link, "/dev/", 5) != 0);
}

/* The link's text; 0 = it is not there, or longer than any that matters. */
static int read_link(int folder, const char *name, char link[LINK_SIZE]) {
    ssize_t size = readlinkat(folder, name, link, LINK_SIZE - 1);
    if (size <= 0 || size >= LINK_SIZE - 1) return 0;
    link[size] = 0;
    return 1;
}

static uint32_t mode_of(int folder, const char *name) {
    struct stat about;
    return fstatat(folder, name, &about, AT_SYMLINK_NOFOLLOW) ? 0 : about.st_mode & (READS | WRITES);
}

static int read_process(struct tc_ends *e, uint32_t pid, int left) {
    char path[32], link[LINK_SIZE];
    snprintf(path, sizeof path, "/proc/%u/fd", pid);
    DIR *list = opendir(path);
    if (!list) return left;
    const struct dirent *entry;
    while (left > 0 && e->count < TC_OPEN && (entry = readdir(list)) != NULL) {
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
        left--;
        if (!read_link(dirfd(list), entry->d_name, link) || !may_have_ends(link)) continue;
        uint32_t mode = mode_of(dirfd(list), entry->d_name);
        e->open[e->count++] = (struct tc_open){hash_of(link), pid, atoi(entry->d_name), mode};
    }
    closedir(list);
    return left;
}

/* All of them, from another one on each time: so where there are too many, each has its turn. */
static void read_lists(struct tc_ends *e, const struct tc_tree *tree, uint64_t now) {
    int left = MOST_LINKS;
    e->count = 0;
    for (size_t i = 0; i < tree->count && left > 0; i++)
        left = read_process(e, tree->pids[(e->next + i) % tree->count], left);
    e->next++;
    e->changes = tree->changes;
    e->read_ns = tc_now_ns();
    e->not_before_ns = e->read_ns + (e->read_ns - now) * SHARE;
}

static void path_of(char path[48], uint32_t pid, int fd) {
    snprintf(path, 48, "/proc/%u/fd/%d", pid, fd);
}

/* What a file is, of what is known already: a file of the network may never answer. */
static int about_file(uint32_t pid, int fd, struct statx *about) {
    char path[48];
    path_of(path, pid, fd);
    return !statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, about);
}

/* One path may be two files, where processes see different file systems. */
static int same_file(uint32_t pid, int fd, const struct tc_open *o) {
    struct statx one, other;
    return about_file(pid, fd, &one) && about_file(o->pid, o->fd, &other) && one.stx_ino == other.stx_ino &&
           one.stx_dev_major == other.stx_dev_major && one.stx_dev_minor == other.stx_dev_minor;
}

static int has_it_still(const struct tc_open *o) {
    char path[48], link[LINK_SIZE];
    path_of(path, o->pid, o->fd);
    return read_link(AT_FDCWD, path, link) && hash_of(link) == o->link;
}

/* Those that have it open in this mode, the asking process last. fifo: its descriptor, where the link is a
 * path; else -1. */
static size_t find(const struct tc_ends *e, uint32_t pid, uint64_t link, uint32_t mode, int fifo,
                   uint32_t pids[TC_ENDS]) {
    size_t count = 0;
    int itself = 0;
    for (size_t i = 0; i < e->count; i++) {
        const struct tc_open *o = &e->open[i];
        if (o->link != link || !(o->mode & mode)) continue;
        int known = o->pid == pid ? itself : count == TC_ENDS;
        for (size_t k = 0; k < count; k++) known |= pids[k] == o->pid;
        if (known || !has_it_still(o) || (fifo >= 0 && !same_file(pid, fifo, o))) continue;
        if (o->pid == pid) itself = 1;
        else pids[count++] = o->pid;
    }
    if (itself) pids[count < TC_ENDS ? count++ : TC_ENDS - 1] = pid;
    return count;
}

/* The other direction of this descriptor's; 0 = it has none, or both. */
static uint32_t other_mode(uint32_t pid, int fd, int fifo) {
    char path[48];
    struct statx about;
    if (fifo && (!about_file(pid, fd, &about) || !S_ISFIFO(about.stx_mode))) return 0;
    path_of(path, pid, fd);
    uint32_t mode = mode_of(AT_FDCWD, path);
    return mode == READS ? WRITES : mode == WRITES ? READS : 0;
}

size_t tc_ends_of(struct tc_ends *e, const struct tc_tree *tree, uint32_t pid, int fd, const char *link,
                  uint64_t peer, uint32_t pids[TC_ENDS]) {
    char other[40];
    uint32_t mode = READS | WRITES;
    int fifo = link[0] == '/' ? fd : -1;
    if (!may_have_ends(link) || (link[0] == 's' && !peer)) return 0;
    if (link[0] == 's') {
        snprintf(other, sizeof other, "socket:[%llu]", (unsigned long long)peer);
        link = other;
    } else if (!(mode = other_mode(pid, fd, fifo >= 0))) {
        return 0;
    }
    uint64_t now = tc_now_ns(), hash = hash_of(link);
    size_t count = find(e, pid, hash, mode, fifo, pids);
    uint64_t rest = now - e->read_ns;
    int stale = e->changes != tree->changes || rest > LATER_NS || (!count && rest > SOON_NS);
    if (!stale || now < e->not_before_ns) return count;
    read_lists(e, tree, now);
    return find(e, pid, hash, mode, fifo, pids);
}

void tc_ends_close(struct tc_ends *e) {
    if (e->netlink > 0) close(e->netlink - 1);
    if (e->own > 0) close(e->own - 1);
    e->netlink = e->own = 0;
}
