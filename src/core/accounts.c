/* Accounts of threads, for polling: one system call and a few numbers each, a thousand a round. */
#define _GNU_SOURCE
#include "accounts.h"

#include <unistd.h>

/* The number at *at, which moves behind it; -1: there is none. */
static int64_t number(const char **at) {
    const char *c = *at;
    uint64_t value = 0;
    while (*c == ' ') c++;
    if (*c < '0' || *c > '9') return -1;
    while (*c >= '0' && *c <= '9') value = value * 10 + (uint64_t)(*c++ - '0');
    *at = c;
    return (int64_t)(value & INT64_MAX);
}

static int64_t grown(int64_t now, int64_t before) { return now > before ? now - before : 0; }

enum tc_account_read tc_account_read(int fd, struct tc_account *told, struct tc_account *growth) {
    char text[96];
    ssize_t size = pread(fd, text, sizeof text - 1, 0);
    if (size <= 0) return TC_ACCOUNT_GONE;
    text[size] = 0;
    const char *at = text;
    struct tc_account now = {.run = number(&at)};
    now.line = number(&at);
    now.turns = number(&at);
    if (now.run < 0 || now.line < 0 || now.turns < 0) return TC_ACCOUNT_GONE;
    *growth = (struct tc_account){grown(now.run, told->run), grown(now.line, told->line),
                                  grown(now.turns, told->turns)};
    *told = now;
    return growth->run || growth->line || growth->turns ? TC_ACCOUNT_GREW : TC_ACCOUNT_SAME;
}
