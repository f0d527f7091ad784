"""Tasks that could go on, but for a lock that another one holds."""

from __future__ import annotations

from twocooks.analyse.findings.base import Facts, Finding, times
from twocooks.analyse.words import seconds
from twocooks.model import Reason, State


class Locks:
    """Waits for locks and semaphores, of threads, processes and event loops."""

    id = "lock"

    def look(self, facts: Facts) -> Finding | None:
        if facts.m.wants_tool < facts.least:
            return None
        rows = facts.rows(State.WANTS_TOOL)
        cost = facts.seconds(rows)
        if cost < facts.least:
            return None
        mine = [wait for wait in facts.waits if wait.reason is Reason.LOCK]
        count = sum(wait.count for wait in mine)
        return Finding(
            self.id,
            f"They waited for a lock that another one held, {times(count)}, "
            f"{seconds(facts.m.wants_tool)} in all",
            cost,
            facts.places(Reason.LOCK, rows),
            "Only what is done outside the lock can happen at the same moment.",
        )
