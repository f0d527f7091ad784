"""Which rule decided a verdict, with its two numbers, in words: a pure function of the summary.

The rules are those of ``analyse.verdict`` in their order; the thresholds are told as that module
has them. Where the lines of tasks could not be seen (``contests_won`` is absent), the rules from
the fourth on count coincidences instead, and the words say so.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from twocooks.model import Verdict
from twocooks.report.words import count, seconds

CHOICES: tuple[tuple[Verdict, str, str], ...] = (
    (Verdict.ONE_AFTER_ANOTHER, "One after another",
     "each is finished before the next one is begun"),
    (Verdict.TURNS, "They take turns",
     "several on the go, and one at a time gets the hands"),
    (Verdict.WAITING_TOGETHER, "They wait together",
     "several on the go, and hands are hardly needed"),
    (Verdict.RELAY, "They hand the work to and fro",
     "one works, the other waits for its result and wants no hands"),
    (Verdict.SOMETIMES, "Now and then at the same moment",
     "two work at once sometimes; mostly one must stand in line"),
    (Verdict.PARALLEL, "Really at the same moment",
     "whoever wants hands has them"),
    (Verdict.BOTH, "Both: the same moment, and turns",
     "two or more work at once, and still some stand in line"),
    (Verdict.MANY_HANDS, "One task, many hands",
     "one task at a time, and several cores work for it"),
    (Verdict.SINGLE, "One task, one pair of hands",
     "nobody to take turns with"),
)
"""What can be answered, in order: the verdict, its name, and what it means."""
TITLES = {verdict: title for verdict, title, _ in CHOICES}

LOOK = {
    Verdict.ONE_AFTER_ANOTHER:
        "Each lane becomes solid only where the one before has ended, and \"on the go\" shows "
        "no 2.",
    Verdict.TURNS:
        "While one lane is solid another one is hatched: in line. \"On the go\" shows 2 or more, "
        "\"at work\" never.",
    Verdict.WAITING_TOGETHER:
        "Long thin lines side by side and hardly a solid cell: everything is on the stove, and "
        "nobody stands in line.",
    Verdict.RELAY:
        "The solid cells hop from lane to lane, and whoever has none is a thin line, not hatched: "
        "it waits for what the other one makes.",
    Verdict.SOMETIMES:
        "\"At work\" shows 2 here and there; where it shows 1, a lane is hatched: somebody wanted "
        "to work and could not.",
    Verdict.PARALLEL:
        "Solid cells stand above each other, \"at work\" shows 2 or more, and hardly anything is "
        "hatched.",
    Verdict.BOTH:
        "\"At work\" shows 2 or more, and below and above the solid cells others are hatched: "
        "all hands move, and more are wanted.",
    Verdict.MANY_HANDS:
        "One solid lane at a time, and yet two or more cores are filled: one dish, several people "
        "peeling.",
    Verdict.SINGLE:
        "One lane, and one core filled at any moment.",
}
"""Where in the picture it is to be seen."""


class Reason(NamedTuple):
    """Why a run has its verdict."""

    rule: int
    """Of the rules 2 to 7, the one that held first."""
    text: str
    numbers: tuple[float, float]
    """The two that the rule looked at: counts, seconds or shares, in the order of the text."""


def reason(summary: dict[str, Any]) -> Reason:
    """The rule that decided a run. ValueError for verdicts that the quiz does not ask for."""
    verdict = Verdict(summary["verdict"]["id"])
    tasks = int(summary["tasks"]["count"])
    if verdict not in TITLES:
        raise ValueError(f"{verdict} is no answer")
    if tasks < 2:
        return _one_task(verdict, summary)
    if verdict in (Verdict.ONE_AFTER_ANOTHER, Verdict.MANY_HANDS):
        return _one_by_one(verdict, summary)
    wanted, got = summary["wanted"]["two_or_more_s"], summary["wanted"]["served_s"]
    if verdict is Verdict.WAITING_TOGETHER:
        return _hardly_wanted(summary, wanted, "under 20 %: they wait together")
    if verdict is Verdict.RELAY:
        return _hardly_wanted(summary, wanted, "50 % or more: the work is handed to and fro")
    if verdict is Verdict.TURNS and summary["verdict"].get("cause") == "no-contest":
        return _hardly_wanted(summary, wanted, "and yet they were on the go together: turns")
    if summary["scores"].get("contests_won") is None:
        return _overlap(verdict, summary)
    return _contest(verdict, summary, wanted, got)


def _one_task(verdict: Verdict, summary: dict[str, Any]) -> Reason:
    many, busy = summary["cores_used"]["two_or_more_s"], _busy(summary)
    end = "at least a quarter" if verdict is Verdict.MANY_HANDS else "less than a quarter"
    text = (
        f"There was one task. Two cores or more worked for it for {seconds(many)} of the "
        f"{seconds(busy)} in which it worked: {end}."
    )
    return Reason(2, text, (many, busy))


def _one_by_one(verdict: Verdict, summary: dict[str, Any]) -> Reason:
    together, company = summary["concurrency"]["two_or_more_s"], summary["scores"]["company"]
    text = (
        f"Of {count(int(summary['tasks']['count']), 'task')}, two were on the go together for "
        f"{seconds(together)}: {_percent(company)} of the company that they could have had. "
        "Under 10 % is one after another"
    )
    if verdict is Verdict.MANY_HANDS:
        return Reason(3, text + ", and several cores worked for each.", (together, company))
    return Reason(3, text + ".", (together, company))


def _hardly_wanted(summary: dict[str, Any], wanted: float, end: str) -> Reason:
    share = summary["scores"]["busy_share"]
    text = (
        f"They were on the go together, but two wanted hands for {seconds(wanted)} only: no "
        f"contest to speak of. Somebody worked for {_percent(share)} of the time; {end}."
    )
    return Reason(4, text, (wanted, share))


def _contest(verdict: Verdict, summary: dict[str, Any], wanted: float, got: float) -> Reason:
    front = f"For {seconds(wanted)} at least two wanted hands; for {seconds(got)} of it two had "
    if verdict is Verdict.TURNS:
        return Reason(7, front + "them. Less than a tenth is turns.", (wanted, got))
    if verdict is Verdict.SOMETIMES:
        return Reason(6, front + "them. Between a tenth and a half is now and then.", (wanted, got))
    text = front + "them, at least half: really at the same moment. "
    if verdict is Verdict.BOTH:
        text += (
            f"And {seconds(summary['in_line_s'])} were spent in line, so they took turns as well."
        )
    else:
        text += "And hardly anybody took turns."
    return Reason(5, text, (wanted, got))


def _overlap(verdict: Verdict, summary: dict[str, Any]) -> Reason:
    """Who stood in line could not be seen: coincidences decide."""
    two, score = summary["parallelism"]["two_or_more_s"], summary["scores"]["overlap"]
    rule = {Verdict.TURNS: 7, Verdict.SOMETIMES: 6}.get(verdict, 5)
    bound = {7: "less than a tenth", 6: "between a tenth and a half", 5: "at least half"}[rule]
    text = (
        "Not all waits could be told from standing in line, so coincidences decide: two had hands "
        f"at the same moment for {seconds(two)}, {_percent(score)} of what was possible; {bound}."
    )
    return Reason(rule, text, (two, score))


def _busy(summary: dict[str, Any]) -> float:
    """Seconds in which any task was worked on."""
    mean = summary["cores_used"]["mean"]
    return float(summary["time"]["on_core_s"]) / mean if mean else 0.0


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
