"""Demands on a measured stretch of a program, and what an ``Analysis`` says to them.

Each demand is a small frozen class with one method, ``judge``: passed, failed or undecided, with
one line that says why. Undecided is what this run can neither prove nor disprove (see ``doubt``):
a caller skips it, or fails where that was asked for (``twocooks_strict``, ``--strict``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from twocooks.analyse.loops import FOR_A_CORE, Hold
from twocooks.analyse.places import spoken
from twocooks.analyse.result import Analysis
from twocooks.gate import doubt
from twocooks.model import Reason, TwocooksError, Verdict, printable
from twocooks.report.words import count, seconds


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Judged:
    """What a demand came to."""

    outcome: Outcome
    said: str
    """One line: the number and the demand, or why nothing can be said. Clean for terminals."""
    where: tuple[str, ...] = ()
    """``file:line function`` of what was at fault, the worst first. Hostile text."""


class DemandError(TwocooksError):
    """A demand that makes no sense: a wrong name, a missing number."""


class Check(Protocol):
    """One demand."""

    def judge(self, analysis: Analysis) -> Judged: ...


def passed() -> Judged:
    return Judged(Outcome.PASSED, "")


def failed(said: str, where: tuple[str, ...] = ()) -> Judged:
    return Judged(Outcome.FAILED, printable(said), where)


def undecided(said: str) -> Judged:
    return Judged(Outcome.UNDECIDED, printable(said))


PARALLEL_KINDS = {Verdict.PARALLEL, Verdict.BOTH, Verdict.SOMETIMES, Verdict.MANY_HANDS}
"""Verdicts that need two cores."""


@dataclass(frozen=True)
class _Range:
    """``min`` is held against the mean, ``max`` against the largest value: at least so many on
    average, never more than so many."""

    min: float | None = None
    max: float | None = None
    what: ClassVar[str]

    def __post_init__(self) -> None:
        if self.min is None and self.max is None:
            raise DemandError(f"{self.what} needs min=, max= or both; for example min=1.8")
        for name in ("min", "max"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)
                                      or not 0 <= value < 1e9):  # fmt: skip
                raise DemandError(f"{self.what}({name}={value!r}): give a number, such as 1.8")

    def judge(self, analysis: Analysis) -> Judged:
        found = analysis.summary.get(self.what) or {}
        for judge in (self._least, self._most):
            judged = judge(analysis, found)
            if judged.outcome is not Outcome.PASSED:
                return judged
        return passed()

    def _least(self, analysis: Analysis, found: dict[str, Any]) -> Judged:
        mean = found.get("mean")
        if self.min is None or (mean is not None and mean >= self.min):
            return passed()
        too_little = _too_little(analysis.summary)
        if mean is None or too_little:
            return undecided(too_little or f"{self.what}.mean could not be known in this run")
        said = f"{self.what}.mean is {mean:.2f}, at least {self.min:g} was demanded"
        why = doubt.unseen(analysis.summary) or self.room(analysis)
        return undecided(f"{said}, but {why}") if why else failed(said, places(analysis))

    def _most(self, analysis: Analysis, found: dict[str, Any]) -> Judged:
        most = found.get("max")
        if self.max is None:
            return passed()
        if most is not None and most > self.max:
            return failed(
                f"{self.what}.max is {most}, never more than {self.max:g} was demanded",
                places(analysis),
            )
        why = doubt.unseen(analysis.summary)
        if most is None:
            why = f"{self.what}.max could not be known in this run"
        return undecided(f"{why}, so a larger {self.what} is not ruled out") if why else passed()

    def room(self, analysis: Analysis) -> str:
        """Why the machine may be at fault that ``min`` was not reached; "" = it is not."""
        return doubt.no_room(analysis.summary)


class Parallelism(_Range):
    """So many tasks worked on at the same moment: ``parallelism.mean`` (while anybody worked) and
    ``parallelism.max``."""

    what = "parallelism"

    def room(self, analysis: Analysis) -> str:
        least = self.min or 0.0
        why = doubt.crowded(analysis.summary, least)
        if why:
            return why
        reachable = doubt.reachable_mean(analysis)
        if reachable < least:
            return ""
        return f"tasks stood in line for a core: without that up to {reachable:.2f} was in reach"


class Concurrency(_Range):
    """So many tasks in progress together: ``concurrency.mean`` and ``concurrency.max``."""

    what = "concurrency"


@dataclass(frozen=True)
class IsVerdict:
    """The verdict is one of these."""

    ids: tuple[str, ...]

    def __post_init__(self) -> None:
        known = [str(verdict) for verdict in Verdict]
        if not self.ids:
            raise DemandError("verdict needs one or more names; for example 'parallel', 'both'")
        for name in self.ids:
            if name not in known:
                raise DemandError(f"there is no verdict {name!r}; there are {', '.join(known)}")

    def judge(self, analysis: Analysis) -> Judged:
        summary = analysis.summary
        found = summary["verdict"]
        if found["id"] in self.ids:
            return passed()
        said = f"the verdict is {found['id']}, {' or '.join(self.ids)} was demanded"
        why = ""
        if found["id"] == Verdict.CANNOT_TELL:
            why = doubt.unseen(summary) or "nothing can be said of this run"
        elif found["id"] == Verdict.NOTHING:
            why = _too_little(summary) or "too little happened to judge"
        elif found["id"] not in (Verdict.PARALLEL, Verdict.BOTH):  # those two were proven
            two = bool(PARALLEL_KINDS.intersection(self.ids))
            why = doubt.unseen(summary)
            why = why or (doubt.crowded(summary, 2.0) if two else doubt.no_room(summary))
            if not why and found.get("cause") == "no-free-core":
                why = "others had the cores"
        return undecided(f"{said}, but {why}") if why else failed(said, places(analysis))


@dataclass(frozen=True)
class LoopNeverHeld:
    """No step kept an event loop for ``ms`` milliseconds or more (time in which the step itself
    stood in line for a core does not count)."""

    ms: float = 50.0

    def __post_init__(self) -> None:
        if isinstance(self.ms, bool) or not isinstance(self.ms, int | float) or self.ms <= 0:
            raise DemandError(f"loop_never_held(ms={self.ms!r}): give milliseconds, such as 50")

    def judge(self, analysis: Analysis) -> Judged:
        least = self.ms / 1000
        loops = analysis.tell_loops(least)
        if not loops:
            return undecided("no event loop was seen in it")
        holds = sorted(
            (hold for loop in loops for hold in loop.held if hold.own_s >= least),
            key=lambda hold: -hold.own_s,
        )
        if not holds:
            return passed()
        worst = holds[0]
        said = held(worst) + f", less than {self.ms:g} ms was demanded"
        if holds[1:]:
            said += f" ({count(len(holds) - 1, 'more step')} like it)"
        asleep = max(part_s(hold, str(Reason.SLEEP)) for hold in holds)
        why = "" if asleep >= least else (
            doubt.unseen(analysis.summary) or doubt.no_room(analysis.summary)
        )  # fmt: skip
        where = tuple(dict.fromkeys(hold.place for hold in holds if hold.place))[:3]
        return undecided(f"{said}, but {why}") if why else failed(said, where)


def part_s(hold: Hold, what: str) -> float:
    """Seconds of a hold that went to this."""
    return sum(part.seconds for part in hold.did if part.what == what)


def held(hold: Hold) -> str:
    """A hold in words."""
    others = [part for part in hold.did if part.what != FOR_A_CORE]
    most = max(others, key=lambda part: part.seconds, default=None)
    how = f", mostly {most.what}" if most else ""
    return f"{hold.name!r} kept the event loop for {seconds(hold.own_s)}{how}"


@dataclass(frozen=True)
class GilStaysOff:
    """No import switched the GIL of a free-threaded Python back on."""

    def judge(self, analysis: Analysis) -> Judged:
        summary = analysis.summary
        gil = summary.get("gil")
        if gil is False:
            return passed()
        if gil is None:
            return undecided("whether the GIL was on is not known")
        python = str(summary.get("python") or "this Python")
        if not python.endswith("t"):
            return undecided(f"{python} always has a GIL; this is about free-threaded builds")
        notes = (summary.get("measured") or {}).get("notes") or []
        told = [str(note) for note in notes if "switched the GIL" in str(note)]
        told += [str(one["sentence"]) for one in summary.get("findings") or []
                 if one["id"] == "gil-switched-on"]  # fmt: skip
        return failed(told[0] if told else "the GIL of this free-threaded Python is on")


@dataclass(frozen=True)
class NobodyKeptGil:
    """No native call kept the GIL after another thread had asked for it."""

    def judge(self, analysis: Analysis) -> Judged:
        summary = analysis.summary
        for one in summary.get("findings") or []:
            if one["id"] == "native-keeps-gil":
                return failed(str(one["sentence"]), tuple(one["where"]))
        why = doubt.unseen(summary)
        return undecided(f"{why}, so nothing is known of the GIL") if why else passed()


@dataclass(frozen=True)
class NoWaitFor:
    """The tasks did not wait for this reason for longer than ``over`` seconds, all together."""

    reason: str
    over: float = 0.0

    def __post_init__(self) -> None:
        known = [str(reason) for reason in Reason]
        if self.reason not in known:
            raise DemandError(
                f"there is no reason {self.reason!r} to wait for; there are {', '.join(known)}"
            )

    def judge(self, analysis: Analysis) -> Judged:
        mine = [wait for wait in analysis.waits if wait.reason == self.reason]
        whole = sum(wait.seconds for wait in mine)
        if whole <= self.over:
            blind = sum(wait.seconds for wait in analysis.waits if wait.reason is Reason.UNKNOWN)
            if whole + blind <= self.over or not blind:
                return passed()
            return undecided(
                f"for {seconds(blind)} it is not known what tasks waited for, so waits for "
                f"{self.reason} beyond {seconds(self.over)} are not ruled out"
            )
        times = sum(wait.count for wait in mine)
        said = (
            f"the tasks waited {seconds(whole)} in all for {self.reason} "
            f"({times:,} {'wait' if times == 1 else 'waits'}), at most {seconds(self.over)} was "
            "demanded"
        )
        where = tuple(dict.fromkeys(wait.where for wait in mine if wait.where))[:3]
        why = doubt.unseen(analysis.summary)
        if self.reason in MADE_LONGER:
            why = why or doubt.no_room(analysis.summary)
        return undecided(f"{said}, but {why}") if why else failed(said, where)


MADE_LONGER = {Reason.GIL, Reason.CORE, Reason.LOCK, Reason.TURN, Reason.RESULT, Reason.CHILD}
"""Waits for others of the program, which take longer where those have no core."""

_TIME = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(s|ms|us)?\s*")
_UNITS = {None: 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}


def time_s(value: object) -> float:
    """Seconds of ``"0.1s"``, ``"50ms"`` or a number. DemandError if it is none."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9:
        return float(value)
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise DemandError(f"over={value!r} is no length of time; write for example '0.1s'")
    return float(match[1]) * _UNITS[match[2]]


def _too_little(summary: dict[str, Any]) -> str:
    """Why there is nothing to judge; "" if there is."""
    if (summary.get("verdict") or {}).get("id") != Verdict.NOTHING:
        return ""
    work = float((summary.get("time") or {}).get("on_core_s") or summary.get("cpu_s") or 0.0)
    return f"too little happened to judge it: {seconds(work)} of work"


def places(analysis: Analysis) -> tuple[str, ...]:
    """The lines of the finding on which Why rests, else of the one that cost most."""
    found = analysis.summary.get("findings") or []
    proof = (analysis.summary.get("verdict") or {}).get("finding")
    with_places = [one for one in found if one.get("where")]
    with_places.sort(key=lambda one: one["id"] != proof)
    return tuple(with_places[0]["where"]) if with_places else ()


def at(where: tuple[str, ...]) -> str:
    """The places in words, or ""."""
    return printable(", ".join(map(spoken, where)))
