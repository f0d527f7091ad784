"""Names that the watched program chose, and file names, never steer a terminal that shows them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import sys
import threading
from pathlib import Path

import pytest

from tests.fuzz.invent import lines_of, to_bytes
from twocooks import cli
from twocooks.format.text import quoted
from twocooks.model import MOST_SHOWN, printable

CORPUS = Path(__file__).resolve().parents[2] / "fuzz" / "corpus"
NAMES = {
    "colour": "\x1b[31m",
    "title": "\x1b]0;owned\x07",
    "link": "\x1b]8;;http://example.org\x1b\\",
    "8 bit": "\x9b31m\x9d0;x\x9c",
    "device": "\x1bPq\x1b\\\x1b_x\x1b\\\x1b^y\x1b\\",
    "cut": "\x1b]0;no end",
    "clear": "\x1bc\x1b[2J\x1b[H",
    "line": "\r\n\x0b\x0c\x85\u2028\u2029",
    "back": "\b\b\b\x7f\0",
    "bidi": "\u202e\u2066\u061c\u200f",
    "nothing": "\u200b\u200d\u2060\ufeff\u00ad",
    "tags": "\U000e0041\U000e007f",
    "bytes": "\udcff\udc9b",
    "long": "A" * 3900,
    "marks": "a" + "\u0301" * 1500,
    "markup": "[bold red]\x1b[/]",
}
COMMANDS = (["report"], ["report", "--json", "-"], ["check"], ["dump"])
OURS = re.compile(r"\x1b\[[0-9;]*m")


def harmless(text: str) -> bool:
    return all(char.isprintable() or char == "\n" for char in text)


class Stream(io.StringIO):
    """What the command writes to, in an encoding."""

    encoding = "utf-8"  # type: ignore[assignment]


def said(*words: str) -> tuple[int, str, str]:
    out, err = Stream(), Stream()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(list(words))
    return code, out.getvalue(), err.getvalue()


def renamed(line: str, name: str) -> str:
    """The line of a trace with each part of each of its texts led by this name."""
    if line.startswith(("META", "END")):
        head, _, body = line.partition(" ")
        content = json.loads(body)
        for key in ("command", "python", "source_why", "kernel", "twocooks", "why", "notes"):
            if isinstance(content.get(key), str):
                content[key] = name + content[key]
            elif key in content:
                content[key] = [name + word for word in [*content[key], "a note"]]
        return f"{head} {json.dumps(content)}"

    def led(match: re.Match[str]) -> str:
        parts = json.loads(match[0]).split("\x1f")
        room = 3900 // len(parts)  # bytes; the format's limit is 4096
        short = name.encode("utf-8", "surrogatepass")[:room].decode("utf-8", "surrogateescape")
        return quoted("\x1f".join(short + part for part in parts))

    return re.sub(r'"(?:[^"\\]|\\.)*"', led, line)


@pytest.fixture(params=NAMES)
def trace(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "run.2cooks"
    lines = lines_of((CORPUS / "recorded.2cooks").read_bytes())
    path.write_bytes(to_bytes([renamed(line, NAMES[request.param]) for line in lines]))
    return path


@pytest.mark.parametrize("colour", ["", "1"])
def test_names_of_the_program(
    trace: Path, colour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", colour)
    monkeypatch.setenv("TERM", "xterm-256color")
    for command in COMMANDS:
        code, out, err = said(*command, str(trace))
        assert code in (0, 1), err
        assert len(out) > 100
        assert harmless(OURS.sub("", out) if colour else out), command
        assert harmless(err)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("back", "long", "marks")])
def test_names_of_files(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In answers and in error lines. Where there is no such file it is named all the same."""
    monkeypatch.chdir(tmp_path)
    path = f"x{NAMES[name]}y".replace("/", "_")
    Path(path).write_bytes((CORPUS / "recorded.2cooks").read_bytes())
    broken = path + "broken"
    Path(broken).write_bytes(b"no trace")
    folder = path + "folder"
    Path(folder).mkdir()
    dinner = path + ".toml"
    text = f'[dinner]\nname = {quoted(NAMES[name])}\n' if name != "bytes" else "[dinner]\n"
    Path(dinner).write_text(text)
    for words in (
        *([*command, each] for command in COMMANDS for each in (path, broken, folder, path + "no")),
        ["report", path, "--json", folder], ["report", path, "--json", broken], [path + "no"],
        ["run", "--for", path, "x"], ["run", "--source", path, "x"], ["run", "-o", folder, "x"],
        ["run", "--fail-if", path, "x"], ["run", "--" + path], ["kitchen", path],
        ["kitchen", "--show", dinner], ["kitchen", "--new", dinner], ["explain", path],
        ["check", "--" + path], ["doctor", path],
    ):  # fmt: skip
        code, out, err = said(*words)
        assert code in (0, 1, 2), (words, err)
        assert harmless(out), (words, out)
        assert harmless(err), (words, err)
        assert err.count("\n") == (1 if code == 2 else 0), (words, err)


@pytest.mark.parametrize("command", [["report"], ["run"], ["run", "-o"], ["kitchen"]])
def test_a_file_name_of_a_hundred_kilobytes(command: list[str]) -> None:
    code, _, err = said(*command, "a" * 100_000)
    assert code == 2
    assert len(err) < MOST_SHOWN + 100
    assert err.count("\n") == 1


def test_a_megabyte_keeps_its_beginning_and_its_end() -> None:
    told = printable("begin" + "\x1b" * 1_000_000 + "do this")
    assert len(told) < 5 * MOST_SHOWN
    assert told.startswith("begin\\x1b")
    assert told.endswith("do this")


def test_the_doctor_is_harmless() -> None:
    code, out, err = said("doctor")
    assert code == 0
    assert harmless(out + err)


def test_a_dinner_with_hostile_names(tmp_path: Path) -> None:
    names = [name for key, name in NAMES.items() if key not in ("bytes", "back")]
    dishes = "".join(
        f"[[dish]]\nname = {quoted(name + str(n))}\n"
        f"steps = [{{ do = {quoted(name)}, hands = 1 }}, {{ do = 'b', wait = 2 }}]\n"
        for n, name in enumerate(names)
    )
    path = tmp_path / "d.toml"
    head = f"[dinner]\nname = {quoted(NAMES['colour'])}\nsays = {quoted(NAMES['title'])}\n"
    path.write_text(head + dishes)
    _, out, err = said("kitchen", "--show", str(path))
    assert harmless(out), out
    assert harmless(err), err


def test_the_progress_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen by a real terminal: only the carriage return and the erasing are ours."""
    from twocooks.cli import common

    ours, theirs = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    seen = threading.Event()
    with os.fdopen(theirs, "w") as terminal:
        written: list[str] = []

        class Tee:
            def isatty(self) -> bool:
                return terminal.isatty()

            def fileno(self) -> int:
                return terminal.fileno()

            def flush(self) -> None:
                terminal.flush()
                seen.set()

            def write(self, text: str) -> int:
                written.append(text)
                return terminal.write(text)

        monkeypatch.setattr(sys, "stderr", Tee())
        with common.progress("reading " + "".join(NAMES.values()), after_s=0.0):
            assert seen.wait(20)
    os.close(ours)
    lines = "".join(written).split("\r\x1b[K")
    assert all(harmless(line) for line in lines)
    assert max(map(len, lines)) <= 80


def test_printable_keeps_what_is_harmless() -> None:
    assert printable("Zoë's 鍋 `x`") == "Zoë's 鍋 `x`"
    assert printable("a\x1b[1mb\udcff") == "a\\x1b[1mb\\udcff"
