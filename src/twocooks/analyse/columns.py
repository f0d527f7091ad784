"""Small vectorised tools: forward fill, look-up by group and time, overlay, counting sweeps.

A *tiling* is a set of stretches, each with a group (a thread, a task), sorted by (group, start),
not overlapping within a group and never empty. All times are int64 nanoseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twocooks.analyse import fast
from twocooks.read.shape import distinct

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]
UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]

NO_REASON = 255
CHUNK = 1 << 17
FEW = 8
"""A table this many times as large as another is not copied to look things up in it."""


@dataclass(frozen=True)
class Pieces:
    """Stretches of many owners. ``owner`` is a thread or a task, as the holder says."""

    owner: Int32
    start: Int64
    end: Int64
    state: UInt8
    reason: UInt8
    core: Int32
    thread: Int32

    def __len__(self) -> int:
        return len(self.start)

    @property
    def length(self) -> Int64:
        """Nanoseconds of each stretch."""
        return self.end - self.start

    def rows_of(self, owner: int) -> slice:
        """The rows of one owner, of a table sorted by owner."""
        return rows_of(self.owner, owner)

    def take(self, which: Any) -> Pieces:
        """The stretches that a mask, slice or index array names."""
        if isinstance(which, np.ndarray) and which.dtype == bool:
            if which.all():
                return self
            which = np.flatnonzero(which)  # once, not for each column
        return Pieces(*(getattr(self, f.name)[which] for f in fields(self)))

    def during(self, begin: int, end: int) -> Pieces:
        """The stretches that reach into a time, in their order."""
        rows = self.rows_during(begin, end)
        return self if len(rows) == len(self) else self.take(rows)

    def rows_during(self, begin: int, end: int) -> Int64:
        """Which these are."""
        return np.flatnonzero((self.end > begin) & (self.start < end))

    def near(self, begin: int, end: int) -> int:
        """How many rows ``during`` looks at, about."""
        return len(self)

    def with_(self, **columns: Any) -> Pieces:
        """The same stretches with some columns replaced."""
        for name in ("owner", "core", "thread"):
            if name in columns:  # numbers of threads and tasks are small, and there are many
                columns[name] = columns[name].astype(np.int32, copy=False)
        return replace(self, **columns)

    @property
    def columns(self) -> tuple[Any, ...]:
        """All columns in their order."""
        return tuple(getattr(self, f.name) for f in fields(self))

    def ordered(self) -> Pieces:
        """Without empty stretches, sorted by owner and start."""
        if fast.is_ordered(self.owner, self.start, self.end):
            return self
        kept = self.take(self.end > self.start)
        if len(kept) < 2:
            return kept
        step = np.diff(kept.owner)
        if np.all((step > 0) | ((step == 0) & (np.diff(kept.start) >= 0))):
            return kept
        return kept.take(arranged(kept.owner, kept.start))


def rows_of(ids: NDArray[Any], wanted: int) -> slice:
    """Where a sorted column holds this number. (Asked in the column's own type: else numpy would
    make a wider copy of all of it for one look-up.)"""
    first, after = np.searchsorted(ids, np.array((wanted, wanted + 1), ids.dtype)).tolist()
    return slice(first, after)


def pieces(
    owner: Any, start: Any, end: Any, state: Any, reason: Any, core: Any, thread: Any
) -> Pieces:
    """Make Pieces from arrays or single values (``start`` must be an array)."""
    n = len(start)

    def full(value: Any, kind: Any) -> Any:
        return np.broadcast_to(np.asarray(value, dtype=kind), (n,)).copy()

    return Pieces(
        full(owner, np.int32),
        full(start, np.int64),
        full(end, np.int64),
        full(state, np.uint8),
        full(reason, np.uint8),
        full(core, np.int32),
        full(thread, np.int32),
    )


def no_pieces() -> Pieces:
    """No stretches."""
    return pieces(0, np.empty(0, np.int64), 0, 0, 0, 0, 0)


def join(parts: list[Pieces]) -> Pieces:
    """All stretches of several tables, in the tables' order."""
    if not parts:
        return no_pieces()
    return Pieces(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Pieces)))


def with_few(table: Pieces, few: Pieces) -> Pieces:
    """A sorted table with the stretches of a much smaller sorted one, each in its place (behind
    those that begin when it does)."""
    at = _behind(few.owner, few.start, table.owner, table.start)
    return Pieces(*(np.insert(a, at, b) for a, b in zip(table.columns, few.columns, strict=True)))


