"""Whose result it was that a task waited for, where that is proven.

A task of an event loop that waits for a colleague (a queue, an event, a future) is put in its
loop's line again by somebody. Where that happens inside a step of another task, that one gave the
result.

A thread that waits for a colleague is woken by a thread of its process. The kernel does not record
by whom, but who was on a core just before: where that was one thread alone, it gave the result.
How long before a woken thread may have been woken is the rule of ``holders``: the longest time that
any thread stood in line for a core around then, and not less than ``LATE_NS``. Nobody is named for
waits with a time limit, which end by themselves, and for what lies between processes: of pipes,
``waited_on`` tells who has the other end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twocooks.analyse.columns import Int32, Int64, asof
from twocooks.analyse.holders import WAITED_FOR, OnCores, is_shared
from twocooks.analyse.threads import REASONS
from twocooks.analyse.timeline import Timeline
from twocooks.analyse.waits import FUTEX, label_waits
from twocooks.model import Reason, State
from twocooks.read.shape import distinct
from twocooks.read.trace import Trace

RESULT = REASONS[Reason.RESULT]
MOST_WAITS = 20_000
"""Waits of threads that are looked into; of more, the longest."""


@dataclass(frozen=True)
class Giver:
    """One whose result was waited for."""

    task: str
    """Its name; hostile text."""
    seconds: float
    """Of the waits that it ended."""

    def row(self) -> dict[str, object]:
        """As the JSON has it."""
        return {"task": self.task, "seconds": self.seconds}


def givers_of(
    trace: Trace, line: Timeline, rows: Int64, look: Int64, which: Int64
) -> dict[int, tuple[Giver, ...]]:
    """For each group (``which``) of stretches of tasks (``rows`` of the timeline's table, ``look``:
    the look at each, or -1) who gave what they waited for."""
    t = line.table
    mine = np.flatnonzero((t.reason[rows] == RESULT) & (t.state[rows] == State.WAITING))
    if not len(mine) or line.merged:
        return {}
    stepped = line.book.stepped()[t.owner[rows[mine]]]
    sums: dict[int, dict[str, int]] = {}
    for some, names in (
        _of_tasks(line, rows, mine[stepped]),
        _of_threads(trace, line, rows, look, mine[~stepped]),
    ):
        lengths = t.length[rows[some]].tolist()
        for group, name, ns in zip(which[some].tolist(), names, lengths, strict=True):
            into = sums.setdefault(group, {})
            into[name] = into.get(name, 0) + ns
    return {
        group: tuple(
            Giver(name, ns / 1e9) for name, ns in sorted(into.items(), key=lambda e: (-e[1], e[0]))
        )
        for group, into in sums.items()
    }


def _of_tasks(line: Timeline, rows: Int64, mine: Int64) -> tuple[Int64, list[str]]:
    """Those of the rows whose task another task's step put in line, and its name."""
    t, owners, book = line.table, line.owners, line.book
    task, end = t.owner[rows[mine]].astype(np.int64), t.end[rows[mine]]
    ready, step = owners.said.rows("READY"), owners.said.rows("STEP")
    first = _next_of(owners.aio[ready], owners.said.time[ready], task, end)
    begun = _next_of(owners.aio[step], owners.said.time[step], task, end)
    if not len(ready):
        return mine[:0], []
    put = np.where(first >= 0, owners.said.time[ready[first]], -1)
    # In line before its next step, not after it.
    good = (first >= 0) & (begun >= 0)
    good[good] &= owners.said.time[step[begun[good]]] >= put[good]
    giver = owners.inside[ready[first]].astype(np.int64)
    good &= (giver >= 0) & (giver != task)
    good[good] &= book.stepped()[giver[good]]
    return mine[good], [book.name[task] for task in giver[good].tolist()]


def _next_of(owner: Int32, time: Int64, who: Int64, when: Int64) -> Int64:
    """For each (who, when) the first record of that owner at that time or later; -1 = none."""
    order = np.lexsort((time, owner))
    if not len(order):
        return np.full(len(who), -1, np.int64)
    owner, time = owner[order].astype(np.int64), time[order]
    before = asof(who, when - 1, owner, time)
    place = np.where(before >= 0, before + 1, np.searchsorted(owner, who))
    at = np.minimum(place, len(order) - 1)
    found: Int64 = np.where((place < len(order)) & (owner[at] == who), order[at], -1)
    return found


def _of_threads(
    trace: Trace, line: Timeline, rows: Int64, look: Int64, mine: Int64
) -> tuple[Int64, list[str]]:
    """Those of the rows that one thread alone can have woken, and what it worked for."""
    t, seen = line.table, trace.look
    mine = mine[(look[mine] >= 0) & (t.thread[rows[mine]] >= 0)]
    at = look[mine]
    within = np.isin(seen.kind[at], list(WAITED_FOR)) | np.isin(seen.syscall[at], list(FUTEX))
    mine = mine[within & ~seen.timed[at]]
    shared = {n for n in distinct(seen.where[look[mine]]).tolist()
              if n >= 0 and is_shared(trace.texts[n])}  # fmt: skip
    mine = mine[~np.isin(seen.where[look[mine]], list(shared))]
    if len(mine) > MOST_WAITS:
        mine = np.sort(mine[np.argsort(-t.length[rows[mine]], kind="stable")[:MOST_WAITS]])
    if not len(mine):
        return mine, []
    cores = OnCores(trace, line.threads, label_waits(trace, line.threads))
    good, names = [], []
    for n in mine.tolist():
        thread, end = int(t.thread[rows[n]]), int(t.end[rows[n]])
        since = max(int(t.start[rows[n]]), end - cores.late(end))
        ran = cores.between(since, end, int(line.threads.process[thread]))
        if ran is None or len(ran - {thread}) != 1:
            continue
        good.append(n)
        names.append(_work_of(line, next(iter(ran - {thread})), since, end))
    return np.array(good, np.int64), names


def _work_of(line: Timeline, thread: int, start: int, end: int) -> str:
    """The name of the one task that the thread worked for then; of several, the thread's."""
    tiling = line.owners.tiling
    rows = tiling.rows_of(thread)
    low = rows.start + int(np.searchsorted(tiling.end[rows], start, "right"))
    high = rows.start + int(np.searchsorted(tiling.start[rows], end, "left"))
    tasks = {task for task in tiling.thread[low:high].tolist() if task >= 0}
    task = tasks.pop() if len(tasks) == 1 else line.book.base.get(thread, -1)
    return line.book.name[task] if task >= 0 else line.threads.name[thread]
