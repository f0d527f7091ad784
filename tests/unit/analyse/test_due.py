"""Timers that run out while a loop is held: their tasks stand in line from then on, as far as the
agent told when it was."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kit.builder import Builder
from tests.unit.analyse import scenes
from twocooks.analyse import analyse, fast
from twocooks.analyse.loops import held_others
from twocooks.analyse.result import Analysis, Task
from twocooks.analyse.threads import REASONS
from twocooks.model import Reason, State, Wait

TURN, SLEEP = REASONS[Reason.TURN], REASONS[Reason.SLEEP]


def begun(tasks: int = 2, tells: bool = True) -> Builder:
    b = scenes.loop(tasks, 0.5)
    if tells:
        b.agent(0.01, "TIMERS")
    return b


def held(
    late: float | None = 0.05, kind: Wait = Wait.SLEEP, tells: bool = True, rests: float = 0.0
) -> Builder:
    """Task 2 waits from 11.1 ms on; task 1 holds the loop from 12 to 112 ms; the loop puts task 2
    in line at 112.05 ms (after a rest of so many seconds), by a timer that is so late (None:
    nothing is told), and steps it at 112.1 ms."""
    b = begun(tells=tells)
    scenes.work(b, 0.011, 0.0111, 2, kind)
    scenes.work(b, 0.012, 0.112, 1, "done")
    t = 0.112 + rests
    b.on(0, 10, t, t + 0.0001)
    if late is not None:
        b.agent(t + 0.00005, "DUE", b.ns(late) - b.ns(0))
    b.ready(t + 0.00005, 2)
    scenes.work(b, t + 0.0001, t + 0.001, 2, "done")
    return b


def seconds(task: Task, state: State, reason: int | None = None) -> float:
    s = task.segments
    mine = s.state == state
    if reason is not None:
        mine &= s.reason == reason
    return float((s.end[mine] - s.start[mine]).sum())


def task(found: Analysis, name: str) -> Task:
    (one,) = [task for task in found.tasks if task.name == name]
    return one


def in_turn(found: Analysis) -> float:
    return seconds(task(found, "t1"), State.IN_LINE, TURN)


def holds(found: Analysis) -> list[tuple[int, float, int]]:
    (loop,) = found.tell_loops()
    return [(hold.in_line, hold.in_line_s, hold.woken_after) for hold in loop.held]


def test_from_when_it_was_due_it_stands_in_line_for_its_turn() -> None:
    found = analyse(held(late=0.05).trace())
    sleeper = task(found, "t1")
    assert seconds(sleeper, State.IN_LINE, TURN) == pytest.approx(0.0009 + 0.05005, abs=1e-6)
    assert seconds(sleeper, State.WAITING, SLEEP) == pytest.approx(0.06205 - 0.0111, abs=1e-6)
    assert holds(found) == [(1, pytest.approx(0.04995), 0)]
    (loop,) = found.tell_loops()
    assert loop.held[0].who == ["t1"]
    assert loop.late is not None
    assert loop.late.max_s == pytest.approx(0.05005, abs=1e-6)
    assert len(held_others([loop], 0.05)) == 0, "less than half of the hold"
    assert len(held_others(analyse(held(late=0.06).trace()).tell_loops(), 0.05)) == 1
    assert all(good for _, good, _ in found.identities)


def test_who_was_not_due_was_not_kept_up() -> None:
    for found in (analyse(held(late=None).trace()), analyse(held(late=None, rests=0.05).trace())):
        assert seconds(task(found, "t1"), State.WAITING, SLEEP) >= 0.1
        assert holds(found) == [(0, 0.0, 0)]


@pytest.mark.parametrize(
    ("kind", "tells", "woken"),
    [(Wait.SLEEP, False, 1), (Wait.IO, True, 1), (Wait.UNKNOWN, True, 1), (Wait.RESULT, True, 0)],
)
def test_where_nobody_tells_it_is_only_known_who_was_woken(
    kind: Wait, tells: bool, woken: int
) -> None:
    found = analyse(held(None, kind, tells).trace())
    assert holds(found) == [(0, 0.0, woken)]


def test_a_timer_that_lost_its_word_is_not_known() -> None:
    b = held(late=None)
    b.agent(0.11204, "AGENT_LOST", 1)
    assert holds(analyse(b.trace()))[0][2] == 1


@pytest.mark.parametrize("kind", [Wait.IO, Wait.RESULT, Wait.UNKNOWN, Wait.LOCK])
def test_a_time_limit_is_a_timer_whatever_the_task_waits_for(kind: Wait) -> None:
    found = analyse(held(late=0.05, kind=kind).trace())
    assert in_turn(found) == pytest.approx(0.0009 + 0.05005, abs=1e-6)
    assert holds(found) == [(1, pytest.approx(0.04995), 0)]


def test_a_loop_that_slept_through_it_was_not_held() -> None:
    b = held(late=0.09, rests=0.05)  # due at 72.05 ms: from then on in line, awake or not
    assert holds(analyse(b.trace())) == [(1, pytest.approx(0.03995), 0)]
    b = held(late=0.03, rests=0.05)  # due at 132.05 ms, while the loop rested; awake at 162 ms
    found = analyse(b.trace())
    assert holds(found) == [(0, 0.0, 0)]
    assert in_turn(found) == pytest.approx(0.001, abs=1e-5)


def test_a_callback_that_sleeps_holds_the_loop() -> None:
    b = held(late=0.03, rests=0.05)
    b.look(0.12, 0.121, 10, 230, where=("app.py:9:on_data",))
    found = analyse(b.trace())
    assert in_turn(found) == pytest.approx(0.0009 + 0.03005, abs=1e-6)


def test_nobody_stands_in_line_before_it_waits() -> None:
    b = begun(1)
    scenes.work(b, 0.011, 0.05, 1, Wait.SLEEP)
    b.agent(0.0501, "DUE", 30_000_000)
    b.ready(0.0501, 1)
    scenes.work(b, 0.0502, 0.06, 1, "done")
    story = task(analyse(b.trace()), "t0")
    assert seconds(story, State.WAITING) == 0.0
    assert seconds(story, State.WORKING) == pytest.approx(0.0488, abs=2e-4)


def test_a_timer_from_before_earlier_waits_changes_none_of_them() -> None:
    b = begun(1)
    scenes.work(b, 0.011, 0.02, 1, Wait.SLEEP)
    b.ready(0.0301, 1)
    scenes.work(b, 0.031, 0.05, 1, Wait.SLEEP)
    b.agent(0.0501, "DUE", 45_000_000)
    b.ready(0.0501, 1)
    scenes.work(b, 0.0502, 0.06, 1, "done")
    for quick in (True, False):
        with fast.use(quick):
            found = analyse(b.trace())
        story = task(found, "t0")
        assert seconds(story, State.WAITING, SLEEP) == pytest.approx(0.0101, abs=1e-5)
        assert seconds(story, State.IN_LINE, TURN) == pytest.approx(0.002, abs=1e-5)
        assert all(good for _, good, _ in found.identities)


def test_a_step_that_sleeps_holds_the_loop() -> None:
    b = begun()
    scenes.work(b, 0.011, 0.0111, 2, Wait.SLEEP)
    b.on(0, 10, 0.012, 0.013)
    b.on(0, 10, 0.111, 0.1121)  # off its core in between, inside the step
    b.step(0.012, 0.112, 1, "done")
    b.agent(0.11205, "DUE", 50_000_000)
    b.ready(0.11205, 2)
    scenes.work(b, 0.1121, 0.113, 2, "done")
    found = analyse(b.trace())
    assert in_turn(found) == pytest.approx(0.0009 + 0.05005, abs=1e-5)
    assert holds(found) == [(1, pytest.approx(0.04995, abs=1e-5), 0)]


def test_who_is_due_before_a_hold_is_not_yet_in_the_loops_own_line() -> None:
    b = begun(4)
    scenes.work(b, 0.011, 0.0111, 1, Wait.SLEEP)
    scenes.work(b, 0.0112, 0.0113, 2, Wait.IO)
    scenes.work(b, 0.012, 0.022, 3, "done")
    scenes.work(b, 0.0221, 0.1221, 4, "done")
    b.on(0, 10, 0.1221, 0.1225)
    b.agent(0.1222, "DUE", 110_000_000)  # it ran out during the step before the hold
    b.ready(0.1222, 1)
    scenes.work(b, 0.1225, 0.123, 1, "done")
    b.on(0, 10, 0.123, 0.1235)
    b.ready(0.1232, 2)  # at the next look: who knows whether it came before
    scenes.work(b, 0.1235, 0.124, 2, "done")
    assert holds(analyse(b.trace())) == [(1, pytest.approx(0.1, abs=1e-5), 0)]


def test_by_polling_only_what_fell_into_a_step_counts() -> None:
    for since, line in ((0.05, 0.1102), (0.14, 0.0002)):  # in the step, and behind it
        b = Builder(meta={"source": "schedstat", "source_why": "asked for"})
        b.poll_new(0.0, 10, "python")
        b.hello(0.0)
        b.loop(0.01, 0.4)
        b.agent(0.01, "TIMERS")
        for n in (1, 2):
            b.task(0.0101, n, f"t{n - 1}", "job", "app.py", 3)
            b.ready(0.0101, n)
        b.step(0.0102, 0.0103, 2, Wait.SLEEP)
        b.step(0.012, 0.1, 1, "done")
        b.agent(0.16, "DUE", b.ns(0.16) - b.ns(since))
        b.ready(0.16, 2)
        b.step(0.1602, 0.2, 2, "done")
        for i in range(1, 11):
            b.poll(i * 0.04, 10, run=0.02, line=0.0)
            b.poll_cpu(i * 0.04, i * 0.02)
            b.poll_tick(i * 0.04)
        b.end = {"end_ns": b.ns(0.4), "task_clock_ns": 0,
                 "rusage": {"user_s": 0.2, "system_s": 0.0}}  # fmt: skip
        story = task(analyse(b.trace()), "t1")
        assert seconds(story, State.IN_LINE, TURN) == pytest.approx(line + 0.0001, abs=1e-6)


def test_c_and_numpy_say_the_same_of_it() -> None:
    for scene in (held(0.05), held(0.03, rests=0.05), held(0.09, Wait.IO, rests=0.05), hog()):
        trace = scene.trace()
        with fast.use(False):
            slow = analyse(trace)
        quick = analyse(trace)
        for one, other in zip(quick.tasks, slow.tasks, strict=True):
            for column in ("start", "end", "state", "reason"):
                mine, theirs = getattr(one.segments, column), getattr(other.segments, column)
                assert np.array_equal(mine, theirs), (one.name, column)
        assert quick.tell_loops() == slow.tell_loops()


def hog(tells: bool = True, due: bool = True) -> Builder:
    """Two tasks sleep 5 ms between short steps; a third computes 0.2 s in one step."""
    b = begun(3, tells)
    for n in (2, 3):
        scenes.work(b, 0.010_5 + n * 1e-4, 0.0106 + n * 1e-4, n, Wait.SLEEP)
    b.ready(0.012, 1)
    scenes.work(b, 0.0121, 0.2121, 1, "done")
    for i in range(20):
        for n in (2, 3):
            t = 0.2122 + i * 0.007 + (n - 2) * 0.0021
            b.on(0, 10, t - 0.00009 if i or n == 3 else 0.2121, t)
            if not i and due:
                b.agent(t - 0.00001, "DUE", 195_000_000)
            b.ready(t - 0.00001, n)
            scenes.work(b, t, t + 0.002, n, "done" if i == 19 else Wait.SLEEP)
    return b


def test_the_verdict_rests_on_what_is_known_now() -> None:
    told = analyse(hog().trace()).summary
    assert (told["verdict"]["id"], told["verdict"]["cause"]) == ("turns", "one-loop")
    assert told["scores"]["contests_won"] == 0.0
    assert not any("held the loop" in note for note in told["measured"]["notes"])
    # Nobody was due: the two slept through it and wanted nothing. It is no contest.
    quiet = analyse(hog(due=False).trace()).summary
    assert quiet["verdict"]["id"] == "relay"
    # And where that is not told, it is not known.
    dark = analyse(hog(tells=False, due=False).trace()).summary
    assert "contests_won" not in dark["scores"]
