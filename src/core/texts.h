/* Texts of a stream that come again and again (places, files): written once, then known by number. */
#ifndef TWOCOOKS_TEXTS_H
#define TWOCOOKS_TEXTS_H
#include <stddef.h>
#include <stdint.h>

#include "encode.h"

struct tc_text_entry {
    uint64_t hash;
    uint32_t id, size; /* id 0: a free place */
    char *bytes;
};

struct tc_texts {
    struct tc_text_entry *entries;
    uint32_t count, next;
    size_t bytes;
};

int tc_texts_open(struct tc_texts *texts); /* 0 = no memory */
void tc_texts_close(struct tc_texts *texts);

/* The number of this text, named in the stream where it is new. */
uint64_t tc_texts_id(struct tc_texts *texts, struct tc_stream *stream, uint64_t now_ns, const char *bytes,
                     size_t size);
#endif
