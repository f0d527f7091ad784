"""Steps that kept an event loop while others stood in line."""

from __future__ import annotations

from twocooks.analyse.findings.base import Facts, Finding, called
from twocooks.analyse.loops import COMPUTING, HELD_S, held_others, lasted_s, may_hold
from twocooks.analyse.words import seconds
from twocooks.model import STEPPED


class LoopHeld:
    """Its seconds are those of the holds: nobody else of the loop could have gone on."""

    id = "loop-held"

    def look(self, facts: Facts) -> Finding | None:
        if STEPPED.isdisjoint(facts.line.book.kind) or not may_hold(facts.trace, facts.line):
            return None
        holds = held_others(facts.loops, HELD_S)
        cost = lasted_s(holds)
        if cost < max(HELD_S, facts.least):
            return None
        worst = holds[0]
        computing = sum(part.seconds for part in worst.did if part.what == COMPUTING)
        how = "computing" if 2 * computing >= worst.own_s else "blocked"
        more = f" ({len(holds):,} steps like it, {seconds(cost)} in all)" if len(holds) > 1 else ""
        others = max(worst.in_line, worst.woken_after)
        return Finding(
            self.id,
            f"{called(worst.name)} kept the event loop for {seconds(worst.own_s)} in one go, "
            f"{how}, while {others} {'others' if others > 1 else 'other'} could not go on{more}",
            cost,
            tuple(dict.fromkeys(hold.place for hold in holds if hold.place))[:3],
            "Give the cook back: await instead of blocking, or hand long work to a thread or a "
            "process.",
        )
