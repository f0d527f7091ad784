"""Work that is handed to and fro: one is at work, the other waits for what comes of it."""

from __future__ import annotations

from twocooks.analyse.columns import runs
from twocooks.analyse.findings.base import Facts, Finding, shared_s
from twocooks.analyse.words import seconds
from twocooks.model import Cause, Reason, State


class Relay:
    """Only where the whole run is a relay by the verdict's rule: in a pipeline that works ahead, a
    wait now and then is as it should be."""

    id = "relay"

    def look(self, facts: Facts) -> Finding | None:
        if facts.ruling.cause is not Cause.HAND_OVER or facts.m.usable < 2:
            return None
        counts = facts.told.levels.counts
        one = runs(facts.told.levels, counts["P"] == 1)
        rows = facts.rows(State.WAITING, Reason.RESULT)
        cost = shared_s(facts.span(rows), one)
        if cost < facts.least:
            return None
        return Finding(
            self.id,
            f"For {seconds(cost)} one worked while another waited for its result",
            cost,
            facts.places(Reason.RESULT, rows),
            "More cores would not help until one can work ahead (a queue with more than one place, "
            "bigger pieces).",
        )
