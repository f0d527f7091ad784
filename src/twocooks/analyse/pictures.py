"""The pictures of a run, made when a report asks for them: stretches of tasks and cores, curves.

A summary needs none of them, and for a large run they would cost more than all else. So
``Analysis`` gets objects that look like ``Segments``, ``Core`` and ``Steps`` and are computed at
the first look: the stretches of all tasks at once, of which each task shows a part.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np

from twocooks.analyse.columns import NO_REASON, Int32, Int64, Pieces, arranged
from twocooks.analyse.result import Core, OfCores, OfTasks, Segments, Span, Steps, Task
from twocooks.analyse.timeline import Timeline
from twocooks.model import State
from twocooks.read.order import ranges
from twocooks.read.shape import distinct


def seconds(line: Timeline, time: Int64) -> np.ndarray:
    """Seconds since the start of the run."""
    return (time - line.start_ns) / 1e9


PART = 1 << 19
"""So many rows are handed over at once."""
NEAR_NS = 1_000
"""More than a time in seconds can be off."""


class Stretches:
    """The stretches of all tasks of a table as ``Segments``, computed once."""

    def __init__(self, line: Timeline, table: Pieces) -> None:
        self._line, self._table = line, table

    @cached_property
    def whole(self) -> Segments:
        """All tasks', end to end."""
        line, table = self._line, self._table
        state = table.state
        bare = (state == State.WORKING) | (state == State.UNKNOWN)
        return Segments(
            start=seconds(line, table.start),
            end=seconds(line, table.end),
            state=state,
            reason=np.where(bare, NO_REASON, table.reason).astype(np.uint8),
            core=np.where(state == State.WORKING, table.core, -1).astype(np.int32),
        )


class LateSegments(Segments):
    """Rows of a table of stretches, as ``Segments``."""

    def __init__(self, stretches: Stretches, rows: slice) -> None:
        object.__setattr__(self, "_from", (stretches, rows))

    def __getattribute__(self, name: str) -> Any:
        if name in ("start", "end", "state", "reason", "core"):
            stretches, rows = object.__getattribute__(self, "_from")
            return getattr(stretches.whole, name)[rows]
        return object.__getattribute__(self, name)


class LateSteps(Steps):
    """One of the curves, as ``Steps``."""

    def __init__(self, line: Timeline, counted: Callable[[], tuple[Int64, Int32]]) -> None:
        object.__setattr__(self, "_from", (line, counted))

    def __getattr__(self, name: str) -> Any:
        if name not in ("time", "value"):
            raise AttributeError(name)
        line, counted = self._from
        breaks, value = counted()
        change = np.ones(len(value), bool)
        change[1:] = value[1:] != value[:-1]
        object.__setattr__(self, "time", seconds(line, breaks[change]))
        object.__setattr__(self, "value", value[change].astype(np.int32))
        return object.__getattribute__(self, name)


class _OnCores:
    """The slices of all cores, computed once."""

    def __init__(self, line: Timeline, number: Int64) -> None:
        self._line, self._number = line, number

    @cached_property
    def whole(self) -> dict[int, Core]:
        """By CPU number."""
        line, s = self._line, self._line.slices
        on = np.flatnonzero(s.state == State.WORKING)
        order = on[arranged(s.core[on], s.start[on])]
        which, owner = s.core[order], s.owner[order]
        task = np.where(owner >= 0, self._number[np.maximum(owner, 0)], -1).astype(np.int32)
        begin, end = seconds(line, s.start[order]), seconds(line, s.end[order])
        tid = line.threads.tid[s.thread[order]].astype(np.int32)
        out = {}
        for cpu in distinct(which).tolist():
            rows = slice(*np.searchsorted(which, (cpu, cpu + 1)).tolist())
            out[cpu] = Core(cpu, begin[rows], end[rows], task[rows], tid[rows])
        return out


class LateCore(Core):
    """One core's slices, as ``Core``."""

    def __init__(self, slices: _OnCores, cpu: int) -> None:
        object.__setattr__(self, "_from", slices)
        object.__setattr__(self, "cpu", cpu)

    def __getattribute__(self, name: str) -> Any:
        if name in ("start", "end", "task", "tid"):
            slices, cpu = object.__getattribute__(self, "_from"), self.cpu
            return getattr(slices.whole[cpu], name)
        return object.__getattribute__(self, name)


