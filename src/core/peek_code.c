/* The second half of peek.c: what a frame's code object says (file, function, line). Everything
 * read here may be garbage: see there. */
#include "peek_flow.h"
#include "peek_inside.h"

#include <stdlib.h>

/* ---- texts ---- */

/* Appends one character as UTF-8. A lone surrogate U+DC80..DCFF stands for a raw byte (that is
 * surrogateescape), other lone surrogates and control characters become '?'. */
static size_t put_char(char *to, uint32_t c) {
    if (c >= 0xdc80 && c <= 0xdcff) return to[0] = (char)(c - 0xdc00), 1;
    if (c < 32 || (c >= 127 && c < 160) || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff) c = '?';
    if (c < 0x80) return to[0] = (char)c, 1;
    size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t first[] = {0, 0xc0, 0xe0, 0xf0};
    for (size_t i = more; i > 0; i--, c >>= 6) to[i] = (char)(0x80 | (c & 63));
    to[0] = (char)(first[more] | c);
    return more + 1;
}

/* Reads a str of the process into to[NAME + 1], its last (tail) or first bytes. -1: not a text. */
static int get_text(struct tc_peek *p, uint64_t at, char *to, int tail) {
    uint8_t head[136], raw[NAME * 4];
    if (!get(p, at, head, p->at[TC_TEXT_ASCII])) return -1;
    uint64_t length = u64(head + p->at[TC_TEXT_LENGTH]);
    uint32_t state = (uint32_t)u64(head + p->at[TC_TEXT_STATE]);
    uint32_t kind = state >> p->at[TC_KIND_BIT] & 7, compact = state >> p->at[TC_COMPACT_BIT] & 1;
    if (!compact || (kind != 1 && kind != 2 && kind != 4) || length > MAX_OFFSET) return -1;
    int ascii = state >> p->at[TC_ASCII_BIT] & 1;
    uint64_t data = at + p->at[ascii ? TC_TEXT_ASCII : TC_TEXT_COMPACT];
    size_t count = length < NAME ? length : NAME;
    if (tail) data += (length - count) * kind;
    if (count && !get(p, data, raw, count * kind)) return -1;
    char wide[NAME * 4];
    size_t ends[NAME + 1], size = 0, from = 0, to_char = count;
    for (size_t i = 0; i < count; i++) {
        uint32_t c = 0;
        memcpy(&c, raw + i * kind, kind);
        if (c > (ascii ? 127 : 0x10ffff)) return -1;
        if (!tail && c == ':') c = '?';
        ends[i] = size;
        size += put_char(wide + size, c);
    }
    ends[count] = size;
    if (tail)
        while (size - ends[from] > NAME) from++;
    else
        while (ends[to_char] > NAME) to_char--;
    memcpy(to, wide + ends[from], ends[to_char] - ends[from]);
    to[ends[to_char] - ends[from]] = 0;
    return (int)(ends[to_char] - ends[from]);
}

/* ---- code objects ---- */

static void forget_code(struct code *c) {
    free(c->lines);
    free(c->catches);
    free(c->text);
    tc_flow_free(c->flow);
    memset(c, 0, sizeof *c);
}

void tc_peek_forget_codes(struct tc_peek *p) {
    for (size_t i = 0; i < CODES; i++) forget_code(&p->codes[i]);
}

static int load_code(struct tc_peek *p, struct code *c) {
    char file[NAME + 1], name[NAME + 1];
    int file_size = get_text(p, c->file, file, 1), name_size = get_text(p, c->name, name, 0);
    if (file_size < 0 || name_size < 0) return 0;
    uint64_t size = 0;
    if (!get(p, c->table + p->at[TC_BYTES_SIZE], &size, 8)) return 0;
    c->text = malloc((size_t)file_size + (size_t)name_size + 2);
    if (!c->text) return 0;
    memcpy(c->text, file, (size_t)file_size + 1);
    memcpy(c->text + file_size + 1, name, (size_t)name_size + 1);
    if (size && size <= MAX_TABLE && (c->lines = malloc(size)) != NULL) {
        c->table_size = (uint32_t)size;
        if (!get(p, c->table + p->at[TC_BYTES_DATA], c->lines, size)) return 0;
    }
    c->last_offset = ~0ull;
    return 1;
}

