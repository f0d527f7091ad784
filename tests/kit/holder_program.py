"""Programs that say who waited for which lock when, and who had it: for ``tests.kit.holders``.

    holder_program.py STYLE SHAPE HOW

STYLE: how the locks are taken: by ``with``; by bare calls, in ``try``/``finally`` or not, of a lock
that is a local variable, a global, an attribute or a variable of the function around; with a time
limit; by functions of their own. SHAPE: one lock, two by turns, two nested in one order, or one
beside a thread that computes all along. HOW: what the holder does, ``compute`` or ``sleep``.

Prints as JSON: waits and holds, each (lock's address, thread, begin, end) in CLOCK_MONOTONIC ns.
"""

import ctypes
import hashlib
import json
import sys
import threading
import time

BLOCK = bytes(1 << 20)
HOLD_S, ROUNDS, THREADS = 0.025, 6, 4
now = time.monotonic_ns
waits, holds, done = [], [], threading.Event()
FIRST, SECOND = threading.Lock(), threading.Lock()


def address(lock):
    """What a waiter's look names: the semaphore, or (free-threaded, and 3.14+) the mutex inside."""
    inside = id(lock) + object.__basicsize__
    mutex = sys.version_info >= (3, 14) or "t" in sys.abiflags
    return inside if mutex else ctypes.c_uint64.from_address(inside).value


def hold(how):
    if how == "sleep":
        return time.sleep(HOLD_S)
    end = time.thread_time() + HOLD_S
    while time.thread_time() < end:
        hashlib.sha256(BLOCK)


class Watch:
    """One wait and the hold after it."""

    def __init__(self, lock):
        self.lock, self.asked = address(lock), now()

    def got(self):
        self.since = now()
        waits.append((self.lock, threading.get_native_id(), self.asked, self.since))

    def had(self):
        holds.append((self.lock, threading.get_native_id(), self.since, now()))


def by_with(lock, work):
    watch = Watch(lock)
    with lock:
        watch.got()
        work()
        watch.had()


def by_bare(lock, work):
    watch = Watch(lock)
    lock.acquire()
    watch.got()
    work()
    watch.had()
    lock.release()


def by_try(lock, work):
    watch = Watch(lock)
    lock.acquire()
    try:
        watch.got()
        for part in (work, watch.had):
            if part:
                part()
    finally:
        lock.release()


def by_global(lock, work):
    return first(work) if lock is FIRST else second(work)


def first(work):
    watch = Watch(FIRST)
    FIRST.acquire()
    watch.got()
    work()
    watch.had()
    FIRST.release()


def second(work):
    watch = Watch(SECOND)
    SECOND.acquire()
    watch.got()
    work()
    watch.had()
    SECOND.release()


class Owner:
    def __init__(self, lock):
        self.lock = lock

    def do(self, work):
        watch = Watch(self.lock)
        self.lock.acquire()
        try:
            watch.got()
            work()
            watch.had()
        finally:
            self.lock.release()


OWNERS = {id(lock): Owner(lock) for lock in (FIRST, SECOND)}


def by_attribute(lock, work):
    OWNERS[id(lock)].do(work)


def by_closure(lock, work):
    def do():
        watch = Watch(lock)
        lock.acquire()
        watch.got()
        work()
        watch.had()
        lock.release()

    do()


def by_limit(lock, work):
    watch = Watch(lock)
    if not lock.acquire(timeout=60):
        raise TimeoutError
    watch.got()
    work()
    watch.had()
    lock.release()


def by_functions(lock, work):
    watch = Watch(lock)
    take(lock)
    watch.got()
    work()
    watch.had()
    leave(lock)


def take(lock):
    lock.acquire()


def leave(lock):
    lock.release()


STYLES = {name[3:]: function for name, function in globals().items() if name.startswith("by_")}


def one(take_it, how, number):
    for _ in range(ROUNDS):
        take_it(FIRST, lambda: hold(how))


def two(take_it, how, number):
    for turn in range(ROUNDS):
        take_it(SECOND if (number + turn) % 2 else FIRST, lambda: hold(how))


def nested(take_it, how, number):
    def inner():
        hold(how)
        take_it(SECOND, lambda: hold(how))

    for turn in range(ROUNDS):
        take_it(SECOND, lambda: hold(how)) if (number + turn) % 3 == 0 else take_it(FIRST, inner)


def beside(take_it, how, number):
    one(take_it, how, number)


def computes():
    while not done.is_set():
        hashlib.sha256(BLOCK)


def main(style, shape, how):
    other = threading.Thread(target=computes)
    if shape == "beside":
        other.start()
    work = (STYLES[style], how)
    threads = [threading.Thread(target=globals()[shape], args=(*work, i)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    print(json.dumps({"waits": waits, "holds": holds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
