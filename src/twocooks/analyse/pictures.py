"""The pictures of a run, made when a report asks for them: stretches of tasks and cores, curves.

A summary needs none of them, and for a large run they would cost more than all else. So
``Analysis`` gets objects that look like ``Segments``, ``Core`` and ``Steps`` and are computed at
the first look: the stretches of all tasks at once, of which each task shows a part.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from twocooks.analyse.columns import NO_REASON, Int32, Int64, Pieces, arranged
from twocooks.analyse.result import Core, Segments, Steps
from twocooks.analyse.timeline import Timeline
from twocooks.model import State
from twocooks.read.shape import distinct


def seconds(line: Timeline, time: Int64) -> np.ndarray:
    """Seconds since the start of the run."""
    return (time - line.start_ns) / 1e9


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


def cores(line: Timeline, number: Int64) -> list[Core]:
    """One row per core; UNKNOWN stretches stand on the core whose records were lost. ``number``:
    the reported task of each task."""
    slices = _OnCores(line, number)
    on = line.slices.core[line.slices.state == State.WORKING]
    seen = np.bincount(on[on >= 0])  # a damaged file may have work on no core
    return [LateCore(slices, cpu) for cpu in np.flatnonzero(seen).tolist()]
