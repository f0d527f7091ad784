"""What follows from three rounds, and when rounds do not count."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from tests.unit.lesson.made import PROVES, seen
from twocooks.lesson import show, stage
from twocooks.lesson.claim import (
    Check,
    Judged,
    Outcome,
    Result,
    Seen,
    conclude,
    crowded,
    medians,
)
from twocooks.lesson.claims import NUMBERS
from twocooks.model import TwocooksError
from twocooks.record import machine
from twocooks.report.base import Options
from twocooks.report.words import width_of

CLAIM = NUMBERS[12]
GOOD = Judged((Check("hands", 2.0, "mean", least=1.5),), 0.0)
BAD = Judged((Check("hands", 1.0, "mean", least=1.5),), 0.0)


@pytest.mark.parametrize(
    ("rounds", "discarded", "outcome"),
    [
        ([GOOD, GOOD, GOOD], 0, "proven"),
        ([BAD, BAD, BAD], 0, "refuted"),
        ([BAD, BAD, BAD], 1, "cannot"),  # a machine that was busy now refutes nothing
        ([GOOD, GOOD, GOOD], 1, "proven"),
        ([GOOD, BAD, GOOD], 0, "cannot"),
        ([BAD, GOOD, BAD], 0, "cannot"),
        ([GOOD, GOOD], 3, "cannot"),
        ([BAD], 3, "cannot"),
        ([], 3, "cannot"),
    ],
)
def test_conclusions(rounds: list[Judged], discarded: int, outcome: str) -> None:
    assert conclude(CLAIM, rounds, discarded).outcome == outcome


@pytest.mark.parametrize(
    ("foreign", "judged", "quiet", "counts"),
    [
        (0.0, BAD, False, True),
        (0.2, BAD, False, False),  # next to nothing may have been theirs: no wrong "refuted"
        (1.0, BAD, False, False),
        (None, BAD, False, False),
        (1.0, GOOD, False, True),  # two did work together, whoever else was there
        (1.0, GOOD, True, False),
        (None, GOOD, True, False),
        (0.3, GOOD, True, True),
    ],
)
def test_rounds_in_which_others_had_the_cores(
    foreign: float | None, judged: Judged, quiet: bool, counts: bool
) -> None:
    claim = replace(CLAIM, quiet=quiet)
    assert crowded(claim, replace(judged, foreign=foreign), 2) is not counts


def test_all_cores_must_be_free_where_all_are_used() -> None:
    claim = replace(CLAIM, quiet=True, all_cores=True)
    assert crowded(claim, replace(GOOD, foreign=4.0), 8)
    assert not crowded(replace(claim, all_cores=False), replace(GOOD, foreign=4.0), 8)


def test_the_middle_value_is_told() -> None:
    def of(number: float, word: str) -> Judged:
        return Judged((Check("took", number, "s"), Check("verdict", word, "words",
                                                         wanted=("turns",))))

    found = medians([of(3.0, "turns"), of(1.0, "relay"), of(2.0, "turns")])
    assert [check.value for check in found] == [2.0, "turns"]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("took_s 0.5\nplaces 2\n", {"took_s": 0.5, "places": 2.0}),
        ("hello there\n\nx\ny z 1\n", {}),
        ("late 1e-06\n", {"late": 1e-06}),
    ],
)
def test_what_programs_say(text: str, numbers: dict[str, float]) -> None:
    assert stage.said(text) == numbers


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_results_fit_the_page(width: int, unicode: bool, outcome: Outcome) -> None:
    checks = (Check("a rather long name of a quantity that somebody measured", 0.25, "share",
                    least=0.1, most=0.2), Check("verdict", "waiting-together", "words",
                                                wanted=("parallel", "both")))
    result = Result(CLAIM, outcome, "because of the machine " * 5, checks, 3, 3, 1)
    text = show.terminal(result, Options(width=width, unicode=unicode))
    assert max(map(width_of, text.splitlines())) <= max(width, 60)
    assert unicode or text.isascii()
    assert "<- not so" in " ".join(text.split())
    assert show.as_json([result])["claims"][0]["outcome"] == outcome


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.25, "s", "0.25 s"), (0.9, "share", "90 %"), (0.0, "share", "0 %"),
     (0.004, "share", "0.4 %"),
     (1000.0, "count", "1,000"), (1234.0, "times", "1,234 times"), (13.0, "minutes", "13 min"),
     ("turns", "words", "turns")],
)
def test_quantities(value: float | str, unit: str, text: str) -> None:
    assert show.quantity(value, unit) == text


@pytest.mark.parametrize(("value", "text"), [
    (1.104, "just over 1.1 times"),
    (0.8999, "just under 0.9 times"),
    (1.2, "1.2 times"),
    (1.0999, "1.1 times"),
])
def test_a_value_that_misses_its_bound_never_reads_like_the_bound(value: float, text: str) -> None:
    assert show.measured(Check("n", value, "times", 0.9, 1.1)) == text


def test_a_program_that_fails_ends_its_claim_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def play(claim: object) -> None:
        raise TwocooksError("two_processes.py failed here: no memory")

    monkeypatch.setattr(stage, "lacks", lambda claim: None)
    monkeypatch.setattr(stage, "play", play)
    result = stage.prove(CLAIM)
    assert (result.outcome, result.rounds) == ("cannot", 0)
    assert "no memory" in result.why


@pytest.mark.parametrize(
    ("foreign", "proves", "outcome", "played"),
    [(0.0, True, "proven", 3), (0.0, False, "refuted", 3), (1.0, True, "proven", 3),
     (1.0, False, "cannot", 3), (None, False, "cannot", 3)],
)
def test_rounds_are_played(
    foreign: float | None, proves: bool, outcome: str, played: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever others do, a claim is refuted only where they did next to nothing."""
    rounds: list[int] = []

    def play(claim: object) -> dict[str, Seen]:
        rounds.append(1)
        return {"processes": seen()}

    monkeypatch.setattr(stage, "lacks", lambda claim: None)
    monkeypatch.setattr(stage, "usable", lambda: 2)
    monkeypatch.setattr(stage, "play", play)
    monkeypatch.setattr(
        stage, "judge", lambda claim, seen: replace(GOOD if proves else BAD, foreign=foreign))
    assert stage.prove(CLAIM).outcome == outcome
    assert len(rounds) == played


