"""The recorder's table of waiting threads (``src/core/waits.c``) by itself, and what it wrote."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.kit import cbuild

MS = 1_000_000
NO_LIMIT = 10_000 * MS
TEXT, LOOK, HOLDER, FILE, PEER, LINE = 48, 49, 50, 52, 53, 54
SLEEPER = """
import ctypes, json, os, sys, threading
quiet, _ = os.pipe()
def held(ready):
    ready.set()
    os.read(quiet, 1)
tids = []
for _ in range(int(sys.argv[1])):
    ready = threading.Event()
    thread = threading.Thread(target=held, args=(ready,), daemon=True)
    thread.start()
    ready.wait()
    tids.append(thread.native_id)
for tid in tids:
    while open(f"/proc/self/task/{tid}/syscall").read().split()[0] != "0":
        os.sched_yield()
runtime = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
print(json.dumps({"pid": os.getpid(), "tids": tids, "runtime": runtime, "hex": sys.hexversion}),
      flush=True)
sys.stdin.read()
os._exit(0)
"""


class Counts(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint64)
        for name in ("looked", "missed", "denied", "frames", "spent_ns", "torn")
    ]


class Bytes(ctypes.Structure):
    _fields_ = [("at", ctypes.c_void_p), ("len", ctypes.c_size_t), ("cap", ctypes.c_size_t),
                ("failed", ctypes.c_int)]  # fmt: skip


class Stream(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_uint32), ("key_a", ctypes.c_uint64), ("key_b", ctypes.c_uint64),
                ("payload", Bytes), ("last_ns", ctypes.c_uint64), ("last_task", ctypes.c_uint64),
                ("thread", ctypes.c_uint64), ("records", ctypes.c_uint32)]  # fmt: skip


class Look(NamedTuple):
    time: int
    pid: int
    tid: int
    took: int
    syscall: int
    arg: int
    kind: int
    where: str


P, U32, U64 = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64
SIGNATURES = {
    "tc_waits_new": (P, []),
    "tc_waits_free": (None, [P]),
    "tc_waits_on": (None, [P, U32, U32, U64]),
    "tc_waits_off": (None, [P, U32, U32, U64, ctypes.c_int]),
    "tc_waits_gone": (None, [P, U32]),
    "tc_waits_process": (None, [P, U32, U64, U32]),
    "tc_waits_exec": (None, [P, U32]),
    "tc_waits_sample": (ctypes.c_int, [P, U64, ctypes.POINTER(Stream)]),
    "tc_waits_label": (ctypes.c_int, [P, U64, U64, U64, ctypes.POINTER(Stream)]),
    "tc_waits_pending": (ctypes.c_size_t, [P]),
    "tc_waits_urgent": (U64, [P]),
    "tc_waits_counts": (None, [P, ctypes.POINTER(Counts)]),
    "tc_stream_init": (None, [ctypes.POINTER(Stream), U32, U64, U64]),
    "tc_stream_flush": (None, [ctypes.POINTER(Stream), ctypes.POINTER(Bytes)]),
}


class Waits:
    """tc_waits, and what it wrote."""

    def __init__(self) -> None:
        self.lib = cbuild.library(
            "src/core/waits.c", "src/core/encode.c",
            "src/core/peek.c", "src/core/peek_code.c", "src/core/peek_find.c",
            "src/core/peek_held.c", "src/core/peek_bare.c", "src/core/peek_flow.c",
            "src/core/search.c", "src/core/texts.c",
            "src/core/files.c", "src/core/ends.c", "src/core/delay.c",
        )  # fmt: skip
        for name, (result, arguments) in SIGNATURES.items():
            function = getattr(self.lib, name)
            function.restype, function.argtypes = result, arguments
        self.at = self.lib.tc_waits_new()
        self.stream = Stream()
        self.lib.tc_stream_init(self.stream, 3, 0, 0)
        self.texts = {0: ""}
        self.files: list[tuple[int, str]] = []
        self.stood: list[tuple[int, int]] = []
        self.peers: list[tuple[int, int, int]] = []
        self.holders: list[tuple[int, int, int, int, str]] = []

    def __getattr__(self, name: str) -> Any:
        function = getattr(self.lib, f"tc_waits_{name}")
        return lambda *arguments: function(self.at, *arguments)

    def look(self, now: int, min_age: int = 0, budget: int = NO_LIMIT) -> list[Look]:
        """The looks of one label call."""
        return self._put(self.label(now, min_age, budget, self.stream))

    def chance(self, now: int) -> list[Look]:
        """The look of one sample call."""
        return self._put(self.sample(now, self.stream))

    def _put(self, count: int) -> list[Look]:
        out = Bytes()
        self.lib.tc_stream_flush(self.stream, out)
        found = list(self._looks(ctypes.string_at(out.at, out.len))) if out.len else []
        assert len(found) == count
        return found

    def _looks(self, data: bytes) -> Iterator[Look]:
        words = data[12:]  # one block: its head, then varints, and texts of ASCII only
        at = 0

        def number() -> int:
            nonlocal at
            value = shift = 0
            while True:
                byte = words[at]
                at += 1
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    return value

        _kind, _a, _b, clock = (number() for _ in range(4))
        while at < len(words):
            head = number()
            clock += head >> 3
            event = {0: LOOK, 1: HOLDER, 3: FILE, 4: PEER, 5: LINE}.get(head & 7) or number()
            if event == TEXT:
                key, size = number(), number()
                self.texts[key] = words[at : at + size].decode()
                at += size
            elif event == FILE:
                tid, what = number(), number()
                self.files.append((tid, self.texts[what]))
            elif event == LINE:
                tid, stood = number(), number()
                self.stood.append((tid, stood))
            elif event == PEER:
                tid, part, pid = number(), number(), number()
                self.peers.append((tid, part, pid))
            elif event == HOLDER:
                _pid, tid, _took, waiter, lock, _turn, how, place = (number() for _ in range(8))
                self.holders.append((tid, waiter, lock, how, self.texts[place]))
            else:
                assert event == LOOK
                fields = [number() for _ in range(7)]
                yield Look(clock, *fields[:6], self.texts[fields[6]])  # type: ignore[arg-type]

    @property
    def counts(self) -> Counts:
        counts = Counts()
        self.lib.tc_waits_counts(self.at, counts)
        return counts
