"""Reads Arrow's C structs by ctypes alone: what a consumer does, without a library for it."""

from __future__ import annotations

import ctypes
import struct
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p
from itertools import pairwise
from typing import Any


class Schema(Structure):
    pass


class Array(Structure):
    pass


class Stream(Structure):
    pass


# Called without the GIL, as a library's own thread would.
Schema._fields_ = [
    ("format", c_char_p),
    ("name", c_char_p),
    ("metadata", c_void_p),
    ("flags", c_int64),
    ("n_children", c_int64),
    ("children", POINTER(POINTER(Schema))),
    ("dictionary", POINTER(Schema)),
    ("release", CFUNCTYPE(None, POINTER(Schema))),
    ("private_data", c_void_p),
]
Array._fields_ = [
    ("length", c_int64),
    ("null_count", c_int64),
    ("offset", c_int64),
    ("n_buffers", c_int64),
    ("n_children", c_int64),
    ("buffers", POINTER(c_void_p)),
    ("children", POINTER(POINTER(Array))),
    ("dictionary", POINTER(Array)),
    ("release", CFUNCTYPE(None, POINTER(Array))),
    ("private_data", c_void_p),
]
Stream._fields_ = [
    ("get_schema", CFUNCTYPE(c_int, POINTER(Stream), POINTER(Schema))),
    ("get_next", CFUNCTYPE(c_int, POINTER(Stream), POINTER(Array))),
    ("get_last_error", CFUNCTYPE(c_char_p, POINTER(Stream))),
    ("release", CFUNCTYPE(None, POINTER(Stream))),
    ("private_data", c_void_p),
]
KINDS: dict[type, bytes] = {
    Schema: b"arrow_schema",
    Array: b"arrow_array",
    Stream: b"arrow_array_stream",
}
NUMBERS = {b"c": "b", b"i": "i", b"l": "q"}

_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype = c_void_p
_pointer.argtypes = [ctypes.py_object, c_char_p]


def inside(capsule: object, kind: Any) -> Any:
    """The struct in a capsule, where it is."""
    return kind.from_address(_pointer(capsule, KINDS[kind]))


def moved(from_: Any) -> Any:
    """Take a struct over, as a consumer does: its old place must not release it any more."""
    mine = type(from_)()
    ctypes.memmove(ctypes.byref(mine), ctypes.byref(from_), ctypes.sizeof(mine))
    from_.release = type(from_.release)()
    return mine


def release(taken: Any) -> None:
    """Give a struct back; it must say that it is released."""
    taken.release(taken)
    assert not taken.release


def metadata(schema: Any) -> dict[str, str]:
    """The pairs in the metadata of a schema."""
    if not schema.metadata:
        return {}
    at, out = schema.metadata, []

    def number() -> int:
        nonlocal at
        (value,) = struct.unpack("=i", ctypes.string_at(at, 4))
        at += 4
        return int(value)

    for _ in range(2 * number()):
        size = number()
        out.append(ctypes.string_at(at, size).decode())
        at += size
    return dict(zip(out[::2], out[1::2], strict=True))


def _bits(at: int, count: int) -> list[bool]:
    data = ctypes.string_at(at, (count + 7) // 8)
    return [bool(data[i // 8] >> i % 8 & 1) for i in range(count)]


def column(schema: Any, array: Any) -> list[Any]:
    """The values of one column, null as None."""
    count = array.length
    assert (array.offset, array.n_buffers) == (0, 3 if schema.format == b"u" else 2)
    validity, data = array.buffers[0], array.buffers[1]
    if schema.format == b"u":
        ends = struct.unpack(f"={count + 1}i", ctypes.string_at(data, 4 * (count + 1)))
        texts = ctypes.string_at(array.buffers[2], ends[-1]) if ends[-1] else b""
        return [texts[a:b].decode() for a, b in pairwise(ends)]
    if schema.format == b"b":
        return list(_bits(data, count))
    letter = NUMBERS[schema.format]
    size = struct.calcsize(f"={letter}") * count
    values: list[Any] = list(struct.unpack(f"={count}{letter}", ctypes.string_at(data, size)))
    valid = _bits(validity, count) if validity else [True] * count
    assert array.null_count == valid.count(False)
    assert schema.flags & 2 or not array.null_count
    if schema.dictionary:
        texts = column(schema.dictionary.contents, array.dictionary.contents)
        return [texts[v] if ok else None for v, ok in zip(values, valid, strict=True)]
    return [v if ok else None for v, ok in zip(values, valid, strict=True)]


def table(schema: Any, array: Any) -> dict[str, list[Any]]:
    """All columns of a struct array by name."""
    assert (schema.format, array.n_buffers, array.null_count) == (b"+s", 1, 0)
    assert schema.n_children == array.n_children
    out = {}
    for i in range(schema.n_children):
        child = schema.children[i].contents
        out[child.name.decode()] = column(child, array.children[i].contents)
    return out