def _behind(
    group: NDArray[Any], time: Int64, in_group: NDArray[Any], in_time: Int64
) -> NDArray[Any]:
    """Places behind all that is not later in a sorted table. Halves the span of all questions at
    once; it makes no keys of the table, so it is for few questions to a large one."""
    if len(in_group):  # numbers that the table cannot hold are not in it: any other will do
        info = np.iinfo(in_group.dtype)
        group = np.clip(group, info.min, info.max).astype(in_group.dtype, copy=False)
    low = np.searchsorted(in_group, group, "left")
    high = np.searchsorted(in_group, group, "right")
    while (low < high).any():
        middle = (low + high) // 2
        before = in_time[np.minimum(middle, len(in_time) - 1)] <= time
        open_ = low < high
        low = np.where(open_ & before, middle + 1, low)
        high = np.where(open_ & ~before, middle, high)
    return low


def arranged(group: NDArray[Any], time: Int64 | None = None) -> Int64:
    """The stable order by (group, time), or by group alone."""
    order = fast.order(group, time)
    if order is not None:
        return order
    if time is None:
        return np.argsort(group, kind="stable")
    return np.lexsort((time, group))


def distinct_rows(*columns: NDArray[Any]) -> tuple[Int64, Int64]:
    """The distinct rows of a table, sorted, and which of them each row is."""
    code = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        values, rank = np.unique(column, return_inverse=True)
        # Ranked anew each time: the product of all would not fit.
        _, head, code = np.unique(
            code * len(values) + rank.reshape(-1), return_index=True, return_inverse=True
        )
        code = code.reshape(-1)
    return np.stack([column[head].astype(np.int64) for column in columns], axis=1), code


def marked(numbers: Any) -> Bool:
    """A table of all 256 numbers of a byte, True for these: a column looked up in it is tested many
    times faster than by ``np.isin``."""
    table = np.zeros(256, bool)
    table[list(numbers)] = True
    return table


def last_true(mask: Bool) -> Int64:
    """For each position the index of the last True at or before it, else -1."""
    return np.maximum.accumulate(np.where(mask, np.arange(len(mask)), -1))


def last_true_in(mask: Bool, first: NDArray[Any]) -> Int64:
    """``last_true`` that does not look back beyond ``first`` (the position where the group
    begins)."""
    found = last_true(mask)
    return np.where(found >= first, found, -1)


def group_first(group: NDArray[Any]) -> Int64:
    """For each row of a table sorted by group: the row where its group begins."""
    new = np.ones(len(group), bool)
    new[1:] = group[1:] != group[:-1]
    return last_true(new)


def keys(*tables: tuple[NDArray[Any], Int64]) -> list[Int64]:
    """One sortable int64 for each (group, time), comparable across the given tables."""
    filled = [t for t in tables if len(t[0])]
    if not filled:
        return [np.empty(0, np.int64) for _ in tables]
    low = min(int(time.min()) for _, time in filled)
    span = max(int(time.max()) for _, time in filled) - low + 1
    groups = max(int(group.max()) for group, _ in filled) + 2
    if groups * span < 2**62:
        return [group.astype(np.int64) * span + (time - low) for group, time in tables]
    # A very long run of very many threads: rank the times first.
    times = distinct(*(time for _, time in tables))
    return [
        group.astype(np.int64) * len(times) + np.searchsorted(times, time) for group, time in tables
    ]


def asof(group: NDArray[Any], time: Int64, in_group: NDArray[Any], in_time: Int64) -> Int64:
    """For each (group, time): the last row of the table sorted by (in_group, in_time) that has this
    group and is not later, else -1."""
    if not len(in_group) or not len(group):
        return np.full(len(group), -1, np.int64)
    told = fast.asof(group, time, in_group, in_time)
    if told is not None:
        return told
    if len(group) < len(in_group) // FEW:
        found = _behind(group, time, in_group, in_time) - 1
        good = (found >= 0) & (in_group[np.maximum(found, 0)] == group)
        return np.where(good, found, -1)
    wanted, have = keys((group, time), (in_group, in_time))
    found = np.searchsorted(have, wanted, "right") - 1
    good = (found >= 0) & (in_group[np.maximum(found, 0)] == group)
    return np.where(good, found, -1)


