"""Options, places, early refusals."""

import io
from pathlib import Path

import pytest

from twocooks.cli import common, main
from twocooks.cli.common import UsageError, take_options

VALUED = {"-o": "-o", "--output": "-o", "--json": "--json"}


@pytest.mark.parametrize(
    ("words", "values", "flags", "rest"),
    [
        ([], {}, set(), []),
        (["x.py", "-q"], {}, set(), ["x.py", "-q"]),
        (["-q", "x.py"], {}, {"-q"}, ["x.py"]),
        (["-o", "f", "x.py", "-o", "g"], {"-o": "f"}, set(), ["x.py", "-o", "g"]),
        (["-of", "--output=g", "x"], {"-o": "g"}, set(), ["x"]),
        (["--json", "-", "x"], {"--json": "-"}, set(), ["x"]),
        (["--json=-", "--", "-q"], {"--json": "-"}, set(), ["-q"]),
        (["-m", "mod", "-q"], {}, set(), ["-m", "mod", "-q"]),
        (["--", "--", "x"], {}, set(), ["--", "x"]),
        (["-"], {}, set(), ["-"]),
    ],
)
def test_options_end_where_the_program_begins(
    words: list[str], values: dict[str, str], flags: set[str], rest: list[str]
) -> None:
    assert take_options(words, VALUED, {"-q"}) == (values, flags, rest)


def test_an_option_without_its_value() -> None:
    with pytest.raises(UsageError, match="--json needs a value"):
        take_options(["--json"], VALUED, set())


@pytest.mark.parametrize(
    ("text", "value"), [("30s", 30), ("500ms", 0.5), ("2m", 120), ("1.5", 1.5), ("1h", 3600)]
)
def test_lengths_of_time(text: str, value: float) -> None:
    assert common.duration(text, "--for") == value


@pytest.mark.parametrize("text", ["", "s", "-3s", "0", "3x", "1e9", "nan", "1 2"])
def test_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(UsageError, match="write for example"):
        common.duration(text, "--for")


@pytest.mark.parametrize(
    ("text", "value"), [("1GB", 10**9), ("1.5k", 1500), ("64KiB", 65536), ("7", 7)]
)
def test_sizes(text: str, value: int) -> None:
    assert common.size(text, "--max-size") == value


@pytest.mark.parametrize("text", ["", "GB", "0", "-1MB", "1TBB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(UsageError, match="write for example"):
        common.size(text, "--max-size")


def test_nothing_of_others_is_overwritten(tmp_path: Path) -> None:
    mine, other, empty = tmp_path / "mine", tmp_path / "other", tmp_path / "empty"
    mine.write_bytes(b"twocooks and more")
    other.write_bytes(b"my thesis")
    empty.touch()
    for path in (mine, empty, tmp_path / "new"):
        common.may_write(path, "-o", b"twocooks")
    for path, says in (
        (other, "not made by twocooks"),
        (tmp_path, "is a folder"),
        (tmp_path / "no" / "file", "there is no folder"),
    ):
        with pytest.raises(UsageError, match=says):
            common.may_write(path, "-o", b"twocooks")
    assert other.read_bytes() == b"my thesis"


class Screen(io.StringIO):
    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__()
        self.code = encoding

    def isatty(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.code


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "COLORTERM", "TERM"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("env", "colour"),
    [
        ({"TERM": "xterm"}, "16"),
        ({"TERM": "xterm-256color"}, "256"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "full"),
        ({"TERM": "dumb"}, "none"),
        ({"TERM": "xterm", "NO_COLOR": "1"}, "none"),
        ({"TERM": "xterm", "NO_COLOR": ""}, "16"),
    ],
)
def test_colours_of_a_terminal(
    env: dict[str, str], colour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert common.place(Screen()).colour == colour


def test_files_get_no_colours_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert common.place(io.StringIO()).colour == "none"
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert common.place(io.StringIO()).colour == "16"


def test_width_and_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "133")
    assert common.place(Screen()).width == 133
    monkeypatch.setenv("COLUMNS", "wide")
    assert common.place(Screen()).width == 80
    assert common.place(Screen("ISO-8859-1")).unicode is False
    assert common.place(Screen("UTF8")).unicode is True


def test_progress_is_silent_where_it_is_quick_or_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with common.progress("reading"):
        pass
    assert capsys.readouterr().err == ""


def test_progress_shows_and_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    shown = threading.Event()

    class Watched(Screen):
        def write(self, text: str) -> int:
            if "reading" in text:
                shown.set()
            return super().write(text)

    screen = Watched()
    monkeypatch.setattr("sys.stderr", screen)
    with common.progress("reading x", after_s=0.001):
        assert shown.wait(30)
    assert screen.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize("command", ["run", "report", "check", "dump", "doctor"])
def test_each_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"twocooks {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["report", "/nowhere/x"],
        ["check", "a", "b"],
        ["dump", "-z"],
        ["run"],
        ["run", "-z", "x.py"],
        ["-z"],
        ["no-such-command-here"],
        ["run", "-m"],
        ["run", "--for", "x", "a.py"],
        ["run", "nothere.py"],
        ["doctor", "now"],
        ["run", "--fail-if", "x", "-c", "1"],
        ["run", "--source", "magic", "-c", "1"],
    ],
)
def test_bad_input_is_one_line_and_code_two(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("twocooks: ")
    assert said.err.count("\n") == 1


def test_without_words_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main(["--help"]) == 0
    assert "twocooks doctor" in capsys.readouterr().out
    assert main(["--version"]) == 0


def test_doctor_speaks_of_all_that_matters(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    for word in ("Python", "system", "switches", "waits", "cores", "free now", "twocooks"):
        assert f"\n{word}" in "\n" + said
