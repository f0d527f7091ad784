"""A program in which locks are taken by calls of acquire(), in ways that prove something and in
others. Each way has a thread, a lock of its own that is taken, and somebody who waits for it.

Prints one JSON line: the address of _PyRuntime, the version, the tids by name, and the ways of
which it can be known that their thread has the lock. Then it waits for its stdin to end.
"""

import ctypes
import json
import os
import sys
import threading
import time

QUIET, _KEEP = os.pipe()
STARTED, HAS, HAS_NOT = {}, {}, {}


def quiet():
    os.read(QUIET, 1)


def has(function):
    """It has the lock, and its code proves it."""
    HAS[function.__name__] = function
    return function


def has_not(function):
    """It has it not, or nothing proves it."""
    HAS_NOT[function.__name__] = function
    return function


class Owner:
    lock = None

    def __init__(self, lock):
        self.first, self.second, self.lock = 1, 2, lock


class Slots:
    __slots__ = ("lock",)


@has
def between(lock):
    lock.acquire()
    quiet()
    lock.release()


@has
def in_try(lock):
    lock.acquire()
    try:
        if lock:
            return quiet()
    except ValueError:
        pass
    finally:
        lock.release()


@has
def left_early(lock):
    lock.acquire()
    for number in range(3):
        if number == 5:
            lock.release()
            return
    quiet()
    lock.release()


@has
def of_a_global(lock):
    global GLOBAL
    GLOBAL = lock
    hold_global()


def hold_global():
    GLOBAL.acquire()
    quiet()
    GLOBAL.release()


@has
def of_an_attribute(lock):
    hold_attribute(Owner(lock))


def hold_attribute(self):
    self.lock.acquire()
    try:
        quiet()
    finally:
        self.lock.release()


@has
def of_an_attribute_in_a_dict(lock):
    owner = Owner(None)
    owner.__dict__.update({"lock": lock, 1: 2})
    hold_attribute(owner)


@has
def of_an_attribute_of_an_attribute(lock):
    owner = Owner(None)
    owner.second = Owner(lock)
    owner.second.lock.acquire()
    quiet()
    owner.second.lock.release()


@has
def of_a_closure(lock):
    def hold():
        lock.acquire()
        quiet()
        lock.release()

    hold()


@has
def tested(lock):
    if not lock.acquire(timeout=60):
        return
    quiet()
    lock.release()


@has
def tested_again_and_again(lock):
    while not lock.acquire(True, 60):
        pass
    try:
        quiet()
    finally:
        lock.release()


@has
def by_turns(lock):
    for number in range(3):
        lock.acquire()
        if number == 2:
            quiet()
        lock.release()


@has
def with_another_inside(lock):
    hold_three(lock, threading.Lock(), Owner(threading.Lock()))


def hold_three(lock, other, more):
    lock.acquire()
    other.acquire()
    more.lock.acquire()
    other.release()
    quiet()
    more.lock.release()
    lock.release()


@has
def around_another(lock):
    lock.acquire()
    other = threading.Lock()
    for _ in range(2):
        between_others(other, Owner(threading.Lock()))
    around_quiet(threading.Lock())
    lock.release()


def between_others(lock, owner):
    lock.acquire()
    owner.lock.acquire()
    owner.lock.release()
    lock.release()


def around_quiet(lock):
    lock.acquire()
    lock.release()
    lock.acquire()
    quiet()
    lock.release()


@has
def in_a_generator(lock):
    def work():
        lock.acquire()
        yield_nothing = [quiet() for _ in range(1)]
        lock.release()
        yield yield_nothing

    list(work())


@has
def far_inside(lock):
    lock.acquire()
    deeper(20)
    lock.release()


def deeper(depth):
    deeper(depth - 1) if depth else quiet()


@has
def in_long_code(lock):
    exec(LONG, {"lock": lock, "quiet": quiet})


LONG = "def f(lock):\n lock.acquire()\n" + " x = 1 if lock else 2\n" * 200
LONG = f"{LONG} quiet()\n lock.release()\nf(lock)"


@has
def in_a_module(lock):
    exec("lock.acquire()\nquiet()\nlock.release()", {"lock": lock, "quiet": quiet})


@has_not
def let_go(lock):
    lock.acquire()
    lock.release()
    quiet()
    lock.acquire()
    lock.release()


@has_not
def let_go_before_a_loop_ends(lock):
    for number in range(3):
        if number:
            quiet()
        lock.acquire()
        lock.release()


@has_not
def rebound(lock):
    mine = threading.Lock()
    mine.acquire()
    mine = lock
    quiet()
    mine.release()


@has_not
def rebound_attribute(lock):
    owner = Owner(threading.Lock())
    owner.lock.acquire()
    owner.lock = lock
    quiet()
    owner.lock.release()


@has_not
def rebound_global(lock):
    global OTHER
    OTHER = threading.Lock()
    OTHER.acquire()
    OTHER = lock
    quiet()
    OTHER.release()


@has_not
def rebound_closure(lock):
    mine = threading.Lock()

    def work():
        nonlocal mine
        mine.acquire()
        mine = lock
        quiet()
        mine.release()

    work()


@has_not
def failed(lock):
    take(lock)
    lock.acquire(blocking=False)
    quiet()
    lock.release()


@has_not
def failed_by_time(lock):
    take(lock)
    got = lock.acquire(timeout=0.001)
    quiet()
    lock.release() if got else None


