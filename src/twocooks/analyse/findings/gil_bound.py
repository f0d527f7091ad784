"""Tasks in line for the GIL while a core was free for them."""

from __future__ import annotations

from twocooks.analyse.findings.base import Facts, Finding, shared_s
from twocooks.analyse.words import seconds
from twocooks.model import Reason, State


class GilBound:
    """Waits for the GIL that looks saw, while somebody was at work: those too short for a look are
    not counted, and where nobody was at work the one who had it had no core."""

    id = "gil-bound"

    def look(self, facts: Facts) -> Finding | None:
        m = facts.m
        if not m.gil or m.usable < 2 or m.wants_gil < facts.least:
            return None
        rows = facts.rows(State.IN_LINE, Reason.GIL)
        cost = shared_s(facts.span(rows), facts.lacking(1))
        if cost < facts.least:
            return None
        return Finding(
            self.id,
            f"They stood in line for the GIL for {seconds(m.wants_gil)} in all, while one of the "
            "cores did nothing for them",
            cost,
            facts.places(Reason.GIL, rows),
            "Use processes or a free-threaded Python for computing; waiting is fine as it is.",
        )