def overlay(
    a: Pieces, group: NDArray[Any], start: Int64, end: Int64
) -> tuple[Pieces, NDArray[Any]]:
    """Cut the tiling ``a`` (by its owner) at the borders of a second tiling. Returns the cut
    stretches and, for each, the row of the second tiling that covers it, or -1."""
    if not len(start) or not len(a):
        return a, np.full(len(a), -1, np.int64)
    cut = fast.overlay(a.columns, (group, start, end))
    if cut is not None:
        return Pieces(*cut[0]), cut[1]
    return _overlay(a, group, start, end)


def _overlay(a: Pieces, group: NDArray[Any], start: Int64, end: Int64) -> tuple[Pieces, Int64]:
    key_start, key_end, cut_start, cut_end = keys(
        (a.owner, a.start), (a.owner, a.end), (group, start), (group, end)
    )
    cuts = distinct(cut_start, cut_end)
    cut_time = np.empty(len(cuts), np.int64)
    for key, time in ((cut_start, start), (cut_end, end)):
        cut_time[np.searchsorted(cuts, key)] = time
    first = np.searchsorted(cuts, key_start, "right")
    extra = np.searchsorted(cuts, key_end, "left") - first
    if extra.any():
        row = np.repeat(np.arange(len(a)), extra + 1)
        place = np.arange(len(row)) - np.repeat(np.cumsum(extra + 1) - extra - 1, extra + 1)
        whole = a.take(row)
        left = np.where(
            place > 0, cut_time[np.minimum(first[row] + place - 1, len(cuts) - 1)], whole.start
        )
        right = np.where(
            place < extra[row], cut_time[np.minimum(first[row] + place, len(cuts) - 1)], whole.end
        )
        a = whole.with_(start=left, end=right)
    found = asof(a.owner, a.start, group, start)
    inside = (found >= 0) & (end[np.maximum(found, 0)] > a.start)
    return a, np.where(inside, found, -1)


def union(
    group: NDArray[Any], start: Int64, end: Int64
) -> tuple[NDArray[Any], Int64, Int64]:
    """Merge overlapping or touching stretches of each group into a tiling."""
    merged = fast.union(group, start, end)
    if merged is not None:
        return merged
    kept = end > start
    group, start, end = group[kept], start[kept], end[kept]
    if not len(group):
        return group, start, end
    order = np.lexsort((start, group))
    group, start, end = group[order], start[order], end[order]
    # Ranks instead of times: the running maximum must never mix groups and never overflow.
    times = distinct(start, end)
    shift = (np.cumsum(group_first(group) == np.arange(len(group))) - 1) * len(times)
    reach = np.maximum.accumulate(np.searchsorted(times, end) + shift)
    fresh = np.ones(len(group), bool)
    fresh[1:] = np.searchsorted(times, start[1:]) + shift[1:] > reach[:-1]
    heads = np.flatnonzero(fresh)
    last = np.append(heads[1:], len(group)) - 1
    return group[heads], start[heads], times[reach[last] - shift[last]]


@dataclass(frozen=True)
class Levels:
    """Several step functions over the same breaks: ``counts[name][i]`` holds in [time[i],
    time[i+1])."""

    time: Int64
    counts: dict[str, NDArray[Any]]

    @property
    def width(self) -> Int64:
        """Nanoseconds of each step; the last is 0."""
        if not len(self.time):
            return np.empty(0, np.int64)
        return np.append(np.diff(self.time), 0)

    def curve(self, name: str) -> tuple[Int64, NDArray[Any]]:
        """The breaks, and one count from each of them on."""
        return self.time, self.counts[name]

    def when(self, mask: Bool) -> int:
        """Total nanoseconds where the mask holds."""
        return sum(int(width[mask[rows]].sum()) for rows, width in self._parts())

    def integral(self, name: str, mask: Bool | None = None) -> int:
        """Count times nanoseconds (where the mask holds)."""
        whole = 0
        for rows, width in self._parts():
            both = width * self.counts[name][rows]
            whole += int(both.sum() if mask is None else both[mask[rows]].sum())
        return whole

    def _parts(self) -> Iterator[tuple[slice, Int64]]:
        """The widths of all steps but the last, which is 0, part by part: a column of them all
        would be as large as the times."""
        for first in range(0, len(self.time) - 1, CHUNK):
            after = min(first + CHUNK, len(self.time) - 1)
            yield slice(first, after), np.diff(self.time[first : after + 1])


