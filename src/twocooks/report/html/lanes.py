"""Lanes as runs: what each task, each folding row and each core shows from which number of the axis
on. Consecutive stretches that show the same are one run; a run that holds no moment is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twocooks.analyse.result import Analysis, Core, Task
from twocooks.model import State
from twocooks.report.html.contract import (
    BLANK,
    CORE_IDLE,
    CORE_PROGRAM,
    CORE_TASK,
    CORE_UNKNOWN,
    NO_REASON,
    REASON_STEP,
)
from twocooks.report.html.grid import (
    LEAST_MOMENTS,
    MOST_MOMENTS,
    Float64,
    Grid,
    Int64,
    coarser,
    exact,
    moments,
)
from twocooks.report.html.looks import Met, cut_at, looked_at, met_in, of_part

MOST_EXACT = 250_000
"""So many stretches of tasks and cores are given as they are."""
MOST_RUNS = 800_000
"""So many runs a sampled page may have: with the rest of it, mostly less than 5 MB."""

STRENGTH = (State.WORKING, State.IN_LINE, State.WANTS_TOOL, State.WAITING, State.DELEGATED)
"""What a folding row shows of the tasks in it: the first of these that one of them does."""


class Runs(NamedTuple):
    """Sorted by lane and start, not overlapping inside a lane."""

    lane: Int64
    start: Int64
    end: Int64
    code: Int64

    def take(self, rows: NDArray[np.bool_]) -> Runs:
        return Runs(*(column[rows] for column in self))


class Raw(NamedTuple):
    """Stretches in seconds, sorted by lane and start."""

    lane: NDArray[Any]
    start: Float64
    end: Float64
    code: Int64

    def take(self, rows: NDArray[np.bool_]) -> Raw:
        return Raw(self.lane[rows], self.start[rows], self.end[rows], self.code[rows])


class Lanes(NamedTuple):
    """All that is drawn in lanes, on one axis."""

    grid: Grid
    tasks: Runs
    cores: Runs


def lanes(
    analysis: Analysis, most_exact: int = MOST_EXACT, most_runs: int = MOST_RUNS
) -> Lanes:
    """The lanes of all tasks and cores, exact or as fine as the size allows."""
    return lanes_of(raw(analysis), analysis, most_exact, most_runs)


def raw(analysis: Analysis) -> Parts:
    """The stretches of all tasks and of all cores."""
    return Parts(analysis, None)


def lanes_within(inside: Analysis, met: Met, most_exact: int, most_runs: int) -> Lanes:
    """The lanes of a window. ``inside``: the analysis with its curves cut; ``met``: its looks."""
    return lanes_of(Parts(inside, inside.window_s, met), inside, most_exact, most_runs)


class Parts:
    """The stretches of tasks and of cores, part by part, as often as they are asked for; large
    ones are never there all at once. The rows of cores are told only where there are any."""

    def __init__(
        self, analysis: Analysis, span: tuple[float, float] | None, met: Met | None = None
    ) -> None:
        self._analysis, self._span = analysis, span
        picture = analysis.picture
        self._picture = picture if picture is not None and picture.of is analysis.tasks else None
        if met is None and self._picture is not None:
            met = met_in(self._picture, analysis.looks)
        self._met = met
        self._few: tuple[list[Raw], list[Raw]] | None = None

    def tasks(self) -> Iterator[Raw]:
        if self._picture is None or self._met is None:
            yield Raw(*looked_at(_of_tasks(self._analysis.tasks), self._analysis.looks))
            return
        for part in self._picture.tasks(self._span):
            code = part.state.astype(np.int64) + REASON_STEP * np.minimum(part.reason, NO_REASON)
            whole = (part.lane.astype(np.int64), part.start, part.end, code)
            found = Raw(*cut_at(whole, of_part(part.row, self._met)))
            if self._span is not None:
                rows = (found.end > self._span[0]) & (found.start < self._span[1])
                found = found.take(rows)
            yield found

    def cores(self) -> Iterator[Raw]:
        if self._picture is None or not self._analysis.cores:
            yield _of_cores(self._analysis.cores)
            return
        for part in self._picture.cores(self._span):
            yield Raw(part.lane, part.start, part.end, _code_of(part.task.astype(np.int64)))

    def few(self, most: int) -> tuple[list[Raw], list[Raw]] | None:
        """All of them, if they are not more."""
        if self._few is not None:
            rows = sum(len(part.lane) for some in self._few for part in some)
            return self._few if rows <= most else None
        both: tuple[list[Raw], list[Raw]] = ([], [])
        for found, parts in zip(both, (self.tasks(), self.cores()), strict=True):
            for part in parts:
                found.append(part)
                most -= len(part.lane)
                if most < 0:
                    return None
        self._few = both
        return both


def lanes_of(parts: Parts, analysis: Analysis, most_exact: int, most_runs: int) -> Lanes:
    """As ``lanes``; the stretches may be fewer than those of the analysis."""
    few = parts.few(most_exact)
    if few is not None:
        grid = exact(analysis)
        return Lanes(grid, _all_runs(few[0], grid), _all_runs(few[1], grid))
    grid = moments(analysis, MOST_MOMENTS)
    tasks, cores = _all_runs(parts.tasks(), grid), _all_runs(parts.cores(), grid)
    while len(tasks.lane) + len(cores.lane) > most_runs and grid.size > LEAST_MOMENTS:
        grid, before = coarser(grid)
        tasks, cores = _fewer(tasks, before), _fewer(cores, before)
    return Lanes(grid, tasks, cores)


def core_runs(cores: Sequence[Core], grid: Grid) -> Runs:
    """Rows of the kind that ``Analysis.cores`` has, on an axis that is there already."""
    return _runs(_of_cores(cores), grid)


def _of_tasks(tasks: Sequence[Task]) -> Raw:
    parts = [task.segments for task in tasks]
    start = _joined([part.start for part in parts], np.float64)
    lengths = [len(part.start) for part in parts]
    state = _joined([part.state for part in parts], np.int64)
    reason = _joined([part.reason for part in parts], np.int64)
    return Raw(
        np.repeat(np.arange(len(parts)), lengths).astype(np.int64),
        start,
        _joined([part.end for part in parts], np.float64),
        state + REASON_STEP * np.minimum(reason, NO_REASON),
    )


def _of_cores(cores: Sequence[Core]) -> Raw:
    code = _code_of(_joined([core.task for core in cores], np.int64))
    return Raw(
        np.repeat(np.arange(len(cores)), [len(core.start) for core in cores]).astype(np.int64),
        _joined([core.start for core in cores], np.float64),
        _joined([core.end for core in cores], np.float64),
        code,
    )


def _code_of(task: Int64) -> Int64:
    """What a core shows: the program alone, nothing that is known, or a task."""
    return np.where(task == -1, CORE_PROGRAM, np.where(task < -1, CORE_UNKNOWN, task + CORE_TASK))


def _joined(parts: Sequence[NDArray[Any]], kind: type) -> NDArray[Any]:
    return np.concatenate(parts).astype(kind) if parts else np.empty(0, kind)


def _all_runs(parts: Iterable[Raw], grid: Grid) -> Runs:
    """The runs of all parts. (Those of two parts may be one: a lane may go on in the next.)"""
    each = [_runs(part, grid) for part in parts]
    whole = Runs(*(_joined([part[i] for part in each], np.int64) for i in range(4)))
    return _merged(whole)


def _runs(raw: Raw, grid: Grid) -> Runs:
    low, high = grid.cut(raw.start, raw.end)
    whole = Runs(raw.lane, low, high, raw.code)
    return _merged(whole.take(high > low))


def _fewer(runs: Runs, before: Int64) -> Runs:
    low, high = before[runs.start], before[runs.end]
    return _merged(runs._replace(start=low, end=high).take(high > low))


def _merged(runs: Runs) -> Runs:
    """Neighbours that show the same become one."""
    n = len(runs.lane)
    if n == 0:
        return runs
    new = np.ones(n, bool)
    new[1:] = (
        (runs.lane[1:] != runs.lane[:-1])
        | (runs.code[1:] != runs.code[:-1])
        | (runs.start[1:] != runs.end[:-1])
    )
    first = np.flatnonzero(new)
    last = np.append(first[1:], n) - 1
    return Runs(runs.lane[first], runs.start[first], runs.end[last], runs.code[first])


def with_gaps(runs: Runs, count: int, blank: int) -> tuple[Int64, Int64, Int64]:
    """The runs as the page has them: lengths and codes with the gaps between them as runs of their
    own, from the axis's begin, and how many each of the lanes ``0 .. count - 1`` has."""
    before = np.zeros(len(runs.lane), np.int64)
    if len(before):
        same = runs.lane[1:] == runs.lane[:-1]
        before[1:][same] = runs.end[:-1][same]
    gap = runs.start - before
    row = np.flatnonzero(gap > 0)
    place = np.arange(len(gap)) + np.cumsum(gap > 0)  # of each run among all
    total = len(gap) + len(row)
    length, code = np.empty(total, np.int64), np.full(total, blank, np.int64)
    length[place], code[place] = runs.end - runs.start, runs.code
    length[place[row] - 1] = gap[row]
    each = np.bincount(runs.lane, minlength=count) + np.bincount(runs.lane[row], minlength=count)
    return length, code, each.astype(np.int64)


