"""What ``twocooks.load`` gives: the summary's numbers by the same names."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from tests.unit.analyse import scenes
from twocooks.api import Run


@pytest.fixture
def run() -> Run:
    return Run(scenes.gil_threads().trace(), Path("gil.2cooks"))


def test_the_numbers_have_the_names_of_the_summary(run: Run) -> None:
    assert run.parallelism.mean == run.summary["parallelism"]["mean"]
    assert run.wall_s == run.summary["wall_s"]
    assert run.verdict.id == run.verdict["id"] == run.summary["verdict"]["id"] == "turns"
    assert run.measured.notes == run.summary["measured"]["notes"]
    assert "work_ns" in repr(run.tasks), "the data, not the number"


def test_what_is_not_in_the_summary_is_said(run: Run) -> None:
    for ask in (lambda: run.colour, lambda: run.parallelism.least):
        with pytest.raises(AttributeError, match="is not in the summary"):
            ask()
    assert not hasattr(run, "_repr_html_")


def test_a_mistake_in_the_analysis_keeps_its_own_words(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Run, level: str) -> None:
        raise AttributeError("a mistake of ours")

    monkeypatch.setattr(Run, "by", broken)
    for ask in (lambda: run.wall_s, lambda: run.verdict, lambda: run.analysis):
        with pytest.raises(AttributeError, match="a mistake of ours"):
            ask()


def test_a_run_is_shown_in_one_line_and_can_be_copied(run: Run) -> None:
    assert repr(run) == "<twocooks.Run 'gil.2cooks'>"
    assert copy.copy(run).verdict.id == "turns"
