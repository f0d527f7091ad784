"""The command line of kitchen and explain, as far as nothing is cooked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.kitchen.test_screen import plates
from twocooks import cli
from twocooks.cli import kitchen
from twocooks.kitchen import dinner, lesson, serve
from twocooks.kitchen.recipe import TITLES
from twocooks.model import TwocooksError


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def run(*words: str) -> int:
    return cli.main(list(words))


def test_list_names_every_dinner_and_what_it_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("kitchen", "--list") == 0
    out = capsys.readouterr().out
    for name in dinner.given():
        assert name in out
        assert dinner.load(name).teaches in out


def test_show_does_not_cook(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("kitchen", "--show", "tuesday", "--tool", "burner=1") == 0
    out = capsys.readouterr().out
    assert "alone, switching: 31 minutes (the best is 27)" in out


def test_options_may_stand_anywhere(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["tuesday", "--tool=burner=2", "--show", "--friends", "2", "--tool", "knife=2"]
    assert run("kitchen", *words) == 0
    assert "2 knife, 2 burner" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "says"), [
    (["--bogus"], "no option --bogus"),
    (["a", "b"], "one dinner, not 2"),
    (["tusday"], "did you mean tuesday?"),
    (["--tool", "wok=2"], "the tools of this dinner: knife, burner"),
    (["--tool", "knife"], "write NAME=NUMBER"),
    (["--tool", "knife=x"], "is no number of at least 1"),
    (["--order", "fast"], "first, urgent, longest"),
    (["--cooks", "robots"], "processes or threads"),
    (["--at-once", "0"], "--at-once 2"),
    (["--friends"], "needs a value"),
    (["--json", "/nowhere/at/all.json", "--show"], ""),
])
def test_mistakes_are_one_line(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run("kitchen", *words)
    err = capsys.readouterr().err
    assert says in err
    assert code == (2 if says else 0)
    assert err.count("\n") == (1 if says else 0)


def test_new_writes_a_dinner_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.toml"
    assert run("kitchen", "--new", str(path)) == 0
    assert run("kitchen", "--show", str(path)) == 0
    assert run("kitchen", "--new", str(path)) == 2
    assert "exists" in capsys.readouterr().err


def test_explain_without_numbers_says_how_to_get_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explain") == 0
    out = capsys.readouterr().out
    assert "twocooks kitchen" in out
    assert "several pairs of hands" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80


def test_explain_uses_the_last_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = {"concurrency": 3.3, "parallelism": 1.0, "turns": 15, "contests_won": 0.0,
                "verdict": "turns", "cause": None}
    kitchen._keep({"dinner": "A | *dinner*", "minute_s": 0.1, "modes": [
        {"mode": mode, "predicted": {}, "measured": {**measured, "minutes": minutes}}
        for mode, minutes in [("sequential", 40.02), ("switching", 19.02), ("friend", 20.1),
                              ("friend-switching", 13.1)]]})
    assert run("explain", "--markdown") == 0
    out = capsys.readouterr().out
    assert "40 minutes" in out
    assert "The same cook, switching: 19" in out
    assert "A \\| \\*dinner\\*" in out
    assert "Careful" not in out


@pytest.mark.parametrize("markdown", [[], ["--markdown"]])
def test_explain_says_that_its_numbers_come_from_a_busy_machine(
    markdown: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    measured = {"minutes": 30.0, "concurrency": 3.3, "parallelism": 1.0}
    kitchen._keep({"dinner": "Tuesday", "minute_s": 0.1, "modes": [
        {"mode": mode, "predicted": {}, "measured": measured, "cores_free": 0.94,
         "crowded": mode in ("friend", "friend-switching")}
        for mode in ("sequential", "friend", "friend-switching")]})
    assert run("explain", *markdown) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "Careful: other programs stood at the counter" in out
    both = f"“{TITLES['friend']}” and “{TITLES['friend-switching']}”"
    assert f"while cooking {both}: 0.9 cores were free" in out
    assert "Cook again when the machine is quiet" in out


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"dinner": 1, "minute_s": "x", "modes": [{}]}',
                                  json.dumps({"dinner": "d", "minute_s": 1,
                                              "modes": [{"mode": "friend", "measured": None}]}),
                                  json.dumps({"dinner": "d", "minute_s": 1, "modes": [
                                      {"mode": "friend", "measured": {"minutes": 1.0},
                                       "crowded": True}]})])
def test_a_damaged_memory_is_no_memory(text: str, tmp_path: Path) -> None:
    from twocooks.cli import explain, store

    folder = store.folder()
    folder.mkdir(parents=True)
    (folder / kitchen.LAST).write_text(text)
    assert explain._last(folder / kitchen.LAST) is None
    assert "Cook once" in lesson.terminal(None, kitchen.common.place(__import__("sys").stdout))


def test_a_wrong_dinner_is_an_error_of_the_user(tmp_path: Path) -> None:
    path = tmp_path / "d.toml"
    path.write_text("[[dish]]\nname = 1\n")
    with pytest.raises(TwocooksError, match=r"d\.toml:2: "):
        kitchen.main([str(path), "--show"])


def test_nothing_that_brings_threads_is_loaded_before_the_cooks_are_forked() -> None:
    import subprocess
    import sys

    code = ("import sys\nfrom twocooks.cli import kitchen\n"
            "from twocooks.kitchen import dinner, live, serve, variants\n"
            "list(variants.sentences(dinner.load('tuesday'), serve.Variant(one_core=True)))\n"
            "sys.exit('numpy' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_a_full_disk_loses_no_dinner(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cooked = iter(plates())

    def look(plate: serve.Plate, minute_s: float) -> None:
        found = next(cooked)
        plate.analysis, plate.measured = found.analysis, found.measured

    monkeypatch.setattr(serve, "cook", lambda *_: None)
    monkeypatch.setattr(serve, "look", look)
    for option in ("--json", "--html"):
        cooked = iter(plates())
        assert run("kitchen", "--now", option, "/dev/full") == 2
        said = capsys.readouterr()
        assert "with a friend, switching" in said.out
        assert said.err.endswith("/dev/full cannot be written: No space left on device\n")
