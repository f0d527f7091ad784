"""Calls of one function, each begun only when the one before was done, by a parent that did nothing
but wait for each: await by await (join by join, result by result)."""

from __future__ import annotations

import numpy as np

from twocooks.analyse.columns import Int64, covered, union
from twocooks.analyse.findings.base import Facts, Finding, called, times
from twocooks.analyse.threads import REASONS
from twocooks.analyse.words import seconds
from twocooks.model import STEPPED, Reason, State, TaskKind

FOR_OTHERS = [REASONS[Reason.CHILD], REASONS[Reason.RESULT]]
LEAST_CALLS = 3
IN_A_ROW = 0.9
"""So many of the neighbours must not overlap at all."""
BESIDE = 0.5
"""Where others of the same function were on the go for this share of their time, they are begun
together already: a server that answers each of its customers in turn."""
WAITED_FOR = 0.8
"""For this share of their time the parent must have waited for them."""


class OneByOne:
    """Different functions in a row mostly need each other; the same one again and again may not.

    What together could have saved at most is all but the longest of what they waited, and where
    they are processes on several cores (or need no GIL) of what they worked, too."""

    id = "await-by-await"

    def look(self, facts: Facts) -> Finding | None:
        best: Finding | None = None
        for parent, tasks in _families(facts).items():
            found = self._family(facts, parent, tasks)
            if found and (best is None or found.seconds > best.seconds):
                best = found
        return best

    def _family(self, facts: Facts, parent: int, tasks: Int64) -> Finding | None:
        line, book = facts.line, facts.line.book
        made = np.array(book.made, np.int64)[tasks]
        tasks = tasks[np.argsort(made, kind="stable")]
        made, done = np.sort(made), line.done[tasks]
        follows = made[1:] >= done[:-1]
        if follows.mean() < IN_A_ROW:
            return None
        own = _alone(facts, tasks)
        cost = float(own.sum() - own.max()) / 1e9
        if cost < facts.least:
            return None
        start, end = _waits_for_others(facts, parent)
        length = float(np.maximum(done - made, 0).sum())
        waited = float(covered(made, np.maximum(done, made), start, end).sum())
        if waited < WAITED_FOR * length:
            return None
        if _beside(facts, parent, int(tasks[0]), made, done) >= BESIDE * length:
            return None
        where = book.where.get(int(tasks[0]), "")
        return Finding(
            self.id,
            f"{called(book.group[int(tasks[0])])} was begun {times(len(tasks))}, each time only "
            f"when the one before was done: {seconds(float(own.sum()) / 1e9)} in a row",
            cost,
            (where,) if where else (),
            "If they do not need each other, start them together (gather, TaskGroup, or several "
            "workers).",
        )


def _waits_for_others(facts: Facts, parent: int) -> tuple[Int64, Int64]:
    """When a task waited for what it had started: tasks of event loops say it, of threads and
    processes looks saw it (in join, in a result, for a child): a server that waits for its next
    customer waits for nobody."""
    line = facts.line
    if line.book.kind[parent] in STEPPED:
        t = line.table
        rows = (t.owner == parent) & (t.state == State.DELEGATED)
        return t.start[rows], t.end[rows]
    t = facts.labelled
    rows = (t.owner == line.book.thread[parent]) & np.isin(t.reason, FOR_OTHERS)
    return t.start[rows], t.end[rows]


def _beside(facts: Facts, parent: int, task: int, made: Int64, done: Int64) -> float:
    """For how long of these tasks' time one of the same function with another parent was on the
    go, in ns."""
    line, book = facts.line, facts.line.book
    others = [
        other
        for other in np.flatnonzero(facts.told.significant).tolist()
        if book.group[other] == book.group[task] and book.parent[other] != parent
    ]
    if not others:
        return 0.0
    begun = np.array(book.made, np.int64)[others]
    _, start, end = union(np.zeros(len(others), np.int64), begun, line.done[others])
    return float(covered(made, np.maximum(done, made), start, end).sum())


def _families(facts: Facts) -> dict[int, Int64]:
    """Parent -> its tasks of one function, where there are enough of them."""
    book = facts.line.book
    found: dict[tuple[int, TaskKind, str], list[int]] = {}
    for task in np.flatnonzero(facts.told.significant).tolist():
        if book.parent[task] >= 0:
            key = book.parent[task], book.kind[task], book.group[task]
            found.setdefault(key, []).append(task)
    best: dict[int, list[int]] = {}
    for (parent, _, _), tasks in found.items():
        if len(tasks) >= max(LEAST_CALLS, len(best.get(parent, ()))):
            best[parent] = tasks
    return {parent: np.array(tasks, np.int64) for parent, tasks in best.items()}


def _alone(facts: Facts, tasks: Int64) -> Int64:
    """ns of each task that another one like it could have shared."""
    line, book = facts.line, facts.line.book
    own = facts.told.by_state["wait"][tasks].copy()
    apart = len({book.pid[task] for task in tasks.tolist()}) > 1 or facts.m.gil is False
    if apart and facts.m.usable >= 2:
        own += line.work[tasks]
    return own
