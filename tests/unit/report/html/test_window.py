"""The windows that a page asks for where the trace is at hand: as exact as the recording."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.unit.analyse.scenes import turns_then_parallel
from tests.unit.report.html.test_page import column
from twocooks.analyse.build import Recording
from twocooks.model import State
from twocooks.report.html.contract import BLANK, REASON_STEP
from twocooks.report.html.curves import COUNTS
from twocooks.report.html.detail import Detail
from twocooks.report.html.grid import at


@pytest.fixture(scope="module")
def detail() -> Detail:
    return Detail(Recording(turns_then_parallel().trace()))


def columns(found: dict[str, Any], *names: str) -> list[np.ndarray]:
    text = f'id="b">{found["block"]}</script>'
    return [column(text, {**found, "block": "b"}, name).astype(np.int64) for name in names]


def shown(found: dict[str, Any], task: int, place: int) -> int:
    """The state that a window shows of a task at a number of its axis."""
    each, length, code = columns(found, "task_runs", "task_length", "task_code")
    first = int(each[:task].sum())
    ends = np.cumsum(length[first : first + each[task]])
    run = int(np.searchsorted(ends, place, "right"))
    return int(code[first + run]) % REASON_STEP if run < each[task] else BLANK


def told(detail: Detail, task: int, time: float) -> int:
    part = detail.analysis.tasks[task].segments
    inside = np.flatnonzero((part.start <= time) & (time < part.end))
    return int(part.state[inside[0]]) if len(inside) else BLANK


@pytest.mark.parametrize("span", [(0.02, 0.07), (0.3, 0.31), (0.51, 0.53), (0.6, 0.9)])
def test_a_window_shows_what_was_the_case_at_each_of_its_moments(
    detail: Detail, span: tuple[float, float]
) -> None:
    found = detail.window(*span)
    grid = found["grid"]
    assert grid["exact"]
    assert found["window_s"] == pytest.approx(span)
    assert grid["start_s"] == found["window_s"][0]
    states = set()
    for task in range(len(detail.analysis.tasks)):
        for place in range(7, grid["count"], grid["count"] // 23):
            time = grid["start_s"] + (place + 0.5) * grid["unit_s"]
            state = shown(found, task, place)
            assert state == told(detail, task, time)
            states.add(state)
    assert State.WORKING in states


def test_a_window_of_too_much_is_sampled_and_shows_no_hands_that_were_not_there(
    detail: Detail,
) -> None:
    found = detail.window(0.02, 0.5, most_exact=3, most_runs=100)
    assert not found["grid"]["exact"]
    count = found["grid"]["count"]
    tasks = range(len(detail.analysis.tasks))
    for place in range(0, count, count // 64):
        assert sum(shown(found, task, place) == State.WORKING for task in tasks) <= 1


def test_the_curves_of_a_window_have_the_values_of_the_run(detail: Detail) -> None:
    span = (0.3, 0.7)
    found = detail.window(*span)
    assert found["curve_unit_s"] > 0
    length, *values = columns(found, "cell_length", *COUNTS)
    edges = span[0] + np.concatenate([[0], np.cumsum(length)]) * found["curve_unit_s"]
    assert edges[-1] == pytest.approx(span[1])
    middles = (edges[1:] + edges[:-1]) / 2
    for name, value in zip(COUNTS, values, strict=True):
        assert value.tolist() == at(getattr(detail.analysis, name), middles).tolist()
    assert max(values[COUNTS.index("hands")]) == 2


def test_a_window_is_judged_by_itself(detail: Detail) -> None:
    turns, parallel = detail.numbers(0.02, 0.5), detail.numbers(0.53, 0.9)
    assert turns["parallelism"]["two_or_more_s"] == 0.0
    assert parallel["parallelism"]["two_or_more_s"] == pytest.approx(0.37)
    assert turns["headline"] != parallel["headline"]
    assert (parallel["from_s"], parallel["to_s"]) == pytest.approx((0.53, 0.9))


@pytest.mark.parametrize("span", [(5.0, 6.0), (0.5, 0.4), (float("nan"), 1.0), (-2.0, -1.0)])
def test_what_is_no_window_is_refused(detail: Detail, span: tuple[float, float]) -> None:
    for ask in (detail.window, detail.numbers):
        with pytest.raises(ValueError, match="no window"):
            ask(*span)


def test_a_window_beyond_the_run_ends_with_it(detail: Detail) -> None:
    start, end = detail.analysis.window_s
    assert detail.window(-1e300, 1e300)["window_s"] == [start, end]
