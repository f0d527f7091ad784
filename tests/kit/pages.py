"""Writes the agents' side of the shared memory (src/core/arena.h) by hand, rightly or wrongly."""

from __future__ import annotations

import mmap
import os
import struct

from twocooks import _core
from twocooks.format.spec import BY_NAME

PAGE_SIZE = 32768
HEAD = 64
OPEN, CLOSED = 1, 2


class Pages:
    """An arena with a recorder on it, for tests that play the agent."""

    def __init__(self, fd: int, npages: int = 8) -> None:
        self.memory = os.memfd_create("pages")
        self.recorder = _core.Recorder(fd)
        self.recorder.open_arena(self.memory, npages, False)  # times are ns here
        self.map = mmap.mmap(self.memory, 0)
        self.npages = npages
        self.data = (HEAD * (1 + npages) + 4095) & ~4095

    def claim(
        self, index: int, *, pid: int, tid: int, life: int = 1, serial: int = 0, lost: int = 0
    ) -> None:
        """What an agent does at a thread's first event, on the page it was given."""
        fresh = struct.unpack_from("<I", self.map, 32)[0]
        struct.pack_into("<I", self.map, 32, max(fresh, index + 1))
        head = HEAD * (1 + index)
        struct.pack_into("<IIIIQQQ", self.map, head, OPEN, 0, pid, tid, life, serial, lost)

    def entry(
        self, index: int, time_ns: int, event: str, *fields: int, text: str | bytes | None = None
    ) -> None:
        """Appends one entry to a claimed page."""
        row = BY_NAME[event]
        raw = text.encode() if isinstance(text, str) else text
        words = list(fields[1:])
        value = fields[0] if fields else 0
        payload = b"".join(struct.pack("<Q", w) for w in words)
        if raw is not None:
            payload += struct.pack("<Q", len(raw)) + raw
        payload += bytes(-len(payload) % 16)
        units = len(payload) // 16
        word = row.number << 56 | units << 48 | value
        self.raw(index, struct.pack("<QQ", time_ns, word) + payload)

    def raw(self, index: int, data: bytes) -> None:
        used = self.used(index)
        at = self.data + index * PAGE_SIZE + used
        self.map[at : at + len(data)] = data
        struct.pack_into("<I", self.map, HEAD * (1 + index) + 4, used + len(data))

    def used(self, index: int) -> int:
        return int(struct.unpack_from("<I", self.map, HEAD * (1 + index) + 4)[0])

    def state(self, index: int) -> int:
        return int(struct.unpack_from("<I", self.map, HEAD * (1 + index))[0])

    def close(self, index: int) -> None:
        """The agent is through with this page."""
        struct.pack_into("<I", self.map, HEAD * (1 + index), CLOSED)
