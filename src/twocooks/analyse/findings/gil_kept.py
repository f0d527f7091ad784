"""Native calls that keep the GIL while others stand in line for it.

A thread that wants the GIL sleeps for the switch interval, then asks for it and sleeps again, on
and on. Python code gives way as soon as it is asked; so does native code that lets go of the GIL in
the first place. So who works on without a stop long after somebody has asked, while nobody else of
the process does, is in a call that does not let go: the records prove it, whatever the interval is.
"""

from __future__ import annotations

import numpy as np

from twocooks.analyse import fast
from twocooks.analyse.columns import Bool, Int64, Pieces, union
from twocooks.analyse.findings.base import Facts, Finding, called, times
from twocooks.analyse.split import samples
from twocooks.analyse.tally import WORDS
from twocooks.analyse.threads import REASONS
from twocooks.analyse.words import seconds
from twocooks.model import Reason, State
from twocooks.read.shape import distinct

BLINK_NS = 1_000_000
"""A waiter that is on a core for no longer than this between two waits only asked again."""
LEAST_NS = 20_000_000
"""So long somebody must have been at work after he was asked."""
HAS_GIL = 1
"""``how`` of a HOLDER record: CPython says that the thread has the GIL."""
MOST = 2000
"""Waits looked into: the longest."""


class GilKept:
    """Its seconds are those in which somebody was asked for the GIL and kept it."""

    id = "native-keeps-gil"

    def look(self, facts: Facts) -> Finding | None:
        if not facts.m.gil or facts.m.wants_gil < LEAST_NS / 1e9:
            return None
        kept = _kept(facts)
        if not len(kept):
            return None
        who, _, start, end = kept.T
        order = np.argsort(start, kind="stable")
        _, a, b = union(np.zeros(len(kept), np.int64), start[order], end[order])
        cost = float((b - a).sum()) / 1e9
        if cost < facts.least:
            return None
        length = np.bincount(who, weights=end - start)
        worst = int(length.argmax())
        book = facts.line.book
        longest = float((end - start).max()) / 1e9
        name = called(book.name[worst]) if worst < len(book) else "A thread"
        met = samples(facts.trace, facts.line)
        places = [met.place(facts.trace, *row[1:]) for row in kept.tolist()]
        places = sorted(filter(None, places), key=lambda place: (-places.count(place), place))
        places += [
            book.where[task]
            for task in np.argsort(-length, kind="stable").tolist()
            if not places and length[task] > 0 and book.where.get(task)
        ]
        where = tuple(dict.fromkeys(places))[:3]
        return Finding(
            self.id,
            f"{name} was in a native call that keeps the GIL for up to {seconds(longest)} after "
            f"another thread had asked for it ({times(len(a))}, {seconds(cost)} in all)",
            cost,
            where,
            "Give such calls to a process, or cut them into smaller ones.",
        )