def test_a_crowded_part_is_no_crowd() -> None:
    """The strangers that a part brings along do not make the claim doubtful; others do."""
    claim = NUMBERS[42]
    made = {name: replace(one, summary={**one.summary, "measured": {"source": "kernel"}},
                          foreign=2.0 if name == "taken" else 0.0)
            for name, one in PROVES[42].items()}
    assert stage.judge(claim, made).foreign == 0.0
    unknown = {**made, "free": replace(made["free"], foreign=None)}
    assert stage.judge(claim, unknown).foreign is None


@pytest.mark.parametrize(
    ("quota", "number", "part", "places"),
    [(None, 19, 0, 4), (2.5, 19, 0, 2), (None, 12, 0, 8), (3.0, 12, 0, 3), (None, 42, 1, 2),
     (None, 15, 0, 1), (None, 38, 0, 8)],
)
def test_places(
    quota: float | None, number: int, part: int, places: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Second hardware threads come last, and no more cores than the quota pays for."""
    monkeypatch.setattr(machine, "usable_cpus", lambda: list(range(8)))
    monkeypatch.setattr(machine, "smt_siblings", lambda cpus: [[0, 1], [2, 3]])
    monkeypatch.setattr(machine, "cgroup_quota", lambda: quota)
    claim = NUMBERS[number]
    found = stage.places(claim.parts[part], claim)
    assert found == set([0, 2, 4, 5, 6, 7, 1, 3][:places])


def test_less_than_a_core_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "cgroup_quota", lambda: 0.5)
    assert "less than one core" in (stage.lacks(CLAIM) or "")
