/* Large memory in a file: what the kernel can take back when it needs the room. spill.c says how. */
#ifndef TWOCOOKS_SPILL_H
#define TWOCOOKS_SPILL_H
#include <stddef.h>
#include <stdint.h>

struct tc_spill;

struct tc_spill_told {
    int64_t size;   /* bytes of the file */
    int64_t used;   /* of these, bytes that are in use */
    int64_t beside; /* blocks that had no room in the file and lie in plain memory */
    int64_t rests;  /* how often all of it was let go of */
};

/* `file`: a file that nobody else writes to, open to read and write; the spill keeps a copy of the
 * number. `most`: bytes that the file may have; `least`: smaller blocks are plain memory; `stay`: bytes
 * that may be looked at before the kernel is told that none of them are needed at once. NULL = it cannot
 * be (errno). */
struct tc_spill *tc_spill_open(int file, int64_t most, int64_t least, int64_t stay);
/* Only when no block is in use. */
void tc_spill_close(struct tc_spill *s);

void *tc_spill_get(struct tc_spill *s, size_t bytes, int zeroed);
/* The same block with another length, its content as far as it goes; NULL = no memory, and it stays. */
void *tc_spill_again(struct tc_spill *s, void *at, size_t bytes);
void tc_spill_give(struct tc_spill *s, void *at);
/* Whether this address is in the file. */
int tc_spill_has(const struct tc_spill *s, const void *at);
/* Nothing of it is needed at once: the process has none of its pages any more (the file has). */
void tc_spill_rest(struct tc_spill *s);
/* Gives the disk back what is not in use. */
void tc_spill_trim(struct tc_spill *s);
struct tc_spill_told tc_spill_tell(struct tc_spill *s);

/* For the loops of this extension: memory for a moment, from the spill that the calling thread works
 * in, if any. Given back by the same thread in the same call. */
void tc_spill_work_in(struct tc_spill *s);
void *tc_spare(size_t bytes);
void tc_spare_free(void *at);
#endif
