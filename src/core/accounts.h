#ifndef TC_ACCOUNTS_H
#define TC_ACCOUNTS_H

#include <stdint.h>

/* A thread's account as the kernel's schedstat file tells it. */
struct tc_account {
    int64_t run, line, turns; /* ns on a core, ns in line for one, times on a core */
};

enum tc_account_read { TC_ACCOUNT_GONE, TC_ACCOUNT_SAME, TC_ACCOUNT_GREW };

/* Reads the account behind an open schedstat file into *told; *growth is what was added since *told
 * (never negative). GONE: the thread has ended, nothing was changed. */
enum tc_account_read tc_account_read(int fd, struct tc_account *told, struct tc_account *growth);

#endif