def sweep(**stretches: tuple[Int64, Int64]) -> Levels:
    """How many stretches of each named set (starts, ends) are open, at all breaks of all sets."""
    parts = list(stretches.values())
    sizes = [len(start) for start, _ in parts]
    found = fast.sweep(
        np.concatenate([start for start, _ in parts]),
        np.concatenate([end for _, end in parts]),
        np.repeat(np.left_shift(1, np.arange(len(parts))), sizes).astype(np.uint8),
        len(parts),
    )
    if found is not None:
        return Levels(found[0], dict(zip(stretches, found[1], strict=True)))
    every = [part for pair in stretches.values() for part in pair]
    time = distinct(*every) if every else np.empty(0, np.int64)
    counts = {}
    for name, (start, end) in stretches.items():
        n = len(time)
        up = np.bincount(np.searchsorted(time, start), minlength=n)
        down = np.bincount(np.searchsorted(time, end), minlength=n)
        counts[name] = np.cumsum(up - down).astype(np.int64)
    return Levels(time, counts)


def sweep_sets(start: Int64, end: Int64, **sets: Bool) -> Levels:
    """``sweep`` for sets of the same stretches, each a mask over them. (Where a stretch of the same
    sets follows without a gap there need be no break.)"""
    bits = np.zeros(len(start), np.uint8)
    for place, mask in enumerate(sets.values()):
        bits |= mask.astype(np.uint8) << np.uint8(place)
    found = fast.sweep(start, end, bits, len(sets))
    if found is not None:
        return Levels(found[0], dict(zip(sets, found[1], strict=True)))
    return sweep(**{name: (start[mask], end[mask]) for name, mask in sets.items()})


def stretches_of(
    levels: Levels, name: str, low: int, high: int = 2**31 - 1, least: int = 0
) -> tuple[Int64, Int64]:
    """Starts and ends of the stretches in which low <= count <= high for at least so long."""
    count = levels.counts[name]
    found = fast.runs(levels.time, count, (low, high), least)
    if found is not None:
        return found  # type: ignore[no-any-return]
    mask = (count >= low) & (count <= high)
    return runs(levels, keep_long(levels, mask, least) if least else mask)


def lasts(levels: Levels, name: str, low: int, least: int) -> bool:
    """Whether the count is at least ``low`` anywhere for at least so long."""
    count = levels.counts[name]
    found = fast.longest_at(levels.time, count, low, least)
    if found is not None:
        return found
    return bool(keep_long(levels, count >= low, least).any())


def runs(levels: Levels, mask: Bool) -> tuple[Int64, Int64]:
    """Starts and ends of the unbroken stretches in which the mask holds."""
    edge = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    first, after = np.flatnonzero(edge == 1), np.flatnonzero(edge == -1)
    if not len(levels.time):
        return levels.time, levels.time
    return levels.time[first], levels.time[np.minimum(after, len(levels.time) - 1)]


def keep_long(levels: Levels, mask: Bool, least: int) -> Bool:
    """The mask without its unbroken stretches shorter than ``least`` nanoseconds."""
    edge = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    first, after = np.flatnonzero(edge == 1), np.flatnonzero(edge == -1)
    if not len(first):
        return mask
    time = levels.time
    long = time[np.minimum(after, len(time) - 1)] - time[first] >= least
    flags = np.zeros(len(mask) + 1, np.int64)
    np.add.at(flags, first[long], 1)
    np.add.at(flags, after[long], -1)
    return np.cumsum(flags)[:-1] > 0


def shared(one: tuple[Int64, Int64], other: tuple[Int64, Int64]) -> int:
    """Nanoseconds that two sorted, disjoint sets of stretches share."""
    found = fast.shared(one, other)
    return int(covered(*one, *other).sum()) if found is None else found


def covered(began: Int64, ended: Int64, start: Int64, end: Int64) -> NDArray[np.float64]:
    """How many nanoseconds of each interval lie in the (sorted, disjoint) stretches."""
    if not len(start):
        return np.zeros(len(began))
    total = np.concatenate([[0], np.cumsum(end - start)])

    def until(when: Int64) -> Int64:
        row = np.searchsorted(start, when, "right") - 1
        inside = np.clip(when - start[np.maximum(row, 0)], 0, (end - start)[np.maximum(row, 0)])
        return np.where(row >= 0, total[np.maximum(row, 0)] + inside, 0)

    return (until(ended) - until(began)).astype(np.float64)
