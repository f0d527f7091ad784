"""Waits for another thread: how long in line, for locks inside objects, for the interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

from tests.kit.waiting import Waits

INSIDE = """
import ctypes, sys, threading, _thread
class Bowl(list):
    pass
def append(bowl):
    told.append(threading.get_native_id())
    bowl.append(1)
told = []
bowls = [[], Bowl()]
for n, bowl in enumerate(bowls):
    ctypes.pythonapi.PyMutex_Lock(ctypes.c_void_p(id(bowl) + 10))
    threading.Thread(target=append, args=(bowl,), daemon=True).start()
    while len(told) < n + 1:
        pass
lock = threading.Lock()
lock.acquire()
def acquire():
    told.append(threading.get_native_id())
    lock.acquire()
threading.Thread(target=acquire, daemon=True).start()
while len(told) < 3:
    pass
print(*told, flush=True)
sys.stdin.read()
"""
STOPPED = """
import gc, threading
heap = [[i] for i in range(200_000)]
def spin():
    print(threading.get_native_id(), flush=True)
    while True:
        pass
threading.Thread(target=spin, daemon=True).start()
while True:
    gc.collect()
"""
without_gil = pytest.mark.skipif(
    not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="only a free-threaded Python has them"
)
FUTEX = """
import sys, threading
def acquire():
    print(threading.get_native_id(), flush=True)
    lock.acquire()
lock = threading.Lock()
lock.acquire()
threading.Thread(target=acquire, daemon=True).start()
sys.stdin.read()
"""


@pytest.mark.skipif(
    not os.path.exists("/proc/self/schedstat"), reason="this kernel keeps no such account"
)
def test_a_wait_for_a_thread_is_looked_at_with_how_long_it_stood_in_line(waits: Waits) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FUTEX], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        tid = int(process.stdout.readline())
        about = Path(f"/proc/{process.pid}/task/{tid}")
        try:
            blocked(process, tid)
            waits.off(process.pid, tid, time.monotonic_ns(), 0)
            assert len(waits.chance(time.monotonic_ns())) == 1
            assert waits.pending() == 1, "who is in the way is asked when it is old enough"
            assert len(waits.look(time.monotonic_ns())) == 1
            assert waits.pending() == 0
            line = int((about / "schedstat").read_text().split()[1])
        finally:
            process.kill()
    assert waits.stood == [(tid, line)] * 2


HANDED_ON = """
import ctypes, sys, threading
lock = threading.Lock()
lock.acquire()
semaphore = ctypes.c_uint64.from_address(id(lock) + object.__basicsize__).value
value = ctypes.c_uint32.from_address(semaphore)
def acquire():
    print(threading.get_native_id(), flush=True)
    lock.acquire()
threading.Thread(target=acquire, daemon=True).start()
for line in sys.stdin:
    value.value = int(line)
    print("set", flush=True)
"""


def blocked(process: subprocess.Popen[str], tid: int) -> None:
    """Wait until the main thread reads and the other one waits for its lock. (It may wait for the
    GIL first, which looks the same from here; who reads has let go of that.)"""
    about, main = (Path(f"/proc/{process.pid}/task/{n}") for n in (tid, process.pid))
    while not (
        (main / "syscall").read_text().startswith("0 0x0 ")
        and (about / "syscall").read_text().startswith("202 ")
    ):
        assert process.poll() is None
        os.sched_yield()


@pytest.mark.skipif(
    sys.version_info >= (3, 14) or bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    reason="locks of this Python are no semaphores",
)
@pytest.mark.parametrize(("values", "kinds"), [("01", [3, 3]), ("101", [0, 3, 3]), ("02", [3, 0])])
def test_a_lock_that_is_just_handed_on_is_known_by_its_address(
    waits: Waits, values: str, kinds: list[int]
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HANDED_ON], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        tid, seen = int(process.stdout.readline()), []
        try:
            blocked(process, tid)
            for value in values:
                process.stdin.write(f"{value}\n")
                process.stdin.flush()
                assert process.stdout.readline() == "set\n"
                blocked(process, tid)
                waits.off(process.pid, tid, time.monotonic_ns(), 0)
                seen += [look.kind for look in waits.look(time.monotonic_ns())]
        finally:
            process.kill()
    assert seen == kinds


@without_gil
def test_the_lock_inside_an_object_is_told_from_others(waits: Waits) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", INSIDE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        tids = [int(word) for word in process.stdout.readline().split()]
        try:
            for tid in tids:
                while Path(f"/proc/{process.pid}/task/{tid}/syscall").read_text()[:4] != "202 ":
                    assert process.poll() is None
                    os.sched_yield()
                waits.off(process.pid, tid, time.monotonic_ns(), 0)
            looks = waits.look(time.monotonic_ns())
        finally:
            process.kill()
    assert [look.tid for look in looks] == tids
    assert [look.kind for look in looks][:2] == [5, 5]
    assert [look.arg % 16 for look in looks][:2] == [10, 10]
    assert looks[2].kind in (2, 3)
    assert looks[0].where.split("\x1f")[0] == "<string>:7:append"
    assert waits.files == [(tids[0], "object:list"), (tids[1], "object:Bowl")]


@without_gil
def test_a_thread_that_the_interpreter_stopped_waits_for_no_lock(waits: Waits) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        tid = int(process.stdout.readline())
        kinds: set[int] = set()
        deadline = time.monotonic() + 60
        try:
            while 6 not in kinds and time.monotonic() < deadline:
                waits.on(process.pid, tid, time.monotonic_ns())
                waits.off(process.pid, tid, time.monotonic_ns(), 0)
                kinds.update(look.kind for look in waits.look(time.monotonic_ns()))
        finally:
            process.kill()
    assert 6 in kinds
