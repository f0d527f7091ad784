"""The pools of a run: who works for them, when pieces were queued, when workers had none."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from twocooks.analyse.book import words
from twocooks.analyse.columns import Int64, Levels, runs, sweep
from twocooks.analyse.findings.base import Facts
from twocooks.read.shape import distinct

_COUNTED = re.compile(r"[_-]\d+([_:-]\d+)*$")


@dataclass(frozen=True)
class Pool:
    """One executor or Pool, as far as its pieces tell."""

    tasks: Int64
    """Its pieces of work that were begun."""
    workers: int
    threads: bool
    """Its workers are threads of the process that gives the pieces."""
    levels: Levels
    """Q: pieces given and not begun; B: pieces being done."""
    where: tuple[str, ...]

    @property
    def queued_most(self) -> int:
        return int(self.levels.counts["Q"].max(initial=0))

    @property
    def full(self) -> tuple[Int64, Int64]:
        """When pieces waited and every worker had one."""
        counts = self.levels.counts
        return runs(self.levels, (counts["Q"] >= 1) & (counts["B"] >= self.workers))

    @property
    def unfed(self) -> tuple[Int64, Int64]:
        """When a worker had none and none waited."""
        counts = self.levels.counts
        return runs(self.levels, (counts["Q"] < 1) & (counts["B"] < self.workers))

    @property
    def busy_mean(self) -> float:
        """Workers with a piece, on average from the first given to the last done."""
        width = self.levels.width
        whole = float(width.sum())
        return float((self.levels.counts["B"] * width).sum()) / whole if whole else 0.0


def pools(facts: Facts) -> list[Pool]:
    """All pools whose pieces were seen to be given and begun."""
    line = facts.line
    items = [item for item in line.owners.items if item[0] >= 0 and item[2] >= 0]
    if not items:
        return []
    table = np.array(items, np.int64)
    task, given, begun = table.T
    thread = np.array(line.book.thread, np.int64)[task]
    keys, which = _keys(facts, thread)
    found = []
    for key, threads in enumerate(keys):
        mine = which == key
        done = np.maximum(line.done[task[mine]], begun[mine])
        levels = sweep(Q=(given[mine], begun[mine]), B=(begun[mine], done))
        places = [line.book.where.get(i, "") for i in task[mine].tolist()]
        most = sorted({p for p in places if p}, key=lambda p: (-places.count(p), p))[:3]
        found.append(
            Pool(task[mine], len(distinct(thread[mine])), threads, levels, tuple(most))
        )
    return found


def _keys(facts: Facts, thread: Int64) -> tuple[list[bool], Int64]:
    """Which pool each worker belongs to: threads by their process and the name that their executor
    gave them, processes by their parent. Returns for each pool whether it is one of threads, and
    the pool of each entry."""
    threads, said = facts.line.threads, facts.line.owners.said
    names = {int(said.thread[row]): words(facts.trace, int(said.text[row]))[0]
             for row in said.rows("THREAD")[::-1]}  # fmt: skip
    ids: dict[tuple[bool, int, str], int] = {}
    of_worker = {}
    for worker in distinct(thread).tolist():
        process = int(threads.process[worker])
        if worker == process:
            above = int(threads.parent[worker])
            key = (False, int(threads.process[above]) if above >= 0 else -1, "")
        else:
            key = (True, process, _COUNTED.sub("", names.get(worker, "")))
        of_worker[worker] = ids.setdefault(key, len(ids))
    which = np.array([of_worker[worker] for worker in thread.tolist()], np.int64)
    return [is_thread for is_thread, _, _ in ids], which
