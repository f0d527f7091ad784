/* Looks into a process of one's own from outside, by process_vm_readv: whether a futex is its GIL's
 * and which Python frames a thread is in. A failed or torn read gives "not known", never a crash.
 * No Python headers in here: the layouts of 3.11 and 3.12 are constants, later ones come from the
 * process itself (_Py_DebugOffsets). Linux x86-64.
 */
#ifndef TWOCOOKS_PEEK_H
#define TWOCOOKS_PEEK_H
#include <stddef.h>
#include <stdint.h>

struct tc_peek; /* one per watched process that runs Python */

/* runtime: the address of _PyRuntime in that process; hexversion: its sys.hexversion. NULL where
 * this version's layout is not known or cannot be read. */
struct tc_peek *tc_peek_new(uint32_t pid, uint64_t runtime, uint32_t hexversion);
void tc_peek_free(struct tc_peek *p);

/* Finds what tc_peek_new needs of a process that did not tell. 0: it runs no Python from 3.11 on, or
 * it cannot be read. Costs up to a few 0.1 ms. */
int tc_peek_find(uint32_t pid, uint64_t *runtime, uint32_t *hexversion);

/* The same as tc_peek_new, reading by `read` in place of process_vm_readv: for tests, which feed it garbage. It
 * fills the spans in order and returns how many of them it could fill wholly. */
struct tc_span {
    uint64_t from;
    void *to;
    size_t size;
};
typedef size_t (*tc_read)(void *context, const struct tc_span *spans, size_t count);
struct tc_peek *tc_peek_new_by(tc_read read, void *context, uint64_t runtime, uint32_t hexversion);

/* How many answers (frames, who has the GIL) were dropped so far because what was read does not hold together:
 * a chain of frames that breaks or bites its tail, an instruction outside of its function, a name that is no
 * text, two readings that disagree. What is not readable because the process has gone is not counted. */
uint64_t tc_peek_torn(const struct tc_peek *p);

/* The Python state may move (interpreter started anew after fork, exec): look it up again. */
void tc_peek_refresh(struct tc_peek *p);

enum tc_futex { TC_FUTEX_OTHER = 0, TC_FUTEX_GIL = 1, TC_FUTEX_PARKED = 2, TC_FUTEX_SEMAPHORE = 3,
                TC_STOPPED = 4 /* no futex: what LOOK says of a stopped thread */,
                TC_FUTEX_OBJECT = 5, TC_FUTEX_WORLD = 6 };

/* What the futex at `address`, on which a thread of p waits, belongs to. For TC_FUTEX_PARKED *lock
 * is set to the address of the lock (3.13t, 3.14 and later: the word at address - 8). A semaphore is
 * what threading.Lock is before that, and multiprocessing.Lock always; native code that waits for
 * its own threads mostly uses other things. */
enum tc_futex tc_peek_futex(struct tc_peek *p, uint64_t address, uint64_t *lock);

/* Free-threaded: what kind of lock the thread tid, whose frames were read before, is parked on. TC_FUTEX_OBJECT:
 * the lock that every object has inside, which methods of lists, dicts and others take by themselves; the name
 * of the object's type, at most size - 1 bytes of text, goes to `type`. TC_FUTEX_WORLD: none, the interpreter
 * has stopped all threads but one (a garbage collection, for example). Else TC_FUTEX_PARKED. */
enum tc_futex tc_peek_parked(struct tc_peek *p, uint32_t tid, uint64_t lock, char *type, size_t size);

/* The innermost frames of the blocked thread tid, as "file:line:function" joined by U+001F, innermost
 * first, at most `frames` of them, cut to size - 1 bytes and ended by 0. Returns the text's length;
 * 0 = the thread runs no Python (a native thread) or it cannot be known. `file` is the whole path as
 * in co_filename; names are cut to their first and files to their last 200 bytes, control characters
 * (and a colon in a function's name) become '?', an unknown line is 0. Only meaningful while the thread is
 * known not to run between before and after the call; the caller proves that. */
int tc_peek_frames(struct tc_peek *p, uint32_t tid, int frames, char *text, size_t size);

enum tc_running { TC_RUN_NATIVE = 0, TC_RUN_PYTHON = 1, TC_RUN_UNKNOWN = 2 };

/* What a thread that is on a core does at this moment: it has the GIL of an interpreter (Python code, or
 * native code that keeps the GIL), or it has not (native code). Unknown where there is no GIL, or it
 * cannot be read. The frames as above, into *length bytes; 0 where the thread had left its
 * function meanwhile. They are of about this moment. */
enum tc_running tc_peek_running(struct tc_peek *p, uint32_t tid, int frames, char *text, size_t size,
                                int *length);

/* ---- who holds what another thread waits for: evidence, never a guess ----
 *
 * Each answer is what the memory said at some moment during the call, of a thread that may be
 * running. It is true only if the lock did not change hands meanwhile, which the caller proves: it
 * cannot while the kernel's records show the waiter to wait on and nobody else to be woken. */

/* The thread that has the GIL on whose futex `address` another waits; 0 = nobody, or not known.
 * *turn: how often that GIL has changed hands. */
uint32_t tc_peek_gil_holder(struct tc_peek *p, uint64_t address, uint64_t *turn);

/* The owner that CPython stores in the RLock `lock` for which the blocked thread `waiter` waits; kind
 * and lock as tc_peek_futex told (a semaphore's lock is its futex). 0 = none, no RLock, not known. */
uint32_t tc_peek_owner(struct tc_peek *p, uint32_t waiter, enum tc_futex kind, uint64_t lock);

/* Whether a frame of thread tid stands inside the body of a `with` statement over this lock, or between
 * a call of its acquire() and one of its release() in the same function. */
enum tc_held { TC_HELD_NOT = 0, TC_HELD_BODY = 1, TC_HELD_CALL = 2 };
enum tc_held tc_peek_holds(struct tc_peek *p, uint32_t tid, enum tc_futex kind, uint64_t lock);

/* One after another of the threads that run Python, over and over; fresh: learns of new ones first.
 * Some may have ended. 0 = none is known. */
uint32_t tc_peek_next(struct tc_peek *p, int fresh);
#endif
