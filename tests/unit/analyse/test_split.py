"""Python or native: what is proven, what is estimated, and when nothing is said."""

from __future__ import annotations

import pytest

from tests.kit.builder import Builder
from tests.unit.analyse import scenes
from twocooks.analyse import analyse
from twocooks.report.base import Options
from twocooks.report.terminal import render, task_table


def sampled(python: int, native: int, unknown: int = 0) -> Builder:
    """One thread works for a second; so many samples of each kind."""
    b = Builder()
    b.hello(0.0)
    b.on(0, 10, 0.0, 1.0, exits=True)
    kinds = [1] * python + [0] * native + [2] * unknown
    for i, has in enumerate(kinds):
        where = ("/lib/json/x.py:1:f", "app.py:4:work") if has else ("app.py:9:pack",)
        b.run(0.01 + i * 0.9 / len(kinds), 10, has, where)
    return b


def time_of(b: Builder) -> dict[str, object]:
    time: dict[str, object] = analyse(b.trace()).summary["time"]
    return time


def test_the_share_of_the_samples_times_the_seconds_on_cores() -> None:
    time = time_of(sampled(30, 10))
    assert time["python_s"] == pytest.approx(0.75, abs=1e-3)
    assert time["native_s"] == pytest.approx(0.25, abs=1e-3)
    assert time["split"]["samples"] == 40  # type: ignore[index]
    # The spread of 40 draws at three quarters, a little widened.
    assert time["split"]["error_s"] == pytest.approx(0.135, abs=0.01)  # type: ignore[index]
    told = {row["where"]: (row["samples"], row["python_s"]) for row in time["functions"]}  # type: ignore[attr-defined]
    assert told["app.py pack"] == (10, 0.0)
    assert sum(samples for samples, _ in told.values()) == 40


def test_each_look_is_told_with_its_moment_and_task() -> None:
    told = analyse(sampled(30, 10, unknown=5).trace())
    assert [told.tasks[i].tid for i in set(told.looks.task.tolist())] == [10]
    assert told.looks.native.tolist() == [False] * 30 + [True] * 10
    assert told.looks.time_s == pytest.approx([0.01 + i * 0.9 / 45 for i in range(40)], abs=1e-6)


def test_levels_above_tasks_have_no_looks() -> None:
    assert len(analyse(sampled(30, 10).trace(), by="process").looks.task) == 0


def test_agreement_of_few_samples_is_not_certainty() -> None:
    few, many = time_of(sampled(10, 0)), time_of(sampled(400, 0))
    assert few["python_s"] == pytest.approx(1.0, abs=1e-3)
    assert few["split"]["error_s"] > 5 * many["split"]["error_s"] > 0  # type: ignore[index]


@pytest.mark.parametrize("b", [sampled(5, 4), sampled(0, 0, 40), scenes.single()])
def test_with_too_little_nothing_is_said(b: Builder) -> None:
    time = time_of(b)
    assert not {"python_s", "native_s", "split", "functions"} & set(time)
    assert len(analyse(b.trace()).looks.task) == 0


def test_without_a_gil_nothing_is_said() -> None:
    b = sampled(30, 10)
    for place, row in enumerate(b.rows):
        if row.event == "HELLO":
            b.rows[place] = row._replace(fields=(row.fields[0], 4, *row.fields[2:]))
    assert "python_s" not in time_of(b)
    assert "native_least_s" not in time_of(b)


def hash_threads(interpreter: bool = False) -> Builder:
    """Two threads of one process on two cores for half a second."""
    b = scenes.program(2, end=0.52)
    for n in range(2):
        b.on(n, 11 + n, 0.01, 0.51, exits=True)
    if interpreter:
        b.agent(0.005, "INTERPRETER", 1)
    return b


def test_two_on_cores_at_once_are_not_both_python() -> None:
    assert time_of(hash_threads())["native_least_s"] == pytest.approx(0.5)
    assert time_of(hash_threads(interpreter=True))["native_least_s"] == 0.0
    assert time_of(scenes.two_processes())["native_least_s"] == pytest.approx(0.0, abs=1e-6)


def test_the_estimate_keeps_within_what_is_proven() -> None:
    b = hash_threads()
    for i in range(20):
        b.run(0.02 + i * 0.02, 11, 1)
    time = time_of(b)
    assert time["python_s"] <= 0.53  # type: ignore[operator]
    assert time["native_s"] >= 0.5  # type: ignore[operator]


def test_a_sample_counts_only_where_the_thread_was_on_a_core() -> None:
    b = sampled(30, 0)
    for i in range(30):
        b.run(1.5 + i * 0.01, 10, 0)  # it had ended
    assert time_of(b)["split"]["samples"] == 30  # type: ignore[index]


def test_a_thread_pushed_off_for_the_look_counts() -> None:
    b = Builder()
    b.hello(0.0)
    for i in range(20):
        t = i * 0.02
        b.on(0, 10, t, t + 0.01, preempted=i < 19, exits=i == 19)
        b.run(t + 0.0101, 10, 1)
    assert time_of(b)["split"]["samples"] == 19  # type: ignore[index]


def test_the_report_says_about() -> None:
    seen = analyse(sampled(30, 10).trace())
    options = Options(width=80, colour="none", unicode=True)
    page = " ".join(render(seen, options).split())
    assert "about 0.75 s of it Python code (give or take 0.1" in page
    text = " ".join(task_table.tasks(seen, options).split())
    assert "from 40 samples" in text
    assert "0 % Python app.py pack" in text
    row = next(row for row in seen.task_list if row.name == "main")
    assert (row.python_samples, row.samples) == (30, 40)
