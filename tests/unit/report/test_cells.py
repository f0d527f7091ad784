"""The one honest rule: no column shows more hands than moved at one moment inside it."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit import analyses
from tests.kit.analyses import Story, build, verdict
from twocooks.analyse.result import Analysis
from twocooks.model import State
from twocooks.report.terminal import cells
from twocooks.report.terminal.cells import GLIMPSE, IDLE, LOST, PROGRAM, Picture, covered, picture
from twocooks.report.terminal.lanes import fold, shown

NONE = verdict("turns", None, "", "")


def draw(analysis: Analysis, columns: int = 56) -> Picture:
    return picture(analysis, fold(shown(analysis)), columns)


def truth(analysis: Analysis, edges: np.ndarray) -> list[int]:
    """Slow and plain: the most tasks at work at one moment of each column, hand-overs left out."""
    pieces = [
        (s, e)
        for task in analysis.tasks
        for s, e, state in zip(
            task.segments.start, task.segments.end, task.segments.state, strict=True
        )
        if state == State.WORKING
    ]
    times = sorted({t for piece in pieces for t in piece})
    level = [
        (a, b, sum(s <= a and b <= e for s, e in pieces)) for a, b in itertools.pairwise(times)
    ]
    runs: list[list[tuple[float, float, int]]] = []
    for a, b, n in level:
        if n >= 2:
            if runs and runs[-1][-1][1] == a:
                runs[-1].append((a, b, n))
            else:
                runs.append([(a, b, n)])
    short = {piece for run in runs if run[-1][1] - run[0][0] < cells.HAND_OVER_S for piece in run}
    return [
        max(
            (
                1 if piece in short else piece[2]
                for piece in level
                if piece[0] < hi and piece[1] > lo
            ),
            default=0,
        )
        for lo, hi in itertools.pairwise(edges)
    ]


def check_honest(analysis: Analysis, columns: int) -> Picture:
    drawn = draw(analysis, columns)
    most = np.array(truth(analysis, drawn.edges))
    assert (drawn.at_work <= most).all()
    assert (drawn.hands.sum(axis=0) <= most).all()
    solo = most <= 1
    for row, lane in enumerate(drawn.lanes):  # no lane shows hands where none of its tasks worked
        work = sum(
            covered(t.segments.start[m], t.segments.end[m], drawn.edges)
            for t in lane.tasks
            for m in [t.segments.state == State.WORKING]
        )
        assert (work[drawn.hands[row] > 0] > 0).all()
    on_core = sum(
        ((row.cells != IDLE) & (row.cells != PROGRAM) & (row.cells != LOST)).astype(int)
        for row in drawn.cores
    )
    if drawn.cores:
        assert (on_core[solo] <= 1).all()
    return drawn


@pytest.mark.parametrize("name", [n for n in analyses.ALL if n not in ("many-hands", "crowd")])
@pytest.mark.parametrize("columns", [11, 56, 137])
def test_no_column_shows_more_hands_than_moved(name: str, columns: int) -> None:
    check_honest(analyses.ALL[name](), columns)


@st.composite
def runs(draw_: st.DrawFn) -> Analysis:
    stories = [Story(f"t{i}") for i in range(draw_(st.integers(1, 5)))]
    for number, story in enumerate(stories):
        now = draw_(st.integers(0, 50)) / 1000
        for _ in range(draw_(st.integers(1, 12))):
            state = draw_(st.sampled_from([State.WORKING, State.WAITING, State.IN_LINE]))
            length = draw_(st.sampled_from([1.1e-5, 3.7e-5, 1.03e-4, 0.001, 0.007, 0.02]))
            story.add(
                length, state, core=number if state == State.WORKING else -1, at=round(now, 7)
            )
            now = round(now + length, 7)
    return build(stories, NONE)


@given(runs(), st.integers(5, 60))
@settings(max_examples=150, deadline=None)
def test_no_run_looks_more_parallel_than_it_was(analysis: Analysis, columns: int) -> None:
    check_honest(analysis, columns)


def test_turns_within_a_cell_are_one_pair_of_hands() -> None:
    drawn = draw(analyses.gil_turns(turn=0.001))
    assert set(drawn.at_work) == {1}
    assert all(sum(row.cells[c] >= 0 for row in drawn.cores) == 1 for c in range(56))


def test_parallel_fills_two_rows() -> None:
    drawn = draw(analyses.two_processes())
    assert (drawn.at_work[2:-2] == 2).all()
    assert all((row.cells[2:-2] >= 0).all() for row in drawn.cores)


def test_the_ink_of_a_lane_is_its_share_of_the_work() -> None:
    drawn = draw(analyses.gil_turns(threads=4), 80)
    ink = drawn.hands.sum(axis=1) / drawn.hands.sum()
    assert np.abs(ink - 0.25).max() < 0.03


def test_many_hands_of_one_task_fill_cores_and_one_lane() -> None:
    drawn = draw(analyses.many_hands())
    assert drawn.at_work.max() == 1
    assert sum((row.cells == 0).sum() for row in drawn.cores) > 2 * 56


def test_a_tiny_piece_of_work_is_still_seen() -> None:
    story = Story("tiny").add(0.00002, State.WORKING, core=0, at=0.0).add(1.0, State.WAITING)
    assert draw(build([story], NONE)).hands.sum() == 1


def test_who_worked_for_most_of_a_cell_is_not_shown_waiting() -> None:
    stories = []
    for core in (0, 1):
        story = Story(f"t{core}")
        for second in range(12):
            story.add(0.86, State.WORKING, core=core, at=float(second)).add(0.14, State.WAITING)
        stories.append(story)
    drawn = draw(build(stories, NONE), 12)
    without = drawn.hands == 0
    assert 0 < without.sum() < 12, "1.72 pairs of hands: mostly two, and one now and then"
    assert (drawn.state[without] == GLIMPSE).all()


def test_what_was_lost_is_shown_as_unknown_and_never_as_work() -> None:
    drawn = draw(analyses.unknown_windows())
    middle = slice(20, 30)
    assert drawn.unknown[middle].all()
    assert drawn.hands[:, middle].sum() == 0
    assert all((row.cells[middle] == LOST).all() for row in drawn.cores)


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), max_size=30))
def test_covered_seconds_agree_with_counting(pairs: list[tuple[float, float]]) -> None:
    start = np.array([min(p) for p in pairs])
    end = np.array([max(p) for p in pairs])
    edges = np.linspace(2.0, 8.0, 7)
    plain = [
        sum(max(0.0, min(e, hi) - max(s, lo)) for s, e in zip(start, end, strict=True))
        for lo, hi in itertools.pairwise(edges)
    ]
    assert covered(start, end, edges) == pytest.approx(plain, abs=1e-6)


def test_an_empty_window_falls_back_to_the_run() -> None:
    story = Story("x").add(0.0, State.WAITING, at=0.5)
    drawn = draw(build([story], NONE, wall_s=2.0))
    assert drawn.edges[0] == 0.0
    assert drawn.edges[-1] == 2.0