@has_not
def failed_and_tested(lock):
    take(lock)
    if lock.acquire(timeout=0.001):
        pass
    else:
        quiet()
    lock.release()


@has_not
def another_is_tested(lock):
    take(lock)
    wait = quiet
    lock.acquire(1 if wait() else 0)
    lock.release()


@has_not
def another_call_is_tested(lock):
    take(lock)
    try:
        lock.acquire((truth() and quiet()) or number())
    finally:
        lock.release()


def truth():
    return True


def number():
    return 0


@has_not
def perhaps(lock):
    take(lock)
    if not lock:
        lock.acquire()
    quiet()
    lock.release()


@has_not
def passes_the_method(lock):
    take(lock)
    id(lock.acquire)
    quiet()
    lock.release()


@has_not
def choice(lock):
    mine = threading.Lock()
    (mine if lock else lock).acquire()
    quiet()
    lock.release()


@has_not
def never_lets_go(lock):
    lock.acquire()
    quiet()


@has_not
def lets_go_elsewhere(lock):
    lock.acquire()
    if not lock:
        lock.release()
        return
    give(lock)
    quiet()


@has_not
def takes_it_again(lock):
    lock.acquire()
    give(lock)
    quiet()
    lock.acquire()
    lock.release()


@has_not
def while_a_function_let_go(lock):
    lock.acquire()
    pauses(lock)
    lock.release()


def pauses(lock):
    lock.release()
    try:
        quiet()
    finally:
        lock.acquire()


@has_not
def while_it_let_go_itself(lock, depth=1):
    if not depth:
        lock.release()
        quiet()
        lock.acquire()
        return
    lock.acquire()
    while_it_let_go_itself(lock, depth - 1)
    lock.release()


class Wrapped:
    def __init__(self, lock):
        self.lock = lock

    def release(self):
        self.lock.release()


@has_not
def while_a_wrapper_let_go(lock):
    lock.acquire()
    lets_the_wrapper_go(Wrapped(lock))
    lock.release()


def lets_the_wrapper_go(wrapped):
    wrapped.release()
    quiet()


@has_not
def let_go_inside_of_with(lock):
    with lock:
        lock.release()
        quiet()
        lock.acquire()


@has_not
def let_go_by_another_name(lock):
    same = lock
    lock.acquire()
    same.release()
    quiet()
    lock.release()


@has_not
def after_a_yield(lock):
    def work():
        lock.acquire()
        yield
        quiet()
        lock.release()

    steps = work()
    thread = threading.Thread(target=next, args=(steps,))
    thread.start()
    thread.join()
    list(steps)


@has_not
def after_an_exception(lock):
    try:
        lock.acquire()
        lock.release()
        raise ValueError
    except ValueError:
        quiet()
        lock.release()


@has_not
def of_an_element(lock):
    locks = [lock]
    locks[0].acquire()
    quiet()
    locks[0].release()


@has_not
def of_a_slot(lock):
    owner = Slots()
    owner.lock = lock
    hold_attribute(owner)


class Odd:
    def __init__(self, lock):
        self.lock = lock

    def acquire(self):
        pass

    def release(self):
        pass


@has_not
def of_something_else(lock):
    odd = Odd(lock)
    odd.acquire()
    quiet()
    odd.release()


def take(lock):
    lock.acquire()


def give(lock):
    lock.release()


def waits_for_a_condition(lock):
    """With the lock of the condition: has it not. With another one: has it."""
    condition = threading.Condition(lock)
    with lock:
        condition.wait()


def waits_for_another_condition(lock):
    condition = threading.Condition(threading.Lock())
    lock.acquire()
    with condition:
        condition.wait()
    lock.release()


def waits_for_an_event(lock):
    with lock:
        threading.Event().wait()


WAITS = {f.__name__: f for f in (waits_for_a_condition, waits_for_another_condition,
                                 waits_for_an_event)}  # fmt: skip


def run(name, function, lock):
    STARTED[name] = threading.get_native_id()
    function(lock)


def blocked_in(tid, number):
    with open(f"/proc/self/task/{tid}/syscall") as file:
        return file.read().split()[0] == number


def start(threads, number):
    """Start threads and wait until all of them are blocked, for 50 looks on end."""
    for name, (function, lock) in threads.items():
        threading.Thread(target=run, args=(name, function, lock), daemon=True).start()
    deadline, steady = time.monotonic() + 60, 0
    while steady < 50:
        right = all(name in STARTED and blocked_in(STARTED[name], number) for name in threads)
        steady = steady + 1 if right else 0
        if time.monotonic() > deadline:
            sys.exit("the threads do not block")
        time.sleep(0.001)


def main():
    locks = {name: threading.Lock() for name in (*HAS, *HAS_NOT, *WAITS)}
    start({name: (f, locks[name]) for name, f in {**HAS, **HAS_NOT}.items()}, "0")
    start({name: (f, locks[name]) for name, f in WAITS.items()}, "202")
    for lock in locks.values():
        lock.acquire(blocking=False)
    start({f"for {name}": (take, lock) for name, lock in locks.items()}, "202")
    runtime = ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime")
    said = {
        "pid": os.getpid(),
        "runtime": ctypes.addressof(runtime),
        "hexversion": sys.hexversion,
        "tids": STARTED,
        "has": [*HAS, "waits_for_another_condition", "waits_for_an_event"],
    }
    print(json.dumps(said), flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
