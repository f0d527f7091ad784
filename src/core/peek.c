/* Reading another process's Python state. The contract is peek.h; this is how and why.
 *
 *   _PyRuntime -> PyInterpreterState (list) -> PyThreadState (list) -> frames -> code objects
 *                  '-> GIL                      native tid, chunk        '-> line table, names
 *
 * Problem. A look has to cost a few microseconds, thousands of times a second, and the process may
 * change or vanish under it. One call to process_vm_readv costs 1 to 3 us whatever it reads, up to
 * a few KB: so the number of calls is what counts.
 *
 * Choice.
 * 1. Threads are found by their kernel id in a table tid -> PyThreadState. CPython puts new thread
 *    states at the head of its list: after a miss the list is walked from the head to the first
 *    state that the table knows. States that had no tid yet (their thread had not begun) are kept
 *    aside and asked again. So each state is visited about once, and a native thread, which will
 *    always miss, costs three reads. Each use verifies that the state still carries the tid.
 * 2. Frames lie on a per-thread stack of chunks, callers below callees. One call reads the thread
 *    state together with the 4 KB where the innermost frame was last time; only if it moved, one
 *    more call reads the 4 KB that end with it. Frames outside (generators, the interpreter's
 *    entry frames on the C stack) are read one by one.
 * 3. Code objects are cached by address. An address can be used again, so each use re-reads the
 *    object's pointers (name, file, line table) and first line, all frames in one call, and
 *    compares them.
 * 4. Nothing that was read is trusted: each loop has a bound, each length a limit, addresses are
 *    only ever given to `read`, which can fail but not fault.
 * 5. An answer is whole or none. What was read is dropped and counted (tc_peek_torn) where its parts
 *    deny each other. The strongest of these checks is the instruction: it must lie inside the byte
 *    code of the function that its frame names, which memory that was freed or is being written
 *    hardly ever does.
 *
 * Not tried to do: names of frames that C code runs, native stacks.
 */
#define _GNU_SOURCE
#include "peek_inside.h"

#include <stdlib.h>
#include <sys/uio.h>

static size_t read_process(void *context, const struct tc_span *spans, size_t count) {
    struct iovec local[MAX_SPANS] = {{0}}, remote[MAX_SPANS] = {{0}};
    if (count > MAX_SPANS) count = MAX_SPANS;
    for (size_t i = 0; i < count; i++) {
        local[i] = (struct iovec){spans[i].to, spans[i].size};
        remote[i] = (struct iovec){(void *)(uintptr_t)spans[i].from, spans[i].size};
    }
    pid_t pid = (pid_t)(uintptr_t)context;
    ssize_t got = process_vm_readv(pid, local, count, remote, count, 0);
    size_t whole = 0;
    while (whole < count && got >= (ssize_t)spans[whole].size) got -= (ssize_t)spans[whole++].size;
    return whole;
}

/* ---- layout ---- */

static int is_old(const struct tc_peek *p) { return p->hexversion < 0x030d0000; }
static int is_311(const struct tc_peek *p) { return p->hexversion < 0x030c0000; }

static const struct tc_layout *row_for(uint32_t hexversion, int free_threaded) {
    for (size_t i = 0; i < sizeof tc_layouts / sizeof *tc_layouts; i++)
        if (tc_layouts[i].version == hexversion >> 16 &&
            tc_layouts[i].free_threaded == free_threaded)
            return &tc_layouts[i];
    return NULL;
}

/* 3.13+: takes the places that the process tells, once it is plain that it is what we think. */
static int told_layout(struct tc_peek *p, const struct tc_layout **row) {
    uint8_t told[1024];
    if (!get(p, p->runtime, told, sizeof told) || memcmp(told, "xdebugpy", 8)) return 0;
    if (u64(told + 8) != p->hexversion) return 0;
    *row = row_for(p->hexversion, u64(told + 16) != 0);
    if (!*row) return 0;
    for (int f = 0; f <= TC_LAST_TOLD; f++) {
        uint64_t place = (*row)->at[f] ? u64(told + (*row)->at[f]) : 0;
        if (place >= MAX_OFFSET) return 0;
        p->at[f] = (uint32_t)place;
    }
    return 1;
}