static uint64_t in_head(const struct tc_peek *p, const uint8_t *head, enum tc_field field) {
    return u64(head + (p->at[field] - p->code_from));
}

/* The cached code object at this address, whose head was just read; NULL: not one. */
static struct code *code_at(struct tc_peek *p, uint64_t at, const uint8_t *head) {
    struct code *c = &p->codes[(at >> 4) * 0x9e3779b97f4a7c15ull >> 54];
    uint64_t file = in_head(p, head, TC_CODE_FILE), name = in_head(p, head, TC_CODE_NAME);
    uint64_t table = in_head(p, head, TC_CODE_TABLE);
    int32_t first_line = (int32_t)in_head(p, head, TC_CODE_LINE);
    if (c->at == at && c->file == file && c->name == name && c->table == table &&
        c->first_line == first_line)
        return c;
    forget_code(c);
    *c = (struct code){.at = at, .file = file, .name = name, .table = table,
                       .first_line = first_line,
                       .catch_at = in_head(p, head, TC_CODE_CATCH)};
    if (load_code(p, c)) return c;
    forget_code(c);
    return NULL;
}

struct cursor {
    const uint8_t *at, *end;
};

static uint32_t table_varint(struct cursor *c) { /* 6 bits a byte, 64 = more follow */
    uint32_t value = 0;
    for (int shift = 0; c->at < c->end; shift += 6) {
        uint8_t byte = *c->at++;
        if (shift < 30) value |= (uint32_t)(byte & 63) << shift;
        if (!(byte & 64)) break;
    }
    return value;
}

/* The line of the instruction at this offset (in bytes); 0 where it has none. The format is that
 * of Objects/locations.md in CPython: entries of 1 to 8 code units. */
static int32_t find_line(const struct code *code, uint64_t offset) {
    struct cursor c = {code->lines, code->lines + code->table_size};
    uint32_t line = (uint32_t)code->first_line;
    uint64_t begin = 0;
    while (c.at < c.end) {
        uint8_t head = *c.at++;
        uint32_t kind = head >> 3 & 15, length = ((head & 7u) + 1) * 2;
        if (kind < 10) {
            c.at += 1; /* same line, columns in one byte */
        } else if (kind <= 12) {
            line += kind - 10;
            c.at += 2;
        } else if (kind <= 14) {
            uint32_t step = table_varint(&c);
            line += step & 1 ? 0u - (step >> 1) : step >> 1;
            for (int i = 0; kind == 14 && i < 3; i++) table_varint(&c);
        }
        if (offset < begin + length) return kind == 15 || (int32_t)line < 0 ? 0 : (int32_t)line;
        begin += length;
    }
    return 0;
}

/* Where the byte code begins that the frame runs: in the code object, or (free-threaded 3.14+) in
 * one of its copies {size, addresses...}, of which number 0 is the code object's own. */
static uint64_t code_begin(struct tc_peek *p, const struct frame *f, const uint8_t *head) {
    uint64_t own = f->code + p->at[TC_CODE_BYTES];
    if (f->copy <= 0 || !p->at[TC_CODE_COPIES]) return own;
    uint64_t copies = in_head(p, head, TC_CODE_COPIES);
    if ((uint64_t)f->copy >= get_word(p, copies)) return 0;
    return get_word(p, copies + 8 + 8 * (uint64_t)f->copy);
}

/* ---- the exception table ---- */

static uint32_t catch_varint(struct cursor *c) { /* 6 bits a byte, the highest first; 64 = more */
    uint32_t value = 0;
    for (int i = 0; c->at < c->end && i < 6; i++) {
        uint8_t byte = *c->at++;
        value = value << 6 | (byte & 63u);
        if (!(byte & 64)) break;
    }
    return value;
}

