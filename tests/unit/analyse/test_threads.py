"""Threads: slices, lives, losses. A loss is unknown, and nothing is carried across it."""

from __future__ import annotations

import numpy as np

from tests.kit.builder import Builder
from twocooks.analyse import analyse
from twocooks.analyse.threads import Threads, build_threads, last_seen
from twocooks.model import State


def threads(b: Builder) -> Threads:
    trace = b.trace()
    return build_threads(trace, last_seen(trace))


def story(b: Builder, thread: int) -> list[tuple[str, float, float]]:
    table = threads(b).pieces
    at = np.flatnonzero(table.owner == thread)
    return [
        (
            State(table.state[i]).name,
            (int(table.start[i]) - b.start_ns) / 1e9,
            (int(table.end[i]) - b.start_ns) / 1e9,
        )
        for i in at
    ]


def test_a_slice_begins_at_the_previous_out_on_its_core() -> None:
    b = Builder()
    b.on(0, 10, 0.0, 0.1)
    b.fork(0.05, tid=11)
    b.on(0, 11, 0.100001, 0.2)
    begin = {s: a for s, a, _ in story(b, 1)}["WORKING"]
    assert begin == 0.1


def test_a_newborns_slice_on_an_idle_core_begins_with_its_record() -> None:
    b = Builder()
    b.on(0, 10, 0.0, 0.1)
    b.fork(0.05, tid=11)
    b.on(1, 11, 0.06, 0.2)
    assert {s: a for s, a, _ in story(b, 1)}["WORKING"] == 0.06


def test_a_slice_after_an_idle_core_begins_a_little_before_its_record() -> None:
    b = Builder()
    b.on(0, 10, 0.0, 0.1)
    b.on(0, 10, 0.2, 0.3)
    assert [a for s, a, _ in story(b, 0) if s == "WORKING"][1] == 0.199997


def test_states_follow_the_records() -> None:
    b = Builder()
    b.on(0, 10, 0.0, 0.1, preempted=True)
    b.on(0, 10, 0.2, 0.3)
    b.on(1, 10, 0.4, 0.5, exits=True)
    assert [s for s, _, _ in story(b, 0)] == ["WORKING", "IN_LINE", "WORKING", "WAITING", "WORKING"]


def test_a_reused_number_is_another_thread() -> None:
    b = Builder()
    b.on(0, 10, 0.0, 1.0)
    for t in (0.1, 0.5):
        b.fork(t, tid=11)
        b.on(1, 11, t + 0.01, t + 0.1, exits=True)
    found = threads(b)
    assert found.tid.tolist() == [10, 11, 11]
    assert [s for s, _, _ in story(b, 1)] == ["IN_LINE", "WORKING"]
    assert found.find(np.array([11, 11]), np.array([b.ns(0.2), b.ns(0.55)])).tolist() == [1, 2]


def test_exec_ends_all_other_threads_of_the_process() -> None:
    b = Builder()
    b.on(0, 10, 0.0, 1.0)
    b.fork(0.1, tid=11)
    b.on(1, 11, 0.11, 0.2)
    b.exec(0.5, "other")
    found = threads(b)
    assert bool(found.ended[1])
    assert found.died[1] == b.ns(0.5)


def test_a_loss_makes_its_core_unknown_until_each_thread_shows_itself() -> None:
    b = Builder()
    b.exec(0.0, "python")
    b.lost(0, 0.1, 0.3, 500)
    b.kernel(0, 0.4, "OUT", 10, 10)
    assert story(b, 0)[:3] == [("WORKING", 0.0, 0.1), ("UNKNOWN", 0.1, 0.3), ("WORKING", 0.3, 0.4)]


def test_after_a_loss_a_coming_thread_was_off() -> None:
    b = Builder()
    b.on(0, 10, 0.0, None)
    b.lost(0, 0.1, 0.3, 500)
    b.kernel(1, 0.4, "IN", 10, 10)
    b.kernel(1, 0.5, "EXIT", 10, 10)
    states = [s for s, _, _ in story(b, 0)]
    assert states == ["WORKING", "UNKNOWN", "WAITING", "WORKING"]


def test_a_loss_invents_no_parallelism() -> None:
    """A naive reader leaves thread 11 on core 0 during the loss and sees two at work."""
    b = Builder()
    b.hello(0.0)
    b.on(1, 10, 0.0, 0.05)
    for tid in (11, 12):
        b.fork(0.01, tid=tid, cpu=1)
        b.thread(0.0101, tid, f"T{tid}", "work", "app.py", 3)
    b.on(0, 11, 0.1, None)
    b.lost(0, 0.2, 0.8, 1000)
    b.on(1, 12, 0.3, 0.7)
    b.on(1, 11, 0.9, 1.0, exits=True)
    result = analyse(b.trace())
    assert result.summary["parallelism"]["two_or_more_s"] == 0.0
    assert result.summary["measured"]["unknown_s"] > 0.5
    assert result.summary["measured"]["exact"] is False


def test_a_loss_at_the_end_is_known_from_the_counters_alone() -> None:
    b = Builder(end={"lost": {"0": 7}, "end_ns": 1_000_000_000_000 + 10**9})
    b.exec(0.0, "python")
    b.on(0, 10, 0.1, 0.2)
    assert story(b, 0)[-1] == ("UNKNOWN", 0.2, 1.0)


def test_two_outs_without_an_in_claim_nothing() -> None:
    b = Builder()
    b.on(0, 10, 0.0, 0.1)
    b.kernel(0, 0.3, "OUT", 10, 10)
    b.on(0, 10, 0.5, 0.6, exits=True)
    assert ("UNKNOWN", 0.1, 0.3) in story(b, 0)


def test_an_empty_trace_is_judged_as_nothing() -> None:
    result = analyse(Builder().trace())
    assert result.summary["verdict"]["id"] == "nothing"
    assert result.tasks == []
