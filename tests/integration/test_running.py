"""Looks at threads that run: have they the GIL, and about where are they? On every Python here."""

from __future__ import annotations

import ctypes
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.kit import cbuild
from tests.kit.pythons import pythons

CORE = tuple(f"src/core/peek{part}.c" for part in ("", "_code", "_find", "_flow"))
PROGRAM = """
import ctypes, json, os, sys, threading, time
def spin():
    while True: pass
def sleep():
    time.sleep(3600)
threads = [threading.Thread(target=work, daemon=True) for work in (spin, sleep)]
for thread in threads: thread.start()
runtime = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
gil = getattr(sys, "_is_gil_enabled", lambda: True)()
print(json.dumps({"pid": os.getpid(), "runtime": runtime, "hexversion": sys.hexversion, "gil": gil,
                  "tids": [t.native_id for t in threads]}), flush=True)
sys.stdin.read()
os._exit(0)
"""
NATIVE, PYTHON, UNKNOWN = range(3)
ASKS = 50
READ, SLEEPS = {"0"}, {"35", "230"}


class Peek:
    def __init__(self, said: dict[str, Any]) -> None:
        self.lib = cbuild.library(*CORE)
        self.lib.tc_peek_new.restype = ctypes.c_void_p
        self.lib.tc_peek_new.argtypes = [ctypes.c_uint32, ctypes.c_uint64, ctypes.c_uint32]
        self.lib.tc_peek_free.argtypes = [ctypes.c_void_p]
        self.lib.tc_peek_running.argtypes = [
            ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_int),
        ]  # fmt: skip
        self.at = self.lib.tc_peek_new(said["pid"], said["runtime"], said["hexversion"])
        assert self.at, "this Python cannot be read"

    def running(self, tid: int, size: int = 4096) -> tuple[int, str]:
        text, length = ctypes.create_string_buffer(size), ctypes.c_int(-1)
        what = self.lib.tc_peek_running(self.at, tid, 6, text, size, ctypes.byref(length))
        assert length.value == len(text.value) < size
        return what, text.value.decode()


@pytest.mark.parametrize("version", pythons())
def test_who_spins_has_the_gil_and_who_sleeps_has_not(version: str) -> None:
    command = [*pythons()[version], "-c", PROGRAM]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        try:
            assert program.stdout
            said = json.loads(program.stdout.readline())
            spins, sleeps = said["tids"]
            peek = Peek(said)
            if not said["gil"]:
                told = {peek.running(tid)[0] for tid in (spins, sleeps) for _ in range(ASKS)}
                assert told == {UNKNOWN}
                return
            # Once the two others are asleep and this one has the GIL, nobody asks for it any more.
            deadline = time.monotonic() + 60
            while not (
                _is_in(READ, said["pid"], said["pid"])
                and _is_in(SLEEPS, said["pid"], sleeps)
                and _spins_with_it(peek.running(spins))
            ):
                assert time.monotonic() < deadline
            assert all(_spins_with_it(peek.running(spins)) for _ in range(ASKS))
            what, place = peek.running(sleeps)
            assert what == NATIVE
            assert place.split("\x1f")[0] == "<string>:6:sleep"
            assert peek.running(said["pid"])[0] == NATIVE
            assert peek.running(1 << 21) == (NATIVE, "")  # no thread of Python
            peek.lib.tc_peek_free(peek.at)
        finally:
            program.kill()


def _spins_with_it(told: tuple[int, str]) -> bool:
    return told[0] == PYTHON and told[1].startswith("<string>:4:spin")


def _is_in(calls: set[str], pid: int, tid: int) -> bool:
    """The thread is in one of these system calls."""
    return Path(f"/proc/{pid}/task/{tid}/syscall").read_text().split()[0] in calls
