"""What every report says in words besides the verdict's own texts, whatever it looks like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twocooks.model import Cause, Verdict
from twocooks.report.words import clean, count, seconds

TECHNICAL = {
    Verdict.ONE_AFTER_ANOTHER: "Neither concurrent nor parallel.",
    Verdict.TURNS: "Concurrent, not parallel.",
    Verdict.WAITING_TOGETHER: "Concurrent; nobody's hands were needed.",
    Verdict.RELAY: "Concurrent, not parallel.",
    Verdict.SOMETIMES: "Concurrent, and now and then parallel.",
    Verdict.PARALLEL: "Parallel (and so concurrent).",
    Verdict.BOTH: "Concurrent and parallel.",
    Verdict.MANY_HANDS: "Parallel, not concurrent.",
}
"""The two technical words, said once. The other verdicts claim neither."""


def headline(verdict: dict[str, Any], text: str) -> tuple[str, str]:
    """The headline and the technical words that stand beside it; ``text``: the verdict's headline,
    cleaned."""
    first, stop, rest = text.partition(". ")
    return (first + stop).strip(), rest or TECHNICAL.get(verdict["id"], "")


def warnings(summary: dict[str, Any]) -> Iterator[str]:
    """What makes the answer doubtful, in order of weight."""
    measured = summary.get("measured") or {}
    if summary["verdict"].get("cause") == Cause.NO_FREE_CORE:
        yield "Cores were taken from it: this run does not show what the program can do."
    if measured.get("source") == "schedstat":
        yield (
            "Estimated: the kernel did not tell its switches, so work at the same moment "
            "is a lower bound. Why, and what to change: twocooks doctor"
        )
    lost, unknown = measured.get("lost_events") or 0, measured.get("unknown_s") or 0.0
    if unknown > 0:
        yield (
            f"{seconds(unknown)} of the run are unknown"
            + (f" ({count(lost, 'record')} lost)" if lost else "")
            + ": drawn as ?, and nothing is claimed about them."
        )
    elif lost:
        yield f"{count(lost, 'record')} of the program's agents lost: tasks may be missing."


def numbers(summary: dict[str, Any]) -> Iterator[str]:
    """How it was measured and on what, in one breath."""
    if summary.get("wall_s") is not None and summary.get("cpu_s") is not None:
        yield f"{seconds(summary['cpu_s'])} of work in {seconds(summary['wall_s'])}"
    time = summary.get("time") or {}
    if time.get("python_s") is not None:
        error = seconds(time["split"]["error_s"])
        yield f"about {seconds(time['python_s'])} of it Python code (give or take {error})"
    if summary.get("in_line_s"):
        yield f"{seconds(summary['in_line_s'])} in line"
    cores = summary.get("cores") or {}
    if cores.get("usable") is not None:
        text = count(int(cores["usable"]), "core")
        if cores.get("free") is not None:
            text += f" ({cores['free']:.1f} free for it)"
        yield text
    if summary.get("python"):
        gil = {None: "", True: ", GIL on", False: ", no GIL"}[summary.get("gil")]
        yield clean(str(summary["python"]).replace("cpython", "CPython")) + gil
    measured = summary.get("measured") or {}
    if measured.get("source") == "schedstat":
        yield "estimated"
    else:
        whole = measured.get("exact")
        yield "exact, from the kernel" if whole else "from the kernel, with gaps"
