"""The measured numbers of one mode: from the loaded trace's analysis, and from nothing else.

The plan is not asked: whoever cooks otherwise than the plan says, measures otherwise. Only the
length of a kitchen minute is taken from it, as a unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twocooks.analyse.result import Analysis, Core, Steps
from twocooks.kitchen.truth import Bounds, Numbers, Prediction
from twocooks.model import TaskKind

TURN_MINUTES = 0.02
"""Less than this is a cook looking at a dish (putting it into the line), not working on it."""
MEAN_SHARE = 0.03
"""How far measured means may be from the predicted ones."""
CORES_FREE = 0.8
"""Of the cores that the cooks need, the share that must be free for numbers to be compared."""


@dataclass(frozen=True)
class Measured:
    numbers: Numbers
    verdict: str
    cause: str | None
    free: float | None
    """Cores that were free while it cooked, by the recorder's meter."""
    exact: bool

    def as_json(self) -> dict[str, object]:
        return {**as_json(self.numbers), "verdict": self.verdict, "cause": self.cause}


def as_json(numbers: Numbers) -> dict[str, object]:
    """The five numbers of the contract."""
    return {
        "minutes": numbers.minutes,
        "concurrency": numbers.concurrency,
        "parallelism": numbers.parallelism,
        "turns": numbers.turns,
        "contests_won": numbers.contests_won,
    }


def measure(analysis: Analysis, minute_s: float) -> Measured:
    """What the instruments saw, in kitchen minutes of ``minute_s`` seconds."""
    summary = analysis.summary
    won = (summary.get("scores") or {}).get("contests_won")
    numbers = Numbers(
        minutes=_length(analysis.on_the_go) / minute_s,
        concurrency=float(summary["concurrency"]["mean"]),
        parallelism=float(summary["parallelism"]["mean"]),
        turns=turns(analysis, minute_s),
        contests_won=None if won is None else float(won),
        at_work_two=float(summary["parallelism"]["two_or_more_s"]) / minute_s,
        most_on_the_go=int(summary["concurrency"]["max"]),
        most_at_work=int(summary["parallelism"]["max"]),
        in_line=float(summary.get("in_line_s") or 0.0) / minute_s,
    )
    verdict = summary["verdict"]
    free = (summary.get("cores") or {}).get("free")
    return Measured(numbers, str(verdict["id"]), verdict.get("cause"),
                    None if free is None else float(free),
                    bool((summary.get("measured") or {}).get("exact")))


def _length(steps: Steps) -> float:
    """Seconds in which the value was one or more."""
    if len(steps.time) < 2:
        return 0.0
    return float(np.diff(steps.time)[steps.value[:-1] >= 1].sum())


def cooks(analysis: Analysis, minute_s: float) -> list[Core]:
    """A row for each thread that worked on dishes, in order of first touch (``cpu`` numbers them).

    Threads that only ever looked at dishes (the loop beside its workers) are left out.
    """
    dishes = [t.id for t in analysis.tasks if t.kind is TaskKind.BLOCK]
    rows: dict[int, list[tuple[float, float, int]]] = {}
    for core in analysis.cores:
        if core.tid is None:
            continue
        mine = np.isin(core.task, dishes)
        for tid in np.unique(core.tid[mine]):
            at = mine & (core.tid == tid)
            rows.setdefault(int(tid), []).extend(
                zip(core.start[at].tolist(), core.end[at].tolist(), core.task[at].tolist(),
                    strict=True))
    found = []
    whole = sum(end - start for row in rows.values() for start, end, _ in row)
    for row in rows.values():
        row.sort()
        if sum(end - start for start, end, _ in row) > 0.02 * whole:
            found.append(row)
    found.sort()
    return [
        Core(number, np.array([r[0] for r in row]), np.array([r[1] for r in row]),
             np.array([r[2] for r in row], np.int32))
        for number, row in enumerate(found)
    ]


def turns(analysis: Analysis, minute_s: float) -> int:
    """How often a cook left an unfinished dish for another one."""
    done = {task.id: task.done_s for task in analysis.tasks}
    count = 0
    for cook in cooks(analysis, minute_s):
        stints = [s for s in _stints(cook) if s[2] >= TURN_MINUTES * minute_s]
        last: int | None = None
        for dish, start, _ in stints:
            if last is not None and dish != last and done[last] > start:
                count += 1
            last = dish
    return count


def _stints(cook: Core) -> list[tuple[int, float, float]]:
    """Dish, start and seconds of each time that a cook was at a dish, however often he was pushed
    off his core meanwhile."""
    found: list[tuple[int, float, float]] = []
    for start, end, dish in zip(cook.start.tolist(), cook.end.tolist(), cook.task.tolist(),
                                strict=True):
        if found and found[-1][0] == dish:
            found[-1] = (dish, found[-1][1], found[-1][2] + end - start)
        else:
            found.append((dish, start, end - start))
    return found


def bound_broken(
    measured: Measured, bounds: Bounds, cooks: int, minute_s: float
) -> str | None:
    """A measured dinner that beats what cannot be beaten is a mistake of ours; says which."""
    least = float(bounds.least(cooks))
    if measured.numbers.minutes < least * (1 - MEAN_SHARE) - 0.020 / minute_s:
        return (f"measured {measured.numbers.minutes:.1f} minutes, and nothing can be faster than "
                f"{least:g} ({bounds.what_limits(cooks)})")
    return None


def disagreements(measured: Measured, predicted: Prediction, minute_s: float) -> list[str]:
    """In which numbers a mode was not as predicted. Only free cores make them meaningful."""
    found = []
    ours, low, high = measured.numbers, predicted.low, predicted.high
    if not predicted.fits(ours.minutes, minute_s):
        found.append(f"minutes {ours.minutes:.2f}, predicted {low.minutes:g} to {high.minutes:g}")
    for name in ("concurrency", "parallelism"):
        value, least, most = (getattr(n, name) for n in (ours, low, high))
        if not least * (1 - MEAN_SHARE) <= value <= most * (1 + MEAN_SHARE):
            found.append(f"{name} {value:.2f}, predicted {least:.2f} to {most:.2f}")
    if not low.turns - 1 <= ours.turns <= high.turns + 1:
        found.append(f"turns {ours.turns}, predicted {low.turns} to {high.turns}")
    return found
