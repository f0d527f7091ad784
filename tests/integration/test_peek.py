"""Looks from outside against what the program says of itself, on every Python installed here."""

from __future__ import annotations

import ctypes
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit import cbuild, peek_layouts
from tests.kit.pythons import pythons

CORE = (
    "src/core/peek.c", "src/core/peek_code.c", "src/core/peek_find.c", "src/core/peek_held.c",
    "src/core/peek_bare.c", "src/core/peek_flow.c",
)  # fmt: skip
VICTIM = Path(__file__).with_name("peek_victim.py")
SPINNERS = """
import ctypes, json, os, sys, threading
def spin():
    while True: pass
threads = [threading.Thread(target=spin, daemon=True) for _ in range(3)]
for thread in threads: thread.start()
runtime = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
print(json.dumps({"pid": os.getpid(), "runtime": runtime, "hexversion": sys.hexversion,
                  "tids": [t.native_id for t in threads]}), flush=True)
sys.stdin.read()
os._exit(0)
"""
FUTEX = "202"
OTHER, GIL, PARKED, SEMAPHORE = range(4)


def _library() -> ctypes.CDLL:
    lib = cbuild.library(*CORE)
    lib.tc_peek_new.restype = ctypes.c_void_p
    lib.tc_peek_new.argtypes = [ctypes.c_uint32, ctypes.c_uint64, ctypes.c_uint32]
    lib.tc_peek_free.argtypes = [ctypes.c_void_p]
    lib.tc_peek_refresh.argtypes = [ctypes.c_void_p]
    lib.tc_peek_torn.restype = ctypes.c_uint64
    lib.tc_peek_torn.argtypes = [ctypes.c_void_p]
    word = ctypes.POINTER(ctypes.c_uint64)
    lib.tc_peek_futex.argtypes = [ctypes.c_void_p, ctypes.c_uint64, word]
    lib.tc_peek_frames.argtypes = [
        ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t,
    ]  # fmt: skip
    return lib


class Peek:
    """tc_peek on one process."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.lib = _library()
        self.pid = said["pid"]
        self.at = self.lib.tc_peek_new(said["pid"], said["runtime"], said["hexversion"])
        assert self.at, "this Python cannot be read"

    def frames(self, tid: int, count: int = 6, size: int = 4096) -> list[str]:
        text = ctypes.create_string_buffer(size)
        length = self.lib.tc_peek_frames(self.at, tid, count, text, size)
        assert length == len(text.value) < size
        found = text.value.decode("utf-8", "surrogateescape")
        return found.split("\x1f") if found else []

    def futex(self, address: int) -> tuple[int, int]:
        lock = ctypes.c_uint64(0)
        return self.lib.tc_peek_futex(self.at, address, ctypes.byref(lock)), lock.value

    @property
    def torn(self) -> int:
        return int(self.lib.tc_peek_torn(self.at))

    def syscall(self, tid: int) -> list[str]:
        return Path(f"/proc/{self.pid}/task/{tid}/syscall").read_text().split()

    def close(self) -> None:
        self.lib.tc_peek_free(self.at)


class Victim:
    """A program of ours under one Python, and what it said."""

    def __init__(self, version: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*pythons()[version], *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.process.stdout
        self.said = json.loads(self.process.stdout.readline())
        self.peek = Peek(self.said)

    def close(self) -> None:
        self.peek.close()
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module", params=sorted(pythons()))
def victim(request: pytest.FixtureRequest) -> Iterator[Victim]:
    started = Victim(request.param, str(VICTIM))
    yield started
    started.close()


@pytest.fixture(params=sorted(pythons()))
def spinners(request: pytest.FixtureRequest) -> Iterator[Victim]:
    started = Victim(request.param, "-c", SPINNERS)
    yield started
    started.close()


def _cut(text: str, tail: bool) -> str:
    """What peek.h promises of a name: no control characters, 200 whole characters' bytes."""

    def plain(c: str) -> str:
        if c < " " or "\x7f" <= c < "\xa0" or (c == ":" and not tail):
            return "?"
        return "?" if "\ud800" <= c < "\ue000" and not "\udc80" <= c <= "\udcff" else c

    text = "".join(map(plain, text))
    while len(text.encode("utf-8", "surrogateescape")) > 200:
        text = text[1:] if tail else text[:-1]
    return text


def _expected(frames: list[list[Any]], count: int) -> list[str]:
    return [f"{_cut(f, True)}:{line}:{_cut(name, False)}" for f, line, name in frames[:count]]


@pytest.mark.parametrize("count", [1, 6, 16])
def test_frames_are_what_python_says(victim: Victim, count: int) -> None:
    """Cold (first look) and warm (from the caches) must both be right."""
    for _ in range(2):
        for name, thread in victim.said["threads"].items():
            found = victim.peek.frames(thread["tid"], count, size=8192)
            assert found == _expected(thread["frames"], count), name
    assert victim.peek.torn == 0, "blocked threads do not change"


