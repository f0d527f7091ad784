"""Runs of the lesson's programs, recorded while the reader waits."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from random import Random

from twocooks import api
from twocooks.lesson import stage
from twocooks.lesson.claim import Claim, Part
from twocooks.lesson.quiz.play import Question
from twocooks.lesson.quiz.reasons import TITLES
from twocooks.model import TwocooksError, Verdict

PARTS = (
    Part("awaits", "await_in_a_row"),
    Part("gather", "gather_computing"),
    Part("threads", "two_threads"),
    Part("processes", "two_processes"),
    Part("pinned", "two_processes", one_core=True),
    Part("crowd", "processes_by_cores"),
    Part("relay", "relay"),
    Part("shared-knife", "dinner_cooked", ("friend", "oneknife", "0.05")),
    Part("sleepers", "threads_waiting"),
    Part("locked", "threads_hashing", ("locked",)),
    Part("sort", "sort_parallel"),
)
"""What the verdicts are here is measured, not known beforehand."""


def questions(seed: int | str, say: Callable[[str], None]) -> Iterator[Question]:
    """One question for each program, in random order. Runs that cannot be judged are left out.

    TwocooksError where the kernel does not tell its switches, or a program fails."""
    parts = list(PARTS)
    Random(str(seed)).shuffle(parts)
    for part in parts:
        if part.program == "sort_parallel" and shutil.which("sort") is None:
            continue
        say("a run is being recorded ...")
        try:
            run = _recorded(part)
        finally:
            say("")
        if run is None:
            continue
        if run.summary["measured"]["source"] != "kernel":
            raise TwocooksError(
                "the kernel does not tell its switches here, so there is nothing to record: "
                "see twocooks doctor, or play without --live"
            )
        if Verdict(run.summary["verdict"]["id"]) in TITLES:
            yield Question(run.analysis, _about(part))


def _recorded(part: Part) -> api.Run | None:
    """One run of a program; None where the machine has not what it needs."""
    runs: list[api.Run] = []

    def keep(part: Part, run: api.Run) -> None:
        runs.append(run)

    stage.play(Claim(0, "", "", (part,), lambda seen: []), keep)
    return runs[0] if runs else None


def _about(part: Part) -> str:
    words = " ".join([f"{part.program}.py", *part.args])
    held = ", held on one core" if part.one_core else ""
    return f"Recorded just now: {words}{held}."
