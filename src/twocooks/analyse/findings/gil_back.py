"""A free-threaded Python whose GIL an import switched back on."""

from __future__ import annotations

from twocooks.analyse.findings.base import Facts, Finding
from twocooks.analyse.words import seconds
from twocooks.model import Reason, State


class GilBackOn:
    """Told where threads then stood in line for it; else it is a remark."""

    id = "gil-switched-on"

    def look(self, facts: Facts) -> Finding | None:
        modules = switched_on_by(facts)
        if not modules or facts.m.wants_gil < facts.least:
            return None
        rows = facts.rows(State.IN_LINE, Reason.GIL)
        cost = facts.seconds(rows)
        if cost < facts.least:
            return None
        return Finding(
            self.id,
            f"Importing {modules[0]} switched the GIL of this free-threaded Python back on, and "
            f"they stood in line for it for {seconds(facts.m.wants_gil)} in all",
            cost,
            facts.places(Reason.GIL, rows),
            f"Do without {modules[0]}, or get a version of it that is made for free-threaded "
            "Python; PYTHON_GIL=0 keeps the GIL off at your own risk.",
        )


def switched_on_by(facts: Facts) -> list[str]:
    """The modules whose import switched the GIL on. Hostile text."""
    said = facts.line.owners.said
    texts = facts.trace.texts
    return list(
        dict.fromkeys(texts[int(said.text[row])] for row in said.rows("GIL_ON")
                      if said.text[row] >= 0)
    )  # fmt: skip
