"""What makes a measured number no ground for a red test: the machine, or what could not be seen.

A test that fails because somebody else used the cores is worse than none. So a demand for work at
the same moment fails only where the records leave no other explanation:

* the kernel told its switches (not estimated), and no record was lost;
* the machine had the cores that were demanded, and most of them were free for the program;
* even without the time for which tasks stood in line for a core, the demand would not have been
  reached (``reachable_mean``).

The other way round nothing is needed: what was proven on a busy machine is proven.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from twocooks.analyse.columns import Int64, covered, union
from twocooks.analyse.result import Analysis, Steps
from twocooks.model import Reason, State

FREE_SHARE = 0.8
"""Of the cores that are needed so many must have been free (1.6 of 2, as for the verdict)."""
CORE = list(Reason).index(Reason.CORE)


def unseen(summary: dict[str, Any]) -> str:
    """Why the numbers are not exact; "" where they are."""
    measured = summary.get("measured") or {}
    if measured.get("source") == "schedstat":
        return "the numbers are estimated: the kernel did not tell its switches (twocooks doctor)"
    if measured.get("unknown_s"):
        return f"{measured['unknown_s']:.2g} s of it are unknown: records were lost"
    if measured.get("lost_events"):
        return f"{measured['lost_events']} records were lost"
    return ""


def crowded(summary: dict[str, Any], needed: float = 1.0) -> str:
    """Why there were not the cores for ``needed`` hands at one moment; "" if there were."""
    cores = summary.get("cores") or {}
    usable, free = cores.get("usable"), cores.get("free")
    places = math.ceil(needed - 1e-9)
    if usable is not None and usable < places:
        return f"{places} cores are needed, and {usable:g} can be used here"
    if free is not None and free < FREE_SHARE * needed:
        return (
            f"only {free:.1f} of {usable:g} cores were free for it, "
            f"at least {FREE_SHARE * needed:.1f} are needed"
        )
    return ""


def no_room(summary: dict[str, Any]) -> str:
    """Why the machine may have made its tasks wait; "" if it was quiet. (For what needs no second
    core, but takes longer where others have the cores.)"""
    usable = (summary.get("cores") or {}).get("usable") or 1.0
    return crowded(summary, min(2.0, usable))


def reachable_mean(analysis: Analysis) -> float:
    """The mean parallelism that the same work could have reached at best, had nobody stood in line
    for a core while one of the program's cores did not work for it.

    Each second of such standing makes the whole at most one second longer."""
    work, busy = _sums(analysis.at_work)
    lost = _in_line_s(analysis)
    return work / max(busy - lost, 1e-9) if busy else 0.0


def _sums(steps: Steps) -> tuple[float, float]:
    """(integral, seconds above 0)."""
    length, value = np.diff(steps.time), np.asarray(steps.value)[:-1]
    return float((length * value).sum()), float(length[value > 0].sum())


def _in_line_s(analysis: Analysis) -> float:
    """Seconds in which a task stood in line for a core, others were at work, and fewer than wanted
    to be and than there are cores."""
    places = max(1, math.floor((analysis.summary.get("cores") or {}).get("usable") or 1))
    rows = []
    for task in analysis.tasks:
        if not task.significant or task.background or not task.line_s:
            continue
        s = task.segments
        stood = (np.asarray(s.state) == State.IN_LINE) & (np.asarray(s.reason) == CORE)
        rows.append(np.stack([_ns(np.asarray(s.start)[stood]), _ns(np.asarray(s.end)[stood])]))
    if not rows:
        return 0.0
    start, end = np.concatenate(rows, axis=1)
    order = np.argsort(start, kind="stable")
    _, start, end = union(np.zeros(len(order), np.int64), start[order], end[order])
    time = np.unique(np.concatenate([_ns(analysis.at_work.time), _ns(analysis.wanted.time)]))
    at_work, wanted = _value(analysis.at_work, time), _value(analysis.wanted, time)
    short = ((at_work >= 1) & (at_work < np.minimum(wanted, places)))[:-1]
    begin, until = time[:-1][short], time[1:][short]
    return float(covered(start, end, begin, until).sum()) / 1e9


def _ns(seconds: Any) -> Int64:
    whole: Int64 = np.rint(np.asarray(seconds, np.float64) * 1e9).astype(np.int64)
    return whole


def _value(steps: Steps, time: Int64) -> Int64:
    """The step function at these times."""
    row = np.searchsorted(_ns(steps.time), time, "right") - 1
    padded = np.append(np.asarray(steps.value, np.int64), 0)
    value: Int64 = padded[row]  # before the first step: the last entry, 0
    return value
