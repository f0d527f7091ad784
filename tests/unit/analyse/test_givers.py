"""Whose result a task waited for: the proof, and what takes it away."""

from __future__ import annotations

import pytest

from tests.kit.builder import Builder
from tests.unit.analyse import scenes
from twocooks.analyse import analyse
from twocooks.analyse.places import WaitSum
from twocooks.model import Reason, Wait
from twocooks.report.base import Options
from twocooks.report.terminal import tables

A, B, C = 11, 12, 13
QUEUE = ("/usr/lib/python3.11/threading.py:327:wait", "/usr/lib/python3.11/queue.py:171:get",
         "app.py:4:work")  # fmt: skip


def waits_of(b: Builder, where: str = "app.py:4 work") -> WaitSum:
    (found,) = [
        w for w in analyse(b.trace()).waits if w.reason is Reason.RESULT and w.where == where
    ]
    return found


def queue(kind: int = scenes.SEM, where: tuple[str, ...] = QUEUE) -> Builder:
    """A works from 20 to 60 ms and puts something into a queue; B waits for that from 30 ms on."""
    b = scenes.program(3, end=0.3)
    b.on(0, A, 0.020, 0.061)
    b.on(1, B, 0.029, 0.030)
    b.look(0.033, 0.0331, B, scenes.FUTEX, arg=0x50, kind=kind, where=where)
    b.on(1, B, 0.060, 0.065)
    return b


def test_who_alone_was_on_a_core_gave_it() -> None:
    b = queue()
    wait = waits_of(b)
    assert [(giver.task, giver.seconds) for giver in wait.givers] == [
        ("T0", pytest.approx(0.03, abs=1e-4))
    ]
    assert wait.unknown_s == 0.0
    assert wait.row()["of"] == [wait.givers[0].row()]
    text = tables.waits(analyse(b.trace()), Options(colour=False))
    assert "from T0" in text
    assert "from whom" not in text


def test_of_two_on_cores_none_is_named() -> None:
    b = queue()
    b.on(1, C, 0.0585, 0.0595)
    wait = waits_of(b)
    assert wait.givers == ()
    assert wait.unknown_s == pytest.approx(0.03, abs=1e-4)
    assert "from whom is not known" in tables.waits(analyse(b.trace()), Options(colour=False))


def test_who_ran_long_before_gave_nothing() -> None:
    b = queue()
    b.on(1, C, 0.040, 0.045)
    assert [giver.task for giver in waits_of(b).givers] == ["T0"]


@pytest.mark.parametrize(
    "b",
    [
        queue(kind=scenes.SEM + 8),
        queue(where=("/usr/lib/python3.11/multiprocessing/synchronize.py:271:wait", *QUEUE[2:])),
    ],
    ids=["a time limit", "between processes"],
)
def test_what_may_end_otherwise_names_nobody(b: Builder) -> None:
    assert waits_of(b).givers == ()


def test_a_task_gets_it_from_the_task_that_put_it_in_line() -> None:
    b = scenes.loop(2, 0.4)
    scenes.work(b, 0.011, 0.012, 1, Wait.RESULT)
    scenes.work(b, 0.013, 0.060, 2, Wait.SLEEP)
    b.ready(0.050, 1)  # in a step of the second
    scenes.work(b, 0.061, 0.062, 1, Wait.RESULT)
    b.ready(0.090, 1)  # in no step: by a timer, or from another thread
    scenes.work(b, 0.090, 0.095, 1, "done")
    b.ready(0.150, 2)
    scenes.work(b, 0.150, 0.160, 2, "done")
    wait = waits_of(b, "")
    assert [(giver.task, giver.seconds) for giver in wait.givers] == [
        ("t1", pytest.approx(0.038, abs=2e-4))
    ]
    assert wait.unknown_s == pytest.approx(0.028, abs=2e-4)