class Stock:
    """``result.Picture`` of a timeline. ``ids``: its tasks in the order of their lanes; ``cpus``:
    its cores in theirs."""

    def __init__(self, line: Timeline, ids: Int64, cpus: list[int], of: list[Task]) -> None:
        self._line, self._ids, self.of = line, ids, of
        self._number = np.full(len(line.book) + 1, -1, np.int32)
        self._number[ids] = np.arange(len(ids))
        self._lane = np.full(max(cpus, default=0) + 2, -1, np.int32)
        self._lane[cpus] = np.arange(len(cpus))

    def tasks(self, span: Span | None = None) -> Iterator[OfTasks]:
        table, window = self._line.table, self._window(span)
        if window is not None and table.near(*window) <= PART:
            few = table.during(*window)
            lane = self._number[few.owner]
            order = arranged(lane)
            order = order[lane[order] >= 0]
            yield from self._of_tasks(few, order, table.rows_during(*window)[order], span)
            return
        owner = self._ids.astype(table.owner.dtype)
        first = np.searchsorted(table.owner, owner, "left")
        count = np.searchsorted(table.owner, owner, "right") - first
        for some in _groups(count):
            rows = ranges(first[some], count[some])
            yield from self._of_tasks(table, rows, rows, span)

    def _of_tasks(
        self, table: Pieces, rows: Int64, own: Int64, span: Span | None
    ) -> Iterator[OfTasks]:
        """Some rows of a table; ``own``: their numbers in the table of all."""
        for at in range(0, len(rows), PART):
            part, number = rows[at : at + PART], own[at : at + PART]
            start, end = (seconds(self._line, time[part]) for time in (table.start, table.end))
            if span is not None:
                some = (end > span[0]) & (start < span[1])
                part, number, start, end = part[some], number[some], start[some], end[some]
            state = table.state[part]
            bare = (state == State.WORKING) | (state == State.UNKNOWN)
            reason = np.where(bare, NO_REASON, table.reason[part]).astype(np.uint8)
            yield OfTasks(number, self._number[table.owner[part]], start, end, state, reason)

    def before(self, task: int, time_s: float) -> list[tuple[int, float, bool]]:
        table, line = self._line.table, self._line
        mine = range(*table.rows_of(int(self._ids[task])).indices(len(table)))

        def begins(row: int) -> float:
            return float((table.start[row] - line.start_ns) / 1e9)

        after = mine.start + bisect_right(mine, time_s, key=begins)
        return [
            (row, float((table.end[row] - line.start_ns) / 1e9),
             bool(table.state[row] == State.WORKING))
            for row in range(after - 1, max(after - 3, mine.start - 1), -1)
        ]  # fmt: skip

    def cores(self, span: Span | None = None) -> Iterator[OfCores]:
        s, window = self._line.slices, self._window(span)
        if window is not None:
            s = s.during(*window)
        on = np.flatnonzero((s.state == State.WORKING) & (s.core >= 0))
        order = on[arranged(s.core[on], s.start[on])]
        del on
        for at in range(0, len(order), PART):
            part = order[at : at + PART]
            start, end = (seconds(self._line, time[part]) for time in (s.start, s.end))
            if span is not None:
                some = (end > span[0]) & (start < span[1])
                part, start, end = part[some], start[some], end[some]
            owner = s.owner[part]
            task = np.where(owner >= 0, self._number[np.maximum(owner, 0)], np.int32(-1))
            yield OfCores(self._lane[s.core[part]], start, end, task)

    def _window(self, span: Span | None) -> tuple[int, int] | None:
        """The span in ns of the trace's clock, a little more of it: what is inside the seconds
        say."""
        if span is None:
            return None
        low, high = (self._line.start_ns + round(edge * 1e9) for edge in span)
        return low - NEAR_NS, high + NEAR_NS


def _groups(count: Int64) -> Iterator[slice]:
    """Neighbours that have not more than ``PART`` rows together, or are alone."""
    total, first = np.cumsum(count), 0
    while first < len(count):
        before = int(total[first - 1]) if first else 0
        after = max(first + 1, int(np.searchsorted(total, before + PART, "right")))
        yield slice(first, after)
        first = after


def cores(line: Timeline, number: Int64) -> list[Core]:
    """One row per core; UNKNOWN stretches stand on the core whose records were lost. ``number``:
    the reported task of each task."""
    slices = _OnCores(line, number)
    on = line.slices.core[line.slices.state == State.WORKING]
    seen = np.bincount(on[on >= 0])  # a damaged file may have work on no core
    return [LateCore(slices, cpu) for cpu in np.flatnonzero(seen).tolist()]
