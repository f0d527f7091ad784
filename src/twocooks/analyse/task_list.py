"""All tasks of a run as a table: what each did with its time, to the reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twocooks.analyse.account import Account
from twocooks.analyse.columns import NO_REASON, Int64
from twocooks.analyse.timeline import Timeline
from twocooks.model import Reason, State

REASON_LIST = list(Reason)


@dataclass(frozen=True)
class TaskRow:
    """One task. Seconds; times since the start of the run."""

    id: int
    """As in ``Analysis.tasks``."""
    name: str
    """Hostile text, as ``where`` and ``parent_name``."""
    kind: str
    where: str
    """``file:line function`` where its code begins; "" = not told."""
    pid: int
    tid: int
    """The thread on which it began."""
    parent: int | None
    parent_name: str
    begun_s: float
    ended_s: float
    hands_on_s: float
    in_line_s: float
    """In line for a core, the GIL or its turn, and wanting a lock."""
    delegated_s: float
    """It only waited for tasks that it had started."""
    unknown_s: float
    queued_s: float
    """Between being given to a pool and being begun."""
    waiting: dict[str, float]
    """By ``model.Reason``, what it stood in line for included; only what there was."""
    python_samples: int
    """Of ``samples`` looks at it on a core, those with the GIL: about its share of Python code."""
    samples: int
    background: bool
    """A helper of a library: not counted."""

    def row(self) -> dict[str, object]:
        """As the JSON has it."""
        return vars(self)


def task_list(
    line: Timeline,
    told: Account,
    ids: Int64,
    number: Int64,
    samples: dict[int, tuple[int, int]],
) -> list[TaskRow]:
    """The tasks ``ids`` (their reported numbers: ``number``), most time at work first, then most in
    line, then most waiting. ``samples``: of each task, those with the GIL, and all."""
    book, t = line.book, line.table
    n, kinds = len(book), len(REASON_LIST)
    reasoned = (t.reason != NO_REASON) & (t.reason < kinds) & (t.state != State.DELEGATED)
    reasoned &= (t.state != State.WORKING) & (t.state != State.UNKNOWN)
    cell = t.owner[reasoned] * kinds + t.reason[reasoned]
    waits = np.bincount(cell, weights=t.length[reasoned], minlength=n * kinds).reshape(n, kinds)

    def of(*states: State) -> np.ndarray:
        mask = np.isin(t.state, [int(state) for state in states])
        return np.bincount(t.owner[mask], weights=t.length[mask], minlength=n)

    in_line, gone = of(State.IN_LINE, State.WANTS_TOOL), of(State.DELEGATED)
    unknown = of(State.UNKNOWN)
    waiting = of(State.WAITING)
    order = ids[np.lexsort((ids, -waiting[ids], -in_line[ids], -line.work[ids]))]
    out = []
    for i in order.tolist():
        parent = int(number[book.parent[i]]) if book.parent[i] >= 0 else -1
        out.append(
            TaskRow(
                id=int(number[i]),
                name=book.name[i],
                kind=str(book.kind[i]),
                where=book.where.get(i, ""),
                pid=book.pid[i],
                tid=int(line.threads.tid[book.thread[i]]),
                parent=parent if parent >= 0 else None,
                parent_name=book.name[book.parent[i]] if parent >= 0 else "",
                begun_s=(int(line.begun[i]) - line.start_ns) / 1e9,
                ended_s=(int(line.done[i]) - line.start_ns) / 1e9,
                hands_on_s=int(line.work[i]) / 1e9,
                in_line_s=float(in_line[i]) / 1e9,
                delegated_s=float(gone[i]) / 1e9,
                unknown_s=float(unknown[i]) / 1e9,
                queued_s=book.queued[i] / 1e9,
                waiting={
                    str(reason): float(waits[i, k]) / 1e9
                    for k, reason in enumerate(REASON_LIST)
                    if waits[i, k] > 0
                },
                python_samples=samples.get(i, (0, 0))[0],
                samples=samples.get(i, (0, 0))[1],
                background=bool(told.background[i]),
            )
        )
    return out
