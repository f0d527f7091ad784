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

CORE = ("src/core/peek.c", "src/core/peek_code.c", "src/core/peek_find.c")
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
            # Until the main thread has begun to read, the GIL may be on its way to it or back.
            deadline = time.monotonic() + 60
            while not _reads(said["pid"]) or peek.running(spins)[0] != PYTHON:
                assert time.monotonic() < deadline
            told = [peek.running(spins) for _ in range(ASKS)]
            assert {what for what, _ in told} == {PYTHON}
            assert any(place.startswith("<string>:4:spin") for _, place in told)
            assert all(not place or ":spin" in place for _, place in told)
            what, place = peek.running(sleeps)
            assert what == NATIVE
            assert place.split("\x1f")[0] == "<string>:6:sleep"
            assert peek.running(said["pid"])[0] == NATIVE
            assert peek.running(1 << 21) == (NATIVE, "")  # no thread of Python
            peek.lib.tc_peek_free(peek.at)
        finally:
            program.kill()


def _reads(pid: int) -> bool:
    """The main thread is in the system call read."""
    return Path(f"/proc/{pid}/task/{pid}/syscall").read_text().startswith("0 ")