def folded(tasks: Runs, node: Int64, nodes: int) -> tuple[Runs, Int64]:
    """The lanes of rows that others fold into: at each moment the strongest state of the tasks in
    it, and how many of them are at work. ``node``: the row of each task, -1 = none."""
    home = node[tasks.lane] if len(node) else tasks.lane
    ours = tasks.take(home >= 0)
    home = home[home >= 0]
    if len(home) == 0:
        none = np.empty(0, np.int64)
        return Runs(none, none, none, none), none
    state = ours.code % REASON_STEP
    when = np.concatenate([ours.start, ours.end])
    who = np.concatenate([home, home])
    order = np.lexsort((when, who))
    when, who = when[order], who[order]
    what = np.concatenate([state, state])[order]
    by = np.concatenate([np.ones(len(home), np.int64), -np.ones(len(home), np.int64)])[order]
    last = np.ones(len(when), bool)
    last[:-1] = (when[1:] != when[:-1]) | (who[1:] != who[:-1])
    shown = np.full(int(last.sum()), BLANK, np.int64)
    for one in (State.UNKNOWN, *reversed(STRENGTH)):
        count = np.cumsum(np.where(what == one, by, 0))[last]
        shown[count > 0] = int(one)
    hands = np.cumsum(np.where(what == State.WORKING, by, 0))[last]
    when, who = when[last], who[last]
    stop = np.append(when[1:], 0)
    alive = shown != BLANK
    # Hands are a part of the code while neighbours are merged.
    wide = Runs(who, when, stop, shown + REASON_STEP * hands).take(alive)
    merged = _merged(wide)
    code = merged.code % REASON_STEP + REASON_STEP * NO_REASON
    return merged._replace(code=code), merged.code // REASON_STEP


CORE_BLANK = CORE_IDLE
TASK_BLANK = BLANK + REASON_STEP * NO_REASON
