"""Puts the decoded rows of one kind of stream in order of time.

The blocks of a file come as they were full, not as things happened. Rows get their order in two
steps: first by stream (a CPU, a thread), which keeps the file's order within each, then stably by
time. So records of one stream never change places at equal times, and at equal times between
streams the lower key comes first: the result does not depend on how blocks lay in the file.

Where a block could not be read, a *gap* stands at its place: for a CPU it becomes a LOST record
over the window between its neighbours (state carried across it would invent parallelism), for a
thread an AGENT_LOST. Its count is 0: not known how many.

Everything works on whole columns; nothing is done per row or per block in Python, because a
hostile file may consist of very many very small blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twocooks.format import spec
from twocooks.format.decode import Columns
from twocooks.read.room import own

Int64 = NDArray[np.int64]

_LOST = spec.BY_NAME["LOST"].number
_AGENT_LOST = spec.BY_NAME["AGENT_LOST"].number
_NUMBERS = np.zeros(256, np.int64)
for _event in spec.EVENTS:
    _NUMBERS[_event.number] = sum(kind != "str" for _, kind in _event.fields)


_COLUMNS = {
    "time": np.int64,
    "event": np.uint8,
    "key": np.int32,
    "x": np.int64,
    "wide_row": np.int64,
    "wide": np.int64,
    "text_row": np.int64,
    "text": np.int64,
    "pieces": np.int64,
}


class Pile:
    """The decoded rows of one kind of stream as they come from the file, part after part."""

    def __init__(self) -> None:
        self.rows = 0
        self.lists: dict[str, list[Any]] = {name: [] for name in _COLUMNS}

    def add(self, columns: Columns, keys: Int64, gaps: Int64, texts: Int64) -> None:
        """One decoded part: ``keys`` and ``gaps`` (1 = the block could not be read to its end)
        belong to its spans, ``texts`` are the text indices of its text rows."""
        for name in ("time", "event", "key", "x", "wide"):
            self.lists[name].append(own(getattr(columns, name)))
        self.lists["wide_row"].append(columns.wide_row + self.rows)
        self.lists["text_row"].append(columns.text_row + self.rows)
        self.lists["text"].append(texts)
        self.lists["pieces"].append(np.stack([keys, columns.results[:, 2], gaps]))
        self.rows += len(columns.time)

    def take(self, name: str) -> Any:
        """One column end to end. It is let go here, so that memory holds it twice only for now."""
        arrays = self.lists.pop(name)
        if name == "pieces":
            return np.concatenate(arrays, axis=1) if arrays else np.empty((3, 0), np.int64)
        return np.concatenate(arrays) if arrays else np.empty(0, _COLUMNS[name])


@dataclass
class Sorted:
    """The rows of one kind of stream in order of time. Columns are those of ``decode.Columns``."""

    time: Int64
    event: NDArray[np.uint8]
    key: NDArray[np.int32]
    x: Int64
    wide_row: Int64
    wide_at: Int64
    """Where in ``wide`` the numbers of the row begin."""
    wide: Int64
    text: NDArray[np.int32]
    """A text index for each row, -1 = none."""
    filed: Int64 | None
    """LOOK: each row's place in the order before sorting by time; None = the same."""

    def numbers(self, name: str) -> tuple[Int64, Int64]:
        """The rows of one kind of event that has more numbers than ``x`` holds, in order, and a
        matrix with all its numbers."""
        event = spec.BY_NAME[name].number
        mine = self.event[self.wide_row] == event
        rows, starts = self.wide_row[mine], self.wide_at[mine]
        turn = np.argsort(rows)
        return rows[turn], self.wide[starts[turn, None] + np.arange(_NUMBERS[event])]


