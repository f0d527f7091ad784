"""A recorder for tests of the agent: lays out the shared memory of src/core/arena.h in a memory
file, runs a Python program with the agent in it, and reads back what its threads wrote.

Only the reading is here; pages are never given back, so a run must fit into ``pages`` pages.
"""

from __future__ import annotations

import mmap
import os
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from twocooks.format import spec

MAGIC = 0x6B6F6F636F777431
PAGE = 32768
ARENA = struct.Struct("<QIIIIQIIQQQ")
HEAD = struct.Struct("<IIIIQQQIIQQ")
CLOSED_AT = 20
BOOT = Path(__file__).parents[2] / "src/twocooks/record/agent/boot"


@dataclass(frozen=True)
class Entry:
    """One event as a thread wrote it. ``value`` is its first field unless that is a text."""

    time_ns: int
    name: str
    fields: tuple[int, ...]
    text: str | None

    @property
    def value(self) -> int:
        return self.fields[0] if self.fields else 0

    @property
    def parts(self) -> list[str]:
        return (self.text or "").split(spec.SEPARATOR)


@dataclass
class Thread:
    """What one thread wrote, in its order."""

    pid: int
    tid: int
    life: int
    entries: list[Entry] = field(default_factory=list)
    lost: int = 0
    closed: bool = True

    def named(self, *names: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.name in names]


@dataclass
class Run:
    """A program that ran with the agent in it."""

    code: int
    stdout: str
    stderr: str
    threads: list[Thread]
    lost: int

    def entries(self, *names: str) -> list[Entry]:
        """All entries of these names (of all names if none is given), by time."""
        found = [e for t in self.threads for e in t.entries if not names or e.name in names]
        return sorted(found, key=lambda entry: entry.time_ns)

    def thread_of(self, name: str) -> Thread:
        """The only thread that wrote an event of this name."""
        (thread,) = [t for t in self.threads if t.named(name)]
        return thread


class Arena:
    """The memory file, with the recorder's side of it."""

    def __init__(self, pages: int = 512) -> None:
        self.pages = pages
        self.data_at = (ARENA.size + pages * HEAD.size + 4095) & ~4095
        self.fd = os.memfd_create("arena-of-a-test")
        os.ftruncate(self.fd, self.data_at + pages * PAGE)
        self.map = mmap.mmap(self.fd, 0)
        self.map[: ARENA.size] = ARENA.pack(MAGIC, 1, pages, PAGE, 0, 0, 0, os.getpid(), 0, 0, 0)

    @property
    def path(self) -> str:
        return f"/proc/{os.getpid()}/fd/{self.fd}"

    def close(self) -> None:
        self.map.close()
        os.close(self.fd)

    def lost(self) -> int:
        return int(ARENA.unpack_from(self.map)[8])

    def threads(self) -> list[Thread]:
        """All threads that wrote, in the order of their first events."""
        fresh = ARENA.unpack_from(self.map)[6]
        heads = [(*HEAD.unpack_from(self.map, ARENA.size + i * HEAD.size), i) for i in range(fresh)]
        heads.sort(key=lambda head: head[4:6])  # life, serial
        threads: dict[tuple[int, int, int], Thread] = {}
        for state, used, pid, tid, life, _, lost, _, _, _, _, i in heads:
            thread = threads.setdefault((pid, tid, life), Thread(pid, tid, life))
            thread.lost += lost
            thread.closed = state == 2
            start = self.data_at + i * PAGE
            thread.entries += read_entries(self.map[start : start + used])
        return list(threads.values())


def read_entries(data: bytes) -> list[Entry]:
    """The entries of one page, by the event table."""
    entries, at = [], 0
    while at < len(data):
        time_ns, word = struct.unpack_from("<QQ", data, at)
        event = spec.BY_NUMBER[word >> 56]
        end = at + 16 * (1 + (word >> 48 & 0xFF))
        numbers = [f for f in event.fields if f[1] != "str"]
        values = [word & 0xFFFFFFFFFFFF][: len(numbers)]
        at += 16
        for _ in numbers[1:]:
            values.append(struct.unpack_from("<Q", data, at)[0])
            at += 8
        text = None
        if len(numbers) < len(event.fields):
            (length,) = struct.unpack_from("<Q", data, at)
            assert at + 8 + length <= end, (event.name, length)
            text = data[at + 8 : at + 8 + length].decode("utf-8", "surrogateescape")
        entries.append(Entry(time_ns, event.name, tuple(values), text))
        at = end
    return entries


def environment(arena: Arena, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment that brings the agent into a program, as the recorder makes it."""
    base = {**os.environ, **(extra or {})}
    old = base.get("PYTHONPATH")
    path = str(BOOT) + (os.pathsep + old if old else "")
    return {**base, "PYTHONPATH": path, "TWOCOOKS_ARENA": arena.path}


def run_watched(
    arguments: Sequence[str],
    *,
    python: Sequence[str] = (sys.executable,),
    pages: int = 512,
    env: Mapping[str, str] | None = None,
    timeout_s: float = 120,
    expect: int | None = 0,
) -> Run:
    """Runs Python with these arguments and the agent; ``expect``: exit status (None = any)."""
    arena = Arena(pages)
    try:
        done = subprocess.run(
            [*python, *arguments],
            env=environment(arena, env),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        run = Run(done.returncode, done.stdout, done.stderr, arena.threads(), arena.lost())
    finally:
        arena.close()
    assert expect is None or run.code == expect, run.stderr
    return run
