"""Native calls that keep the GIL while others stand in line for it.

A thread that wants the GIL sleeps for the switch interval, then asks for it and sleeps again, on
and on. Python code gives way as soon as it is asked; so does native code that lets go of the GIL in
the first place. So who works on without a stop long after somebody has asked, while nobody else of
the process does, is in a call that does not let go: the records prove it, whatever the interval is.
"""

from __future__ import annotations

import numpy as np

from twocooks.analyse.columns import Int64, union
from twocooks.analyse.findings.base import Facts, Finding, called, times
from twocooks.analyse.split import samples
from twocooks.analyse.threads import REASONS
from twocooks.analyse.words import seconds
from twocooks.model import Reason, State

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
    table, threads = facts.labelled, facts.line.threads
    out = []
    heads = np.searchsorted(table.owner, np.arange(len(threads) + 1, dtype=table.owner.dtype))
    heads = heads.tolist()
    for thread, asked, until in _asked(facts):
        process = int(threads.process[thread])
        others = np.flatnonzero(threads.process == process)
        others = others[others != thread]
        at_work = []
        for other in others.tolist():
            first, after = heads[other], heads[other + 1]
            a = first + int(np.searchsorted(table.end[first:after], asked, "right"))
            b = first + int(np.searchsorted(table.start[first:after], until, "left"))
            state = table.state[a:b]
            busy = (state == State.WORKING) | (
                (state == State.IN_LINE) & (table.reason[a:b] == REASONS[Reason.CORE])
            )
            span = np.minimum(table.end[a:b], until) - np.maximum(table.start[a:b], asked)
            work = int(span[state == State.WORKING].sum())
            if int(span[busy].sum()) > BLINK_NS:
                at_work.append((other, work, bool(busy.all())))
        if len(at_work) == 1 and at_work[0][1] >= LEAST_NS and at_work[0][2]:
            holder = at_work[0][0]
            if _another_had_it(facts, process, holder, asked, until):
                continue
            out.append((_task_of(facts, holder, (asked + until) // 2), holder, asked, until))
    return np.array(out, np.int64).reshape(-1, 4)


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


def _task_of(facts: Facts, thread: int, when: int) -> int:
    """The task that a thread then worked for; behind all tasks where it is none."""
    s = facts.line.slices
    at: Int64 = np.flatnonzero((s.thread == thread) & (s.start <= when) & (s.end > when))
    owner = int(s.owner[at[0]]) if len(at) else -1
    return owner if owner >= 0 else len(facts.line.book)
