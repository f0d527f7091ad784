/* See texts.h. Open addressing; the table starts anew, with new numbers, when it is full. */
#include "texts.h"

#include <stdlib.h>
#include <string.h>

#include "events.h"

#define MOST (1u << 15) /* texts known by number at once */
#define PLACES (2 * MOST)
#define MOST_BYTES (16u << 20)

int tc_texts_open(struct tc_texts *texts) {
    *texts = (struct tc_texts){.entries = calloc(PLACES, sizeof *texts->entries)};
    return texts->entries != NULL;
}

static void forget(struct tc_texts *texts) {
    for (size_t i = 0; i < PLACES; i++) free(texts->entries[i].bytes);
    memset(texts->entries, 0, PLACES * sizeof *texts->entries);
    texts->count = 0;
    texts->bytes = 0;
}

void tc_texts_close(struct tc_texts *texts) {
    if (!texts->entries) return;
    forget(texts);
    free(texts->entries);
    texts->entries = NULL;
}

uint64_t tc_texts_id(struct tc_texts *texts, struct tc_stream *stream, uint64_t now_ns, const char *bytes,
                     size_t size) {
    uint64_t hash = 0xcbf29ce484222325ull;
    for (size_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)bytes[i]) * 0x100000001b3ull;
    size_t i = hash & (PLACES - 1);
    for (const struct tc_text_entry *e; (e = &texts->entries[i])->id; i = (i + 1) & (PLACES - 1))
        if (e->hash == hash && e->size == size && !memcmp(e->bytes, bytes, size)) return e->id;
    uint64_t id = ++texts->next;
    tc_put(stream, now_ns, TC_EV_TEXT, &id, bytes, size);
    if (texts->count >= MOST || texts->bytes + size > MOST_BYTES) {
        forget(texts);
        i = hash & (PLACES - 1);
    }
    char *copy = malloc(size);
    if (!copy) return id;
    memcpy(copy, bytes, size);
    texts->entries[i] = (struct tc_text_entry){hash, (uint32_t)id, (uint32_t)size, copy};
    texts->count++;
    texts->bytes += size;
    return id;
}
