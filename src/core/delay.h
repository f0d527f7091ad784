/* How long a thread has stood in line for a core. No Python in here. */
#ifndef TWOCOOKS_DELAY_H
#define TWOCOOKS_DELAY_H
#include <stdint.h>

#include "encode.h"

/* Puts a LINE record: for how long the thread, which waits, has stood in line for a core in all its life, by the
 * kernel's account. Nothing where the kernel keeps none. Costs about 4 us. */
void tc_delay_put(uint32_t pid, uint32_t tid, uint64_t now_ns, struct tc_stream *look);
#endif
