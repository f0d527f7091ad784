"""The blocks of a trace file: bytes, no judgement.

``blocks`` gives every block that can be told apart, with what is wrong with it; whether to go on
is the reader's business. A block's length is believed only as far as the file reaches, so memory
never exceeds the file's size; a head that cannot be a head ends the file, because where the next
one begins is then not known.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from twocooks.format import spec
from twocooks.format.encode import BLOCK_HEAD, FILE_HEAD

try:
    from twocooks import _codec
except ImportError:  # the C part is not built
    _codec = None  # type: ignore[assignment]


class RawBlock(NamedTuple):
    """One block. ``damage``: "" = whole, "crc" = its checksum is wrong, "cut" = the file ends
    inside it (payload holds what there is), "head" = no block begins here (payload is empty)."""

    offset: int
    kind: int
    payload: bytes
    damage: str


class StreamHead(NamedTuple):
    """The head of an EVENTS payload; its records begin at ``start``."""

    kind: int
    key_a: int
    key_b: int
    base_ns: int
    start: int


def file_version(file: BinaryIO) -> int | None:
    """Reads the file's head; its format version, or None where it is not a trace."""
    head = file.read(FILE_HEAD.size)
    if len(head) < FILE_HEAD.size:
        return None
    magic, version, zero = FILE_HEAD.unpack(head)
    return version if magic == spec.MAGIC and zero == 0 else None


def blocks(file: BinaryIO, size: int | None = None) -> Iterator[RawBlock]:
    """The blocks from the file's present position (behind its head) on. ``size``: where the file
    ends, if that is not where it ends now."""
    size = os.fstat(file.fileno()).st_size if size is None else size
    offset = file.tell()
    while True:
        head = file.read(min(BLOCK_HEAD.size, max(size - offset, 0)))
        if not head:
            return
        if len(head) < BLOCK_HEAD.size:
            yield RawBlock(offset, 0, b"", "cut")
            return
        length, kind, crc = BLOCK_HEAD.unpack(head)
        if kind == 0 or head[5:8] != b"\0\0\0":
            yield RawBlock(offset, kind, b"", "head")
            return
        begin = offset + BLOCK_HEAD.size
        payload = file.read(min(length, max(size - begin, 0)))
        if len(payload) < length:
            yield RawBlock(offset, kind, payload, "cut")
            return
        yield RawBlock(offset, kind, payload, "" if zlib.crc32(payload) == crc else "crc")
        offset = begin + length


def stream_head(payload: bytes) -> StreamHead | None:
    """The head of an EVENTS payload, or None where there is none."""
    if _codec is None:
        return stream_head_python(payload)
    found = _codec.stream_head(payload)
    return None if found is None else StreamHead(*found)


def stream_head_python(payload: bytes) -> StreamHead | None:
    """The twin of ``stream_head``."""
    at = 0
    values = []
    for _ in range(4):
        value = shift = 0
        while True:
            if at >= len(payload) or shift > 63:
                return None
            byte = payload[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        if value >> 64:
            return None
        values.append(value)
    return StreamHead(values[0], values[1], values[2], values[3], at)
