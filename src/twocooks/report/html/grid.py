"""The time axis of the page in whole numbers, and which moments of a run the page keeps.

**One moment a column.** A pixel of the picture covers milliseconds, in which two threads may hand
the GIL to and fro a hundred times; drawn wherever something happened, turns would look parallel.
So a column of pixels shows what was the case at *one moment inside it*: all lanes, cores and
numbers of that column are of the same moment. Two lanes are then solid in one column only if two
tasks really had hands at one moment, and the ink of a lane is in the long run proportional to its
seconds. No state of one moment is mixed with another's.

**Hand-overs.** When the GIL or a lock changes hands, both threads are on cores for some
microseconds. A moment that falls into one is moved out of it, to just before or after, as long as
it stays in its column (``Grid.moments``; the page does the same for exact data).

**Detail.** A small run is given whole: its numbers are a power of two of nanoseconds, and the page
picks the moments itself, as far in as one likes. Of a large one the page gets the moments of a grid
as fine as its size allows. Coarser grids are not sent: they are *subsets* of the finest one
(``web/src/moments.ts``), so what was visible stays visible when one looks closer.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twocooks.analyse.coincide import HAND_OVER_NS
from twocooks.analyse.result import Analysis, Steps
from twocooks.read.shape import distinct

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

HAND_OVER_S = HAND_OVER_NS / 1e9
MOST_NUMBERS = 2**30
"""So many numbers an exact axis may have; the page computes with 32 bits."""
MOST_MOMENTS, LEAST_MOMENTS = 2**16, 2**9
GOLDEN = 0.6180339887498949
JUST_S = 1e-9


class Stretches(NamedTuple):
    """From when to when."""

    start: Float64
    end: Float64


def hand_overs(analysis: Analysis) -> Stretches:
    """When more tasks were on cores than a picture may show."""
    most, shown = analysis.at_work, analysis.hands
    times = distinct(most.time, shown.time)
    if len(times) == 0:
        return Stretches(np.empty(0), np.empty(0))
    more = at(most, times) > at(shown, times)
    edge = np.diff(np.concatenate(([0], more.astype(np.int8), [0])))
    begin, stop = np.flatnonzero(edge > 0), np.flatnonzero(edge < 0)
    return Stretches(times[begin], times[np.minimum(stop, len(times) - 1)])


def at(steps: Steps, times: Float64) -> Int64:
    """The value of a step function at each time; 0 outside of it."""
    if len(steps.time) == 0:
        return np.zeros(len(times), np.int64)
    place = np.searchsorted(steps.time, times, "right") - 1
    found: Int64 = np.where(place < 0, 0, steps.value[np.maximum(place, 0)]).astype(np.int64)
    return found


class Grid(NamedTuple):
    """The axis: number u stands for ``start_s + u * unit_s``."""

    start_s: float
    unit_s: float
    size: int
    """How many numbers it has."""
    moments: Float64 | None
    """The moment that stands for each number, or None: the axis is exact."""

    def cut(self, start: Float64, end: Float64) -> tuple[Int64, Int64]:
        """From which number up to which other (not included) the stretches reach; nothing where
        they hold no moment."""
        if self.moments is None:
            low = np.rint((start - self.start_s) / self.unit_s)
            high = np.rint((end - self.start_s) / self.unit_s)
            return (
                np.clip(low, 0, self.size).astype(np.int64),
                np.clip(high, 0, self.size).astype(np.int64),
            )
        return np.searchsorted(self.moments, start), np.searchsorted(self.moments, end)


def window(analysis: Analysis) -> tuple[float, float]:
    """What the picture shows, from the first to the last work; never empty."""
    start, end = analysis.window_s
    if not end > start:
        start, end = 0.0, float(analysis.summary.get("wall_s") or 0.0)
    return (start, end) if end > start else (start, start + 1e-6)


def exact(analysis: Analysis) -> Grid:
    """An axis as fine as 2, 4, 8, ... ns allow."""
    start, end = window(analysis)
    unit = 1
    while (end - start) * 1e9 / unit > MOST_NUMBERS:
        unit *= 2
    count = int(np.ceil((end - start) * 1e9 / unit - 1e-6))
    return Grid(start, unit / 1e9, max(count, 1), None)


def moments(analysis: Analysis, count: int) -> Grid:
    """An axis of so many moments, one in each equal part of the time."""
    start, end = window(analysis)
    unit = (end - start) / count
    low = start + unit * np.arange(count)
    chosen = low + unit * (GOLDEN * np.arange(1, count + 1) % 1.0)
    spans = hand_overs(analysis)
    if len(spans.start):
        row = np.searchsorted(spans.start, chosen, "right") - 1
        inside = (row >= 0) & (chosen < spans.end[row])
        before, after = spans.start[row] - JUST_S, spans.end[row]
        away = np.where(
            before >= low, before, np.where(after < low + unit, after, chosen)
        )
        chosen = np.where(inside, away, chosen)
    return Grid(start, unit, count, np.maximum.accumulate(chosen))


def coarser(grid: Grid) -> tuple[Grid, Int64]:
    """Every second moment, first or second of each pair by turns that look like chance; and for
    each old number how many of the new moments lie before it."""
    assert grid.moments is not None
    half = grid.size // 2
    number = np.arange(half)
    keep = 2 * number + (((number * 0x9E3779B1) >> 13) & 1)
    kept = np.zeros(grid.size + 1, np.int64)
    kept[keep + 1] = 1
    fewer = Grid(grid.start_s, grid.unit_s * 2, half, grid.moments[keep])
    return fewer, np.cumsum(kept)
