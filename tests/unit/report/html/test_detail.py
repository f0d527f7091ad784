"""Levels of detail: whatever the page keeps of a run was so at one moment of it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit import analyses
from tests.kit.analyses import Story, build, verdict
from twocooks.analyse.result import Analysis
from twocooks.model import Reason, State
from twocooks.report.html import curves as curve
from twocooks.report.html.contract import BLANK, CORE_TASK, NO_REASON, REASON_STEP
from twocooks.report.html.grid import Grid, at, coarser, exact, hand_overs, moments, window
from twocooks.report.html.lanes import TASK_BLANK, Runs, folded, lanes, with_gaps

NONE = verdict("turns", None, "", "")
STATES = [State.WORKING, State.IN_LINE, State.WAITING, State.DELEGATED, State.WANTS_TOOL]


@st.composite
def runs_of_tasks(draw: st.DrawFn) -> Analysis:
    """Some tasks with pieces of very different lengths, at work on any cores, with gaps."""
    length = st.sampled_from([3e-6, 2e-5, 8e-5, 1e-3, 0.02, 0.3])
    stories = []
    for number in range(draw(st.integers(1, 4))):
        story = Story(f"task-{number}")
        now = draw(length)
        for _ in range(draw(st.integers(1, 12))):
            state = draw(st.sampled_from(STATES))
            reason = Reason.IO if state == State.WAITING else None
            story.add(draw(length), state, reason, core=number, at=now)
            now = story.pieces[-1][1] + (draw(length) if draw(st.booleans()) else 0.0)
        stories.append(story)
    return build(stories, NONE)


def at_moment(analysis: Analysis, task: int, time: float) -> int:
    """Slow and plain: the code of a task's lane at one moment."""
    s = analysis.tasks[task].segments
    for start, end, state, reason in zip(s.start, s.end, s.state, s.reason, strict=True):
        if start <= time < end:
            return int(state) + REASON_STEP * min(int(reason), NO_REASON)
    return TASK_BLANK


def codes(runs: Runs, lane: int, grid: Grid) -> list[int]:
    """What a lane shows at each number of the axis."""
    shown = [TASK_BLANK] * grid.size
    for row in np.flatnonzero(runs.lane == lane):
        start, end = int(runs.start[row]), int(runs.end[row])
        shown[start:end] = [int(runs.code[row])] * (end - start)
    return shown


@settings(max_examples=60)
@given(runs_of_tasks(), st.sampled_from([16, 64, 256]))
def test_each_number_of_a_sampled_axis_shows_one_moment_of_its_part(
    analysis: Analysis, size: int
) -> None:
    grid = moments(analysis, size)
    assert grid.moments is not None
    low = grid.start_s + grid.unit_s * np.arange(size)
    assert (grid.moments >= low - 1e-12).all()
    assert (grid.moments <= low + grid.unit_s + 1e-12).all()
    for step in range(3):
        drawn = sampled(analysis, grid)
        for task in range(len(analysis.tasks)):
            wanted = [at_moment(analysis, task, time) for time in grid.moments]
            assert codes(drawn, task, grid) == wanted, f"task {task}, {step} times coarser"
        grid, _ = coarser(grid)
        assert grid.moments is not None


def sampled(analysis: Analysis, grid: Grid) -> Runs:
    from twocooks.report.html import lanes as module

    return module._runs(module._of_tasks(analysis.tasks), grid)


@settings(max_examples=60)
@given(runs_of_tasks(), st.sampled_from([16, 64, 256]))
def test_no_number_shows_more_hands_than_worked_at_one_moment(
    analysis: Analysis, size: int
) -> None:
    grid = moments(analysis, size)
    assert grid.moments is not None
    drawn = sampled(analysis, grid)
    hands = np.zeros(grid.size, int)
    for task in range(len(analysis.tasks)):
        hands += np.array([c % REASON_STEP == State.WORKING for c in codes(drawn, task, grid)])
    spans = hand_overs(analysis)
    over = [(a, b) for a, b in zip(spans.start, spans.end, strict=True)]
    for number, (shown, time) in enumerate(zip(hands, grid.moments, strict=True)):
        low, high = grid.start_s + number * grid.unit_s, grid.start_s + (number + 1) * grid.unit_s
        inside = any(a <= time < b for a, b in over)
        if not inside:
            assert shown <= at(analysis.hands, np.array([time]))[0]
        else:  # only where the hand-over fills all of the column could no other moment be taken
            assert any(a <= low + 1e-9 and high - 1e-9 <= b for a, b in over)


def test_turns_of_the_gil_are_one_pair_of_hands_at_every_size() -> None:
    analysis = analyses.gil_turns(threads=3)
    for size in (2048, 1024, 512, 64):
        grid = moments(analysis, size)
        drawn = sampled(analysis, grid)
        hands = sum(
            np.array([c % REASON_STEP == State.WORKING for c in codes(drawn, task, grid)], int)
            for task in range(3)
        )
        assert np.max(hands) == 1


def test_ink_is_in_proportion_to_work() -> None:
    analysis = analyses.gil_turns(threads=2)
    grid = moments(analysis, 4096)
    drawn = sampled(analysis, grid)
    start, end = window(analysis)
    for task in analysis.tasks:
        ink = sum(c % REASON_STEP == State.WORKING for c in codes(drawn, task.id, grid))
        assert ink / grid.size == pytest.approx(task.work_s / (end - start), rel=0.05)


