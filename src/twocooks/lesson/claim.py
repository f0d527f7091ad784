"""What a claim is, what is seen of one round, and what a judge says of it. Runs nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["proven", "refuted", "cannot"]
Unit = Literal["s", "times", "share", "count", "mean", "minutes", "words"]
NEEDS = ("cores", "smt", "sort")
FREE = 0.8
"""Of the cores that a claim needs, the share that other programs must leave for "not together" to
be the program's doing."""
QUIET = 0.1
"""A run in which other programs used more cores than this refutes nothing."""


@dataclass(frozen=True)
class Part:
    """One program of a round."""

    name: str
    program: str
    """File in ``examples/``, without ``.py``."""
    args: tuple[str, ...] = ()
    one_core: bool = False
    """It is held on one core, and the recorder with it."""
    crowded: bool = False
    """Other programs, started for it, want the same two cores meanwhile."""
    cores: int = 0
    """Left out of the round where fewer may be used."""


@dataclass(frozen=True)
class Seen:
    """What one watched program showed."""

    summary: Mapping[str, Any]
    said: Mapping[str, float] = field(default_factory=dict)
    """What it printed: lines of a name and a number."""
    active_s: float = 0.0
    """Seconds in which at least one task was on the go."""
    dishes: tuple[tuple[float, float], ...] = ()
    """When each ``with task(...)`` block was begun and done, in seconds."""
    foreign: float | None = None
    """Cores that other programs used meanwhile, None = not known."""

    def at(self, path: str) -> float:
        """A number of the summary by its dotted name; 0 where it could not be known."""
        value: Any = self.summary
        for key in path.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        return float(value or 0.0)

    @property
    def verdict(self) -> str:
        return str(self.summary["verdict"]["id"])

    @property
    def cause(self) -> str:
        return str(self.summary["verdict"].get("cause"))

    @property
    def two_s(self) -> float:
        """Seconds with two or more hands at the same moment."""
        return self.at("parallelism.two_or_more_s")

    @property
    def busy_s(self) -> float:
        """Seconds in which anybody worked."""
        mean = self.at("parallelism.mean")
        return self.at("time.on_core_s") / mean if mean else 0.0

    @property
    def gil(self) -> bool:
        return self.summary.get("gil") is not False


Round = Mapping[str, Seen]
"""What was seen of one round, by the names of its parts."""


@dataclass(frozen=True)
class Check:
    """One quantity of a round, and what theory says of it. Without bounds it is only told."""

    name: str
    value: float | str
    unit: Unit
    least: float | None = None
    most: float | None = None
    wanted: tuple[str, ...] = ()
    """For words: the right ones."""

    @property
    def holds(self) -> bool:
        if isinstance(self.value, str):
            return not self.wanted or self.value in self.wanted
        low = self.least is None or self.value >= self.least
        return low and (self.most is None or self.value <= self.most)

    @property
    def bound(self) -> bool:
        """It can fail."""
        return self.least is not None or self.most is not None or bool(self.wanted)


class CannotShowError(Exception):
    """The claim cannot be shown by this round; the message says why."""


Judge = Callable[[Round], list[Check]]


@dataclass(frozen=True)
class Claim:
    """A claim or question, its answer, and its experiment."""

    number: int
    asks: str
    answer: str
    """At most five sentences, the kitchen first."""
    parts: tuple[Part, ...]
    judge: Judge
    needs: frozenset[str] = frozenset()
    quiet: bool = False
    """A proof, too, needs free cores: who shows that two do not work together must not have had
    others at the counter."""
    all_cores: bool = False
    """All usable cores must be free, not two of them."""
    keys: str = ""
    """More words by which it is found."""


@dataclass(frozen=True)
class Judged:
    """One round, judged."""

    checks: tuple[Check, ...]
    foreign: float | None = None
    """The most cores that other programs used in one of its runs, None = not known."""

    @property
    def proves(self) -> bool:
        return all(check.holds for check in self.checks)


@dataclass(frozen=True)
class Result:
    """What is concluded of a claim."""

    claim: Claim
    outcome: Outcome
    why: str = ""
    """Of "cannot": why not. Of "refuted": what did not hold."""
    checks: tuple[Check, ...] = ()
    """Medians of the rounds that count."""
    rounds: int = 0
    proved: int = 0
    """Rounds that count, and those of them that prove it."""
    discarded: int = 0
    """Rounds in which other programs had the cores."""
    gil: bool | None = None


def crowded(claim: Claim, judged: Judged, usable: int) -> bool:
    """Other programs had too much of the cores for this round to count. What is as foretold in
    spite of them counts, unless they could have made it so; what is not counts only where they
    were next to nothing: they must never refute a claim."""
    if not judged.proves:
        return judged.foreign is None or judged.foreign > QUIET
    if not claim.quiet:
        return False
    needed = usable if claim.all_cores else min(usable, 2)
    return judged.foreign is None or usable - judged.foreign < FREE * needed


def conclude(claim: Claim, rounds: list[Judged], discarded: int, wanted: int = 3) -> Result:
    """From the rounds that count (others had no cores in them) to the result."""
    proved = sum(judged.proves for judged in rounds)
    checks = medians(rounds)
    if len(rounds) < wanted or (discarded and not proved):
        used = rounds[-1].foreign if rounds else None
        cores = f" (they used {used:.1f})" if used else ""
        return Result(
            claim, "cannot", f"other programs have the cores{cores}; again when it is quiet",
            checks, len(rounds), proved, discarded,
        )
    if 0 < proved < len(rounds):
        return Result(
            claim, "cannot",
            f"the runs differ: {proved} of {len(rounds)} prove it, so nothing is concluded",
            checks, len(rounds), proved, discarded,
        )
    if proved:
        return Result(claim, "proven", "", checks, len(rounds), proved, discarded)
    wrong = " and ".join(check.name for check in checks if not check.holds) or "other things"
    return Result(claim, "refuted", f"not as foretold: {wrong}", checks, len(rounds), 0, discarded)


def medians(rounds: list[Judged]) -> tuple[Check, ...]:
    """Of each quantity the middle one of the rounds that have it."""
    names: dict[str, list[Check]] = {}
    for judged in rounds:
        for check in judged.checks:
            names.setdefault(check.name, []).append(check)
    found = []
    for checks in names.values():
        if any(isinstance(check.value, str) for check in checks):
            checks.sort(key=lambda check: (not check.holds, str(check.value)))
        else:
            checks.sort(key=lambda check: check.value)
        found.append(checks[len(checks) // 2])
    return tuple(found)
