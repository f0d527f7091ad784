"""Made runs of the quiz: each is what it aims at, whatever the dice say, and is a sound trace."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twocooks import cli
from twocooks.lesson.quiz import runs
from twocooks.lesson.quiz.reasons import CHOICES, LOOK, TITLES, reason
from twocooks.model import Verdict
from twocooks.report.terminal import cells
from twocooks.report.terminal.lanes import fold, shown

WAYS = [(aim, way) for aim, ways in runs.SITUATIONS.items() for way in ways]
RULES = {
    Verdict.SINGLE: 2, Verdict.MANY_HANDS: 2, Verdict.ONE_AFTER_ANOTHER: 3,
    Verdict.WAITING_TOGETHER: 4, Verdict.RELAY: 4, Verdict.PARALLEL: 5, Verdict.BOTH: 5,
    Verdict.SOMETIMES: 6, Verdict.TURNS: 7,
}


@settings(max_examples=12, derandomize=True, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_every_situation_is_what_it_aims_at(seed: int) -> None:
    for aim, way in WAYS:
        analysis = runs.make(aim, way, seed).tape.analysis()
        summary = analysis.summary
        assert summary["verdict"]["id"] == aim, (way.__name__, summary)
        assert summary["verdict"]["cause"] != "unknown"
        assert [check for check in analysis.identities if not check[1]] == []
        assert summary["measured"]["exact"]
        told = reason(summary)
        assert told.rule == RULES[aim]
        _numbers_prove(aim, told.numbers)


def _numbers_prove(aim: Verdict, numbers: tuple[float, float]) -> None:
    """The two numbers alone decide, by the bounds that the text says."""
    first, second = numbers
    bounds = {
        Verdict.SINGLE: first < second / 4,
        Verdict.MANY_HANDS: first >= second / 4,
        Verdict.ONE_AFTER_ANOTHER: second < 0.1,
        Verdict.WAITING_TOGETHER: first < 0.02 and second < 0.2,
        Verdict.RELAY: first < 0.02 and second >= 0.5,
        Verdict.TURNS: second < 0.1 * first,
        Verdict.SOMETIMES: 0.1 * first <= second < 0.5 * first,
        Verdict.PARALLEL: second >= 0.5 * first,
        Verdict.BOTH: second >= 0.5 * first,
    }
    assert bounds[aim], (aim, numbers)


@given(seed=st.integers(0, 10**9))
@settings(max_examples=40, derandomize=True, deadline=None)
def test_ten_show_every_verdict_and_no_situation_twice(seed: int) -> None:
    drawn = runs.draw(seed)
    assert len(drawn) == runs.ROUND
    assert {made.aim for made in drawn} == set(TITLES)
    assert max(Counter(made.situation for made in drawn).values()) == 1


def test_the_quiz_asks_for_all_verdicts_but_two() -> None:
    assert set(Verdict) - set(TITLES) == {Verdict.NOTHING, Verdict.CANNOT_TELL}
    assert set(runs.SITUATIONS) == set(TITLES) == set(LOOK)
    assert len(CHOICES) == 9


def test_a_seed_is_a_quiz() -> None:
    one, two, other = runs.draw(7), runs.draw(7), runs.draw(8)
    assert [made.tape.file() for made in one] == [made.tape.file() for made in two]
    assert [made.tape.file() for made in one] != [made.tape.file() for made in other]
    orders = {tuple(made.aim for made in runs.draw(seed)) for seed in range(10)}
    assert len(orders) > 1


def test_more_than_ten_go_on() -> None:
    drawn = runs.draw(3, 25)
    assert len(drawn) == 25
    assert len({made.tape.file() for made in drawn}) == 25


@pytest.mark.parametrize("way", [way for _, way in WAYS], ids=lambda way: way.__name__)
def test_a_made_run_is_a_sound_trace(
    way: runs.Situation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "made.2cooks"
    path.write_bytes(runs.make(Verdict.TURNS, way, 1).tape.file())
    assert cli.main(["check", str(path)]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("seed", range(4))
def test_no_lane_is_blank_in_the_midst_of_its_work(seed: int) -> None:
    """Where the hands of a column went to others, a task that only worked has a mark."""
    for made in runs.draw(seed):
        analysis = made.tape.analysis()
        picture = cells.picture(analysis, fold(shown(analysis)), 54)
        columns = picture.edges[:-1]
        for lane, hands, state in zip(picture.lanes, picture.hands, picture.state, strict=True):
            (task,) = lane.tasks
            begun, done = task.begun_s, task.done_s
            inside = (columns > begun) & (picture.edges[1:] < done)
            blank = inside & (hands == 0) & (state == cells.BLANK)
            holes = blank[1:-1] & ~blank[:-2] & ~blank[2:] & inside[:-2] & inside[2:]
            assert not holes.any(), (made.situation, task.name)


def test_one_that_only_looks_like_it_is_told_apart() -> None:
    """The verdict is computed: a run whose second process may not work is no parallel one."""
    tape = runs.Tape(2)
    tape.on(0, 10, 0.0, 0.01)
    for pid in (20, 21):
        tape.fork(0.0095, pid, pid=pid)
        tape.process(0.01, pid, f"cook {pid}")
    for turn in range(10):
        for core, pid in enumerate((20, 21)):
            begun = 0.01 + turn * 0.04 + core * 0.02
            tape.on(core, pid, begun, begun + 0.02, pid=pid, pushed=turn < 9, exits=turn == 9)
    assert tape.analysis().summary["verdict"]["id"] == "turns"


def test_no_reason_for_what_is_not_asked() -> None:
    with pytest.raises(ValueError, match="nothing"):
        reason({"verdict": {"id": "nothing"}, "tasks": {"count": 1}})


def test_where_lines_were_not_seen_coincidences_decide() -> None:
    summary = runs.make(Verdict.TURNS, runs.one_knife, 1).tape.analysis().summary
    del summary["scores"]["contests_won"]
    told = reason(summary)
    assert told.rule == 7
    assert "coincidences" in told.text
    assert told.numbers == (summary["parallelism"]["two_or_more_s"], summary["scores"]["overlap"])