def _kept(facts: Facts) -> np.ndarray:
    """Rows (task, thread, start, end): the one thread of a process that was at work after it was
    asked."""
    asked = np.array(_asked(facts), np.int64).reshape(-1, 3)
    holder = np.full(len(asked), -1, np.int64)
    process = facts.line.threads.process
    whose = process[asked[:, 0]]
    for p in distinct(whose).tolist():
        mine = np.flatnonzero(whose == p)
        holder[mine] = _alone_at_work(facts, np.flatnonzero(process == p), asked[mine])
    out = []
    slices: dict[int, Int64] = {}
    found = np.flatnonzero(holder >= 0)
    for thread, (_, start, end) in zip(holder[found].tolist(), asked[found].tolist(), strict=True):
        if _another_had_it(facts, int(process[thread]), thread, start, end):
            continue
        if thread not in slices:
            slices[thread] = np.flatnonzero(facts.line.slices.thread == thread)
        out.append((_task_of(facts, slices[thread], (start + end) // 2), thread, start, end))
    return np.array(out, np.int64).reshape(-1, 4)


def _alone_at_work(facts: Facts, threads: Int64, asked: Int64) -> Int64:
    """For each row of ``asked`` (thread, start, end) the only one of these threads, but for the one
    that asked, that worked or stood in line for a core, if it did nothing else; else -1. (Thread by
    thread for all rows at once: they may be thousands each.)"""
    table = facts.labelled
    heads = np.searchsorted(table.owner, threads.astype(table.owner.dtype))
    tails = np.searchsorted(table.owner, threads.astype(table.owner.dtype), "right")
    told = fast.alone(
        table.columns, WORDS, (threads, heads, tails), tuple(asked.T), (BLINK_NS, LEAST_NS)
    )
    return _alone(table, threads, asked) if told is None else told


def _alone(table: Pieces, threads: Int64, asked: Int64) -> Int64:
    """The twin of ``fast.alone``."""
    count = np.zeros(len(asked), np.int64)
    found = np.full(len(asked), -1, np.int64)
    who, start, end = asked.T
    for thread in threads.tolist():
        own = table.take(table.rows_of(thread))
        first = np.searchsorted(own.end, start, "right")
        after = np.searchsorted(own.start, end, "left")
        rows = np.flatnonzero((after > first) & (who != thread))
        if not len(rows):
            continue
        first, after = first[rows], after[rows]
        low = int(first.min())
        own = own.take(slice(low, int(after.max())))
        cut = (first - low, after - low, start[rows], end[rows])
        working = own.state == State.WORKING
        busy = working | ((own.state == State.IN_LINE) & (own.reason == REASONS[Reason.CORE]))
        some = _within(own, busy, *cut) > BLINK_NS
        rest = np.append(0, np.cumsum(~busy))
        all_of_it = rest[cut[1]] == rest[cut[0]]
        count[rows[some]] += 1
        worked = some & all_of_it & (_within(own, working, *cut) >= LEAST_NS)
        found[rows[worked]] = thread
    return np.where(count == 1, found, -1)


def _within(
    own: Pieces, which: Bool, first: Int64, after: Int64, start: Int64, end: Int64
) -> Int64:
    """ns of the marked stretches among the rows from ``first`` to before ``after`` that lie between
    start and end (which cut the first and the last of these rows)."""
    sums = np.append(0, np.cumsum(np.where(which, own.length, 0)))
    early = np.where(which[first], np.maximum(start - own.start[first], 0), 0)
    late = np.where(which[after - 1], np.maximum(own.end[after - 1] - end, 0), 0)
    whole: Int64 = sums[after] - sums[first] - early - late
    return whole


def _another_had_it(facts: Facts, process: int, thread: int, asked: int, until: int) -> bool:
    """Whether the GIL was seen with another thread meanwhile: one that blocks and keeps it, while
    this one is in code that needs none."""
    h, threads = facts.trace.holder, facts.line.threads
    rows = np.flatnonzero((h.how == HAS_GIL) & (h.before >= asked) & (h.time <= until))
    seen = threads.find(h.tid[rows].astype(np.int64), h.before[rows])
    seen = seen[seen >= 0]
    return bool(((threads.process[seen] == process) & (seen != thread)).any())


def _asked(facts: Facts) -> list[tuple[int, int, int]]:
    """Waits for the GIL in which it was asked for: (thread, asked, until)."""
    table = facts.labelled
    rows = np.flatnonzero(
        (table.state == State.IN_LINE) & (table.reason == REASONS[Reason.GIL])
    )
    if not len(rows):
        return []
    owner, start, end = table.owner[rows], table.start[rows], table.end[rows]
    new = np.ones(len(rows), bool)
    new[1:] = (owner[1:] != owner[:-1]) | (start[1:] - end[:-1] > BLINK_NS)
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(rows)) - 1
    again = (last > first) & (end[last] - end[first] >= LEAST_NS)
    first, last = first[again], last[again]
    longest = np.argsort(end[first] - end[last], kind="stable")[:MOST]
    return [
        (int(owner[a]), int(end[a]), int(end[b]))
        for a, b in zip(first[longest].tolist(), last[longest].tolist(), strict=True)
    ]


def _task_of(facts: Facts, mine: Int64, when: int) -> int:
    """The task that a thread then worked for (``mine``: its slices); behind all tasks where it is
    none."""
    s = facts.line.slices
    at = mine[(s.start[mine] <= when) & (s.end[mine] > when)]
    owner = int(s.owner[at[0]]) if len(at) else -1
    return owner if owner >= 0 else len(facts.line.book)
