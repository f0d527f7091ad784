"""Short coincidences of tasks: hand-overs, or steps of two loops that never leave their cores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.builder import Builder
from tests.unit.analyse import scenes
from twocooks.analyse import Analysis, analyse
from twocooks.analyse.coincide import between, within
from twocooks.analyse.columns import pieces
from twocooks.model import State

US = 1e-6


def two_loops(step: float, walk: float, count: int = 2000) -> Builder:
    """Two processes, each on a core of its own, with two tasks whose steps are as short as that;
    the second loop is half a step behind."""
    b = scenes.processes(2)
    end = 0.013 + count * (step + walk)
    for n in range(2):
        pid = 20 + n
        b.on(n, pid, 0.01, end + 0.005, pid=pid, exits=True)
        b.loop(0.012, end + 0.002, pid=pid)
        for task in (1, 2):
            b.task(0.0125, task, f"t{task}", "job", pid=pid)
            b.ready(0.0125, task, pid=pid)
        for i in range(count):
            t = 0.013 + i * (step + walk) + n * step / 2
            then = "done" if i >= count - 2 else "yield"
            b.step(t, t + step, i % 2 + 1, then, pid=pid)
    return b


def verdict(result: Analysis) -> tuple[str, str | None]:
    told = result.summary["verdict"]
    return told["id"], told["cause"]


def test_steps_shorter_than_a_hand_over_are_parallel_where_the_threads_stay() -> None:
    result = analyse(two_loops(20 * US, 4 * US).trace())
    assert verdict(result) == ("both", None)
    # Each pair of steps coincides for half a step, and the half of the next step.
    expected = 2000 * 2 * 10 * US - 2000 * 4 * US
    assert result.summary["parallelism"]["two_or_more_s"] == pytest.approx(expected, rel=0.01)
    assert result.summary["parallelism"]["max"] == 2
    assert result.summary["scores"]["contests_won"] > 0.95
    assert result.summary["wanted"]["served_s"] == pytest.approx(0.048, rel=0.02)
    assert max(result.hands.value) == 2
    assert not [check for check in result.identities if not check[1]]


def test_between_processes_they_are_parallel() -> None:
    result = analyse(two_loops(20 * US, 10 * US).trace(), "process")
    assert verdict(result) == ("parallel", None)
    assert result.summary["parallelism"]["mean"] > 1.95


def test_who_walks_as_long_as_he_works_does_not_take_turns_with_another_cook() -> None:
    result = analyse(two_loops(20 * US, 20 * US).trace())
    assert verdict(result) == ("both", None)
    assert result.summary["parallelism"]["mean"] == pytest.approx(4 / 3, rel=0.02)


def test_a_long_walk_is_no_work() -> None:
    result = analyse(two_loops(90 * US, 150 * US, 30).trace())
    assert result.summary["wanted"]["served_s"] == 0.0
    assert result.summary["wanted"]["two_or_more_s"] > 0.006
    assert verdict(result)[0] == "turns"


def test_hand_overs_of_the_gil_stay_hand_overs() -> None:
    for scene in (scenes.gil_threads, scenes.gil_threads_blinking):
        result = analyse(scene().trace())
        assert result.summary["wanted"]["served_s"] == 0.0
        assert max(result.hands.value) == 1


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans()), max_size=30),
    st.randoms(use_true_random=False),
)
def test_what_lies_between_is_what_a_slow_look_finds(
    rows: list[tuple[int, int, bool]], random: object
) -> None:
    """Rows of (thread, gap before it, mine), each 5 ns long."""
    clock = [0, 0, 0]
    made = []
    for thread, gap, mine in rows:
        clock[thread] += gap
        made.append((thread, clock[thread], mine))
        clock[thread] += 5
    random.shuffle(made)  # type: ignore[attr-defined]
    start = np.array([row[1] for row in made], np.int64)
    thread = [row[0] for row in made]
    mine = np.array([row[2] for row in made], bool)
    s = pieces(-1, start, start + 5, State.WORKING, 0, 0, thread)
    found = between(s, mine)
    for i, (who, when, own) in enumerate(made):
        ways = []
        for step in (-5, 5):
            at, met = when + step, False
            while True:
                row = next((r for r in made if r[0] == who and r[1] == at), None)
                if row is None:
                    break
                met |= row[2]
                at += step
            ways.append(met)
        assert found[i] == (all(ways) and not own)


def test_a_moment_lies_within_from_the_start_to_before_the_end() -> None:
    time = np.array([0, 1, 2, 3, 4, 5, 9])
    inside = within(time, np.array([1, 4]), np.array([3, 5]))
    assert inside.tolist() == [False, True, True, False, True, False, False]
    assert not within(time, time[:0], time[:0]).any()
