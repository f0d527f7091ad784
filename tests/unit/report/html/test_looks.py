"""Where lanes show native code: around looks that met it, and nowhere else."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.analyses import Story, W, build, verdict
from twocooks.analyse.result import Analysis, Looks
from twocooks.model import State
from twocooks.report.html.contract import NO_REASON, REASON_STEP, SEEN_NATIVE, SEEN_PYTHON
from twocooks.report.html.lanes import Raw, raw
from twocooks.report.html.looks import PUSHED_S, REACH_S

PLAIN = State.WORKING + REASON_STEP * NO_REASON
NATIVE, PYTHON = (State.WORKING + REASON_STEP * seen for seen in (SEEN_NATIVE, SEEN_PYTHON))


def looks(*rows: tuple[int, float, bool]) -> Looks:
    """(task, moment, native)"""
    rows = tuple(sorted(rows, key=lambda row: row[1]))
    return Looks(
        np.array([row[0] for row in rows], np.int64),
        np.array([row[1] for row in rows], float),
        np.array([row[2] for row in rows], bool),
    )


def shown(of: Raw, task: int) -> list[tuple[float, float, int]]:
    """The stretches of a task's lane."""
    return [
        (round(float(a), 9), round(float(b), 9), int(code))
        for lane, a, b, code in zip(*of, strict=True)
        if lane == task
    ]


def one(*pieces: tuple[float, State]) -> Analysis:
    story = Story("dish")
    for length, state in pieces:
        story.add(length, state, core=0)
    return build([story], verdict("turns", None, "", ""))


def drawn(analysis: Analysis, *rows: tuple[int, float, bool]) -> list[tuple[float, float, int]]:
    return shown(next(raw(replace(analysis, looks=looks(*rows))).tasks()), 0)


def test_a_look_reaches_as_far_as_the_rule_says() -> None:
    analysis = one((1.0, W))
    assert drawn(analysis, (0, 0.5, True)) == [
        (0.0, 0.5 - REACH_S, PLAIN), (0.5 - REACH_S, 0.5 + REACH_S, NATIVE),
        (0.5 + REACH_S, 1.0, PLAIN),
    ]  # fmt: skip


def test_two_looks_meet_halfway() -> None:
    analysis = one((1.0, W))
    assert drawn(analysis, (0, 0.02, True), (0, 0.04, False)) == [
        (0.0, 0.03, NATIVE), (0.03, 0.04 + REACH_S, PYTHON), (0.04 + REACH_S, 1.0, PLAIN),
    ]  # fmt: skip


def test_a_look_says_nothing_of_another_stretch_of_work() -> None:
    analysis = one((0.01, W), (0.01, State.WAITING), (0.01, W))
    waiting = State.WAITING + REASON_STEP * NO_REASON
    assert drawn(analysis, (0, 0.005, True)) == [
        (0.0, 0.01, NATIVE), (0.01, 0.02, waiting), (0.02, 0.03, PLAIN),
    ]  # fmt: skip


def test_who_was_pushed_off_for_the_look_shows_what_it_did_until_then() -> None:
    analysis = one((0.01, W), (0.02, State.IN_LINE), (0.01, W))
    line = State.IN_LINE + REASON_STEP * NO_REASON
    rest = [(0.01, 0.03, line), (0.03, 0.04, PLAIN)]
    assert drawn(analysis, (0, 0.01 + PUSHED_S / 2, True)) == [(0.0, 0.01, NATIVE), *rest]
    assert drawn(analysis, (0, 0.01 + PUSHED_S * 2, True)) == [(0.0, 0.01, PLAIN), *rest]


def test_nobody_looked_nothing_is_said() -> None:
    analysis = one((0.01, W), (0.01, State.WAITING))
    assert {code for *_, code in shown(next(raw(analysis).tasks()), 0)} == {
        PLAIN, State.WAITING + REASON_STEP * NO_REASON
    }  # fmt: skip


LENGTHS = st.sampled_from([0.003, 0.013, 0.07, 0.4])
assert PUSHED_S < 0.003, "a look may reach back over one stretch, not over two"


@st.composite
def runs_with_looks(draw: st.DrawFn) -> Analysis:
    stories = []
    for number in range(draw(st.integers(1, 3))):
        story = Story(f"task-{number}")
        for _ in range(draw(st.integers(1, 8))):
            state = draw(st.sampled_from([W, W, State.WAITING, State.IN_LINE]))
            story.add(draw(LENGTHS), state, core=number)
        stories.append(story)
    analysis = build(stories, verdict("turns", None, "", ""))
    row = st.tuples(
        st.integers(0, len(stories) - 1), st.floats(0, 2.5, width=32), st.booleans()
    )
    rows = draw(st.lists(row, max_size=12, unique_by=lambda one: one[1]))
    return replace(analysis, looks=looks(*rows))


def told(analysis: Analysis, task: int, moment: float) -> set[int]:
    """Slow and plain: what the rule says of a moment of work; two answers on an edge."""
    s = analysis.tasks[task].segments
    inside = [
        (a, b) for a, b, state in zip(s.start, s.end, s.state, strict=True)
        if state == W and a <= moment < b
    ]  # fmt: skip
    if not inside:
        return set()
    start, end = inside[0]
    near = []
    for of, time, native in zip(
        analysis.looks.task, analysis.looks.time_s, analysis.looks.native, strict=True
    ):
        begun = s.start[s.state == W]
        later = begun[(begun >= end) & (begun <= time)].tolist()
        if of == task and start <= time <= end + PUSHED_S and not later:
            near.append((abs(min(time, end) - moment), NATIVE if native else PYTHON))
    near = [one for one in near if one[0] <= REACH_S + 1e-6]
    if not near:
        return {PLAIN}
    least = min(near)[0]
    told = {code for distance, code in near if distance <= least + 1e-6}
    return told | ({PLAIN} if least >= REACH_S - 1e-6 else set())


@settings(max_examples=80)
@given(runs_with_looks())
def test_each_moment_of_work_shows_its_nearest_look(analysis: Analysis) -> None:
    found = next(raw(analysis).tasks())
    for task in range(len(analysis.tasks)):
        stretches = shown(found, task)
        plain = shown(next(raw(replace(analysis, looks=looks())).tasks()), task)
        # Nothing but work is touched, and no moment is lost or shown twice.
        whole = sum(b - a for a, b, _ in plain)
        assert abs(sum(b - a for a, b, _ in stretches) - whole) < 1e-6
        assert [s for s in stretches if s[2] % REASON_STEP != W] == [
            s for s in plain if s[2] % REASON_STEP != W
        ]
        assert all(a[1] <= b[0] + 1e-9 for a, b in itertools.pairwise(stretches))
        for a, b, code in stretches:
            if code % REASON_STEP == W and b - a > 1e-5:
                assert code in told(analysis, task, (a + b) / 2)
