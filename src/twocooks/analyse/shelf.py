"""A finished timeline put aside: its large tables in a file without a name, read window by window.

Who looks into a run (``twocooks view``) asks for one window after the other, for as long as he
likes, and each window is a small part of what the analysis made. So the tables are written to a
temporary file and looked at through the kernel's page cache: what a window does not touch costs no
memory, and what it touched may be taken back at any time. They are the same numbers in the same
order, so whatever is computed of them is the same to the last bit; they are read-only, because the
next window wants them as they are.

A table of stretches is sorted by owner, not by time. ``Shelved.during`` finds those of a window by
an index: of each chunk of rows when the first of them begins and the last ends.

Where the file cannot be written (no room, no right) the tables stay in memory, as they were. What
lies in a file from its first row on (``read/room.py``) stays there.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twocooks.analyse.book import OfThreads, Said
from twocooks.analyse.columns import Int64, Levels, Pieces
from twocooks.analyse.owners import Owners
from twocooks.analyse.timeline import Timeline
from twocooks.analyse.waits import hand_on
from twocooks.read import room

LEAST_BYTES = 1 << 16
"""Smaller columns are not worth a page of their own."""
ROWS = 2048
"""Rows of a chunk of the index."""
PAGE = mmap.ALLOCATIONGRANULARITY


class Shelf:
    """Columns in a file without a name. It is gone with the last of them."""

    def __init__(self, least: int = LEAST_BYTES) -> None:
        self.least = least
        self.size = 0
        """Bytes of columns that lie in a file."""
        self._end = 0
        self._room: room.Room | None = None
        self._file: Any = room.unnamed(os.environ.get("TMPDIR") or room.FOLDER)
        if self._file is None:
            self._file = room.unnamed(None)
        self._maps: list[mmap.mmap] = []
        self._known: dict[int, tuple[NDArray[Any], NDArray[Any]]] = {}
        """What is there, by the numbers of the objects that it was and is."""

    def put(self, column: NDArray[Any]) -> NDArray[Any]:
        """The same column, read from the file; itself where it is small, or nothing can be
        written."""
        if id(column) in self._known:
            return self._known[id(column)][1]
        if column.nbytes < max(1, self.least) or self._file is None:
            return column
        if 0 in column.strides:  # one value for all rows: that is small
            return column
        self._room = room.now() or self._room
        if self._room is not None and self._room.has(column):
            return self._there(column)
        at = self._end
        try:
            self._write(np.ascontiguousarray(column).view(np.uint8).reshape(-1).data, at)
            number, size = self._file.fileno(), column.nbytes
            shown = mmap.mmap(number, size, access=mmap.ACCESS_READ, offset=at)
        except (OSError, ValueError):
            self._file = None  # no room: what lies there already stays good
            return column
        self._maps.append(shown)
        self._end = at + -(-size // PAGE) * PAGE
        self.size += size
        found: NDArray[Any] = np.frombuffer(shown, column.dtype).reshape(column.shape)
        self._known[id(found)] = found, found
        self._known[id(column)] = column, found
        return found

    def _there(self, column: NDArray[Any]) -> NDArray[Any]:
        """The same column, which lies in a file already; and nobody writes to it any more."""
        self.size += column.nbytes
        found = column.view()
        found.flags.writeable = False
        self._known[id(found)] = found, found
        self._known[id(column)] = column, found
        return found

    def settle(self) -> None:
        """Lets go of the columns as they were."""
        self._known = {key: pair for key, pair in self._known.items() if pair[0] is pair[1]}

    def _write(self, data: memoryview, at: int) -> None:
        assert self._file is not None
        self._file.seek(at)
        while len(data):
            data = data[self._file.write(data) :]

    def table(self, table: Pieces) -> Pieces:
        """The same table, with an index by time."""
        if isinstance(table, Shelved) and table.index is not None:
            return table
        index = _index(table)
        found = Shelved(*(self.put(column) for column in table.columns))
        object.__setattr__(found, "index", index)
        return found

    def levels(self, levels: Levels) -> Levels:
        """The same curves."""
        counts = {name: self.put(count) for name, count in levels.counts.items()}
        return Levels(self.put(levels.time), counts)

    def rest(self) -> None:
        """Between two questions: lets go of the memory that the last one touched. (The kernel keeps
        what it has room for.)"""
        if self._room is not None:
            self._room.rest(trim=True)
        if hasattr(mmap, "MADV_DONTNEED"):
            for shown in self._maps:
                shown.madvise(mmap.MADV_DONTNEED)


@dataclass(frozen=True)
class Index:
    """Of each chunk of ``ROWS`` rows the first begin and the last end."""

    low: Int64
    high: Int64


class Shelved(Pieces):
    """A table that knows where its stretches of a window are. (One that is made of it by
    ``with_`` does not, and looks for them itself.)"""

    index: Index | None = None

    def _chunks(self, begin: int, end: int) -> Int64:
        assert self.index is not None
        return np.flatnonzero((self.index.high > begin) & (self.index.low < end))

    def near(self, begin: int, end: int) -> int:
        return len(self) if self.index is None else len(self._chunks(begin, end)) * ROWS

    def rows_during(self, begin: int, end: int) -> Int64:
        if self.index is None:
            return super().rows_during(begin, end)
        found = [
            first + np.flatnonzero((self.end[first:last] > begin) & (self.start[first:last] < end))
            for first, last in self._near(begin, end)
        ]
        return np.concatenate(found) if found else np.empty(0, np.int64)

    def _near(self, begin: int, end: int) -> list[tuple[int, int]]:
        """From which rows up to which others there may be some."""
        chunks = self._chunks(begin, end)
        if not len(chunks):
            return []
        gap = np.flatnonzero(np.diff(chunks) > 1)
        first = chunks[np.append(0, gap + 1)] * ROWS
        last = (chunks[np.append(gap, len(chunks) - 1)] + 1) * ROWS
        return list(zip(first.tolist(), last.tolist(), strict=True))


def _index(table: Pieces) -> Index:
    at = np.arange(0, len(table), ROWS)
    if not len(at):
        return Index(table.start[:0], table.end[:0])
    return Index(np.minimum.reduceat(table.start, at), np.maximum.reduceat(table.end, at))


def aside(line: Timeline, shelf: Shelf) -> Timeline:
    """The same timeline, with its large columns on the shelf."""
    threads = replace(line.threads, pieces=shelf.table(line.threads.pieces))
    hand_on(line.threads, threads, shelf.table)
    owners = _owners(line.owners, shelf)
    table, slices = shelf.table(line.table), shelf.table(line.slices)
    shelf.settle()
    return replace(line, threads=threads, owners=owners, table=table, slices=slices)


def _owners(owners: Owners, shelf: Shelf) -> Owners:
    old = owners.said
    said = {f.name: getattr(old, f.name) for f in fields(Said)}
    said |= {name: shelf.put(said[name]) for name in ("thread", "time", "event", "a")}
    said["process"] = OfThreads(old.process.values, said["thread"])
    return replace(
        owners,
        said=Said(**said),
        tiling=shelf.table(owners.tiling),
        aio=shelf.put(owners.aio),
        inside=shelf.put(owners.inside),
    )
