"""The Python twin of ``src/core/encode.c``: writes records into blocks, byte for byte the same.

The recorder uses the C code; this one says in plain words what that does, is tested against it,
and makes traces for tests.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from twocooks.format import spec

U64 = (1 << 64) - 1
MAX_DT = (1 << 61) - 1
SHORT_NONE = 7
BLOCK_HEAD = struct.Struct("<IB3xI")
FILE_HEAD = struct.Struct("<8sII")


def varint(value: int) -> bytes:
    """LEB128 of an unsigned 64-bit number (larger ones wrap, as in C)."""
    value &= U64
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> int:
    """Signed to unsigned so that small numbers of either sign stay small."""
    value &= U64
    return (value << 1 & U64) ^ (U64 if value >> 63 else 0)


def text_bytes(text: str) -> bytes:
    """UTF-8, cut before the character that does not fit into ``spec.MAX_STRING`` bytes."""
    data = text.encode("utf-8", "surrogateescape")
    if len(data) <= spec.MAX_STRING:
        return data
    end = spec.MAX_STRING
    while end > spec.MAX_STRING - 3 and data[end] & 0xC0 == 0x80:
        end -= 1
    return data[:end]


def file_head(version: int = spec.VERSION) -> bytes:
    """The first 16 bytes of a file."""
    return FILE_HEAD.pack(spec.MAGIC, version, 0)


def block(kind: int, payload: bytes) -> bytes:
    """A whole block as it lies in the file."""
    return BLOCK_HEAD.pack(len(payload), kind, zlib.crc32(payload)) + payload


def json_block(kind: int, content: Mapping[str, Any]) -> bytes:
    """A META or END block."""
    return block(kind, json.dumps(content, separators=(",", ":")).encode("utf-8"))


class StreamWriter:
    """One stream's open block. ``put`` records, then ``flush`` the block."""

    def __init__(self, kind: int, key_a: int = 0, key_b: int = 0) -> None:
        self.kind, self.key_a, self.key_b = kind, key_a, key_b
        self._start()

    def _start(self) -> None:
        self.payload = bytearray()
        self.last_ns = self.last_task = self.thread = self.records = 0

    def put(self, time_ns: int, event: int, fields: Sequence[int] = (), text: str = "") -> None:
        """One record: ``fields`` are its numbers in the table's order. Events that the table does
        not have are left out, as in C."""
        row = spec.BY_NUMBER.get(event)
        if row is None or event == 0:
            return
        self._put_time(time_ns, row)
        types = [kind for _, kind in row.fields]
        for kind, value in zip(types, fields, strict=False):
            if kind == "task":
                value, self.last_task = zigzag(value - self.last_task), value & U64
            elif kind == "s":
                value = zigzag(value)
            self.payload += varint(value)
        if "str" in types:
            data = text_bytes(text)
            self.payload += varint(len(data)) + data
        self.records += 1
        if row.name == "IN":
            self.thread = fields[0]
        elif row.name == "IN_FULL":
            self.thread = fields[1]
        elif row.name.startswith("OUT") or row.name == "LOST":  # it may have left meanwhile
            self.thread = 0

    def _put_time(self, time_ns: int, row: spec.Event) -> None:
        if not self.payload:
            for value in (self.kind, self.key_a, self.key_b, time_ns):
                self.payload += varint(value)
            self.last_ns = time_ns
        if time_ns < self.last_ns:
            self.payload += varint(SHORT_NONE) + varint(0) + varint(self.last_ns - time_ns)
            self.last_ns = time_ns
        dt = min(time_ns - self.last_ns, MAX_DT)
        self.last_ns += dt
        if row.short is not None and row.stream == self.kind:
            self.payload += varint(dt << 3 | row.short)
        else:
            self.payload += varint(dt << 3 | SHORT_NONE) + varint(row.number)

    def put_in(self, time_ns: int, pid: int, tid: int, pid_is_known: bool) -> None:
        """A thread came on the core."""
        if pid_is_known:
            self.put(time_ns, spec.BY_NAME["IN"].number, (tid,))
        else:
            self.put(time_ns, spec.BY_NAME["IN_FULL"].number, (pid, tid))

    def put_out(self, time_ns: int, pid: int, tid: int, preempted: bool) -> None:
        """A thread left the core; the short form where the block knows that it was on it."""
        end = "_PREEMPTED" if preempted else ""
        if tid and self.thread == tid:
            self.put(time_ns, spec.BY_NAME["OUT" + end].number)
        else:
            self.put(time_ns, spec.BY_NAME["OUT_FULL" + end].number, (pid, tid))

    def flush(self) -> bytes:
        """The open block as it lies in the file, or nothing; the next record opens a new one."""
        done = block(spec.Block.EVENTS, bytes(self.payload)) if self.payload else b""
        self._start()
        return done
