"""The interview's questions: lengths that can be spoken, and proofs that there are."""

from __future__ import annotations

import re

import pytest

from twocooks.lesson import interview
from twocooks.lesson.claims import NUMBERS
from twocooks.lesson.ladder import LADDER, LISTENS, MEANS, Rung

RUNGS = pytest.mark.parametrize("rung", LADDER, ids=lambda rung: rung.asks)


@RUNGS
def test_the_answers_can_be_spoken_in_time(rung: Rung) -> None:
    assert 25 <= len(rung.ten.split()) <= 30
    assert 70 <= len(rung.thirty.split()) <= 90
    assert not re.search(r"\d", rung.ten + rung.thirty), "measured numbers are the reader's own"


@RUNGS
def test_each_has_marks_and_proofs(rung: Rung) -> None:
    assert len(rung.marks) == len(LISTENS) == len(MEANS) == 4
    assert all(rung.marks)
    assert rung.claims
    assert set(rung.claims) <= set(NUMBERS)


@RUNGS
def test_no_word_that_is_the_ambiguity_itself(rung: Rung) -> None:
    text = " ".join((rung.ten, rung.thirty, *rung.marks)).lower()
    for word in ("simultaneous", "at the same time", "multitask"):
        assert word not in text


def test_the_order_is_the_ladder() -> None:
    """From the difference to the proof; each number of the ladder has its place."""
    said = [set(rung.claims) for rung in LADDER]
    assert said == [
        {1}, {2, 3}, {5, 6}, {14}, {9, 23}, {22, 30, 36, 42}, {19, 41}, {20, 21}, {27, 28}, {31},
        {16, 17},
    ]


def test_the_document_has_all_of_it() -> None:
    text = interview.markdown()
    for number, rung in enumerate(LADDER, 1):
        for part in (f"## {number}. {rung.asks}", rung.ten, rung.thirty, *rung.marks):
            assert part in text
        for claim in rung.claims:
            assert f"`twocooks prove {claim}`" in text
    later = interview.markdown(11)
    assert "## 11. " in later
    assert "## 10. " not in later