def sort(pile: Pile, stream: spec.Stream, begin_ns: int, end_ns: int) -> Sorted:
    """All rows of the pile, which is used up, in order. ``begin_ns`` and ``end_ns`` bound a gap
    that has no neighbour."""
    time = pile.take("time")
    by_stream, gap_rows = _by_stream(pile.take("pieces"), time, begin_ns, end_ns)
    gaps = gap_rows.shape[1]
    event = pile.take("event")
    wide_row, wide = pile.take("wide_row"), pile.take("wide")
    counts = _NUMBERS[event[wide_row]]
    wide_at = np.cumsum(counts) - counts
    key, x = pile.take("key"), pile.take("x")
    if gaps:
        kernel = stream == spec.Stream.KERNEL
        time = np.concatenate([time, gap_rows[1]])
        event = np.append(event, np.full(gaps, _LOST if kernel else _AGENT_LOST, np.uint8))
        key = np.append(key, gap_rows[0].astype(np.int32))
        x = np.append(x, np.zeros(gaps, np.int64))
        if kernel:  # LOST has two numbers: count (not known), since_ns
            wide_row = np.append(wide_row, len(event) - gaps + np.arange(gaps))
            wide_at = np.append(wide_at, len(wide) + 2 * np.arange(gaps))
            wide = np.append(wide, np.stack([np.zeros(gaps, np.int64), gap_rows[2]], axis=1))
    order = _order(time, by_stream)
    del by_stream
    text_row = pile.take("text_row")
    if order is not None:  # column after column, so that only one of them is there twice
        wide_row, text_row = _moved(wide_row, order), _moved(text_row, order)
        time = time[order]
        event = event[order]
        key = key[order]
        x = x[order]
    text = np.full(len(time), -1, np.int32)
    text[text_row] = pile.take("text")
    filed = order if stream == spec.Stream.LOOK else None  # only looks need it
    return Sorted(time, event, key, x, wide_row, wide_at, wide, text, filed)


def _moved(rows: Int64, order: Int64) -> Int64:
    """Where these rows (ascending) are after sorting."""
    mark = np.zeros(len(order), np.bool_)
    mark[rows] = True
    place = np.flatnonzero(mark[order])
    moved = np.empty(len(rows), np.int64)
    moved[np.searchsorted(rows, order[place])] = place
    return moved


def _by_stream(
    pieces: Int64, time: Int64, begin_ns: int, end_ns: int
) -> tuple[Int64 | None, Int64]:
    """The order of rows by key and then file, None where it is the file's own; and key, time, since
    of each gap. Gap rows are numbered behind all others. ``pieces``: keys, rows, gaps of blocks."""
    starts = np.cumsum(pieces[1]) - pieces[1]
    turn = np.argsort(pieces[0], kind="stable")
    key, rows, gap = pieces[:, turn]
    start = starts[turn]
    if not gap.any():
        in_order = np.array_equal(turn, np.arange(len(turn)))
        return None if in_order else ranges(start, rows), np.empty((3, 0), np.int64)
    gap_rows = _gaps(key, start, rows, gap, time, begin_ns, end_ns)
    # Each piece is followed by its gap, a range of no or one row behind all others.
    gap_start = len(time) + np.cumsum(gap) - gap
    both_start = np.stack([start, gap_start], axis=1).ravel()
    both_rows = np.stack([rows, gap], axis=1).ravel()
    return ranges(both_start, both_rows), gap_rows


def _gaps(
    key: Int64, start: Int64, rows: Int64, gap: Int64, time: Int64, begin_ns: int, end_ns: int
) -> Int64:
    full = np.flatnonzero(rows)
    at = np.flatnonzero(gap)
    last = np.searchsorted(full, at, side="right") - 1  # the last piece with rows, up to the gap's
    before = np.full(len(at), begin_ns, np.int64)
    after = np.full(len(at), end_ns, np.int64)
    if len(full):
        left = full[np.maximum(last, 0)]
        known = (last >= 0) & (key[left] == key[at])
        before[known] = time[(start + rows - 1)[left[known]]]
        right = full[np.minimum(last + 1, len(full) - 1)]
        known = (last + 1 < len(full)) & (key[right] == key[at])
        after[known] = time[start[right[known]]]
    after = np.maximum(after, before)
    return np.stack([key[at], after, after - before])


def ranges(start: Int64, length: Int64) -> Int64:
    """start[0], start[0] + 1, ... for each range, end to end."""
    total = int(length.sum())
    shift = start - (np.cumsum(length) - length)
    return np.repeat(shift, length) + np.arange(total)


def _order(time: Int64, by_stream: Int64 | None) -> Int64 | None:
    lined = time if by_stream is None else time[by_stream]
    if bool(np.all(lined[1:] >= lined[:-1])):
        return by_stream
    order = np.argsort(lined, kind="stable")
    return order if by_stream is None else by_stream[order]
