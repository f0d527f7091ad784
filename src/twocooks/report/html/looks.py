"""What looks at running threads tell of the lanes: where it was Python, where native code.

A look (``analyse.split``) is one moment, some forty a second in all. What stands in the picture is
its surroundings, by one rule: inside the unbroken stretch of work that it was made in, halfway to
the task's next look there, and no further than ``REACH_S``. So what nobody looked at stays plain
work, and of what was looked at each look has its share: in the long run the ink of native code is
to that of Python code as their looks are. Between two looks it may have been otherwise; the page
says "about".
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twocooks.analyse.result import Looks, Picture
from twocooks.model import State
from twocooks.read.shape import distinct
from twocooks.report.html.contract import REASON_STEP, SEEN_NATIVE, SEEN_PYTHON
from twocooks.report.html.grid import Float64, Int64

REACH_S = 0.05
"""The recorder looks at one thread each 25 ms, by turns of the cores: with a handful of them busy,
looks at one are so far apart that these reaches meet."""
PUSHED_S = 0.001
"""A thread that was pushed off its core for the look itself shows what it was doing until then."""

Columns = tuple[Int64, Float64, Float64, Int64]
"""Lane, start, end and code of stretches, sorted by lane and start."""


class Met(NamedTuple):
    """Looks at work, sorted by stretch and time."""

    row: Int64
    """The stretch of work that it was made in."""
    time: Float64
    """The moment in it."""
    native: NDArray[np.bool_]


def looked_at(whole: Columns, looks: Looks) -> Columns:
    """The stretches, with work around looks as stretches of their own."""
    row, time = _met(whole, looks)
    return cut_at(whole, _sorted(row, time, looks))


def met_in(picture: Picture, looks: Looks) -> Met:
    """The same looks in a picture, whose stretches have their own numbers."""
    row = np.full(len(looks.task), -1, np.int64)
    time = looks.time_s.copy()
    for i, (task, moment) in enumerate(zip(looks.task.tolist(), time.tolist(), strict=True)):
        for number, end, working in picture.before(task, moment):
            if working:
                if moment <= end + PUSHED_S:
                    row[i], time[i] = number, min(moment, end)
                break
    return _sorted(row, time, looks)


def of_part(rows: Int64, met: Met) -> Met:
    """Those looks that were made in one of these stretches; ``row`` is the place in ``rows``."""
    if not len(rows) or not len(met.row):
        return Met(met.row[:0], met.time[:0], met.native[:0])
    order = np.argsort(rows)
    place = np.minimum(np.searchsorted(rows[order], met.row), len(rows) - 1)
    place = order[place]
    here = rows[place] == met.row
    row, time, native = place[here], met.time[here], met.native[here]
    order = np.lexsort((time, row))
    return Met(row[order], time[order], native[order])


def _sorted(row: Int64, time: Float64, looks: Looks) -> Met:
    seen = row >= 0
    row, time, native = row[seen], time[seen], looks.native[seen]
    order = np.lexsort((time, row))
    return Met(row[order], time[order], native[order])


def cut_at(whole: Columns, met: Met) -> Columns:
    """The stretches, with work around these looks as stretches of their own."""
    lane, start, end, code = whole
    row, time, native = met
    if not len(row):
        return whole
    same = row[1:] == row[:-1]
    half = (time[1:] + time[:-1]) / 2
    low = np.maximum(start[row], time - REACH_S)
    high = np.minimum(end[row], time + REACH_S)
    low[1:][same] = np.maximum(low[1:], half)[same]
    high[:-1][same] = np.minimum(high[:-1], half)[same]
    # Of each stretch: before a look, around it, and behind the last one.
    before = start[row].copy()
    before[1:][same] = high[:-1][same]
    last = np.append(~same, True)
    said = State.WORKING + REASON_STEP * np.where(native, SEEN_NATIVE, SEEN_PYTHON)
    parts = (
        (row, before, low, code[row]),
        (row, low, high, said),
        (row[last], high[last], end[row[last]], code[row[last]]),
    )
    of, begin, stop, what = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((begin, of))
    order = order[stop[order] > begin[order]]
    of, begin, stop, what = of[order], begin[order], stop[order], what[order]
    cut = distinct(of)
    place = of - np.searchsorted(cut, of)  # where its row stood, once all of these are taken out

    def mixed(column: NDArray[Any], new: NDArray[Any]) -> NDArray[Any]:
        return np.insert(np.delete(column, cut), place, new)

    return mixed(lane, lane[of]), mixed(start, begin), mixed(end, stop), mixed(code, what)


def _met(whole: Columns, looks: Looks) -> tuple[Int64, Float64]:
    """Of each look the stretch of work that it was made in (-1 = none), and its moment in it."""
    lane, start, end, code = whole
    edges = np.searchsorted(lane, np.arange(int(looks.task.max(initial=-1)) + 2))
    row = np.full(len(looks.task), -1, np.int64)
    time = looks.time_s.copy()
    working = code % REASON_STEP == State.WORKING
    for i, (task, moment) in enumerate(zip(looks.task.tolist(), time.tolist(), strict=True)):
        first, after = int(edges[task]), int(edges[task + 1])
        at = first + int(np.searchsorted(start[first:after], moment, "right")) - 1
        if at > first and not working[at]:
            at -= 1
        if at >= first and working[at] and moment <= end[at] + PUSHED_S:
            row[i], time[i] = at, min(moment, float(end[at]))
    return row, time