int tc_peek_catches(struct tc_peek *p, struct code *c) {
    uint64_t size = 0;
    if (c->catches || !get(p, c->catch_at + p->at[TC_BYTES_SIZE], &size, 8)) return c->catches != NULL;
    if (!size || size > MAX_TABLE || (c->catches = malloc(size)) == NULL) return 0;
    c->catch_size = (uint32_t)size;
    if (get(p, c->catch_at + p->at[TC_BYTES_DATA], c->catches, size)) return 1;
    free(c->catches);
    c->catches = NULL;
    return 0;
}

int tc_peek_code(struct tc_peek *p, const struct frame *f, struct peek_code *of) {
    uint8_t head[MAX_CODE_SIZE];
    if (!get(p, f->code + p->code_from, head, p->code_size)) return 0;
    struct code *c = code_at(p, f->code, head);
    uint64_t begin = c ? code_begin(p, f, head) : 0, units = in_head(p, head, TC_OBJECT_SIZE);
    if (!begin || units > MAX_OFFSET || f->ip < begin - 2 || f->ip >= begin + 2 * units) return 0;
    if (f->ip < begin) return 2;
    *of = (struct peek_code){c, begin, units, (f->ip - begin) / 2, in_head(p, head, TC_CODE_NAMES),
                             (uint32_t)in_head(p, head, TC_CODE_LOCALS)};
    return 1;
}

/* Format: Objects/exception_handling_notes.txt (later InternalDocs) in CPython. */
uint32_t tc_peek_depth(struct tc_peek *p, const struct peek_code *of) {
    if (!tc_peek_catches(p, of->code)) return 0;
    struct cursor at = {of->code->catches, of->code->catches + of->code->catch_size};
    while (at.at < at.end) {
        uint32_t start = catch_varint(&at), length = catch_varint(&at);
        catch_varint(&at); /* where the handler is */
        uint32_t depth = catch_varint(&at) >> 1;
        if (of->unit >= start && of->unit - start < length) return depth;
    }
    return 0;
}

/* Where the frame is; 0 where its code has no line there, -1: it is not in this code at all. Up to 3.12
 * the instruction is the one before the next: before the first one if the function has not begun. */
static int32_t line_of(struct tc_peek *p, struct code *c, const struct frame *f,
                       const uint8_t *head) {
    uint64_t begin = code_begin(p, f, head), units = in_head(p, head, TC_OBJECT_SIZE);
    if (!begin || f->ip < begin - 2 || units > MAX_OFFSET || f->ip >= begin + 2 * units) return -1;
    if (f->ip < begin) return c->first_line < 0 ? 0 : c->first_line;
    uint64_t offset = f->ip - begin;
    if (offset != c->last_offset) {
        c->last_line = find_line(c, offset);
        c->last_offset = offset;
    }
    return c->last_line;
}

static size_t put_number(char *to, uint32_t value) {
    char digits[12];
    size_t count = 0;
    do digits[count++] = (char)('0' + value % 10);
    while (value /= 10);
    for (size_t i = 0; i < count; i++) to[i] = digits[count - 1 - i];
    return count;
}

int tc_peek_put_frames(struct tc_peek *p, const struct frame *frames, size_t count, char *text,
                       size_t size) {
    uint8_t heads[MAX_FRAMES][MAX_CODE_SIZE];
    struct tc_span spans[MAX_FRAMES] = {{0}};
    for (size_t i = 0; i < count; i++)
        spans[i] = (struct tc_span){frames[i].code + p->code_from, heads[i], p->code_size};
    if (p->read(p->context, spans, count) != count) return tc_peek_drop(p), 0;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        struct code *c = code_at(p, frames[i].code, heads[i]);
        int32_t line = c ? line_of(p, c, &frames[i], heads[i]) : -1;
        if (line < 0) {
            tc_peek_drop(p);
            return text[0] = 0, 0;
        }
        size_t file = strlen(c->text), name = strlen(c->text + file + 1);
        if (used + file + name + 14 > size) break;
        if (used) text[used++] = 0x1f;
        memcpy(text + used, c->text, file);
        used += file;
        text[used++] = ':';
        used += put_number(text + used, (uint32_t)line);
        text[used++] = ':';
        memcpy(text + used, c->text + file + 1, name);
        used += name;
    }
    text[used] = 0;
    return (int)used;
}
