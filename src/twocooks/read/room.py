"""Room for the columns of a large trace: a temporary file without a name, from their first row on.

What a process has in plain memory the kernel can never take back. So whoever works on traces in a
process of its own (the commands do: ``rooms``) lets the reader of a large one make room: numpy then
puts all larger arrays into a file (``src/core/spill.c``), and of that only a part is in memory at
once. They are ordinary arrays, and all numbers are the same.

The file is its owner's only, has no name, and is gone with the last array. It may have a multiple
of the trace's size, and half of what is free on the disk; beyond that, and where there can be no
such file, arrays are plain memory. In a program that measures itself nothing here is used: it may
fork, and its disk is its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

if TYPE_CHECKING:  # whoever only wants rooms needs no numpy yet
    import numpy as np
    from numpy.typing import NDArray

    T = TypeVar("T", bound=np.generic)

FOLDER = "/var/tmp"
"""Where large temporary files belong, on a disk; the folder for small ones may be memory."""
LEAST_BYTES = 256 << 10
"""Smaller arrays are plain memory."""
TIMES = 128
"""The file may be so many times as large as the trace: about three times what was ever needed."""
STAY_BYTES, STAY_TIMES = 16 << 20, 2
"""So much of the file, and so many times the trace, are in the process at once."""


class Room:
    """The file, and what makes numpy put its arrays there."""

    def __init__(self, tables: Any, handler: Any) -> None:
        self._tables, self._handler = tables, handler

    def has(self, array: NDArray[Any]) -> bool:
        """Whether an array lies in the file."""
        at = array.__array_interface__["data"][0]
        return bool(self._tables.spill_has(self._handler, at))

    def rest(self, trim: bool = False) -> None:
        """Lets go of all pages until they are asked for again; ``trim``: and of unused disk."""
        self._tables.spill_rest(self._handler, trim)

    def told(self) -> tuple[int, int, int, int]:
        """Bytes of the file; of these in use; arrays that had no room in it; rests."""
        found: tuple[int, int, int, int] = self._tables.spill_tell(self._handler)
        return found


_wanted: ContextVar[list[Any] | None] = ContextVar("wanted", default=None)
"""None where nobody wants room; else what puts arrays back where they were before the first."""
_now: ContextVar[Room | None] = ContextVar("now", default=None)


@contextmanager
def rooms() -> Iterator[None]:
    """Within the block large traces get room. Arrays that were made in it stay good behind it."""
    undo: list[Any] = []
    wanted, now = _wanted.set(undo), _now.set(None)
    try:
        yield
    finally:
        if undo:
            undo[0]()
        _now.reset(now)
        _wanted.reset(wanted)


def make(size: int) -> None:
    """Room for a trace of so many bytes, for all that is made from now on; nothing where nobody
    wants it or it cannot be."""
    undo = _wanted.get()
    if undo is None:
        return
    try:
        from twocooks import _tables
    except ImportError:  # the C part is not built
        return
    handler = _handler(_tables, TIMES * size, STAY_BYTES + STAY_TIMES * size)
    if handler is not None:
        before = _tables.spill_use(handler)
        undo.append(lambda: _tables.spill_use(before))
        _now.set(Room(_tables, handler))


def now() -> Room | None:
    """The room in which new arrays are."""
    return _now.get()


def own(array: NDArray[T]) -> NDArray[T]:
    """An array that was made without numpy, where all others are; itself where there is no room."""
    return array if _now.get() is None else array.copy()


def _handler(tables: Any, most: int, stay: int) -> Any:
    for folder in (os.environ.get("TMPDIR") or FOLDER, FOLDER, None):
        file = unnamed(folder)
        if file is None:
            continue
        with file:
            try:
                free = os.fstatvfs(file.fileno())
                most = min(most, free.f_bavail * free.f_frsize // 2)
                return tables.spill_open(file.fileno(), most, LEAST_BYTES, stay)
            except OSError:  # not on a disk, or too little room for addresses
                continue
    return None


def unnamed(folder: str | None) -> BinaryIO | None:
    """A new file without a name that only its owner can open; None where there can be none."""
    import tempfile

    try:
        return tempfile.TemporaryFile(dir=folder, buffering=0)
    except OSError:
        return None
