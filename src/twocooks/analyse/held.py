"""Holders of locks and of the GIL as the tables show them: by task, by what it did, by line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twocooks.analyse.columns import Int64, Pieces, asof
from twocooks.analyse.gil_holders import GIL, gil_holders
from twocooks.analyse.holders import LOCK, Held, lock_holders
from twocooks.analyse.threads import REASONS
from twocooks.analyse.timeline import Timeline
from twocooks.analyse.waits import label_waits, once, settled
from twocooks.model import Reason, State
from twocooks.read.trace import Trace

REASON_NAMES = {number: str(reason) for reason, number in REASONS.items()}
WORKING, NATIVE = "working", "native"


@dataclass(frozen=True)
class Holder:
    """One that had the lock (or the GIL) while others waited for it."""

    task: str
    """Its name; hostile text."""
    tid: int
    state: str
    """What it did: "working" (on a core), "native" (the same, with the GIL, in native code that did
    not let go of it), or why it was off its core, a ``model.Reason``."""
    where: str
    """``file:line function``; "" = not seen. Of one at work: about. Hostile text."""
    seconds: float
    """Of the waiters' time."""

    def row(self) -> dict[str, object]:
        """As the JSON has it."""
        return {
            "task": self.task,
            "tid": self.tid,
            "state": self.state,
            "where": self.where,
            "seconds": self.seconds,
        }


def merged(holders: list[Holder]) -> tuple[Holder, ...]:
    """One row for each holder, state and line, the most seconds first."""
    found: dict[tuple[str, int, str, str], Holder] = {}
    for holder in holders:
        key = holder.task, holder.tid, holder.state, holder.where
        before = found.get(key)
        seconds = holder.seconds + (before.seconds if before else 0.0)
        found[key] = replace(holder, seconds=seconds)
    return tuple(sorted(found.values(), key=lambda h: (-h.seconds, h.task, h.state, h.where)))


def all_held(trace: Trace, line: Timeline, labelled: Pieces, reason: int) -> Held | None:
    """Who had the locks, or the GIL; None where switches were not seen."""
    if trace.meta.get("source") == "schedstat":
        return None
    find = lock_holders if reason == LOCK else gil_holders
    return once(trace, line.threads, f"_held_{reason}", lambda: find(trace, line.threads, labelled))


def holders_of(
    trace: Trace, line: Timeline, rows: Int64, which: Int64, place_of: Callable[[str], str]
) -> dict[int, tuple[Holder, ...]]:
    """Holders for each group (``which``) of stretches of tasks (``rows`` of the timeline's
    table)."""
    t = line.table
    labelled = label_waits(trace, line.threads)
    found: dict[int, list[Holder]] = {}
    for reason in (LOCK, GIL):
        mine = (t.reason[rows] == reason) & (t.thread[rows] >= 0)
        held = all_held(trace, line, labelled, reason) if mine.any() else None
        if held is None or not len(held):
            continue
        some = rows[mine]
        row, part, start, end = cuts(
            (t.thread[some], t.start[some], t.end[some]), (held.waiter, held.start, held.end)
        )
        told = _doings(trace, line, labelled, held, part, start, end, place_of)
        for group, piece, holder in told(which[mine][row]):
            found.setdefault(group, []).append(replace(holder, seconds=piece))
    return {group: merged(holders) for group, holders in found.items()}


Table = tuple[NDArray[Any], Int64, Int64]


def cuts(a: Table, b: Table) -> tuple[Int64, Int64, Int64, Int64]:
    """All overlaps of stretches (owner, start, end) with those of ``b``, which are sorted by owner
    and start and disjoint within an owner: row of each, start and end."""
    first = asof(a[0], a[1], b[0], b[1])
    first = np.where(first >= 0, first, np.searchsorted(b[0], a[0], "left"))
    past = np.minimum(first, len(b[0]) - 1)
    first += (b[0][past] == a[0]) & (b[2][past] <= a[1])
    last = asof(a[0], a[2] - 1, b[0], b[1])
    count = np.maximum(last - first + 1, 0)
    row = np.repeat(np.arange(len(a[0])), count)
    part = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) + first[row]
    start, end = np.maximum(a[1][row], b[1][part]), np.minimum(a[2][row], b[2][part])
    return row, part, start, end


def _doings(
    trace: Trace,
    line: Timeline,
    labelled: Pieces,
    held: Held,
    part: Int64,
    start: Int64,
    end: Int64,
    place_of: Callable[[str], str],
) -> Callable[[Int64], list[tuple[int, float, Holder]]]:
    """What the holders did in these stretches."""
    who = held.holder[part]
    of, piece, begin, stop = cuts(
        (who, start, end), (labelled.owner, labelled.start, labelled.end)
    )
    seen, stretch = settled(trace, line.threads)
    look = np.full(len(labelled), -1, np.int64)
    look[stretch] = trace.look.where[seen]
    working = labelled.state[piece] == State.WORKING
    where = np.where(working, held.where[part][of], look[piece])
    code = np.where(working, -1 - held.native[part][of], labelled.reason[piece].astype(np.int64))
    task = task_at(line, who[of], begin)

    def told(group: Int64) -> list[tuple[int, float, Holder]]:
        what = np.stack([group[of], task, who[of], code, where], axis=1)
        kinds, which = np.unique(what, axis=0, return_inverse=True)
        sums = np.bincount(which.reshape(-1), weights=stop - begin, minlength=len(kinds)) / 1e9
        rows = []
        for (number, owner, thread, state, text), seconds in zip(
            kinds.tolist(), sums.tolist(), strict=True
        ):
            name = line.book.name[owner] if owner >= 0 else line.threads.name[thread]
            doing = {-1: WORKING, -2: NATIVE}.get(state) or REASON_NAMES.get(
                state, str(Reason.UNKNOWN)
            )
            place = place_of(trace.texts[text]) if text >= 0 else ""
            tid = int(line.threads.tid[thread])
            rows.append((number, seconds, Holder(name, tid, doing, place, seconds)))
        return rows

    return told


def task_at(line: Timeline, thread: Int64, time: Int64) -> Int64:
    """The task that a thread worked for at a time; that which it is for when it works for none in
    particular; -1 = none."""
    tiling = line.owners.tiling
    base = np.full(len(line.threads), -1, np.int64)
    for number, own in line.book.base.items():
        base[number] = own
    row = asof(thread, time, tiling.owner, tiling.start)
    at = np.maximum(row, 0)
    inside = (row >= 0) & (tiling.end[at] > time) if len(tiling) else row >= 0
    task = np.where(inside, tiling.thread[at], -1) if len(tiling) else np.full(len(time), -1)
    found: Int64 = np.where(task >= 0, task, base[thread])
    return found
