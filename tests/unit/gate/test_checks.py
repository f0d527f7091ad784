"""What a demand says to a run: proven, disproved, or neither."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.kit import analyses, scenes
from tests.kit.analyses import L, S, Story, W, build, verdict
from twocooks.analyse.places import WaitSum
from twocooks.analyse.result import Analysis
from twocooks.gate import doubt
from twocooks.gate.checks import DemandError, Outcome, places
from twocooks.gate.demands import DEMANDS, demand
from twocooks.gate.story import tell
from twocooks.model import Reason, State
from twocooks.report.words import width_of

FAILED, PASSED, UNDECIDED = Outcome.FAILED, Outcome.PASSED, Outcome.UNDECIDED
ESTIMATED = {"source": "schedstat", "exact": False}
GAPS = {"source": "kernel", "exact": False, "lost_events": 3, "unknown_s": 0.25}


def with_(make: Callable[[], Analysis], **summary: Any) -> Analysis:
    found = make()
    found.summary.update(summary)
    return found


def outcome(analysis: Analysis, name: str, *args: Any, **options: Any) -> Outcome:
    return demand(name, args, options).judge(analysis).outcome


def cores(free: float | None, usable: float = 2) -> dict[str, Any]:
    return {"usable": usable, "online": 2, "quota": None, "free": free}


@pytest.mark.parametrize(
    ("make", "name", "args", "options", "expected"),
    [
        (analyses.two_processes, "parallelism", (), {"min": 1.8}, PASSED),
        (analyses.gil_turns, "parallelism", (), {"min": 1.8}, FAILED),
        (analyses.gil_turns, "parallelism", (), {"min": 0.5}, PASSED),
        (analyses.two_processes, "parallelism", (), {"max": 2}, PASSED),
        (analyses.two_processes, "parallelism", (), {"max": 1}, FAILED),
        (analyses.two_processes, "parallelism", (), {"min": 1.5, "max": 1}, FAILED),
        (analyses.asyncio_turns, "parallelism", (), {"max": 1}, PASSED),
        (analyses.asyncio_turns, "concurrency", (), {"min": 2}, PASSED),
        (analyses.one_after_another, "concurrency", (), {"min": 2}, FAILED),
        (analyses.one_after_another, "concurrency", (), {"max": 1}, PASSED),
        (analyses.both, "verdict", ("parallel", "both"), {}, PASSED),
        (analyses.gil_turns, "verdict", ("parallel", "both"), {}, FAILED),
        (analyses.two_processes, "verdict", ("turns",), {}, FAILED),
    ],
)
def test_quiet_machines_give_clear_answers(
    make: Callable[[], Analysis], name: str, args: Any, options: Any, expected: Outcome
) -> None:
    assert outcome(make(), name, *args, **options) is expected


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"measured": ESTIMATED}, "estimated"),
        ({"measured": GAPS}, "0.25 s of it are unknown"),
        ({"cores": cores(1.2)}, "only 1.2 of 2 cores were free"),
        ({"cores": cores(1.0, 1)}, "2 cores are needed, and 1 can be used here"),
    ],
)
def test_what_the_machine_may_have_done_is_no_failure(changed: Any, said: str) -> None:
    run = with_(analyses.gil_turns, **changed)
    judged = demand("parallelism", (), {"min": 1.8}).judge(run)
    assert judged.outcome is UNDECIDED
    assert said in judged.said
    assert "parallelism.mean is 1.00, at least 1.8 was demanded" in judged.said
    assert outcome(run, "verdict", "parallel") is UNDECIDED
    run = with_(analyses.two_processes, **changed)
    assert outcome(run, "parallelism", min=1.8) is PASSED, "what was proven is proven"
    assert outcome(run, "verdict", "turns") is FAILED, "parallel was proven"


def test_what_was_not_seen_is_not_ruled_out() -> None:
    run = with_(analyses.asyncio_turns, measured=ESTIMATED)
    assert outcome(run, "parallelism", max=1) is UNDECIDED
    run = with_(analyses.two_processes, measured=ESTIMATED)
    assert outcome(run, "parallelism", max=1) is FAILED


def test_nothing_and_cannot_tell_are_undecided() -> None:
    for name in ("nothing", "cannot-tell"):
        run = with_(analyses.gil_turns, verdict=verdict(name, None, "x.", "x."))
        assert outcome(run, "verdict", "parallel") is UNDECIDED
    run = with_(analyses.gil_turns, verdict=verdict("nothing", None, "x.", "x."), cpu_s=0.002)
    judged = demand("parallelism", (), {"min": 1.8}).judge(run)
    assert (judged.outcome, "2.0 ms of work" in judged.said) == (UNDECIDED, True)


def test_a_verdict_that_needs_one_core_is_judged_on_one_core() -> None:
    run = with_(analyses.gil_turns, cores=cores(0.95, 1))
    assert outcome(run, "verdict", "waiting-together") is FAILED
    assert outcome(with_(analyses.gil_turns, cores=cores(0.3, 1)), "verdict", "relay") is UNDECIDED
    taken = verdict("turns", "no-free-core", "They take turns.", "x.")
    assert outcome(with_(analyses.gil_turns, verdict=taken), "verdict", "parallel") is UNDECIDED


def pushed_off(reason: Reason) -> Analysis:
    """Two tasks with 1 s of work each; one stands in line for 0.4 s at first."""
    first = Story("a").add(1.0, W, core=0, at=0.0)
    second = Story("b").add(0.1, W, core=1, at=0.0).add(0.4, L, reason).add(0.9, W, core=1)
    return build([first, second], verdict("sometimes", None, "x.", "x."))


def test_time_in_line_for_a_core_is_given_back() -> None:
    run = pushed_off(Reason.CORE)
    assert run.summary["parallelism"]["mean"] == pytest.approx(2.0 / 1.4)
    assert doubt.reachable_mean(run) == pytest.approx(2.0)
    judged = demand("parallelism", (), {"min": 1.8}).judge(run)
    assert judged.outcome is UNDECIDED
    assert "up to 2.00 was in reach" in judged.said


def test_time_in_line_for_the_gil_is_not() -> None:
    run = pushed_off(Reason.GIL)
    assert doubt.reachable_mean(run) == pytest.approx(2.0 / 1.4)
    assert outcome(run, "parallelism", min=1.8) is FAILED
    assert outcome(run, "parallelism", min=1.4) is PASSED


def test_a_crowd_of_its_own_gives_nothing_back() -> None:
    run = analyses.both()
    assert doubt.reachable_mean(run) == pytest.approx(run.summary["parallelism"]["mean"])
    assert outcome(run, "parallelism", min=2.5) is UNDECIDED, "three cores are needed"


def with_loops(*holds: Any, **summary: Any) -> Analysis:
    run = replace(analyses.asyncio_turns(), tell_loops=lambda held_s: [scenes.loop(*holds)])
    run.summary.update(summary)
    return run


def test_held_loops() -> None:
    assert outcome(with_loops(), "loop_never_held") is PASSED
    assert outcome(with_loops(scenes.hold(0.04)), "loop_never_held") is PASSED
    judged = demand("loop_never_held", (), {"ms": 30}).judge(with_loops(scenes.hold(0.04)))
    assert judged.outcome is FAILED
    assert "'save' kept the event loop for 40 ms, mostly computing" in judged.said
    assert judged.where == ("app.py:7 save",)


def test_the_machine_may_hold_a_loop_but_no_machine_sleeps_in_it() -> None:
    busy = {"cores": cores(0.5)}
    assert outcome(with_loops(scenes.hold(0.2), **busy), "loop_never_held") is UNDECIDED
    assert outcome(with_loops(scenes.hold(0.2, "sleep"), **busy), "loop_never_held") is FAILED
    late = scenes.hold(0.2, "in line for a core")
    assert outcome(with_loops(late), "loop_never_held") is PASSED, "that is not the step's doing"


def test_without_a_loop_nothing_was_shown() -> None:
    assert outcome(analyses.gil_turns(), "loop_never_held") is UNDECIDED


def test_the_gil_stays_off() -> None:
    free = {"gil": False, "python": "cpython 3.13.1t"}
    assert outcome(with_(analyses.gil_turns, **free), "gil_stays_off") is PASSED
    assert outcome(analyses.gil_turns(), "gil_stays_off") is UNDECIDED, "it always has one"
    note = "Importing old switched the GIL of this free-threaded Python back on."
    on = {"gil": True, "python": "cpython 3.13.1t", "measured": {"notes": [note]}}
    judged = demand("gil_stays_off").judge(with_(analyses.gil_turns, **on))
    assert (judged.outcome, judged.said) == (FAILED, note)
    run = analyses.gil_turns()
    del run.summary["gil"]
    assert outcome(run, "gil_stays_off") is UNDECIDED


def test_nobody_kept_the_gil() -> None:
    assert outcome(analyses.gil_turns(), "gil_released") is PASSED
    assert outcome(with_(analyses.gil_turns, measured=ESTIMATED), "gil_released") is UNDECIDED
    kept = {"id": "native-keeps-gil", "sentence": "It did.", "seconds": 1.0, "where": ["a:1 f"]}
    judged = demand("gil_released").judge(with_(analyses.gil_turns, findings=[kept]))
    assert (judged.outcome, judged.where) == (FAILED, ("a:1 f",))


def waited(reason: Reason, seconds: float, where: str = "db.py:9 save") -> WaitSum:
    return WaitSum(reason, State.WANTS_TOOL, where, "", seconds, 3, seconds, 2)


def test_waits() -> None:
    run = replace(
        analyses.gil_turns(),
        tell_waits=lambda: [waited(Reason.LOCK, 0.3), waited(Reason.LOCK, 0.1, "b.py:1 f")],
    )
    assert outcome(run, "no_wait_for", "lock", over="0.5s") is PASSED
    assert outcome(run, "no_wait_for", "io") is PASSED
    judged = demand("no_wait_for", ("lock",), {"over": "100ms"}).judge(run)
    assert judged.outcome is FAILED
    assert judged.where == ("db.py:9 save", "b.py:1 f")
    assert "waited 0.40 s in all for lock (6 waits), at most 0.10 s" in judged.said
    run.summary["cores"] = cores(0.5)
    assert outcome(run, "no_wait_for", "lock") is UNDECIDED


def test_waits_without_a_reason_may_be_any() -> None:
    run = replace(analyses.gil_turns(), tell_waits=lambda: [waited(Reason.UNKNOWN, 0.3, "")])
    assert outcome(run, "no_wait_for", "lock", over="0.1s") is UNDECIDED
    assert outcome(run, "no_wait_for", "lock", over="0.4s") is PASSED
    assert outcome(run, "no_wait_for", "unknown", over="0.1s") is FAILED


@pytest.mark.parametrize(
    ("name", "args", "options", "said"),
    [
        ("parallelism", (), {}, "needs min="),
        ("parallelism", (1.8,), {}, "positional"),
        ("parallelism", (), {"minimum": 2}, "unexpected keyword"),
        ("parallelism", (), {"minimum": 2}, "it takes min, max$"),
        ("gil_stays_off", (), {"by": "x"}, "it takes no arguments$"),
        ("gil_released", (), {"bye": "x.y"}, "it takes by='module.function', or nothing$"),
        ("parallelism", (), {"min": "2"}, "give a number"),
        ("concurrency", (), {"max": True}, "give a number"),
        ("concurrency", (), {"min": float("nan")}, "give a number"),
        ("verdict", (), {}, "one or more names"),
        ("verdict", ("paralel",), {}, "there is no verdict 'paralel'"),
        ("loop_never_held", (), {"ms": 0}, "give milliseconds"),
        ("no_wait_for", ("locks",), {}, "there is no reason 'locks'"),
        ("no_wait_for", ("lock",), {"over": "soon"}, "no length of time"),
        ("no_wait_for", (), {}, "missing 1 required"),
        ("gil_stays_off", (1,), {}, "positional"),
    ],
)
def test_demands_that_make_no_sense(name: str, args: Any, options: Any, said: str) -> None:
    with pytest.raises(DemandError, match=said) as caught:
        demand(name, args, options)
    assert "\n" not in str(caught.value)


def test_marks_and_demands_are_the_same() -> None:
    from twocooks.pytest_plugin import MARKS
    from twocooks.pytest_plugin.fixture import Measured

    assert set(MARKS) == set(DEMANDS)
    assert all(line.startswith(f"{name}(") for name, line in MARKS.items())
    methods = {name.removeprefix("assert_") for name in dir(Measured) if name.startswith("assert")}
    assert methods == set(DEMANDS)


HOSTILE = "x\x1b[2J\n::error::y‮"


def test_the_story_of_a_failure() -> None:
    run = with_(
        analyses.gil_turns,
        findings=[{"id": "gil-bound", "seconds": 1, "sentence": "", "where": [HOSTILE]}],
    )
    assert places(run) == (HOSTILE,)
    judged = demand("parallelism", (), {"min": 1.8}).judge(run)
    for unicode in (True, False):
        text = tell(judged, run, width=76, unicode=unicode)
        first, *rest = text.splitlines()
        assert first == "parallelism.mean is 1.00, at least 1.8 was demanded (turns, gil)"
        assert max(map(width_of, rest)) <= 76
        assert "They take turns." in text
        assert "worker-1" in text
        assert "\x1b" not in text
        assert "‮" not in text
        assert unicode or text.isascii()


def test_many_tasks_get_few_lanes() -> None:
    run = analyses.crowd()
    judged = demand("parallelism", (), {"min": 50}).judge(run)
    assert len(tell(judged, run).splitlines()) < 40


def test_waiting_tasks() -> None:
    """Nothing in line: nothing to give back."""
    run = build(
        [Story("a").add(0.1, W, core=0, at=0.0).add(0.5, S, Reason.IO)],
        verdict("single", None, "x.", "x."),
    )
    assert doubt.reachable_mean(run) == pytest.approx(1.0)
