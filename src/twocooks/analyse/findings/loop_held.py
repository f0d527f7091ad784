"""Steps that kept an event loop while others stood in line.

Computing keeps a loop from 50 ms in one go on: shorter pieces are what a loop is made of. A step
that *blocks* in a call (a sleep, a request, a query, a lock) has no business there at all, and
servers do it a few milliseconds at a time, again and again; so of blocked steps the shorter ones
count, too.
"""

from __future__ import annotations

from twocooks.analyse.findings.base import Facts, Finding, called
from twocooks.analyse.loops import COMPUTING, HELD_S, Hold, held_others, lasted_s, loops, may_hold
from twocooks.analyse.places import is_library
from twocooks.analyse.words import seconds
from twocooks.model import STEPPED, Reason

BLOCKED_S = 0.01
"""So long must a step be of which most was a blocking call."""
BLOCKING = {Reason.IO, Reason.SLEEP, Reason.LOCK, Reason.CHILD, Reason.RESULT}
"""What the program itself chose to wait for, where it stood."""


class LoopHeld:
    """Its seconds are those of the holds: nobody else of the loop could have gone on."""

    id = "loop-held"

    def look(self, facts: Facts) -> Finding | None:
        kinds = facts.line.book.kind
        if STEPPED.isdisjoint(kinds) or not may_hold(facts.trace, facts.line, BLOCKED_S):
            return None
        found = loops(facts.trace, facts.line, BLOCKED_S, lateness=False)
        holds = [
            hold
            for hold in held_others(found, BLOCKED_S)
            if hold.own_s >= HELD_S or _blocked_s(hold) >= 0.5 * hold.own_s
        ]
        # "Steps like it" are of one sort: the sort that cost most is told.
        blocked = [hold for hold in holds if not _computes(hold)]
        computing = [hold for hold in holds if _computes(hold)]
        told = max(blocked, computing, key=lasted_s)
        cost = lasted_s(told)
        if cost < max(HELD_S, facts.least):
            return None
        worst = told[0]
        how = "computing" if _computes(worst) else "blocked"
        more = f" ({len(told):,} steps like it, {seconds(cost)} in all)" if len(told) > 1 else ""
        others = max(worst.in_line, worst.woken_after)
        return Finding(
            self.id,
            f"{called(worst.name)} kept the event loop for {seconds(worst.own_s)} in one go, "
            f"{how}, while {others} {'others' if others > 1 else 'other'} could not go on{more}",
            cost,
            tuple(dict.fromkeys(place for hold in told for place in _places(hold)))[:3],
            "Give the cook back: await instead of blocking, or hand long work to a thread or a "
            "process.",
        )


def _places(hold: Hold) -> list[str]:
    """Where it was blocked; where only a library was seen there, the task's own code before it."""
    own = [hold.where] if is_library(hold.place) and not is_library(hold.where) else []
    return [place for place in (*own, hold.place) if place]


def _computes(hold: Hold) -> bool:
    return 2 * sum(part.seconds for part in hold.did if part.what == COMPUTING) >= hold.own_s


def _blocked_s(hold: Hold) -> float:
    return sum(part.seconds for part in hold.did if part.what in BLOCKING)
