"""One piece that was still worked on long after all others like it were done."""

from __future__ import annotations

import numpy as np

from twocooks.analyse.columns import Int64
from twocooks.analyse.findings.base import Facts, Finding, called
from twocooks.analyse.words import seconds
from twocooks.model import STEPPED, State, TaskKind

LEAST = 3
TAIL_SHARE = 0.2
"""Of the active time, which the last one must have been alone."""
TIMES_LONGER = 2.0
"""Than the median of its like, without the time in line."""


class Straggler:
    """Among tasks of one function and one parent that were on the go together. It must have been at
    work for half of the time that it was alone, or (a coroutine's task, a pool's piece) its parent
    waited for it: a connection that stays open is no straggler."""

    id = "straggler"

    def look(self, facts: Facts) -> Finding | None:
        tasks = np.flatnonzero(facts.told.significant)
        above = {facts.line.book.parent[task] for task in tasks.tolist()}
        tasks = np.array([task for task in tasks.tolist() if task not in above], np.int64)
        if len(tasks) < LEAST or facts.m.usable < 2:
            return None
        done = facts.line.done[tasks]
        order = np.argsort(done, kind="stable")
        last, before = int(tasks[order[-1]]), int(done[order[-2]])
        tail = float(facts.line.done[last] - before) / 1e9
        if tail < max(facts.least, TAIL_SHARE * facts.m.active):
            return None
        if not self._is_one(facts, last, before):
            return None
        like = _like(facts, last)
        if len(like) < LEAST:
            return None
        length = _lengths(facts, like)
        own = float(length[like == last][0])
        median = float(np.median(length[like != last]))
        if own < TIMES_LONGER * median:
            return None
        book = facts.line.book
        where = book.where.get(last, "")
        return Finding(
            self.id,
            f"{called(book.name[last])} was still on the go for {seconds(tail)} after all others "
            f"were done: it took {seconds(own / 1e9)}, the others about {seconds(median / 1e9)}",
            tail,
            (where,) if where else (),
            "Begin with the longest piece, or cut it into smaller ones.",
        )

    def _is_one(self, facts: Facts, last: int, before: int) -> bool:
        """It began before the others were done, and was cooked, not left on the stove."""
        line = facts.line
        if line.begun[last] >= before:
            return False
        t = line.table
        alone = (t.owner == last) & (t.end > before) & (t.state == State.WORKING)
        work = (t.end[alone] - np.maximum(t.start[alone], before)).sum()
        if 2 * work >= line.done[last] - before:
            return True
        parent = line.book.parent[last]
        piece = line.book.kind[last] is TaskKind.ITEM
        if parent < 0 or not (piece or line.book.kind[parent] in STEPPED):
            return False
        waits = (t.owner == parent) & (t.end > before) & (t.state == State.DELEGATED)
        waited = (t.end[waits] - np.maximum(t.start[waits], before)).sum()
        return bool(2 * waited >= line.done[last] - before)


def _like(facts: Facts, last: int) -> Int64:
    """Tasks of the same function, parent and kind that began before this one's like were done."""
    book = facts.line.book
    return np.array(
        [
            task
            for task in np.flatnonzero(facts.told.significant).tolist()
            if book.kind[task] is book.kind[last]
            and book.kind[task] is not TaskKind.SHARED
            and book.group[task] == book.group[last]
            and book.parent[task] == book.parent[last]
        ],
        np.int64,
    )


def _lengths(facts: Facts, tasks: Int64) -> Int64:
    """ns on the go without the time in line."""
    line = facts.line
    t = line.table
    in_line = (t.state == State.IN_LINE) | (t.state == State.WANTS_TOOL)
    begun = np.maximum(t.start, line.begun[t.owner])
    held = np.bincount(
        t.owner[in_line],
        weights=np.maximum(0, t.end - begun)[in_line],
        minlength=len(line.book),
    ).astype(np.int64)
    own: Int64 = np.maximum(0, line.done[tasks] - line.begun[tasks] - held[tasks])
    return own
