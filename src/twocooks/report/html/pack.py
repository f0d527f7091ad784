"""Columns of numbers as one compressed block of text.

Numbers of two and four bytes are written in planes: first the lowest byte of all of them, then the
next one. Neighbours differ mostly in their low bytes, so the high planes all but vanish when
compressed. The page reads them back with a loop over bytes (``web/src/data.ts``).
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twocooks.report.html.contract import Column

TYPES: dict[str, Any] = {
    "u8": np.uint8,
    "u16": np.uint16,
    "u32": np.uint32,
    "f32": np.float32,
    "f64": np.float64,
}
PLANES = {"u16", "u32", "f32"}
LEVEL = 6


class Packer:
    """Collects columns; ``text`` is all of them."""

    def __init__(self) -> None:
        self.columns: dict[str, Column] = {}
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, name: str, values: NDArray[Any], kind: str) -> None:
        """Add a column; the values must fit into its type (larger ones are cut to the largest)."""
        wanted = TYPES[kind]
        if kind[0] == "u":
            values = np.clip(values, 0, np.iinfo(wanted).max)
        column = np.ascontiguousarray(values, dtype=np.dtype(wanted).newbyteorder("<"))
        self.columns[name] = {"type": kind, "at": self._size, "count": len(column)}
        if kind in PLANES:
            width = column.dtype.itemsize
            data = np.ascontiguousarray(column.view(np.uint8).reshape(-1, width).T).tobytes()
        else:
            data = column.tobytes()
        data += b"\0" * (-len(data) % 8)
        self._parts.append(data)
        self._size += len(data)

    def extend(self, other: Packer) -> None:
        """Add another one's columns."""
        for name, column in other.columns.items():
            self.columns[name] = {**column, "at": column["at"] + self._size}
        self._parts += other._parts
        self._size += other._size

    def text(self) -> str:
        """The block: deflated, in base64."""
        return base64.b64encode(zlib.compress(b"".join(self._parts), LEVEL)).decode("ascii")
