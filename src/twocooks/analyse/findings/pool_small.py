"""Pieces of work queued for a pool whose workers were all busy, while hands were free."""

from __future__ import annotations

from twocooks.analyse.columns import runs
from twocooks.analyse.findings.base import Facts, Finding, shared_s
from twocooks.analyse.findings.pools import Pool, pools
from twocooks.analyse.words import seconds

SIDE_BY_SIDE = 0.1
"""Of the busy time two must have been at work, to take it that threads let go of the GIL."""


class PoolSmall:
    """A queue alone is no fault: more workers must have had hands to work with. So only the time
    counts in which nobody on the go stood in line for anything and a core was free; with threads
    that share a GIL, only when nobody was at work."""

    id = "pool-too-small"

    def look(self, facts: Facts) -> Finding | None:
        best: tuple[float, Pool] | None = None
        for pool in pools(facts):
            cost = self._cost(facts, pool)
            if cost >= facts.least and (best is None or cost > best[0]):
                best = cost, pool
        if best is None:
            return None
        cost, pool = best
        workers = f"{pool.workers} workers" if pool.workers > 1 else "one worker"
        return Finding(
            self.id,
            f"Up to {pool.queued_most:,} pieces of work waited for the pool's {workers} while "
            f"hands were free, for {seconds(cost)}",
            cost,
            pool.where,
            "Give the pool more workers.",
        )

    def _cost(self, facts: Facts, pool: Pool) -> float:
        counts = facts.told.levels.counts
        m = facts.m
        hands = max(1, int(m.usable))
        if pool.threads and m.gil and m.p2 < SIDE_BY_SIDE * m.busy:
            hands = 1
        free = runs(facts.told.levels, (counts["P"] < hands) & (counts["D"] <= counts["P"]))
        return shared_s(pool.full, free)
