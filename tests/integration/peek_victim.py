"""A program full of blocked threads that says itself where each of them is.

Prints one JSON line: the address of _PyRuntime, the version, and for each thread its tid, the
system call that it blocks in (a word) and its frames as Python sees them, innermost first. Then it
waits for its stdin to end.
"""

import asyncio
import ctypes
import functools
import json
import os
import sys
import threading
import time

QUIET, _KEEP = os.pipe()
LOCK = threading.Lock()
LOCK.acquire()
EVENT = threading.Event()
LIBC = ctypes.CDLL(None)
STARTED = {}


def held_lock():
    LOCK.acquire()


def nested(depth, last):
    if depth:
        return nested(depth - 1, last)
    return last()


def read_quiet():
    return os.read(
        QUIET,
        1,
    )


def generator():
    yield 1
    yield os.read(QUIET, 1)


def in_generator():
    return sum(1 for _ in generator())


async def inner():
    os.read(QUIET, 1)


async def outer():
    await inner()


def in_c_calls():
    return functools.reduce(lambda a, b: read_quiet(), [1, 2])


def sort_key():
    return sorted([1], key=lambda value: os.read(QUIET, 1))


def in_class():
    class Body:
        before = 1

        held = os.read(QUIET, 1)


class Callable:
    def __call__(self):
        with open(os.devnull):
            try:
                raise ValueError
            except ValueError:
                os.read(QUIET, 1)


def hostile(name, code_name):
    source = "\n" * 300 + "def function(read):\n    return read()\n"
    space = {}
    exec(compile(source, name, "exec"), space)
    space["function"].__code__ = space["function"].__code__.replace(co_name=code_name)
    return functools.partial(space["function"], read_quiet)


def caller_of(function):
    return lambda: function()


THREADS = {
    "lock": (held_lock, "futex"),
    "deep": (lambda: nested(180, held_lock), "futex"),
    "event": (EVENT.wait, "futex"),
    "read": (read_quiet, "read"),
    "sleep": (lambda: time.sleep(600), "sleep"),
    "generator": (in_generator, "read"),
    "coroutine": (lambda: asyncio.run(outer()), "read"),
    "c_calls": (in_c_calls, "read"),
    "sort": (sort_key, "read"),
    "class": (in_class, "read"),
    "callable": (Callable(), "read"),
    "latin": (hostile("/tmp/c\xf6de\x1f\n.py", "f\xfc:nc\x1f"), "read"),
    "wide": (hostile("/k\u00fcche/\u6599\u7406\U0001f373.py", "\u6599\u7406" * 40), "read"),
    "surrogate": (hostile("/tmp/\udcff\ud800.py", "x"), "read"),
    "long": (hostile("/a" * 300 + "/end.py", "n" * 500), "read"),
    "empty": (hostile("", ""), "read"),
}


def run(name, function):
    STARTED[name] = (threading.get_native_id(), threading.get_ident())
    function()


def blocked(tid):
    with open(f"/proc/self/task/{tid}/syscall") as file:
        return file.read().split()[0]


CALLS = {"futex": ("202",), "read": ("0",), "sleep": ("230", "35", "23", "270")}


def wait_until_blocked():
    """All in their system calls, and (they could still pass through a lock) for 50 looks on end."""
    deadline = time.monotonic() + 60
    steady = 0
    while steady < 50:
        right = len(STARTED) == len(THREADS) and all(
            blocked(STARTED[name][0]) in CALLS[call] for name, (_, call) in THREADS.items()
        )
        steady = steady + 1 if right else 0
        if time.monotonic() > deadline:
            sys.exit("the threads do not block")
        time.sleep(0.001)  # lets go of the GIL, so nobody stays at it for all of the looks


def frames_of(ident):
    frame = sys._current_frames()[ident]
    found = []
    while frame is not None:
        code = frame.f_code
        found.append((code.co_filename, frame.f_lineno, code.co_name))
        frame = frame.f_back
    return found


def native_thread():
    """A thread that never runs Python: pause() of the C library."""
    before = set(os.listdir("/proc/self/task"))
    handle = ctypes.c_ulong()
    start = ctypes.cast(LIBC.pause, ctypes.c_void_p)
    assert LIBC.pthread_create(ctypes.byref(handle), None, start, None) == 0
    return int((set(os.listdir("/proc/self/task")) - before).pop())


MUTEX, INNER, CONDITION = (ctypes.create_string_buffer(64) for _ in range(3))


def in_mutex():
    LIBC.pthread_mutex_lock(MUTEX)


def in_condition():
    LIBC.pthread_mutex_lock(INNER)
    LIBC.pthread_cond_wait(CONDITION, INNER)


def threads_in_c():
    """The tids of two threads that wait inside C, for a mutex and for a condition."""
    LIBC.pthread_mutex_lock(MUTEX)
    threads = [threading.Thread(target=f, daemon=True) for f in (in_mutex, in_condition)]
    for thread in threads:
        thread.start()
    deadline, steady = time.monotonic() + 60, 0
    while steady < 50 and time.monotonic() < deadline:
        right = all(blocked(thread.native_id) == "202" for thread in threads)
        steady = steady + 1 if right else 0
        time.sleep(0.001)  # lets go of the GIL, so nobody stays at it for all of the looks
    return [thread.native_id for thread in threads]


def main():
    for name, (function, _) in THREADS.items():
        threading.Thread(target=run, args=(name, caller_of(function)), daemon=True).start()
    wait_until_blocked()
    in_c = threads_in_c()
    native = native_thread()
    runtime = ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime")
    said = {
        "pid": os.getpid(),
        "runtime": ctypes.addressof(runtime),
        "hexversion": sys.hexversion,
        "lock": id(LOCK),
        "native": native,
        "in_c": in_c,
        "threads": {
            name: {"tid": tid, "call": THREADS[name][1], "frames": frames_of(ident)}
            for name, (tid, ident) in STARTED.items()
        },
    }
    print(json.dumps(said), flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
