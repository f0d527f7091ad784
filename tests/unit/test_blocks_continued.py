"""A block whose token was given to another process is one task with hands elsewhere."""

from __future__ import annotations

import pytest

from tests.kit.builder import Builder
from twocooks.analyse import analyse
from twocooks.analyse.result import Task
from twocooks.model import State

PARENT, CHILD = 100, 200


def cooked(preempted: bool) -> Task:
    """The parent opens "curry" and sleeps; the child works on it from 0.2 to 0.5 (or is pushed off
    its core from 0.3 to 0.4)."""
    b = Builder(pid=PARENT)
    b.exec(0.0, "python")
    b.hello(0.01)
    b.fork(0.02, pid=CHILD)
    b.on(0, PARENT, 0.0, 0.11, pid=PARENT)
    b.block(0.1, 0.6, 7, "curry", tid=PARENT, pid=PARENT)
    b.hello(0.03, pid=CHILD)
    b.on(1, CHILD, 0.02, 0.04, pid=CHILD)
    b.block(0.2, 0.5, 7, "", tid=CHILD, pid=CHILD)
    if preempted:
        b.on(1, CHILD, 0.2, 0.3, pid=CHILD, preempted=True)
        b.on(1, CHILD, 0.4, 0.5, pid=CHILD)
    else:
        b.on(1, CHILD, 0.2, 0.5, pid=CHILD)
    b.on(0, PARENT, 0.59, 0.62, pid=PARENT, exits=True)
    b.on(1, CHILD, 0.6, 0.61, pid=CHILD, exits=True)
    tasks = [t for t in analyse(b.trace()).tasks if t.name == "curry"]
    assert len(tasks) == 1
    return tasks[0]


def seconds(task: Task, state: State) -> float:
    s = task.segments
    return float((s.end - s.start)[s.state == state].sum())


def test_the_work_of_the_other_process_counts_for_the_block() -> None:
    assert seconds(cooked(preempted=False), State.WORKING) == pytest.approx(0.32, abs=1e-3)


def test_the_block_stands_in_line_where_its_other_hands_do() -> None:
    curry = cooked(preempted=True)
    assert seconds(curry, State.WORKING) == pytest.approx(0.22, abs=1e-3)
    assert seconds(curry, State.IN_LINE) == pytest.approx(0.1, abs=1e-3)
