"""The tree level by level, where a run has more than one (lesson 1.4, case 15): processes with
threads with tasks, each level with its own answer, and what goes on inside each of them.

A web server of four workers, each with its loop, is parallel between its processes and takes turns
inside each. One verdict over all leaves says "both"; this says where which is true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from twocooks.analyse.account import Account, account
from twocooks.analyse.columns import Bool, Int64, distinct_rows
from twocooks.analyse.levels import at_level
from twocooks.analyse.timeline import Timeline
from twocooks.analyse.verdict import Ruling
from twocooks.analyse.words import UNITS
from twocooks.model import TaskKind, Verdict
from twocooks.read.shape import distinct
from twocooks.read.trace import Trace

Judge = Callable[[Timeline, Account], Ruling]

MOST_STRETCHES = 500_000
"""A longer story is told by leaves only, and that is said; each other level would take as long
again. Asked for by name, a level is counted whatever it takes."""
TOO_LONG = "The run is too long to count them all in passing; see twocooks report --by process."
MOST_INSIDE = 16
"""Of so many processes or threads, those with most work, the inside is judged."""

TOGETHER = {
    Verdict.ONE_AFTER_ANOTHER: "one after another",
    Verdict.TURNS: "they take turns",
    Verdict.WAITING_TOGETHER: "they wait together",
    Verdict.RELAY: "they hand the work to and fro",
    Verdict.SOMETIMES: "now and then at the same moment",
    Verdict.PARALLEL: "really at the same moment",
    Verdict.BOTH: "at the same moment, and in turns",
    Verdict.MANY_HANDS: "one at a time, with many hands",
    Verdict.SINGLE: "only one that worked",
    Verdict.NOTHING: "too little to judge",
    Verdict.CANNOT_TELL: "which cores they had I could not see",
}


def levels(trace: Trace, line: Timeline, told: Account, judge: Judge) -> list[dict[str, Any]]:
    """An entry for each level from the outermost inwards; none where the tasks are all there is.

    Each has ``by`` (or ``inside``: what the tasks are inside of), ``count``, ``verdict`` and
    ``sentence``; of the inside, ``count`` is how many were looked into and ``tasks`` the most that
    one of them had."""
    tasks = np.flatnonzero(told.significant)
    home = np.array(line.book.thread, np.int64)[tasks]
    leaders = line.threads.process[home]
    item = np.array([line.book.kind[i] is TaskKind.ITEM for i in tasks], bool)
    if len(distinct(home)) < 2:
        return []
    found: list[dict[str, Any]] = []
    inside: tuple[str, Int64, Int64] | None = None
    for by, groups in (("process", leaders), ("thread", home)):
        nested = _nested(groups, home, item)
        as_before = by == "thread" and len(distinct(groups)) == len(distinct(leaders))
        if len(nested) and len(distinct(groups)) > 1 and not as_before:
            if len(line.table) > MOST_STRETCHES:
                return [{"by": by, "count": len(distinct(groups)), "sentence": TOO_LONG}]
            found.append(_level(trace, line, told, judge, by))
            inside = inside or (by, groups, nested)
    return [*found, _inside(line, told, judge, tasks, *inside)] if inside else []


def _nested(groups: Int64, home: Int64, item: Bool) -> Int64:
    """The groups with more in them than one task, or than a worker's pieces one by one."""
    several = np.bincount(groups) > 1
    others = np.bincount(groups, weights=~item) > 0
    threads = distinct_rows(groups, home)[0][:, 0]
    others |= np.bincount(threads, minlength=len(several)) > 1
    return np.flatnonzero(several & others)


def _level(trace: Trace, line: Timeline, told: Account, judge: Judge, by: str) -> dict[str, Any]:
    nodes = at_level(trace, line, told.significant, by)
    there = account(nodes, told.measures.usable, nodes.alive)
    verdict = judge(nodes, there).verdict
    count = there.measures.tasks
    return {
        "by": by,
        "count": count,
        "verdict": str(verdict),
        "sentence": f"{_count(count, by)}: {TOGETHER[verdict]}.",
    }


def _inside(
    line: Timeline, told: Account, judge: Judge, tasks: Int64, by: str, groups: Int64, nested: Int64
) -> dict[str, Any]:
    """What the tasks inside each process (thread) do to one another."""
    work = np.bincount(groups, weights=line.work[tasks])
    chosen = nested[np.argsort(-work[nested], kind="stable")][:MOST_INSIDE]
    verdicts: dict[Verdict, int] = {}
    most = 0
    for group in chosen.tolist():
        mask = np.zeros(len(line.book), bool)
        mask[tasks[groups == group]] = True
        part = _only(line, mask)
        most = max(most, int(mask.sum()))
        verdict = judge(part, account(part, told.measures.usable, mask)).verdict
        verdicts[verdict] = verdicts.get(verdict, 0) + 1
    every = len(chosen) == len(set(groups.tolist()))
    some = "one" if len(chosen) == 1 else str(len(chosen))
    which = f"each {UNITS[by].one}" if every else f"{some} of them"
    up_to = "up to " if len(chosen) > 1 else ""
    said = [
        f"{TOGETHER[v]}" + (f" ({n} of {len(chosen)})" if len(verdicts) > 1 else "")
        for v, n in sorted(verdicts.items(), key=lambda item: -item[1])
    ]
    return {
        "inside": by,
        "count": len(chosen),
        "tasks": most,
        "verdict": str(next(iter(verdicts))) if len(verdicts) == 1 else None,
        "sentence": f"Inside {which}, {up_to}{_count(most, 'task')}: {', '.join(said)}.",
    }


def _only(line: Timeline, mask: Bool) -> Timeline:
    """The timeline of these tasks alone."""
    owner = line.slices.owner
    ours = (owner >= 0) & mask[np.maximum(owner, 0)]
    return replace(
        line, table=line.table.take(mask[line.table.owner]), slices=line.slices.take(ours)
    )


def _count(number: int, by: str) -> str:
    return f"{number} {UNITS[by].one if number == 1 else UNITS[by].many}"
