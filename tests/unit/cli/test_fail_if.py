"""The language of --fail-if."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twocooks.cli.common import UsageError
from twocooks.cli.fail_if import parse
from twocooks.model import TwocooksError

SUMMARY = {
    "wall_s": 1.5,
    "gil": True,
    "parallelism": {"max": 1, "mean": 1.0},
    "verdict": {"id": "one-after-another", "cause": None},
    "scores": {"contests_won": 0.02},
    "measured": {"exact": True},
    "cores": {"quota": None},
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("parallelism.max < 2", True),
        ("parallelism.max>=2", False),
        ("verdict.id == one-after-another", True),
        ("verdict.id == 'turns'", False),
        ('verdict.id != "turns"', True),
        ("wall_s > 1400ms", True),
        ("wall_s > 1.4s and parallelism.max == 2", False),
        ("wall_s > 1.4 or parallelism.max == 2", True),
        ("not wall_s > 1", False),
        ("not (wall_s > 1 and gil == false)", True),
        ("scores.contests_won < 10%", True),
        ("gil == true", True),
        ("measured.exact != true", False),
        ("verdict.cause == none", True),
        ("verdict.cause == lock", False),  # there is none: that is known
        ("verdict.cause != lock", True),
        ("wall_s > 2 or wall_s > 1 and gil == true", True),
        ("(wall_s > 2 or wall_s > 1) and gil == false", False),
        ("wall_s > -1", True),
    ],
)
def test_what_holds(text: str, holds: bool) -> None:
    assert parse(text).judge(SUMMARY)[0] is holds


def test_without_an_answer_the_cause_cannot_be_judged() -> None:
    blind = SUMMARY | {"verdict": {"id": "cannot-tell", "cause": None}}
    holds, why = parse("verdict.cause == lock").judge(blind)
    assert holds
    assert "cannot be judged" in why


@pytest.mark.parametrize(
    "text", ["verdict.id == turn", "verdict.cause != locks", "by == tasks", "verdict.id == true"]
)
def test_a_word_that_never_comes_is_a_typing_error(text: str) -> None:
    with pytest.raises(UsageError, match=r"it is .* or "):
        parse(text)


def test_it_says_the_values() -> None:
    assert parse("parallelism.max < 2").judge(SUMMARY)[1] == "parallelism.max is 1"


@pytest.mark.parametrize(
    "text",
    [
        "cores.quota < 2",
        "parallelism.median < 2",
        "verdict.id > 3",
        "parallelism < 2",
        "queued.max > 1",
    ],
)
def test_what_cannot_be_judged_fails_and_says_so(text: str) -> None:
    holds, why = parse(text).judge(SUMMARY)
    assert holds
    assert "cannot be judged" in why


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2 < parallelism.max",
        "parallelism.max",
        "parallelism.max <",
        "parallelism.max < 2 and",
        "speed > 1",
        "wall_s > fast",
        "(wall_s > 1",
        "wall_s > 1)",
        "wall_s = 1",
        "wall_s > 1; import os",
        "__import__('os')",
        "wall_s > 1 wall_s",
        "(" * 200 + "wall_s > 1" + ")" * 200,
        "not " * 200 + "wall_s > 1",
    ],
)
def test_what_is_no_expression_is_one_line(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert "\n" not in str(caught.value)


@given(st.text(alphabet="wal_s.<>=!()andortru 01.5ms%'\"-\n\x1b", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        condition = parse(text)
    except TwocooksError:
        return
    condition.judge(SUMMARY)
