"""Event loops: holds, who stood in line, what was done there, lateness."""

from __future__ import annotations

import pytest

from tests.kit.builder import Builder
from tests.unit.analyse import scenes
from twocooks.analyse import analyse
from twocooks.analyse.loops import Doing, Loop, held_others, lasted_s
from twocooks.model import Wait


def loops(b: Builder, held_s: float = 0.05) -> list[Loop]:
    return analyse(b.trace()).tell_loops(held_s)


def test_a_step_that_sleeps_holds_the_loop_and_the_line_is_told() -> None:
    (loop,) = loops(scenes.loop_held())
    assert (loop.thread, loop.steps, loop.tasks) == ("main", 4, 4)
    assert [hold.name for hold in loop.held] == ["t0", "t1", "t2", "t3"]
    first = loop.held[0]
    assert first.seconds == pytest.approx(0.0509)
    assert (first.in_line, first.who) == (3, ["t1", "t2", "t3"])
    assert first.in_line_s == pytest.approx(3 * 0.0509)
    assert [(part.what, part.where) for part in first.did] == [
        ("sleep", "app.py:4 job"),
        ("computing", ""),
    ]
    assert sum(part.seconds for part in first.did) == pytest.approx(first.seconds, abs=1e-6)
    assert first.place == "app.py:4 job"
    assert first.where == "app.py:3 job"


@pytest.mark.parametrize(("held_s", "count"), [(0.051, 0), (0.0509, 4), (0.001, 4)])
def test_the_threshold_is_the_callers(held_s: float, count: int) -> None:
    assert len(loops(scenes.loop_held(), held_s)[0].held) == count


def test_a_step_that_computes_says_so_and_has_its_coroutine_as_place() -> None:
    b = scenes.loop(2, 0.5)
    scenes.work(b, 0.011, 0.111, 1, "done")
    scenes.work(b, 0.1111, 0.112, 2, "done")
    (hold,) = loops(b)[0].held
    assert [part.what for part in hold.did] == ["computing"]
    assert hold.place == "app.py:3 job"
    assert (hold.in_line, hold.woken_after) == (1, 0)
    b.run(0.05, 10, 1, ("/lib/python3.11/json/x.py:1:f", "app.py:7:job"))
    b.run(0.07, 10, 1, ("app.py:8:job",))
    b.run(0.09, 10, 1, ("app.py:8:job",))
    b.run(0.1115, 10, 1, ("app.py:9:other",))
    (hold,) = loops(b)[0].held
    assert hold.did == [Doing("computing", pytest.approx(0.1), "app.py:8 job", about=True)]
    assert hold.place == "app.py:8 job"


def test_a_step_pushed_off_its_core_holds_by_no_doing_of_its_own() -> None:
    b = scenes.loop(2, 0.5)
    b.on(0, 10, 0.011, 0.02, preempted=True)
    b.on(0, 10, 0.111, 0.112)
    b.step(0.011, 0.112, 1, "done")
    scenes.work(b, 0.1121, 0.113, 2, "done")
    found = loops(b)
    hold = found[0].held[0]
    assert hold.seconds == pytest.approx(0.101)
    assert hold.own_s == pytest.approx(0.01, abs=1e-4)
    assert Doing("in line for a core", pytest.approx(0.091, abs=1e-4)) in hold.did
    assert held_others(found, 0.05) == []


def sleeper(kind: Wait, again: bool = False, rests: bool = False) -> Builder:
    """Task 2 waits; task 1 holds the loop for 100 ms (and then yields: ``again``); right after it
    (after a rest: ``rests``) the loop wakes task 2."""
    b = scenes.loop(2, 0.5)
    scenes.work(b, 0.011, 0.0111, 2, kind)
    scenes.work(b, 0.012, 0.112, 1, "yield" if again else "done")
    t = 0.112
    if again:
        scenes.work(b, t, t + 0.001, 1, "done")
        t += 0.001
    if rests:
        t = 0.2
    b.on(0, 10, t, t + 0.0001)
    b.ready(t + 0.00005, 2)
    scenes.work(b, t + 0.0001, t + 0.001, 2, "done")
    return b


@pytest.mark.parametrize(
    ("scene", "woken"),
    [
        (sleeper(Wait.SLEEP), 1),
        (sleeper(Wait.IO), 1),
        (sleeper(Wait.RESULT), 0),  # it waited for what the holder did
        (sleeper(Wait.TASK), 0),
        (sleeper(Wait.SLEEP, again=True), 0),  # woken at a later look
        (sleeper(Wait.SLEEP, rests=True), 0),
    ],
)
def test_whom_the_first_look_after_a_hold_wakes_was_kept_up(scene: Builder, woken: int) -> None:
    found = loops(scene)
    assert found[0].held[0].woken_after == woken
    assert len(held_others(found, 0.05)) == woken


def test_callbacks_hold_a_loop_too() -> None:
    b = scenes.loop(1, 0.5)
    b.on(0, 10, 0.011, 0.111)
    scenes.work(b, 0.1111, 0.112, 1, "done")
    (hold,) = loops(b)[0].held
    assert hold.name == "callbacks"
    assert hold.seconds == pytest.approx(0.1, abs=2e-4)


def test_lateness_is_from_ready_to_the_step() -> None:
    (loop,) = loops(scenes.async_turns())
    assert loop.late is not None
    assert loop.late.count == 30
    assert loop.late.median_s == pytest.approx(0.02, abs=1e-4)
    assert loop.late.max_s == pytest.approx(0.0209)
    assert sum(part.count for part in loop.over_time) == 30
    assert max(part.max_s for part in loop.over_time) == loop.late.max_s
    assert loop.held == []


def test_loops_of_any_thread_and_process_are_told() -> None:
    found = loops(scenes.two_loops(), held_s=0.005)
    steps = [[hold for hold in loop.held if hold.task >= 0] for loop in found]
    assert [(loop.pid, loop.tid) for loop in found] == [(20, 20), (21, 21)]
    assert [len(held) for held in steps] == [30, 30]
    both = lasted_s([hold for held in steps for hold in held])
    assert both == pytest.approx(30 * 0.0099)  # at the same moments: once
    assert loops(scenes.gil_threads()) == []


def test_a_loop_without_tasks_is_a_loop() -> None:
    b = scenes.loop(0, 0.5)
    (loop,) = loops(b)
    assert (loop.steps, loop.late, loop.held) == (0, None, [])