static size_t end_of(const struct tc_peek *p, const int *fields, size_t count) {
    size_t end = 0;
    for (size_t i = 0; i < count; i++)
        if (p->at[fields[i]] + 8 > end) end = p->at[fields[i]] + 8;
    return end;
}
#define END_OF(p, ...) \
    end_of(p, (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

static int load_layout(struct tc_peek *p) {
    const struct tc_layout *row = row_for(p->hexversion, 0);
    if (!row || !p->runtime) return 0;
    if (is_old(p)) {
        for (int f = 0; f <= TC_LAST_TOLD; f++) p->at[f] = row->at[f];
    } else if (!told_layout(p, &row)) {
        return 0;
    }
    for (int f = TC_LAST_TOLD + 1; f < TC_FIELDS; f++) p->at[f] = row->at[f];
    p->thread_size =
        END_OF(p, TC_THREAD_NEXT, TC_THREAD_TID, TC_THREAD_FRAME, TC_THREAD_CHUNK,
               TC_THREAD_IDENT);
    p->frame_size =
        END_OF(p, TC_FRAME_PREVIOUS, TC_FRAME_CODE, TC_FRAME_IP, TC_FRAME_OWNER, TC_FRAME_COPY);
    p->code_from = p->at[TC_CODE_LINE];
    static const int fields[] = {TC_CODE_FILE, TC_CODE_NAME, TC_CODE_TABLE, TC_CODE_CATCH,
                                 TC_CODE_LOCALS, TC_CODE_NAMES, TC_OBJECT_SIZE};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (p->at[fields[i]] < p->code_from) p->code_from = p->at[fields[i]];
    p->code_size = END_OF(p, TC_CODE_FILE, TC_CODE_NAME, TC_CODE_TABLE, TC_CODE_LINE,
                          TC_CODE_COPIES, TC_CODE_CATCH, TC_CODE_LOCALS,
                          TC_CODE_NAMES, TC_OBJECT_SIZE);
    p->code_size -= p->code_from;
    return p->thread_size <= MAX_THREAD_SIZE && p->frame_size <= MAX_FRAME_SIZE &&
           p->code_size <= MAX_CODE_SIZE && p->at[TC_FRAME_SIZE] < WINDOW / 2 &&
           p->at[TC_FRAME_SIZE] >= p->frame_size - 8 && p->at[TC_TEXT_ASCII] <= 128 &&
           p->at[TC_TEXT_LENGTH] + 8 <= p->at[TC_TEXT_ASCII] &&
           p->at[TC_TEXT_STATE] + 4 <= p->at[TC_TEXT_ASCII];
}

struct tc_peek *tc_peek_new_by(tc_read read, void *context, uint64_t runtime,
                               uint32_t hexversion) {
    struct tc_peek *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->read = read;
    p->context = context;
    p->runtime = runtime;
    p->hexversion = hexversion;
    p->usable = load_layout(p);
    if (p->usable) return p;
    tc_peek_free(p);
    return NULL;
}

struct tc_peek *tc_peek_new(uint32_t pid, uint64_t runtime, uint32_t hexversion) {
    return tc_peek_new_by(read_process, (void *)(uintptr_t)pid, runtime, hexversion);
}

void tc_peek_free(struct tc_peek *p) {
    if (!p) return;
    tc_peek_forget_codes(p);
    free(p->threads);
    free(p);
}

uint64_t tc_peek_torn(const struct tc_peek *p) { return p->torn; }

void tc_peek_drop(struct tc_peek *p) {
    uint64_t word;
    p->torn += (uint64_t)get(p, p->runtime, &word, sizeof word);
}

static void forget_threads(struct tc_peek *p) {
    if (p->threads) memset(p->threads, 0, p->thread_places * sizeof *p->threads);
    p->threads_used = 0;
    p->unbound_count = 0;
}

void tc_peek_refresh(struct tc_peek *p) {
    forget_threads(p);
    tc_peek_forget_codes(p);
    p->interpreters = 0;
    p->window_at = 0;
    p->usable = load_layout(p);
}

/* ---- interpreters and the GIL ---- */

/* Newest first, as CPython keeps them. One interpreter that is still the first needs no more. */
static void find_interpreters(struct tc_peek *p) {
    uint64_t at = get_word(p, p->runtime + p->at[TC_INTERP_HEAD]);
    if (p->interpreters == 1 && at == p->interpreter[0] && p->gil[0]) return;
    size_t count = 0;
    while (at && count < MAX_INTERPRETERS) {
        uint64_t next = 0, gil = 0;
        struct tc_span spans[] = {{at + p->at[TC_INTERP_NEXT], &next, 8},
                                  {at + p->at[TC_GIL], &gil, 8}};
        if (p->read(p->context, spans, is_311(p) ? 1 : 2) < 1) break;
        p->interpreter[count] = at;
        p->gil[count++] = is_311(p) ? p->runtime + p->at[TC_GIL] : gil;
        at = next;
    }
    p->interpreters = count;
}

uint64_t tc_peek_gil_of(struct tc_peek *p, uint64_t address) {
    for (size_t i = 0; i < p->interpreters; i++) {
        if (!p->gil[i] || address - p->gil[i] >= p->at[TC_GIL_SIZE]) continue;
        if (p->interpreters == 1 || is_311(p)) return p->gil[i];
        /* One of several interpreters may have ended, and its memory serve something else. */
        if (get_word(p, p->interpreter[i] + p->at[TC_GIL]) == p->gil[i]) return p->gil[i];
    }
    return 0;
}

/* glibc's sem_t: {u32 value, u32 waiters, u32 shared (0 or 128)}. Whoever waits found the value 0
 * and counted itself. In a pthread_cond_t or a mutex the same words mostly read differently. */
static int is_waited_for(const uint32_t *words, uint32_t value) {
    return words[0] == value && words[1] > 0 && words[1] < 1u << 22 &&
           (words[2] == 0 || words[2] == 128);
}

/* A thread parked in CPython's parking lot waits on a semaphore in a structure on its own stack:
 *     void *argument; uintptr_t lock; sem_t semaphore (32 bytes); {next, previous} of its list
 * The list proves that it is one: the next one's `previous` is this one. (A garbage-collected object
 * that lies behind some other futex has such a list, too; so the semaphore must be one.) */
static uint64_t parked_on(struct tc_peek *p, uint64_t address) {
    uint64_t entry[7], back = 0;
    if (!get(p, address - 8, entry, sizeof entry)) return 0;
    uint64_t lock = entry[0], next = entry[5];
    if (!is_waited_for((const uint32_t *)(entry + 1), 0)) return 0;
    if (lock < 4096 || next < 4096 || !get(p, next + 8, &back, 8)) return 0;
    return back == address + 32 ? lock : 0;
}

/* Between being let go and being taken by the woken thread a lock reads 1, and on a crowded machine that
 * lasts while this one stands in line for a core. So 1 is believed where 0 was seen before. */
static int is_semaphore(struct tc_peek *p, uint64_t address) {
    uint32_t words[3];
    uint64_t *known = &p->semaphores[(address >> 4) % SEMAPHORES];
    if (!get(p, address, words, sizeof words)) return 0;
    if (is_waited_for(words, 0)) *known = address;
    return *known == address && (is_waited_for(words, 0) || is_waited_for(words, 1));
}

enum tc_futex tc_peek_futex(struct tc_peek *p, uint64_t address, uint64_t *lock) {
    if (!p->usable || address < 4096) return TC_FUTEX_OTHER;
    if (tc_peek_gil_of(p, address)) return TC_FUTEX_GIL;
    find_interpreters(p);
    if (tc_peek_gil_of(p, address)) return TC_FUTEX_GIL;
    uint64_t found = is_old(p) ? 0 : parked_on(p, address);
    if (found && lock) *lock = found;
    if (found) return TC_FUTEX_PARKED;
    return is_semaphore(p, address) ? TC_FUTEX_SEMAPHORE : TC_FUTEX_OTHER;
}

/* ---- threads ---- */

static struct thread *place_of(struct tc_peek *p, uint32_t tid) {
    uint32_t mask = p->thread_places - 1, i = (tid * 2654435761u) & mask;
    while (p->threads[i].tid && p->threads[i].tid != tid) i = (i + 1) & mask;
    return &p->threads[i];
}

/* Makes room for one more. Places of ended threads are only freed here, by starting anew: then the
 * walk that is under way may have stopped too early, so the next miss walks to the end. */
static int room_for_thread(struct tc_peek *p) {
    if (p->threads && p->threads_used < p->thread_places / 2) return 1;
    uint32_t places = p->threads ? p->thread_places * 2 : 64;
    if (places > MAX_THREADS) {
        forget_threads(p);
        return 1;
    }
    struct thread *old = p->threads, *fresh = calloc(places, sizeof *fresh);
    if (!fresh) return 0;
    uint32_t had = p->thread_places;
    p->threads = fresh;
    p->thread_places = places;
    for (uint32_t i = 0; i < had; i++)
        if (old[i].tid) *place_of(p, old[i].tid) = old[i];
    free(old);
    return 1;
}

/* Notes one thread state. Returns 1 where it was known already. */
static int note_thread(struct tc_peek *p, uint64_t state, uint32_t tid, uint64_t ident) {
    if (!tid) {
        if (p->unbound_count < MAX_UNBOUND) p->unbound[p->unbound_count++] = state;
        return 0;
    }
    if (!room_for_thread(p)) return 0;
    struct thread *t = place_of(p, tid);
    if (t->tid && t->state == state) return 1;
    if (!t->tid) p->threads_used++;
    *t = (struct thread){.tid = tid, .state = state, .ident = ident};
    return 0;
}

static int get_thread(struct tc_peek *p, uint64_t state, uint64_t *next, uint32_t *tid,
                      uint64_t *ident) {
    uint64_t id = 0;
    struct tc_span spans[] = {{state + p->at[TC_THREAD_NEXT], next, 8},
                              {state + p->at[TC_THREAD_TID], &id, 8},
                              {state + p->at[TC_THREAD_IDENT], ident, 8}};
    if (p->read(p->context, spans, 3) != 3) return 0;
    *tid = (uint32_t)id;
    return 1;
}

/* Asks the states again that had no thread yet. A list that was full may have missed some. */
static int ask_unbound(struct tc_peek *p) {
    size_t count = p->unbound_count;
    int full = count == MAX_UNBOUND;
    p->unbound_count = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t next, ident;
        uint32_t tid;
        if (get_thread(p, p->unbound[i], &next, &tid, &ident))
            note_thread(p, p->unbound[i], tid, ident);
    }
    return full;
}

void tc_peek_new_threads(struct tc_peek *p) {
    int all = ask_unbound(p), steps = MAX_WALK;
    size_t unbound = p->unbound_count;
    find_interpreters(p);
    for (size_t i = 0; i < p->interpreters; i++) {
        uint64_t at = get_word(p, p->interpreter[i] + p->at[TC_THREADS_HEAD]), next, ident;
        uint32_t tid;
        while (at && steps-- > 0 && get_thread(p, at, &next, &tid, &ident)) {
            int asked = 0;
            for (size_t u = 0; !tid && u < unbound; u++) asked |= p->unbound[u] == at;
            if (!asked && note_thread(p, at, tid, ident) && !all) break;
            at = next;
        }
    }
}

/* Reads the thread's state, where its innermost frames were last time with it. NULL: it is not (or
 * no longer) the state of that thread. *frame: the innermost frame. */
static struct thread *read_thread(struct tc_peek *p, uint32_t tid, uint64_t *frame) {
    struct thread *t = p->threads ? place_of(p, tid) : NULL;
    if (!t || !t->tid) return NULL;
    struct tc_span spans[3] = {{t->state, p->state, p->thread_size}};
    size_t count = 1;
    if (is_old(p) && t->cframe)
        spans[count++] = (struct tc_span){t->cframe + p->at[TC_CFRAME_FRAME], frame, 8};
    if (t->window) spans[count++] = (struct tc_span){t->window, p->window, WINDOW};
    size_t got = p->read(p->context, spans, count);
    p->window_at = got == count && t->window ? t->window : 0;
    if (got < 1 || (uint32_t)u64(p->state + p->at[TC_THREAD_TID]) != tid) return NULL;
    uint64_t top = u64(p->state + p->at[TC_THREAD_FRAME]);
    if (!is_old(p)) {
        *frame = top;
    } else if (!t->cframe || top != t->cframe || got < 2) {
        t->cframe = top;
        *frame = top ? get_word(p, top + p->at[TC_CFRAME_FRAME]) : 0;
    }
    return t;
}

/* ---- frames ---- */

static int in_window(const struct tc_peek *p, uint64_t frame) {
    return p->window_at && frame >= p->window_at &&
           frame - p->window_at <= WINDOW - p->frame_size;
}

static void move_window(struct tc_peek *p, struct thread *t, uint64_t frame) {
    if (in_window(p, frame)) return;
    uint64_t chunk = u64(p->state + p->at[TC_THREAD_CHUNK]), from = chunk;
    if (frame >= chunk && frame - chunk < MAX_CHUNK &&
        frame - chunk + p->at[TC_FRAME_SIZE] > WINDOW)
        from = frame + p->at[TC_FRAME_SIZE] - WINDOW;
    if (from == p->window_at) return; /* the innermost frame is a generator's */
    p->window_at = t->window = get(p, from, p->window, WINDOW) ? from : 0;
}

static int is_among(const struct frame *frames, size_t count, uint64_t at) {
    for (size_t i = 0; i < count; i++)
        if (frames[i].at == at) return 1;
    return 0;
}

/* Collects the innermost frames that run Python code. 0: it has none, or the chain breaks. */
static size_t walk_frames(struct tc_peek *p, uint64_t at, struct frame *frames, size_t want) {
    uint64_t mask = p->hexversion >= 0x030e0000 ? ~7ull : ~1ull; /* low bits are CPython's tags */
    size_t count = 0;
    for (int step = 0; at && count < want && step < MAX_STEPS; step++) {
        uint8_t single[MAX_FRAME_SIZE];
        const uint8_t *bytes = single;
        if (is_among(frames, count, at)) return tc_peek_drop(p), 0;
        if (in_window(p, at))
            bytes = p->window + (at - p->window_at);
        else if (!get(p, at, single, p->frame_size))
            return tc_peek_drop(p), 0;
        uint64_t code = u64(bytes + p->at[TC_FRAME_CODE]) & mask;
        /* Owners 3 and above are the interpreter's own entry frames, with no code to show. */
        if (bytes[p->at[TC_FRAME_OWNER]] < 3) {
            if (!code) return tc_peek_drop(p), 0;
            struct frame *f = &frames[count++];
            *f = (struct frame){at, code, u64(bytes + p->at[TC_FRAME_IP]), 0};
            if (p->at[TC_FRAME_COPY]) memcpy(&f->copy, bytes + p->at[TC_FRAME_COPY], 4);
        }
        at = u64(bytes + p->at[TC_FRAME_PREVIOUS]);
    }
    return count;
}

size_t tc_peek_walk(struct tc_peek *p, uint32_t tid, struct frame *frames, size_t want) {
    uint64_t frame = 0;
    struct thread *t = read_thread(p, tid, &frame);
    if (!t) {
        tc_peek_new_threads(p);
        t = read_thread(p, tid, &frame);
    }
    if (!t || !frame) return 0;
    move_window(p, t, frame);
    return walk_frames(p, frame, frames, want);
}

int tc_peek_frames(struct tc_peek *p, uint32_t tid, int frames, char *text, size_t size) {
    struct frame found[MAX_FRAMES];
    if (size) text[0] = 0;
    if (!p->usable || !tid || !size || frames <= 0) return 0;
    size_t want = (size_t)(frames < MAX_FRAMES ? frames : MAX_FRAMES);
    size_t count = tc_peek_walk(p, tid, found, want);
    return count ? tc_peek_put_frames(p, found, count, text, size) : 0;
}

/* ---- threads that run ---- */

/* GIL of the layouts: {.., last holder, whether it is held (int), ..}; free-threaded builds begin with
 * whether there is one at all. */
static enum tc_running has_gil(struct tc_peek *p, uint64_t state) {
    uint64_t place = p->at[TC_GIL_HOLDER];
    int known = 0;
    for (size_t i = 0; i < p->interpreters; i++) {
        uint64_t held[2] = {0};
        int32_t enabled = 1;
        if (!p->gil[i] || !get(p, p->gil[i] + place, held, sizeof held)) continue;
        if (place > 8 && !get(p, p->gil[i], &enabled, sizeof enabled)) continue;
        if (!enabled) continue;
        known = 1;
        if (state && held[0] == state && (int32_t)held[1] == 1) return TC_RUN_PYTHON;
    }
    return known ? TC_RUN_NATIVE : TC_RUN_UNKNOWN;
}

enum tc_running tc_peek_running(struct tc_peek *p, uint32_t tid, int frames, char *text, size_t size,
                                int *length) {
    struct frame found[MAX_FRAMES], again;
    size_t want = (size_t)(frames < MAX_FRAMES ? frames : MAX_FRAMES);
    *length = 0;
    if (!p->usable || !tid || !size || frames <= 0) return TC_RUN_UNKNOWN;
    text[0] = 0;
    size_t count = tc_peek_walk(p, tid, found, want);
    struct thread *t = p->threads ? place_of(p, tid) : NULL;
    enum tc_running what = has_gil(p, t ? t->state : 0);
    if (!count || tc_peek_walk(p, tid, &again, 1) != 1) return what;
    if (found[0].code != again.code) return p->torn++, what;
    *length = tc_peek_put_frames(p, found, count, text, size);
    return what;
}
