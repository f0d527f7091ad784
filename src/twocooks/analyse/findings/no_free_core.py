"""Tasks in line for a core that something outside the program had."""

from __future__ import annotations

from twocooks.analyse.findings.base import Facts, Finding, shared_s
from twocooks.analyse.verdict import no_free_core
from twocooks.analyse.words import seconds
from twocooks.model import Cause, Reason, State

WHO = {
    "quota": "the cgroup quota took away",
    "steal": "the machine's host took away (steal)",
    "other": "other programs had",
}


class NoFreeCore:
    """Only the time in line counts in which fewer of the program were at work than it has cores:
    the rest is its own crowd."""

    id = "no-free-core"

    def look(self, facts: Facts) -> Finding | None:
        m = facts.m
        if not (no_free_core(m) or facts.ruling.cause is Cause.NO_FREE_CORE) or m.free is None:
            return None
        rows = facts.rows(State.IN_LINE, Reason.CORE)
        cost = shared_s(facts.span(rows), facts.missing)
        if cost < facts.least:
            return None
        return Finding(
            self.id,
            f"For {seconds(cost)} of the run tasks stood in line for a core that "
            f"{WHO.get(m.free_why, WHO['other'])}",
            cost,
            (),
            "Run it again when the machine is quiet."
            if m.free_why != "quota"
            else "A larger quota would give it the cores.",
        )
