"""The course with scripted answers and made experiments; nothing is run."""

from __future__ import annotations

import html
import io
import json
import re
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from random import Random

import pytest

from tests.unit.lesson.made import PROVES, parallel, seen
from twocooks import cli
from twocooks.analyse import Analysis
from twocooks.lesson import course_page, learn, stage
from twocooks.lesson.claims import NUMBERS
from twocooks.lesson.course import STEPS, Step
from twocooks.lesson.quiz import runs
from twocooks.report.base import PAGE_HEAD
from twocooks.report.words import width_of


@cache
def picture() -> Analysis:
    return runs.one_loop(Random("course")).analysis()


def played(step: Step) -> learn.Played:
    """All claims of a step, as foretold."""
    made = learn.Played()
    for number in step.claims:
        made.seen.update(PROVES[number])
        made.checks += NUMBERS[number].judge(PROVES[number])
    made.runs = {name: picture() for name, _ in step.pictures}
    return made


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Step]:
    """Steps that were "run"; the reader's own folder is not touched."""
    asked: list[Step] = []

    def live(step: Step, say: stage.Say = lambda word: None) -> learn.Played:
        asked.append(step)
        return played(step)

    monkeypatch.setattr(learn, "live", live)
    monkeypatch.setattr("twocooks.cli.run.require_platform", lambda: None)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    return asked


class Script(io.StringIO):
    """Answers a line at a time; the line ^C is a Ctrl-C."""

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]
        line = super().readline()
        if line == "^C\n":
            raise KeyboardInterrupt
        return line


def answer(monkeypatch: pytest.MonkeyPatch, *lines: str, argv: tuple[str, ...] = ()) -> int:
    monkeypatch.setattr(sys, "stdin", Script("".join(f"{line}\n" for line in lines)))
    return cli.main(["learn", *argv])


def test_every_step_is_whole() -> None:
    for step in STEPS:
        checks = played(step).checks
        assert step.shown(checks), step.title
        names = {check.name for check in checks} | {"hands while anyone worked"}
        assert set(step.numbers) <= names, set(step.numbers) - names
        parts = {part.name for number in step.claims for part in NUMBERS[number].parts}
        assert {name for name, _ in step.pictures} <= parts
        assert len({part for number in step.claims for part in PROVES[number]}) == sum(
            len(PROVES[number]) for number in step.claims), "two parts of one name"
        assert not re.search(r"\d\s*(ms|µs|%)\b|\d\.\d+ (min|times)", step.means), step.title


@pytest.mark.parametrize(
    ("number", "right"), [(1, 3), (2, 1), (3, 2), (4, 2), (5, 1), (6, 3), (7, 3), (8, 2)]
)
def test_which_guess_is_right(number: int, right: int) -> None:
    step = STEPS[number - 1]
    assert learn.right_of(step, played(step)) == right


def test_who_was_right_is_measured() -> None:
    threads = parallel(said={"took_s": 0.31, "work_s": 0.6}, gil=False)
    assert learn.right_of(STEPS[3], learn.Played({"threads": threads})) == 1
    slow = seen(said={"took_s": 0.6, "work_s": 0.6}, gil=False)
    assert learn.right_of(STEPS[3], learn.Played({"threads": slow})) is None
    assert learn.right_of(STEPS[3], learn.Played()) is None
    dinner = {"alone, switching": seen(active=1.0), "with a friend": seen(active=2.0)}
    assert learn.right_of(STEPS[0], learn.Played(dinner)) == 1
    assert learn.right_of(STEPS[0], learn.Played(dinner, doubtful=True)) is None


def test_a_walk_with_guesses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], made: list[Step]
) -> None:
    assert answer(monkeypatch, "3", "2", "", "9", "1", "1", "3", "3", "2") == 0
    text = capsys.readouterr().out
    assert made == list(STEPS)
    assert text.count("You were right") == 5
    assert text.count("You said") == 2
    assert "So it is 2: as long as all three" in text
    assert "Please write a number from 1 to 2." in text
    assert "twocooks run my_program.py" in text
    assert max(map(width_of, text.splitlines())) <= 80


def test_all_asks_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], made: list[Step]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert cli.main(["learn", "--all"]) == 0
    assert made == list(STEPS)
    assert "Your guess" not in capsys.readouterr().out


def test_it_goes_on_where_it_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], made: list[Step],
    tmp_path: Path,
) -> None:
    assert answer(monkeypatch, "1", "1") == 0
    assert "No more answers" in capsys.readouterr().out
    assert made == list(STEPS[:2])
    made.clear()
    assert answer(monkeypatch, "q") == 0
    assert "On with step 3" in capsys.readouterr().out
    assert made == []
    assert answer(monkeypatch, "1", "q", argv=("--restart",)) == 0
    assert made == [STEPS[0]]
    made.clear()
    assert answer(monkeypatch, "", argv=("--from", "8")) == 0
    assert made == [STEPS[7]]
    made.clear()
    assert answer(monkeypatch, "") == 0  # all were done: from the first again
    assert made == [STEPS[0]]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"schema": "x", "done": 3}', '{"schema": "twocooks.learn/1"}',
             '{"schema": "twocooks.learn/1", "done": 99}',
             '{"schema": "twocooks.learn/1", "done": "3"}']
)
def test_a_damaged_memory_is_no_memory(text: str, tmp_path: Path) -> None:
    path = tmp_path / "learn.json"
    path.write_text(text)
    assert learn.left_off(path) == 0


def test_where_nothing_can_be_remembered(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    learn.remember(tmp_path / "file" / "learn.json", 3)
    assert learn.left_off(tmp_path / "file" / "learn.json") == 0


def test_ctrl_c_keeps_what_was_walked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert answer(monkeypatch, "1", "^C") == 130
    assert "goes on from here" in capsys.readouterr().out
    assert json.loads((tmp_path / "twocooks" / "learn.json").read_text())["done"] == 1


@pytest.mark.parametrize(
    ("argv", "word"),
    [(["zebra"], "zebra"), (["--from", "9"], "1 to 8"), (["--from", "x"], "--from")],
)
def test_what_cannot_be_understood(
    argv: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["learn", *argv]) == 2
    assert word in capsys.readouterr().err


def test_the_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    target = tmp_path / "course.html"
    for _ in range(2):  # its own page may be written again
        assert answer(monkeypatch, argv=("--html", str(target))) == 0
    assert target.read_bytes().startswith(PAGE_HEAD)
    text = target.read_text(encoding="utf-8")
    Balanced().feed(text)
    for step in STEPS:
        assert html.escape(step.title) in text
    assert text.count("<figure>") == sum(len(step.pictures) for step in STEPS)
    assert "not walked" not in text
    for outside in ("<script", "http:", "https:", " style=", "url(", "<img", "<link"):
        assert outside not in text
    target.write_text("mine")
    assert answer(monkeypatch, argv=("--html", str(target))) == 2
    assert target.read_text() == "mine"


def test_a_page_of_some_steps_and_hostile_names() -> None:
    one = played(STEPS[1])
    one.notes.append("<script>alert(1)</script>\x1b[31m\u202e")
    text = course_page.page([learn.Shown(2, one, 3)])
    assert text.count("not walked") == len(STEPS) - 1
    assert "your guess" in text
    assert not [part for part in ("<script", "\x1b", "\u202e") if part in text]


class Balanced(HTMLParser):
    """Fails where an element is closed that is not the last one open."""

    VOID = ("meta", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """Open for no time."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