def _find(pid: int) -> tuple[int, int] | None:
    runtime, hexversion = ctypes.c_uint64(0), ctypes.c_uint32(0)
    found = _library().tc_peek_find(pid, ctypes.byref(runtime), ctypes.byref(hexversion))
    return (runtime.value, hexversion.value) if found else None


def test_a_silent_python_is_found(victim: Victim) -> None:
    assert _find(victim.said["pid"]) == (victim.said["runtime"], victim.said["hexversion"])


def test_what_only_is_called_python_is_not(tmp_path: Path) -> None:
    copy = tmp_path / "python3.13"
    shutil.copy(shutil.which("cat") or "", copy)
    with subprocess.Popen([str(copy)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"x\n")
        process.stdin.flush()
        process.stdout.readline()
        assert _find(process.pid) is None
    assert _find(process.pid) is None


def test_refresh_finds_all_again(victim: Victim) -> None:
    victim.peek.lib.tc_peek_refresh(victim.peek.at)
    thread = victim.said["threads"]["deep"]
    assert victim.peek.frames(thread["tid"]) == _expected(thread["frames"], 6)


def test_a_small_buffer_gets_whole_frames_only(victim: Victim) -> None:
    thread = victim.said["threads"]["c_calls"]
    whole = _expected(thread["frames"], 6)
    for size in (1, 2, 40, 120, 200, 300, 500):
        found = victim.peek.frames(thread["tid"], size=size)
        assert found == whole[: len(found)]


def test_native_and_unknown_threads_have_no_frames(victim: Victim) -> None:
    assert victim.peek.frames(victim.said["native"]) == []
    assert victim.peek.frames(1) == []
    assert victim.peek.frames(0) == []


def test_a_lock_of_native_code_is_not_pythons(victim: Victim) -> None:
    """A mutex and a condition of pthread, on which threads of the program wait inside C."""
    for tid in victim.said["in_c"]:
        call = victim.peek.syscall(tid)
        assert call[0] == FUTEX
        assert victim.peek.futex(int(call[1], 16))[0] == OTHER


def test_locks_are_not_the_gil(victim: Victim) -> None:
    parked = set()
    for name, thread in victim.said["threads"].items():
        if thread["call"] == "futex":
            call = victim.peek.syscall(thread["tid"])
            assert call[0] == FUTEX
            kind, lock = victim.peek.futex(int(call[1], 16))
            assert kind in (SEMAPHORE, PARKED), name
            if name in ("lock", "deep"):
                parked.add((kind, lock if kind == PARKED else int(call[1], 16)))
    assert len(parked) == 1, "both wait for the same lock"
    version = victim.said["hexversion"] >> 16
    kind, lock = parked.pop()
    if version < 0x030D:
        assert kind == SEMAPHORE
    if version >= 0x030E:
        assert kind == PARKED
    if kind == PARKED:
        assert 0 < lock - victim.said["lock"] < 64, "the address is inside the lock object"


def test_gil_waits_are_known_as_such(spinners: Victim) -> None:
    """The threads only compute: whenever one blocks on a futex, it is the GIL's."""
    kinds = []
    deadline = time.monotonic() + 90
    free = "t" in next(v for v, c in pythons().items() if c == tuple(spinners.process.args[:-2]))
    while len(kinds) < 30 and time.monotonic() < deadline:
        for tid in spinners.said["tids"]:
            call = spinners.peek.syscall(tid)
            if call[0] == FUTEX:
                kinds.append(spinners.peek.futex(int(call[1], 16))[0])
        if free and time.monotonic() > deadline - 89:
            break
    assert set(kinds) == (set() if free else {GIL})


def test_layouts_are_those_of_the_headers() -> None:
    known = peek_layouts.rows_in(peek_layouts.HEADER.read_text())
    seen = 0
    for version, command in pythons().items():
        row = peek_layouts.row_of(list(command))
        if row is None:
            continue
        ((key, text),) = peek_layouts.rows_in(row).items()
        assert known[key] == text, version
        seen += 1
    assert seen, "no Python with its headers is installed here"


def test_a_dead_or_foreign_process_is_not_known() -> None:
    lib = _library()
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert not lib.tc_peek_new(gone.pid, 0x10000, 0x030D00F0)
    assert not lib.tc_peek_new(gone.pid, 0, 0x030B00F0)
    assert not lib.tc_peek_new(gone.pid, 0x10000, 0x030A00F0), "3.10 has no layout"
    assert not lib.tc_peek_new(gone.pid, 0x10000, 0x04000000)


def test_looking_on_after_death_is_harmless() -> None:
    started = Victim(sorted(pythons())[0], str(VICTIM))
    tid = started.said["threads"]["read"]["tid"]
    assert started.peek.frames(tid)
    started.process.kill()
    started.process.wait()
    assert started.peek.frames(tid) == []
    assert started.peek.futex(0x7F0000000000) == (OTHER, 0)
    assert started.peek.torn == 0, "gone is not torn"
    started.close()


CHANGING = """
import ctypes, json, os, sys, threading
quiet, still = os.pipe()
def held(number):
    os.read(quiet, 1)
def blocked(tid):
    while open(f"/proc/self/task/{tid}/syscall").read().split()[0] != "0":
        os.sched_yield()
def start(number):
    thread = threading.Thread(target=held, args=(number,), daemon=True)
    thread.start()
    blocked(thread.native_id)
    return thread
def in_child():
    os.read(quiet, 1)
def fork():
    pid = os.fork()
    if pid == 0:
        in_child()
        os._exit(0)
    while open(f"/proc/{pid}/syscall").read().split()[0] != "0":
        os.sched_yield()
    return pid
threads = []
runtime = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
print(json.dumps({"pid": os.getpid(), "runtime": runtime, "hexversion": sys.hexversion}),
      flush=True)
for line in sys.stdin:
    if line == "start\\n":
        threads.append(start(len(threads)))
        answer = [t.native_id for t in threads]
    elif line == "end\\n":
        for _ in threads:
            os.write(still, b"x")
        for thread in threads:
            thread.join()
        answer, threads = [t.native_id for t in threads], []
    else:
        answer = fork()
    print(json.dumps(answer), flush=True)
os._exit(0)
"""

INTERPRETERS = """
import ctypes, json, os, sys, threading
try:
    import _interpreters
except ImportError:
    import _xxsubinterpreters as _interpreters
code = '''
import os, threading
def spin():
    while True: pass
threads = [threading.Thread(target=spin) for _ in range(3)]
for thread in threads: thread.start()
os.write(%d, " ".join(str(t.native_id) for t in threads).encode())
'''
told, tell = os.pipe()
run = getattr(_interpreters, "exec", None) or _interpreters.run_string
inner = _interpreters.create()
threading.Thread(target=run, args=(inner, code % tell), daemon=True).start()
tids = list(map(int, os.read(told, 200).split()))
runtime = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
print(json.dumps({"pid": os.getpid(), "runtime": runtime, "hexversion": sys.hexversion,
                  "tids": tids}), flush=True)
sys.stdin.read()
os._exit(0)
"""


def _ask(victim: Victim, word: str) -> Any:
    assert victim.process.stdin
    assert victim.process.stdout
    victim.process.stdin.write(word.encode() + b"\n")
    victim.process.stdin.flush()
    return json.loads(victim.process.stdout.readline())


@pytest.mark.parametrize("version", sorted(pythons()))
def test_threads_that_come_and_go(version: str) -> None:
    """New ones are found, ended ones forgotten, though their memory is used again."""
    victim = Victim(version, "-c", CHANGING)
    try:
        for _ in range(5):
            for count in range(1, 13):
                tids = _ask(victim, "start")
                assert len(tids) == count
                assert victim.peek.frames(tids[-1], 1) == ["<string>:5:held"]
            assert all(victim.peek.frames(tid, 1) == ["<string>:5:held"] for tid in tids)
            ended = _ask(victim, "end")
            assert not any(victim.peek.frames(tid) for tid in ended)
    finally:
        victim.close()


@pytest.mark.parametrize("version", sorted(pythons()))
def test_a_forked_child_has_its_own_frames(version: str) -> None:
    victim = Victim(version, "-c", CHANGING)
    child = None
    try:
        _ask(victim, "start")
        pid = _ask(victim, "fork")
        child = Peek({**victim.said, "pid": pid})
        assert child.frames(pid, 2) == ["<string>:15:in_child", "<string>:19:fork"]
        subprocess.run(["kill", "-9", str(pid)], check=True)
    finally:
        if child:
            child.close()
        victim.close()


@pytest.mark.parametrize("version", sorted(v for v in pythons() if v != "3.11" and "t" not in v))
def test_an_inner_interpreter_has_its_own_gil(version: str) -> None:
    victim = Victim(version, "-c", INTERPRETERS)
    try:
        kinds, places = [], set()
        deadline = time.monotonic() + 90
        while len(kinds) < 10 and time.monotonic() < deadline:
            for tid in victim.said["tids"]:
                call = victim.peek.syscall(tid)
                if call[0] == FUTEX:
                    kinds.append(victim.peek.futex(int(call[1], 16))[0])
                    places.update(frame.split(":")[-1] for frame in victim.peek.frames(tid, 1))
        assert kinds
        assert set(kinds) == {GIL}
        assert "spin" in places
    finally:
        victim.close()
