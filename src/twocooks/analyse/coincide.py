"""Which coincidences are parallel, and which are only hand-overs.

When the GIL or a lock changes hands, both threads are on a core for a few microseconds (lesson
1.3). So two tasks that are at work for less than ``HAND_OVER_NS`` together are taken for a
hand-over. But a short coincidence need not be one: where two event loops run in two processes,
steps of 20 microseconds begin and end while both threads stay on their cores for milliseconds, and
each coincidence is as short as the steps are. A hand-over ends because a *thread* leaves its core.
So where the coincidence of tasks is too short, that of the cooks decides: how long two threads were
at it together, from the first to the last work of an unbroken stretch on a core.

Between two steps a loop walks from one dish to the next, and for short steps the walks are half of
its time. Two cooks who never leave their places, each with dishes in line before him, do not take
turns with each other because one of them walks now and then: pinned to one core they would lose
just what they had. So of the time in which two wanted hands, contests count as won while two cooks
were at it, walks of up to ``WALK_NS`` included. P itself, and all that is summed of it, is hands on
tasks and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from twocooks.analyse import fast
from twocooks.analyse.callbacks import WALK_NS
from twocooks.analyse.columns import (
    Bool,
    Int64,
    Levels,
    Pieces,
    arranged,
    lasts,
    shared,
    stretches_of,
    sweep,
)
from twocooks.analyse.tally import WORDS, Counted, Curves, Measured
from twocooks.analyse.timeline import Timeline
from twocooks.model import STEPPED, State, TaskKind

HAND_OVER_NS = 50_000
WITHIN = STEPPED | {TaskKind.ITEM, TaskKind.BLOCK}
"""Tasks that begin and end while their thread stays on its core."""


@dataclass(frozen=True)
class Together:
    """What was measured, and where two or more worked at the same moment."""

    measured: Measured
    rows: Bool
    """Over the breaks of the curves."""
    met: int
    """ns in which two wanted hands and two cooks were at it."""
    cooks: Levels | None
    """W: threads on cores, at work or walking; None where they would tell nothing new."""


def together(line: Timeline, counted: Counted, told: Curves) -> Together:
    """Refine the measures of the curves of the counted tasks: short coincidences inside long ones
    of their threads are no hand-overs."""
    measured, rows = told.measured, told.together
    kinds = {line.book.kind[i] for i in np.flatnonzero(counted.chosen)}
    if not measured.handed or kinds.isdisjoint(WITHIN):  # such a task is its thread
        return Together(measured, rows, measured.together, None)
    cooks = _cooks(line, counted)
    start, end = stretches_of(cooks, "W", 2, least=HAND_OVER_NS)
    more, hands = _inside(told.levels, start, end, rows)
    measured = replace(
        measured,
        together=measured.together + more,
        handed=measured.handed - more,
        sum_together=measured.sum_together + hands,
    )
    met = shared((start, end), stretches_of(told.levels, "D", 2))
    return Together(measured, rows, max(measured.together, met), cooks)


def _inside(levels: Levels, start: Int64, end: Int64, rows: Bool) -> tuple[int, int]:
    """Mark in ``rows`` the further moments of two or more at work that begin in these stretches;
    their ns, and these times the count."""
    found = fast.inside(levels.time, levels.counts["P"], (start, end), rows)
    if found is not None:
        return found[0], found[1]
    inside = within(levels.time, start, end) & (levels.counts["P"] >= 2) & ~rows
    rows |= inside
    return levels.when(inside), levels.integral("P", inside)


def peak(levels: Levels, name: str, cooks: Levels | None = None) -> int:
    """The highest count that held for longer than a hand-over takes, or at any moment while so many
    cooks were at it for longer than that."""
    count = levels.counts[name]
    low, high = min(1, int(count.max(initial=0))), int(count.max(initial=0))
    while low < high:
        middle = (low + high + 1) // 2
        held = lasts(levels, name, middle, HAND_OVER_NS)
        if not held and cooks is not None:
            both = stretches_of(cooks, "W", middle, least=HAND_OVER_NS)
            held = bool((within(levels.time, *both) & (count >= middle)).any())
        low, high = (middle, high) if held else (low, middle - 1)
    return low


def _cooks(line: Timeline, counted: Counted) -> Levels:
    """W: for each unbroken stretch of a thread on a core, from its first to its last work for one
    of the counted tasks; longer than walks take it must not do anything else in between."""
    found = fast.cooks(line.slices.columns, counted.columns, WORDS, WALK_NS)
    start, end = _at_it(line.slices, counted.chosen) if found is None else found
    return sweep(W=(start, end))


def _at_it(s: Pieces, chosen: Bool) -> tuple[Int64, Int64]:
    """The twin of ``fast.cooks``."""
    mine = (s.state == State.WORKING) & (s.owner >= 0)
    mine[mine] = chosen[s.owner[mine]]
    order, stretch = _on_cores(s)
    kept = mine[order]
    order, stretch = order[kept], stretch[kept]
    start, end = s.start[order], s.end[order]
    first = np.ones(len(stretch), bool)
    first[1:] = stretch[1:] != stretch[:-1]
    walk = np.where(first[1:], 0, start[1:] - end[:-1])
    # A loop with many sockets reads them all before the steps: it may walk so long for each step.
    steps = np.bincount(stretch)
    walked = np.bincount(stretch[1:], walk, len(steps))
    first[1:] |= (walk > WALK_NS) & (walked > WALK_NS * steps)[stretch[1:]]
    last = np.append(first[1:], True) if len(first) else first
    return start[first], end[last]


def between(s: Pieces, mine: Bool) -> Bool:
    """The slices on a core that lie between two of ``mine`` which the same thread did without
    leaving its core: what a loop does between two steps."""
    order, stretch = _on_cores(s)
    found = np.zeros(len(s), bool)
    if not len(order):
        return found
    done = np.cumsum(mine[order])
    at = np.searchsorted(stretch, (stretch, stretch + 1))
    before = done - np.append(0, done)[at[0]]
    after = done[at[1] - 1] - done
    found[order] = (before > 0) & (after > 0) & ~mine[order]
    return found


def _on_cores(s: Pieces) -> tuple[Int64, Int64]:
    """The slices on cores by thread and start, and for each its unbroken stretch on a core."""
    on = np.flatnonzero(s.state == State.WORKING)
    order = on[arranged(s.thread[on], s.start[on])]
    fresh = np.ones(len(order), bool)
    same = s.thread[order[1:]] == s.thread[order[:-1]]
    fresh[1:] = ~same | (s.start[order[1:]] != s.end[order[:-1]])
    return order, np.cumsum(fresh)


def within(time: Int64, start: Int64, end: Int64) -> Bool:
    """Whether each moment lies in one of the (sorted, disjoint) stretches."""
    if not len(start):
        return np.zeros(len(time), bool)
    row = np.searchsorted(start, time, "right") - 1
    return (row >= 0) & (time < end[np.maximum(row, 0)])
