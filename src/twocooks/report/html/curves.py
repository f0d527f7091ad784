"""The counts over time, as sums that the page can cut anywhere.

A small run's step functions are given as they are: cells of the axis in which nothing changes. Of a
large one the page gets equal cells with exact sums; a selection then reaches from cell to cell, so
what it says stays exact.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twocooks.analyse.result import Analysis, Steps
from twocooks.read.shape import distinct
from twocooks.report.html.grid import Float64, Int64, at, window

MOST_STEPS = 100_000
CELLS = 8192

COUNTS = ("on_the_go", "at_work", "hands", "wanted", "cores_used")
LEVELS = (("on_the_go", 1), ("on_the_go", 2), ("at_work", 1), ("hands", 2), ("wanted", 2))
"""Of which curves the time at so much and more is told."""


class Curves(NamedTuple):
    """Cells, and what is counted in each."""

    edges: Float64
    """One more than cells."""
    values: dict[str, Int64] | None
    """Of each of ``COUNTS`` the value in each cell, where nothing changes inside of cells."""
    sums: dict[str, Float64]
    """Else: the integral of each in each cell, and ``hands_2``: seconds with two and more."""
    most: dict[str, Int64]
    """Else: the greatest value of ``on_the_go`` and ``hands`` in each cell."""


def curves(analysis: Analysis, most_steps: int = MOST_STEPS, cells: int = CELLS) -> Curves:
    """The counts over the window, exact or in equal cells."""
    start, end = window(analysis)
    steps: dict[str, Steps] = {name: getattr(analysis, name) for name in COUNTS}
    if not any(_more(one, start, end, most_steps) for one in steps.values()):
        edges = distinct(np.array([start, end], np.float64), *(s.time for s in steps.values()))
        edges = edges[(edges >= start) & (edges <= end)]
        if len(edges) <= most_steps:
            return Curves(edges, {n: at(one, edges[:-1]) for n, one in steps.items()}, {}, {})
    edges = np.linspace(start, end, cells + 1)
    sums = {name: _sums(one, edges) for name, one in steps.items()}
    for name, level in LEVELS:
        one = steps[name]
        sums[f"{name}_{level}"] = _sums(
            Steps(one.time, (one.value >= level).astype(np.int32)), edges
        )
    return Curves(
        edges, None, sums, {name: _most(steps[name], edges) for name in ("on_the_go", "hands")}
    )


def _more(steps: Steps, start: float, end: float, most: int) -> bool:
    """Whether a curve alone has more steps in the window than that. (Then the edges of all of them
    need not be sorted.)"""
    low, high = np.searchsorted(steps.time, (start, end), "left").tolist()
    inside = steps.time[low:high]
    return len(inside) > most and int(np.count_nonzero(inside[1:] > inside[:-1])) >= most


def _sums(steps: Steps, edges: Float64) -> Float64:
    if len(steps.time) < 2:
        return np.zeros(len(edges) - 1)
    area = np.concatenate(([0.0], np.cumsum(np.diff(steps.time) * steps.value[:-1])))
    # Rounding must not leave a negative nothing.
    found: Float64 = np.maximum(np.diff(np.interp(edges, steps.time, area)), 0.0)
    return found


def _most(steps: Steps, edges: Float64) -> Int64:
    here = at(steps, edges[:-1])
    inside = (steps.time > edges[0]) & (steps.time < edges[-1])
    cell = np.searchsorted(edges, steps.time[inside], "right") - 1
    np.maximum.at(here, cell, steps.value[inside])
    return here
