"""The quiz with scripted answers."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

import pytest

from twocooks import cli
from twocooks.lesson import stage
from twocooks.lesson.claim import Claim, Part, Round, Seen
from twocooks.lesson.quiz import live, runs
from twocooks.lesson.quiz.reasons import CHOICES, TITLES
from twocooks.model import Verdict

SEED = 5
NUMBERS = {verdict: str(number) for number, (verdict, _, _) in enumerate(CHOICES, 1)}


def quiz(monkeypatch: pytest.MonkeyPatch, answers: list[str], *argv: str) -> int:
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in answers)))
    monkeypatch.setenv("COLUMNS", "80")
    return cli.main(["quiz", *(argv or ("--seed", str(SEED)))])


def right(seed: int = SEED) -> list[str]:
    return [NUMBERS[made.aim] for made in runs.draw(seed)]


def test_all_right(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert quiz(monkeypatch, right()) == 0
    text = capsys.readouterr().out
    assert "10 of 10 right." in text
    assert text.count("Right: ") == 10
    assert "No, it was" not in text
    assert "ends here" not in text
    assert max(map(len, text.splitlines())) <= 80
    for title in TITLES.values():
        assert title in text


def test_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("?\n" + "\n".join(right())))
    monkeypatch.setenv("COLUMNS", "64")
    assert cli.main(["quiz", "--seed", str(SEED)]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 64
    assert "\n  9 One task, one pair of hands\n" in text


def test_the_picture_does_not_tell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Until it is answered nothing of the verdict's words is there, only the list of answers."""
    quiz(monkeypatch, [])
    text = capsys.readouterr().out
    for word in ("It was", "Rule", "Why", "oncurrent", "arallel", "So  "):
        assert word not in text
    assert "at work" in text
    assert "Run 1 of 10" in text


def test_mixed_up(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One verdict that comes twice is named wrongly twice, another one once."""
    seed = next(n for n in range(100) if right(n).count(NUMBERS[Verdict.TURNS]) == 2)
    answers = right(seed)
    turns, parallel = NUMBERS[Verdict.TURNS], NUMBERS[Verdict.PARALLEL]
    answers = [parallel if answer == turns else answer for answer in answers]
    answers[answers.index(NUMBERS[Verdict.SINGLE])] = ""
    quiz(monkeypatch, answers, "--seed", str(seed))
    text = " ".join(capsys.readouterr().out.split())
    assert "7 of 10 right (1 skipped)." in text
    wanted = f'Twice it was "{TITLES[Verdict.TURNS]}", and you said "{TITLES[Verdict.PARALLEL]}".'
    assert wanted in text
    assert f"You said {TITLES[Verdict.PARALLEL]}" in text
    assert f"twocooks quiz --seed {seed}" in text


def test_help_and_nonsense_do_not_count(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quiz(monkeypatch, ["?", "0", "10", "²", "\x1b[2Jzebra", right()[0], "q"])
    text = capsys.readouterr().out
    assert text.count("Please write a number from 1 to 9.") == 4
    assert "each is finished before the next one is begun" in text
    assert "1 of 1 right." in text
    assert "\x1b" not in text


def test_no_answers_at_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert quiz(monkeypatch, []) == 0
    text = capsys.readouterr().out
    assert "No more answers on the input: the quiz ends here." in text
    assert "right" not in text
    monkeypatch.setattr(sys, "stdin", None)
    assert cli.main(["quiz"]) == 0


def test_ctrl_c(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Interrupted(io.StringIO):
        lines = 0

        def readline(self, size: int | None = -1, /) -> str:
            self.lines += 1
            if self.lines > 1:
                raise KeyboardInterrupt
            return right()[0] + "\n"

    monkeypatch.setattr(sys, "stdin", Interrupted())
    assert cli.main(["quiz", "--seed", str(SEED)]) == 130
    assert "1 of 1 right." in capsys.readouterr().out


def test_at_a_terminal_it_waits_before_the_next_picture(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(f"{right()[0]}\n\n{right()[1]}\nq\n"))
    assert cli.main(["quiz", "--seed", str(SEED)]) == 0
    text = capsys.readouterr().out
    assert text.count("Enter: the next one") == 2
    assert "2 of 2 right." in text
    assert "The quiz ends here." in text


@pytest.mark.parametrize("argv", [["--seed", "x"], ["--seed", "-1"], ["--seed"], ["now"], ["-x"]])
def test_what_cannot_be_understood(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["quiz", *argv]) == 2
    assert capsys.readouterr().err.startswith("twocooks: ")


class Run:
    """What ``stage.play`` shows of each part."""

    def __init__(self, made: runs.Made) -> None:
        self.analysis = made.tape.analysis()
        self.summary = self.analysis.summary


def recorded(monkeypatch: pytest.MonkeyPatch, source: str = "kernel") -> list[Part]:
    """Stands in for the recorder: each program shows another made run."""
    played: list[Part] = []
    made = runs.draw(SEED)

    def play(claim: Claim, keep: Callable[[Part, Any], None]) -> Round:
        (part,) = claim.parts
        run = Run(made[len(played) % len(made)])
        run.summary["measured"]["source"] = source
        run.summary["verdict"]["cause"] = "no-free-core"
        played.append(part)
        keep(part, run)
        return {part.name: Seen(run.summary)}

    monkeypatch.setattr(stage, "play", play)
    return played


def test_live_runs_are_named_afterwards(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    played = recorded(monkeypatch)
    assert quiz(monkeypatch, [right()[0], right()[1]], "--live", "--seed", "1") == 0
    text = capsys.readouterr().out
    assert len(played) == 3  # one more was recorded, and not answered
    assert "2 of 2 right." in text
    assert f"Recorded just now: {played[0].program}.py" in text
    assert text.count("Careful   Cores were taken from it") == 2
    assert f"{played[2].program}.py" not in text
    assert all(stage.program(part).is_file() for part in live.PARTS)


def test_live_needs_the_kernel(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded(monkeypatch, "schedstat")
    assert quiz(monkeypatch, ["1"], "--live") == 2
    assert "doctor" in capsys.readouterr().err
