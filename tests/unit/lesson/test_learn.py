"""A step's claims on this machine: what is said where one cannot be shown, or is doubtful."""

from __future__ import annotations

import pytest

from twocooks.lesson import learn, stage
from twocooks.lesson.claim import Check, Claim, Judged
from twocooks.lesson.course import STEPS
from twocooks.model import TwocooksError

STEP = STEPS[3]
GOOD, BAD = Check("overlap", 0.0, "share", most=0.1), Check("overlap", 0.5, "share", most=0.1)


def live(monkeypatch: pytest.MonkeyPatch, judged: Judged) -> learn.Played:
    monkeypatch.setattr(stage, "lacks", lambda claim: None)
    monkeypatch.setattr(stage, "usable", lambda: 2)
    monkeypatch.setattr(stage, "play", lambda claim, keep: {})
    monkeypatch.setattr(stage, "judge", lambda claim, seen: judged)
    return learn.live(STEP)


@pytest.mark.parametrize(
    ("judged", "doubtful", "word"),
    [
        (Judged((GOOD,), 0.0), False, ""),
        (Judged((BAD,), 0.0), False, "Not as foretold in this one run: overlap"),
        (Judged((BAD,), 1.0), True, "they used 1.0"),
        (Judged((GOOD,), 1.0), True, "they used 1.0"),  # nobody worked beside: theirs, perhaps
        (Judged((GOOD,), None), True, "Other programs"),
    ],
)
def test_what_a_run_is_worth(
    monkeypatch: pytest.MonkeyPatch, judged: Judged, doubtful: bool, word: str
) -> None:
    found = live(monkeypatch, judged)
    assert found.doubtful is doubtful
    assert bool(found.notes) is bool(word)
    assert word in " ".join(found.notes)
    assert found.checks == list(judged.checks)


def test_what_cannot_be_shown_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "lacks", lambda claim: "one core")
    assert learn.live(STEP).notes == ["Claim 9 cannot be shown here: one core."]


def test_a_program_that_fails_ends_no_course(monkeypatch: pytest.MonkeyPatch) -> None:
    def play(claim: Claim, keep: object) -> None:
        raise TwocooksError("two_threads.py failed here: no memory")

    monkeypatch.setattr(stage, "lacks", lambda claim: None)
    monkeypatch.setattr(stage, "play", play)
    found = learn.live(STEP)
    assert found.checks == []
    assert "no memory" in found.notes[0]
