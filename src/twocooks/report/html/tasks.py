"""The columns of a run's tasks: their names, where they belong, their sums.

A run may have a hundred thousand tasks, and the page at most five megabytes: names are compressed
with the columns, times are told as differences, and the sums of many tasks are told shorter.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from twocooks.analyse.result import Analysis, Task
from twocooks.analyse.task_list import TaskRow
from twocooks.model import Reason, TaskKind
from twocooks.report.html.pack import Packer
from twocooks.report.html.rows import Tree, short

MANY = 5000
"""From so many tasks on their sums and times are told shorter."""
FINE, COARSE = 2**31, 2**20
"""So many steps the times at which tasks began are told in, of few and of many."""


def pack_tasks(pack: Packer, analysis: Analysis, rows: Tree) -> float:
    """One row a task, in the order of their lanes; gives the unit in which begins are told."""
    tasks = analysis.tasks
    told_of: dict[int, TaskRow] = {row.id: row for row in analysis.task_list}
    _texts(pack, tasks, told_of)
    kinds = {kind: number for number, kind in enumerate(TaskKind)}
    whole: dict[str, list[int]] = {
        "kind": [kinds[task.kind] for task in tasks],
        "pid": [task.pid for task in tasks],
        "tid": [task.tid for task in tasks],
        "parent": [0 if task.parent is None else task.parent + 1 for task in tasks],
        "counted": [int(task.significant and not task.background) for task in tasks],
    }
    for name, numbers in whole.items():
        kind = "u8" if name in ("kind", "counted") else "u32"
        pack.add(f"task_{name}", np.array(numbers, np.int64), kind)
    pack.add("task_home", rows.home + 1, "u32")
    for name in ("work_s", "line_s", "wait_s", "queued_s"):
        values = np.array([getattr(task, name) for task in tasks], np.float32)
        pack.add(f"task_{name}", _short(values), "f32")
    _reasons(pack, tasks, told_of)
    return _lives(pack, tasks)


def _texts(pack: Packer, tasks: Sequence[Task], told_of: dict[int, TaskRow]) -> None:
    """Each text once, one a line: no cleaned name has a line's end in it."""
    known: dict[str, int] = {}
    columns = {
        "name": [task.name for task in tasks],
        "group": [task.group for task in tasks],
        "where": [told_of[t.id].where if t.id in told_of else "" for t in tasks],
    }
    for name, values in columns.items():
        numbers: dict[str, int] = {}
        for value in values:
            if value not in numbers:
                numbers[value] = known.setdefault(short(value), len(known))
        pack.add(f"task_{name}", np.array([numbers[v] for v in values], np.int64), "u32")
    pack.add("strings", np.frombuffer("\n".join(known).encode(), np.uint8), "u8")


def _lives(pack: Packer, tasks: Sequence[Task]) -> float:
    """When each began, as the difference to the one before it (modulo 2**32), and for how long it
    was on the go. Gives the unit of the former in seconds."""
    begun = np.array([task.begun_s for task in tasks])
    done = np.array([task.done_s for task in tasks])
    unit = 1e-9
    steps = COARSE if len(tasks) > MANY else FINE
    while len(begun) and begun.max() / unit >= steps:
        unit *= 2
    number = np.rint(begun / unit).astype(np.int64)
    pack.add("task_begun", np.diff(number, prepend=0) & 0xFFFFFFFF, "u32")
    pack.add("task_go_s", _short((done - begun).astype(np.float32)), "f32")
    return unit


def _reasons(pack: Packer, tasks: Sequence[Task], told_of: dict[int, TaskRow]) -> None:
    """Seconds by reason, delegated and unknown, and the looks; only what there is."""
    rows = [told_of.get(task.id) for task in tasks]
    columns = {f"for_{reason}": np.zeros(len(tasks), np.float32) for reason in Reason}
    for place, row in enumerate(rows):
        for reason, seconds in row.waiting.items() if row else ():
            columns[f"for_{reason}"][place] = seconds
    for name in ("delegated_s", "unknown_s", "python_samples", "samples"):
        columns[name] = np.array([getattr(row, name) if row else 0 for row in rows], np.float32)
    for name, values in columns.items():
        if values.any():
            pack.add(f"task_{name}", _short(values), "f32")


def _short(sums: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of many tasks the sums to a thousandth, which is more than is shown: half the bytes."""
    if len(sums) <= MANY:
        return sums
    return ((sums.view(np.uint32) + 0x2000) & 0xFFFFC000).astype(np.uint32).view(np.float32)
