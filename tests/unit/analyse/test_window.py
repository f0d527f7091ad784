"""The numbers of a stretch of a run: what was cut, what was not, and that parts add up."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.kit.builder import Builder
from tests.unit.analyse import scenes
from twocooks.analyse import Analysis, analyse
from twocooks.analyse.build import Recording
from twocooks.analyse.threads import SWITCH_NS

SUMS = (
    ("cpu_s",),
    ("in_line_s",),
    ("parallelism", "two_or_more_s"),
    ("cores_used", "two_or_more_s"),
    ("switches", "total"),
)


def between(b: Builder, begin: float, end: float, by: str = "task") -> Analysis:
    return analyse(b.trace(), by, (b.ns(begin), b.ns(end)))


def number(summary: dict[str, Any], *path: str) -> float:
    value: Any = summary
    for key in path:
        value = value[key]
    return float(value)


def test_each_half_gets_its_own_verdict() -> None:
    first = between(scenes.turns_then_parallel(), 0.01, 0.51).summary
    second = between(scenes.turns_then_parallel(), 0.52, 1.0).summary
    assert (first["verdict"]["id"], second["verdict"]["id"]) == ("turns", "parallel")
    assert first["parallelism"]["two_or_more_s"] == 0.0
    assert first["parallelism"]["max"] == 1
    assert second["parallelism"]["two_or_more_s"] == pytest.approx(0.48)
    assert first["window"] == {"from_s": pytest.approx(0.01), "to_s": pytest.approx(0.51)}
    assert "window" not in analyse(scenes.turns_then_parallel().trace()).summary


@pytest.mark.parametrize("scene", list(scenes.SCENES), ids=lambda s: s.__name__)
def test_parts_that_lie_end_to_end_add_up_to_the_whole(scene: scenes.Scene) -> None:
    trace = scene().trace()
    run = Recording(trace)
    edges = [run.line.start_ns, *(run.line.start_ns + ns for ns in (7_300_001, 61_000_003)),
             run.line.end_ns]  # fmt: skip
    edges = sorted({min(edge, run.line.end_ns) for edge in edges})
    parts = [run.analyse(window=part) for part in pairwise(edges)]
    lengths = [run.line.table.length.sum(), run.line.slices.length.sum()]
    assert sum(number(p.summary, "wall_s") for p in parts) == pytest.approx(
        (run.line.end_ns - run.line.start_ns) / 1e9
    )
    # The very first slice began with the switch before the first record.
    assert sum(number(p.summary, "cpu_s") for p in parts) == pytest.approx(
        run.analyse().summary["time"]["on_core_s"], abs=(SWITCH_NS + 1) / 1e9
    )
    assert sum(number(p.summary, "switches", "total") for p in parts) == number(
        run.analyse().summary, "switches", "total"
    )
    assert lengths == [run.line.table.length.sum(), run.line.slices.length.sum()]  # nothing was cut


def test_a_window_of_all_says_what_the_run_says() -> None:
    for scene in (scenes.lock_coarse, scenes.two_processes, scenes.async_turns, scenes.amdahl):
        trace = scene().trace()
        run = Recording(trace)
        whole = run.analyse().summary
        all_of_it = run.analyse(window=(run.line.start_ns, run.line.end_ns)).summary
        for path in SUMS[1:]:
            assert number(all_of_it, *path) == pytest.approx(number(whole, *path)), (scene, path)
        assert all_of_it["verdict"]["id"] == whole["verdict"]["id"]
        assert all_of_it["tasks"] == whole["tasks"]


def test_who_was_begun_before_is_on_the_go_from_the_first_moment_on() -> None:
    b = scenes.program(2, end=1.0)
    for n in range(2):
        b.on(n, 11 + n, 0.01, 0.1)
        b.look(0.11, 0.111, 11 + n, scenes.SLEEP)
        b.on(n, 11 + n, 0.9, 0.99, exits=True)
    asleep = between(b, 0.3, 0.7)
    assert asleep.summary["concurrency"]["max"] == 2
    assert asleep.summary["concurrency"]["two_or_more_s"] == pytest.approx(0.4)
    assert asleep.summary["cpu_s"] == 0.0
    assert asleep.summary["time"]["waiting"]["sleep"] == pytest.approx(0.8)
    assert sum(wait.seconds for wait in asleep.waits if wait.reason == "sleep") == pytest.approx(
        0.8
    )


def test_who_was_done_before_or_comes_later_is_not_counted() -> None:
    b = scenes.processes(2)
    b.on(0, 20, 0.01, 0.3, pid=20, exits=True)
    b.on(1, 21, 0.5, 0.9, pid=21, exits=True)
    assert [task.name for task in between(b, 0.35, 0.9).tasks if task.significant] == ["P1"]
    assert [task.name for task in between(b, 0.0, 0.4).tasks if task.significant] == ["P0"]


def test_a_loss_before_the_window_does_not_spoil_it() -> None:
    b = scenes.turns_then_parallel()
    b.lost(0, 0.2, 0.25, 7)
    b.on(0, 10, 0.512, 0.513)  # what main did since the loss is not known until now
    assert between(b, 0.6, 0.9).summary["measured"]["exact"]
    spoiled = between(b, 0.22, 0.9).summary["measured"]
    assert (spoiled["exact"], spoiled["lost_events"]) == (False, 7)
    assert between(b, 0.0, 0.22).summary["measured"]["lost_events"] == 7


def test_times_are_counted_from_the_begin_of_the_window() -> None:
    part = between(scenes.turns_then_parallel(), 0.6, 0.9)
    assert part.summary["wall_s"] == pytest.approx(0.3)
    for task in part.tasks:
        if len(task.segments.start):
            assert task.segments.start.min() >= 0.0
            assert task.segments.end.max() <= 0.3 + 1e-9
    assert part.at_work.time[0] == pytest.approx(0.0)


def test_levels_and_loops_know_the_window() -> None:
    held = scenes.loop_held()
    whole = analyse(held.trace())
    (loop,) = whole.tell_loops(0.05)
    hold = loop.held[0]
    middle = hold.begun_s + hold.seconds / 2
    (before,) = between(held, 0.0, middle).tell_loops(0.01)
    assert before.held[0].seconds == pytest.approx(hold.seconds / 2)
    assert before.ended_s == pytest.approx(middle)
    side = between(scenes.turns_then_parallel(), 0.52, 1.0, by="process").summary
    assert side["parallelism"]["two_or_more_s"] == pytest.approx(0.48)


def test_polled_windows_shrink_to_the_looks_inside() -> None:
    polled = scenes.polled(0.5, 0.95)
    early, late = between(polled, 0.05, 0.95).summary, between(polled, 1.05, 1.99).summary
    assert early["verdict"]["id"] == "cannot-tell"
    assert early["parallelism"]["two_or_more_s"] == 0.0
    assert late["verdict"]["id"] == "parallel"
    assert late["wall_s"] <= 0.94
    assert late["cpu_s"] == pytest.approx(2 * 0.95 * late["wall_s"])
    none = between(polled, 0.41, 0.47).summary
    assert none["wall_s"] == 0.0
    assert none["verdict"]["id"] in ("cannot-tell", "nothing")


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="ends after it begins"):
        between(scenes.turns_then_parallel(), 0.5, 0.4)