@settings(max_examples=60)
@given(runs_of_tasks())
def test_an_exact_page_has_every_stretch(analysis: Analysis) -> None:
    drawn = lanes(analysis)
    assert drawn.grid.moments is None
    unit = drawn.grid.unit_s
    for task in analysis.tasks:
        mine = drawn.tasks.lane == task.id
        for state in STATES:
            of_state = mine & (drawn.tasks.code % REASON_STEP == int(state))
            seconds = (drawn.tasks.end - drawn.tasks.start)[of_state].sum() * unit
            s = task.segments
            wanted = np.clip(s.end, *window(analysis)) - np.clip(s.start, *window(analysis))
            assert seconds == pytest.approx(wanted[s.state == state].sum(), abs=unit * len(s.start))


@settings(max_examples=40)
@given(runs_of_tasks())
def test_a_coarser_axis_shows_moments_of_the_finer_one(analysis: Analysis) -> None:
    fine = moments(analysis, 128)
    few, before = coarser(fine)
    assert fine.moments is not None
    assert few.moments is not None
    assert set(few.moments) <= set(fine.moments)
    assert [int(n) for n in before] == [
        int((few.moments < time).sum()) for time in [*fine.moments, np.inf]
    ]


@settings(max_examples=60)
@given(runs_of_tasks())
def test_gaps_are_runs_of_their_own(analysis: Analysis) -> None:
    drawn = lanes(analysis)
    length, code, each = with_gaps(drawn.tasks, len(analysis.tasks), TASK_BLANK)
    assert each.sum() == len(length)
    assert (length > 0).all()
    row = 0
    for lane, count in enumerate(each):
        now = 0
        found = []
        for _ in range(count):
            if code[row] != TASK_BLANK:
                found.append((now, now + length[row], code[row]))
            now += length[row]
            row += 1
        mine = drawn.tasks.take(drawn.tasks.lane == lane)
        assert found == list(zip(mine.start, mine.end, mine.code, strict=True))


@settings(max_examples=60)
@given(runs_of_tasks(), st.lists(st.integers(-1, 1), min_size=4, max_size=4))
def test_a_folding_row_shows_the_strongest_state_of_its_tasks(
    analysis: Analysis, homes: list[int]
) -> None:
    home = np.array(homes[: len(analysis.tasks)])
    grid = moments(analysis, 64)
    drawn = sampled(analysis, grid)
    runs, hands = folded(drawn, home, 2)
    strength = [State.WORKING, State.IN_LINE, State.WANTS_TOOL, State.WAITING, State.DELEGATED]
    for node in range(2):
        inside = [codes(drawn, t, grid) for t in np.flatnonzero(home == node)]
        shown = codes(runs, node, grid)
        for number in range(grid.size):
            states = [lane[number] % REASON_STEP for lane in inside]
            wanted = next((int(s) for s in strength if s in states), BLANK)
            assert shown[number] % REASON_STEP == wanted
            row = np.flatnonzero(
                (runs.lane == node) & (runs.start <= number) & (number < runs.end)
            )
            if len(row):
                assert hands[row[0]] == states.count(State.WORKING)


def test_a_large_run_keeps_to_the_budget() -> None:
    analysis = analyses.gil_turns(threads=4, seconds=8.0, turn=0.002)
    drawn = lanes(analysis, most_exact=100, most_runs=4000)
    assert drawn.grid.moments is not None
    assert len(drawn.tasks.lane) + len(drawn.cores.lane) <= 4000
    more = lanes(analysis, most_exact=100, most_runs=8000)
    assert more.grid.size > drawn.grid.size


def test_cores_show_the_tasks_that_they_have() -> None:
    analysis = analyses.two_processes()
    drawn = lanes(analysis)
    last = [int(drawn.cores.code[drawn.cores.lane == core][-1]) for core in range(2)]
    assert last == [CORE_TASK + 0, CORE_TASK + 1]


@settings(max_examples=40)
@given(runs_of_tasks(), st.sampled_from([8, 64]))
def test_sums_of_cells_are_those_of_the_steps(analysis: Analysis, cells: int) -> None:
    whole = curve.curves(analysis)
    cut = curve.curves(analysis, most_steps=1, cells=cells)
    assert whole.values is not None
    assert cut.values is None
    width = np.diff(whole.edges)
    for name in curve.COUNTS:
        assert cut.sums[name].sum() == pytest.approx((whole.values[name] * width).sum(), abs=1e-9)
    for name, level in curve.LEVELS:
        long = width[whole.values[name] >= level].sum()
        assert cut.sums[f"{name}_{level}"].sum() == pytest.approx(long, abs=1e-9)
    for i, (a, b) in enumerate(itertools.pairwise(cut.edges)):
        inside = (whole.edges[:-1] < b) & (whole.edges[1:] > a)
        assert cut.most["hands"][i] == whole.values["hands"][inside].max(initial=0)


@settings(max_examples=30)
@given(runs_of_tasks())
def test_the_exact_axis_is_fine_and_fits(analysis: Analysis) -> None:
    grid = exact(analysis)
    start, end = window(analysis)
    assert grid.size <= 2**30
    assert grid.start_s + grid.size * grid.unit_s >= end - 1e-9
    assert grid.unit_s <= max(1e-9, (end - start) / 2**29)
