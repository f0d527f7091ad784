"""A program in which everybody's locks are known: who holds which, how, and who waits for it.

Prints one JSON line: the address of _PyRuntime, the version, the tids by name, for each waiter who
holds what it waits for (and whether a `with` or CPython itself tells). Then it waits for its stdin
to end.
"""

import ctypes
import json
import os
import sys
import threading
import time

QUIET, _KEEP = os.pipe()
BODY, CALLED, LEFT, DEEP, LOOP, INSIDE, PASSED, TRIED = (threading.Lock() for _ in range(8))
AGAIN, TAKEN, OWN = (threading.RLock() for _ in range(3))
CONDITION = threading.Condition()
STARTED = {}


def quiet():
    os.read(QUIET, 1)


def in_body():
    with BODY:
        quiet()


def by_call():
    CALLED.acquire()
    quiet()


def has_left():
    with LEFT:
        pass
    try:
        quiet()
    finally:
        pass


def took_what_was_left():
    while "has_left" not in STARTED or not blocked_in(STARTED["has_left"], "0"):
        time.sleep(0.001)
    LEFT.acquire()
    quiet()


def nested(depth):
    if depth:
        return nested(depth - 1)
    with DEEP:
        return nested_on(12)


def nested_on(depth):
    return nested_on(depth - 1) if depth else quiet()


def in_loop():
    for _ in range(3):
        with LOOP:
            try:
                with OWN:
                    [quiet() for _ in range(2)]
            except ValueError:
                pass


def generator():
    with INSIDE:
        yield quiet()


def in_generator():
    return list(generator())


def passes_the_method(_exit=None, _read=None):
    PASSED.acquire()
    return id(quiet())


def only_passes_it():
    try:
        return print(PASSED.__exit__, PASSED, quiet())
    finally:
        pass


def in_try():
    try:
        raise ValueError
    except ValueError:
        with TRIED:
            quiet()


def recursive():
    with AGAIN, AGAIN:
        quiet()


def takes():
    TAKEN.acquire()
    TAKEN.acquire()
    quiet()


def in_condition():
    with CONDITION:
        quiet()


def enter(lock):
    def wait():
        with lock:
            quiet()

    return wait


def acquire(lock):
    return lambda: lock.acquire()


HOLDERS = (in_body, by_call, has_left, took_what_was_left, in_loop, in_generator, in_try, recursive,
           passes_the_method, only_passes_it, takes, in_condition)  # fmt: skip
WAITERS = {
    # waiter: (what it does, who holds it, told by its frames, told by CPython)
    "for_body": (enter(BODY), "in_body", True, False),
    "for_body_too": (acquire(BODY), "in_body", True, False),
    "for_called": (enter(CALLED), "by_call", False, False),
    "for_left": (enter(LEFT), "took_what_was_left", False, False),
    "for_deep": (acquire(DEEP), "nested", True, False),
    "for_loop": (enter(LOOP), "in_loop", True, False),
    "for_own": (enter(OWN), "in_loop", True, True),
    "for_inside": (enter(INSIDE), "in_generator", True, False),
    "for_passed": (enter(PASSED), "passes_the_method", False, False),
    "for_tried": (enter(TRIED), "in_try", True, False),
    "for_again": (enter(AGAIN), "recursive", True, True),
    "for_taken": (acquire(TAKEN), "takes", False, True),
    "for_taken_too": (enter(TAKEN), "takes", False, True),
    "for_condition": (enter(CONDITION), "in_condition", False, True),
}


def run(name, function):
    STARTED[name] = threading.get_native_id()
    function()


def blocked_in(tid, number):
    with open(f"/proc/self/task/{tid}/syscall") as file:
        return file.read().split()[0] == number


def start(names, number):
    """Start threads and wait until all of them are blocked, for 50 looks on end."""
    for name, function in names.items():
        threading.Thread(target=run, args=(name, function), daemon=True).start()
    deadline, steady = time.monotonic() + 60, 0
    while steady < 50:
        right = all(name in STARTED and blocked_in(STARTED[name], number) for name in names)
        steady = steady + 1 if right else 0
        if time.monotonic() > deadline:
            sys.exit("the threads do not block")
        time.sleep(0.001)


def main():
    start({f.__name__: f for f in HOLDERS} | {"nested": lambda: nested(3)}, "0")
    start({name: what[0] for name, what in WAITERS.items()}, "202")
    runtime = ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime")
    said = {
        "pid": os.getpid(),
        "runtime": ctypes.addressof(runtime),
        "hexversion": sys.hexversion,
        "tids": STARTED,
        "waiters": {name: what[1:] for name, what in WAITERS.items()},
    }
    print(json.dumps(said), flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
