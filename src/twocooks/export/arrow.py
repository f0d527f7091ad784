"""Tables described for the Arrow C data interface, which ``_arrow`` (C) fills in.

Numbers are handed over as they lie in memory. Made anew are only validity bitmaps (columns that
have a null), bits of bool columns, and the distinct texts of text columns.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twocooks.analyse.data import Column, Columns

if TYPE_CHECKING:
    from twocooks._arrow import Array, Schema

NULLABLE = 2
LETTERS = {"int8": b"c", "int32": b"i", "int64": b"l", "bool": b"b"}
SHORT_TEXTS = 2**31 - 1
"""Texts of so many bytes together have 32-bit offsets."""


def schema(table: Columns) -> Schema:
    """The table's columns, as a struct; units and meanings are in the fields' metadata."""
    head = _metadata({"twocooks.table": table.name})
    return b"+s", b"", head, 0, tuple(_field(column) for column in table.columns), None


def array(table: Columns) -> Array:
    """The table's rows, as one struct array."""
    return table.rows, 0, (None,), tuple(_column(column) for column in table.columns), None


def _metadata(pairs: dict[str, str]) -> bytes:
    out = struct.pack("=i", len(pairs))
    for pair in pairs.items():
        for text in map(str.encode, pair):
            out += struct.pack("=i", len(text)) + text
    return out


def _field(column: Column) -> Schema:
    field = column.field
    told = {"unit": field.unit, "meaning": field.meaning, "null": field.null}
    about = _metadata({f"twocooks.{key}": text for key, text in told.items() if text})
    flags = NULLABLE if field.null else 0
    letter = LETTERS[str(column.values.dtype)]
    if field.type != "text":
        return letter, field.name.encode(), about, flags, (), None
    long = sum(map(len, _utf8(column.texts))) > SHORT_TEXTS
    texts = b"U" if long else b"u", b"", None, 0, (), None
    return letter, field.name.encode(), about, flags, (), texts


def _column(column: Column) -> Array:
    values = column.values
    valid, nulls = _validity(column)
    if column.field.type == "bool":
        values = np.packbits(values, bitorder="little")
    texts = _texts(column.texts) if column.field.type == "text" else None
    return len(column.values), nulls, (valid, values), (), texts


def _validity(column: Column) -> tuple[NDArray[np.uint8] | None, int]:
    """A bit for each row that has a value, and how many have none; no bits where all have."""
    if not column.field.null:
        return None, 0
    valid = column.values != -1
    nulls = len(valid) - int(np.count_nonzero(valid))
    return (np.packbits(valid, bitorder="little") if nulls else None), nulls


def _utf8(texts: Sequence[str]) -> list[bytes]:
    return [text.encode() for text in texts]


def _texts(texts: Sequence[str]) -> Array:
    encoded = _utf8(texts)
    ends = np.cumsum([0, *map(len, encoded)])
    offsets: NDArray[Any] = ends.astype(np.int32 if ends[-1] <= SHORT_TEXTS else np.int64)
    return len(encoded), 0, (None, offsets, b"".join(encoded)), (), None
