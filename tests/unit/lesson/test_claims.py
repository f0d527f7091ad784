"""Each claim's judge, with made evidence in both directions; and the words of the claims."""

from __future__ import annotations

import ast
import re

import pytest

from tests.unit.lesson.made import PROVES, REFUTES, parallel, seen
from twocooks.lesson import stage
from twocooks.lesson.claim import NEEDS, Claim
from twocooks.lesson.claims import CLAIMS, NUMBERS, find

CHANGES = [(number, at) for number, rounds in REFUTES.items() for at in range(len(rounds))]


def test_there_are_all_forty_two() -> None:
    assert [claim.number for claim in CLAIMS] == list(range(1, 43))
    assert set(PROVES) == set(REFUTES) == set(NUMBERS)


@pytest.mark.parametrize("number", sorted(PROVES))
def test_as_foretold_is_proven(number: int) -> None:
    checks = NUMBERS[number].judge(PROVES[number])
    assert [check for check in checks if not check.holds] == []
    assert any(check.bound for check in checks), "a claim that cannot fail proves nothing"
    assert len({check.name for check in checks}) == len(checks)


@pytest.mark.parametrize(("number", "at"), CHANGES)
def test_otherwise_it_is_refuted(number: int, at: int) -> None:
    changed = {**PROVES[number], **REFUTES[number][at]}
    assert not all(check.holds for check in NUMBERS[number].judge(changed))


@pytest.mark.parametrize("number", [9, 13, 16, 23])
def test_without_a_gil_threads_are_foretold_to_be_parallel(number: int) -> None:
    made = PROVES[number]
    name = next(iter(made))
    numbers = dict(made[name].said) | {"computing_threads_s": 0.2, "threads_s": 0.1}
    checks = NUMBERS[number].judge({name: parallel(said=numbers, gil=False)})
    assert all(check.holds for check in checks)


@pytest.mark.parametrize(("three", "four", "holds"), [(12, 15, True), (12, 12, False),
                                                      (15, 12, False)])
def test_grahams_dinner_where_four_can_cook(three: int, four: int, holds: bool) -> None:
    """Where there are fewer places it is computed only."""
    cooked = {"three": seen(active=three * 0.05), "four": seen(active=four * 0.05)}
    checks = NUMBERS[37].judge({**PROVES[37], **cooked})
    assert len(checks) == len(NUMBERS[37].judge(PROVES[37])) + 3
    assert all(check.holds for check in checks) is holds


def test_nothing_seen_is_no_proof_of_hands() -> None:
    """An empty summary has no overlap: a claim of parallelism does not hold."""
    empty = seen()
    assert not all(check.holds for check in NUMBERS[11].judge({"hashing": empty}))


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: str(claim.number))
def test_claims_are_whole(claim: Claim) -> None:
    assert set(claim.needs) <= set(NEEDS)
    assert claim.asks.endswith(("?", ")"))
    sentences = re.split(r"(?<=[.!?:;])\s+(?=[A-Z])", claim.answer)
    assert 1 <= len(sentences) <= 5
    assert len({part.name for part in claim.parts}) == len(claim.parts) >= 1
    assert set(PROVES[claim.number]) == {part.name for part in claim.parts if not part.cores}
    for part in claim.parts:
        assert stage.program(part).is_file()


def test_answers_hold_no_measured_number() -> None:
    for claim in CLAIMS:
        assert not re.search(r"\d\s*(s|ms|µs|%)\b|\d\.\d", claim.answer), claim.number


def test_programs_are_short_explained_and_used() -> None:
    used = {part.program for claim in CLAIMS for part in claim.parts}
    files = {path.stem: path for path in stage.EXAMPLES.glob("*.py")}
    assert set(files) == used
    for path in files.values():
        text = path.read_text(encoding="utf-8")
        assert ast.get_docstring(ast.parse(text)), path.name
        tree = ast.parse(text)
        told = {
            at for node in ast.walk(tree)
            if isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef))
            and ast.get_docstring(node) is not None
            for at in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
        }
        lines = [line for at, line in enumerate(text.splitlines(), 1) if at not in told]
        assert 5 <= len([line for line in lines if line.strip()]) <= 30, path.name


@pytest.mark.parametrize(
    ("words", "number"),
    [(["9"], 9), (["await", "parallel"], 5), (["deadlock"], 31), (["AMDAHL"], 20), (["salt"], 27)],
)
def test_claims_are_found(words: list[str], number: int) -> None:
    assert number in [claim.number for claim in find(words)]


def test_unknown_words_find_nothing() -> None:
    assert find(["99"]) == find(["zebra"]) == []
