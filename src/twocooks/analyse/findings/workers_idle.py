"""Workers of a pool that had nothing to do because its pieces came too slowly."""

from __future__ import annotations

import numpy as np

from twocooks.analyse.columns import runs, sweep
from twocooks.analyse.findings.base import Facts, Finding, called, shared_s
from twocooks.analyse.findings.pools import Pool, pools
from twocooks.analyse.words import number, seconds
from twocooks.model import STEPPED, State

LEAST_WORK = 0.25
"""The pool's pieces must be this share of all work: a server's pool may well be idle."""


class WorkersIdle:
    """Only while the one who gives the pieces was itself at work, and nobody in line: then it is
    the giving that the workers waited for."""

    id = "workers-idle"

    def look(self, facts: Facts) -> Finding | None:
        for pool in pools(facts):
            if pool.workers < 2 or 2 * pool.busy_mean > pool.workers:
                continue
            work = float(facts.line.work[pool.tasks].sum()) / 1e9
            giver = _giver(facts, pool)
            if giver < 0 or work < LEAST_WORK * facts.m.work:
                continue
            cost = self._cost(facts, pool, giver)
            if cost < facts.least:
                continue
            return Finding(
                self.id,
                f"Of the pool's {pool.workers} workers {number(pool.busy_mean)} had something to "
                f"do on average: {called(facts.line.book.name[giver])} was at work alone for "
                f"{seconds(cost)} before it gave them more",
                cost,
                pool.where,
                "Prepare the pieces faster, in the workers, or give bigger ones.",
            )
        return None

    def _cost(self, facts: Facts, pool: Pool, giver: int) -> float:
        t, counts = facts.line.table, facts.told.levels.counts
        giving = facts.span((t.owner == giver) & (t.state == State.WORKING))
        alone = (counts["P"] < max(1, int(facts.m.usable))) & (counts["D"] <= counts["P"])
        start, end = runs(facts.told.levels, alone)
        first, last = pool.levels.time[0], pool.levels.time[-1]
        start, end = np.clip(start, first, last), np.clip(end, first, last)
        kept = end > start
        idle = pool.unfed
        both = _within(idle, giving)
        return shared_s((start[kept], end[kept]), both)


def _within(
    one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """When both last."""
    both = sweep(A=one, B=other)
    return runs(both, (both.counts["A"] > 0) & (both.counts["B"] > 0))


def _giver(facts: Facts, pool: Pool) -> int:
    """The one task that gave all pieces, if it is none of an event loop's; else -1."""
    book = facts.line.book
    parents = {book.parent[task] for task in pool.tasks.tolist()}
    if len(parents) != 1:
        return -1
    giver = parents.pop()
    return giver if giver >= 0 and book.kind[giver] not in STEPPED else -1
