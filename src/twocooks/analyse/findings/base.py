"""What a finding is, what it may look at, and how its seconds are counted.

**The seconds** are seconds of the run, not of tasks, in which the thing found kept at least one
task from going on while hands could have moved: fewer were at work than wanted to be and than
there are cores. So removing it can save no more than that, ten tasks in one line cost no more than
the line lasts, and findings of all kinds can be put in one order.

**Crying wolf is a defect.** A finding is worth telling from 20 ms and a twentieth of the active
time on. What the records do not prove is not found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from twocooks.analyse import fast
from twocooks.analyse.account import Account, Measures
from twocooks.analyse.columns import Bool, Int64, Pieces, runs, shared, union
from twocooks.analyse.places import WaitSum, spoken
from twocooks.analyse.threads import REASONS
from twocooks.analyse.timeline import Timeline
from twocooks.analyse.verdict import Ruling
from twocooks.analyse.waits import label_waits
from twocooks.analyse.window import inside
from twocooks.model import Reason, State
from twocooks.read.trace import Trace

LEAST_S, LEAST_SHARE = 0.02, 0.05


@dataclass(frozen=True)
class Finding:
    """One thing that stood in the way, or could be better."""

    id: str
    sentence: str
    """What happened, with its numbers; hostile names inside. No word of where."""
    seconds: float
    where: tuple[str, ...] = ()
    """``file:line function``, the one that cost most first; hostile text."""
    so: str = ""
    """What would change it."""

    @property
    def whole(self) -> str:
        """The sentence with its places."""
        at = f": {joined([spoken(place) for place in self.where])}" if self.where else ""
        return f"{self.sentence}{at}."

    def row(self) -> dict[str, object]:
        """As the JSON has it."""
        return {
            "id": self.id,
            "sentence": self.whole,
            "seconds": self.seconds,
            "where": list(self.where),
            "so": self.so,
        }


class Rule(Protocol):
    """Looks for one kind of finding."""

    id: str

    def look(self, facts: Facts) -> Finding | None: ...


class Facts:
    """All that findings look at: the run counted by tasks."""

    def __init__(
        self,
        trace: Trace,
        line: Timeline,
        told: Account,
        ruling: Ruling,
        waits: Callable[[], list[WaitSum]],
    ) -> None:
        self.trace, self.line, self.told, self.ruling = trace, line, told, ruling
        self._waits = waits

    @property
    def m(self) -> Measures:
        return self.told.measures

    @cached_property
    def waits(self) -> list[WaitSum]:
        """The table of waits, the longest sum first."""
        return self._waits()

    @cached_property
    def stretches(self) -> Pieces:
        """The stretches of threads, waits without their reasons."""
        return inside(self.line, self.line.threads.pieces)

    @cached_property
    def labelled(self) -> Pieces:
        """The stretches of threads with the reasons of their waits."""
        return inside(self.line, label_waits(self.trace, self.line.threads))

    @cached_property
    def mine(self) -> Bool:
        """The stretches of significant tasks."""
        chosen: Bool = self.told.significant[self.line.table.owner]
        return chosen

    @cached_property
    def missing(self) -> tuple[Int64, Int64]:
        """When fewer hands moved than wanted to and than there are cores."""
        return self.lacking(0)

    def lacking(self, low: int) -> tuple[Int64, Int64]:
        """The same, of the times in which so many or more were at work."""
        time, counts = self.told.levels.time, self.told.levels.counts
        p, d, n = counts["P"], counts["D"], max(1, int(self.m.usable))
        found = fast.lacking(time, p, d, low, n)
        if found is not None:
            return found
        return runs(self.told.levels, (p >= low) & (p < np.minimum(d, n)))

    @property
    def least(self) -> float:
        """Seconds from which a finding is worth telling."""
        return max(LEAST_S, LEAST_SHARE * self.m.active)

    def rows(self, state: State, reason: Reason | None = None) -> Bool:
        """Stretches of significant tasks in a state (for a reason)."""
        t = self.line.table
        mask: Bool = self.mine & (t.state == state)
        return mask if reason is None else mask & (t.reason == REASONS[reason])

    def span(self, mask: Bool) -> tuple[Int64, Int64]:
        """When at least one of these stretches of tasks lasted."""
        t = self.line.table
        _, start, end = union(np.zeros(int(mask.sum()), np.int64), t.start[mask], t.end[mask])
        return start, end

    def seconds(self, mask: Bool) -> float:
        """Of the run, in which one of these stretches lasted and hands were missing."""
        return shared_s(self.span(mask), self.missing)

    def places(self, reason: Reason, mask: Bool, most: int = 3) -> tuple[str, ...]:
        """The lines at which most was waited for this reason; where no look saw one, where the code
        of the tasks begins that waited longest (the stretches ``mask``)."""
        found = [wait.where for wait in self.waits if wait.reason is reason and wait.where]
        if not found:
            t, book = self.line.table, self.line.book
            length = np.bincount(t.owner[mask], weights=t.length[mask], minlength=len(book))
            order = np.argsort(-length, kind="stable")[: len(np.flatnonzero(length))].tolist()
            found = [book.where[task] for task in order if book.where.get(task)]
        return tuple(dict.fromkeys(found))[:most]


def shared_s(one: tuple[Int64, Int64], other: tuple[Int64, Int64]) -> float:
    """Seconds that two sorted, disjoint sets of stretches share."""
    return shared(one, other) / 1e9


def called(name: str) -> str:
    """A name from the program, cut short, in quotes."""
    return f"“{name[:37]}…”" if len(name) > 40 else f"“{name}”"


def times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def joined(names: list[str]) -> str:
    """``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
