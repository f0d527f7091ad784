"""The interview with scripted answers."""

from __future__ import annotations

import io
import sys

import pytest

from twocooks import cli
from twocooks.cli import prove
from twocooks.lesson.ladder import LADDER, LISTENS
from twocooks.model import TwocooksError


class Script(io.StringIO):
    """Answers a line at a time; the line ^C is a Ctrl-C."""

    def readline(self, size: int | None = -1, /) -> str:
        line = super().readline()
        if line == "^C\n":
            raise KeyboardInterrupt
        return line


@pytest.fixture
def proofs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Stands in for ``twocooks prove``: the command lines that it got."""
    asked: list[list[str]] = []

    def main(argv: list[str]) -> int:
        asked.append(argv)
        print("(a proof)")
        return 0

    monkeypatch.setattr(prove, "main", main)
    return asked


def answer(monkeypatch: pytest.MonkeyPatch, *lines: str, argv: tuple[str, ...] = ()) -> int:
    monkeypatch.setattr(sys, "stdin", Script("".join(f"{line}\n" for line in lines)))
    monkeypatch.setenv("COLUMNS", "80")
    return cli.main(["interview", *argv])


def shown(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """What was printed, and the same with all white space as one space."""
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    return text, " ".join(text.split())


def test_one_question(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], proofs: list[list[str]]
) -> None:
    """Own words first; then the answer, the marks and the proof."""
    answer(monkeypatch, "many tasks,", "many hands", "", "1, 3", "", "q")
    text, flat = shown(capsys)
    rung = LADDER[0]
    assert flat.index("many hands") < flat.index(rung.ten) < flat.index(rung.thirty)
    for mark in rung.marks:
        assert flat.index(rung.thirty) < flat.index(mark)
    assert "Your answer: 4 words, about 2 seconds of speaking." in text
    assert "1 of 1 question answered, with 2 of 4 marks." in text
    assert f"Most often missing: {LISTENS[1]} (1 of 1)" in text
    assert "Begin there again: twocooks interview --from 1" in text
    assert proofs == []


def test_all_the_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], proofs: list[list[str]]
) -> None:
    lines = ["in my own words", "", "1234", ""] * len(LADDER)
    assert answer(monkeypatch, *lines) == 0
    text, flat = shown(capsys)
    asked = [flat.index(f"Question {number} of 11 {rung.asks}")
             for number, rung in enumerate(LADDER, 1)]
    assert asked == sorted(asked)
    assert "11 of 11 questions answered, with 44 of 44 marks." in text
    assert "Nothing to look at again" in text
    assert "Most often missing" not in text
    assert "ends here" not in text


def test_skipping_shows_the_answer_and_is_remembered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], proofs: list[list[str]]
) -> None:
    answer(monkeypatch, "", "", "well", "", "2 3 4", "", argv=("--from", "10"))
    text, flat = shown(capsys)
    assert LADDER[9].thirty in flat
    assert "1 of 2 questions answered, with 3 of 4 marks." in text
    assert "(skipped; twocooks prove 31)" in flat
    assert "(3 of 4 marks" not in flat
    assert "Begin there again: twocooks interview --from 10" in text


def test_proofs_run_in_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], proofs: list[list[str]]
) -> None:
    answer(monkeypatch, "", "p", "p 23", "p 99", "x", "p", "", "q", argv=("--from", "5"))
    text, _ = shown(capsys)
    assert proofs == [["9"], ["23"], ["9"]]
    assert text.count("(a proof)") == 3
    assert text.count("Please write p") == 2


@pytest.mark.parametrize("error", [TwocooksError("no kernel here"), KeyboardInterrupt()])
def test_a_proof_that_fails_ends_nothing(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def main(argv: list[str]) -> int:
        raise error

    monkeypatch.setattr(prove, "main", main)
    assert answer(monkeypatch, "", "p", "", "q") == 0
    text, _ = shown(capsys)
    assert "Question 2 of 11" in text
    assert "no kernel here" in text or "The proof was stopped." in text


def test_nonsense_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], proofs: list[list[str]]
) -> None:
    answer(monkeypatch, "so", "\x1b[31mwhat", "", "5", "one", "2", "q")
    text, _ = shown(capsys)
    assert text.count("Please write numbers from 1 to 4") == 2
    assert "with 1 of 4 marks" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("lines", [[], ["half an answer"], ["so", "", "1"]])
def test_the_end_of_the_input(
    lines: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(monkeypatch, *lines) == 0
    text, _ = shown(capsys)
    assert "No more answers on the input: the interview ends here." in text


def test_no_input_at_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert cli.main(["interview"]) == 0
    assert "ends here" in capsys.readouterr().out


def test_ctrl_c_sums_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(monkeypatch, "so", "", "1", "", "^C") == 130
    text, _ = shown(capsys)
    assert "1 of 1 question answered" in text


def test_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["interview", "--list"]) == 0
    assert [line[6:] for line in capsys.readouterr().out.splitlines()] == [
        rung.asks for rung in LADDER
    ]
    assert cli.main(["interview", "--markdown"]) == 0
    assert capsys.readouterr().out.startswith("# The interview\n")


@pytest.mark.parametrize("argv", [["--from", "0"], ["--from", "12"], ["--from", "x"], ["--from"],
                                  ["5"], ["--loud"]])
def test_what_cannot_be_understood(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["interview", *argv]) == 2
    assert capsys.readouterr().err.startswith("twocooks: ")
