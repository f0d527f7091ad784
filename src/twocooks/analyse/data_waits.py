"""What was seen of each single wait: where, for which lock, on what, and who had it meanwhile.

``places`` gathers the same into sums; here each row of the timeline's table stays by itself. The
evidence, and what it leaves open, is the same: looks tell place, lock and file, ``holders`` and
``gil_holders`` prove who had it. A wait may have had several holders one after the other: the one
with the longest part of it is told, and of how much of it any holder is known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twocooks.analyse.columns import Int64
from twocooks.analyse.gil_holders import GIL
from twocooks.analyse.held import all_held, cuts, task_at
from twocooks.analyse.holders import LOCK, is_shared
from twocooks.analyse.places import is_fresh, look_of, place_of
from twocooks.analyse.timeline import Timeline
from twocooks.analyse.waited_on import texts_on
from twocooks.analyse.waits import WORLD, label_waits
from twocooks.read.shape import distinct
from twocooks.read.trace import Trace


@dataclass(frozen=True)
class WaitColumns:
    """By wait; -1 = not known. Texts are hostile."""

    where: Int64
    """Index of ``places``."""
    places: list[str]
    on: Int64
    """Index of ``things``."""
    things: list[str]
    lock: Int64
    lock_pid: Int64
    holder: Int64
    holder_tid: Int64
    holder_ns: Int64
    held_ns: Int64


def wait_columns(
    trace: Trace, line: Timeline, rows: Int64, number: NDArray[np.int32]
) -> WaitColumns:
    """For these rows of the timeline's table. ``number``: the told number of each task."""
    t = line.table
    look = look_of(trace, line, rows)
    at = np.flatnonzero(look >= 0)
    texts = distinct(trace.look.where[look[at]].astype(np.int64))
    told = [trace.texts[n] if 0 <= n < len(trace.texts) else "" for n in texts.tolist()]
    spot = np.searchsorted(texts, trace.look.where[look[at]])
    where = _filled(len(rows), at, spot)
    fresh = np.array([is_fresh(text) for text in told], bool)[spot]
    shared = np.array([is_shared(text) for text in told], bool)[spot]
    address = trace.look.arg[look[at]].astype(np.int64)
    for_lock = (t.reason[rows[at]] == LOCK) & ~fresh & (address != 0)
    for_lock &= trace.look.kind[look[at]] != WORLD
    lock = _filled(len(rows), at, np.where(for_lock, address, -1))
    pid = line.threads.pid[np.maximum(t.thread[rows[at]], 0)]
    lock_pid = _filled(len(rows), at, np.where(for_lock & ~shared, pid, -1))
    things, on = texts_on(trace, line, look)
    return WaitColumns(
        where, [place_of(text) for text in told], on, things, lock, lock_pid,
        *_holders(trace, line, rows, number),
    )  # fmt: skip


def _filled(count: int, at: Int64, values: Int64) -> Int64:
    """``values`` at these places, else -1."""
    out = np.full(count, -1, np.int64)
    out[at] = values
    return out


def _holders(
    trace: Trace, line: Timeline, rows: Int64, number: NDArray[np.int32]
) -> tuple[Int64, Int64, Int64, Int64]:
    """The holder that had the longest part of each wait: its task, its thread, for how long; and
    how long anybody is proven to have had it."""
    t = line.table
    task, tid, longest, proven = (np.full(len(rows), -1, np.int64) for _ in range(4))
    labelled = label_waits(trace, line.threads)
    for reason in (LOCK, GIL):
        mine = np.flatnonzero((t.reason[rows] == reason) & (t.thread[rows] >= 0))
        proven[mine] = 0
        held = all_held(trace, line, labelled, reason) if len(mine) else None
        if held is None or not len(held):
            continue
        some = rows[mine]
        row, part, start, end = cuts(
            (t.thread[some], t.start[some], t.end[some]), (held.waiter, held.start, held.end)
        )
        who = held.holder[part]
        # Who has ended has nothing any more: what is left is the waiter's way to a core.
        start = np.maximum(start, line.threads.born[who])
        end = np.maximum(np.minimum(end, line.threads.died[who]), start)
        doing = task_at(line, who, start)
        what, which = np.unique(np.stack([row, who, doing], 1), axis=0, return_inverse=True)
        length = np.zeros(len(what), np.int64)
        np.add.at(length, which.reshape(-1), end - start)
        np.add.at(proven, mine[what[:, 0]], length)
        # The longest last, so that it stays; of equal ones the one with the lower number.
        order = np.lexsort((-what[:, 2], -what[:, 1], length))
        order = order[length[order] > 0]
        place = mine[what[order, 0]]
        worked = what[order, 2]
        tid[place] = line.threads.tid[what[order, 1]]
        task[place] = np.where(worked >= 0, number[np.maximum(worked, 0)], -1)
        longest[place] = length[order]
    return task, tid, longest, proven
