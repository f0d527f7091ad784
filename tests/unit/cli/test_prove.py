"""The command line of prove, as far as nothing is run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from twocooks import cli
from twocooks.cli import prove
from twocooks.lesson import stage
from twocooks.lesson.claim import Check, Claim, Outcome, Result


def played(monkeypatch: pytest.MonkeyPatch, outcome: Outcome) -> None:
    def prove_it(claim: Claim, say: stage.Say) -> Result:
        say("run 1 of 3")
        return Result(claim, outcome, "", (Check("took", 0.5, "s"),), 3, 3)

    monkeypatch.setattr(stage, "prove", prove_it)


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["prove"]) == 0
    whole = capsys.readouterr().out
    assert cli.main(["prove", "--list"]) == 0
    assert capsys.readouterr().out == whole
    assert whole.startswith("   1  ")
    assert "\n  42  " in whole
    assert max(map(len, whole.splitlines())) <= 80


def test_code_is_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["prove", "15", "--code"]) == 0
    text = capsys.readouterr().out
    assert (stage.EXAMPLES / "two_processes.py").read_text() in text
    assert "taskset" in text


@pytest.mark.parametrize(
    ("argv", "word"),
    [(["zebra"], "zebra"), (["--all", "9"], "--all"), (["--loud"], "--loud")],
)
def test_what_cannot_be_understood(
    argv: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["prove", *argv]) == 2
    assert word in capsys.readouterr().err


@pytest.mark.parametrize(("outcome", "code"), [("proven", 0), ("cannot", 0), ("refuted", 1)])
def test_the_exit_code(
    outcome: Outcome, code: int, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    played(monkeypatch, outcome)
    assert cli.main(["prove", "9"]) == code
    assert "Do Python threads run in parallel?" in capsys.readouterr().out


def test_json_is_whole_and_replaces_only_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    played(monkeypatch, "proven")
    path = tmp_path / "claims.json"
    for _ in range(2):
        assert cli.main(["prove", "--all", "--json", str(path)]) == 0
    found = json.loads(path.read_text())
    assert len(found["claims"]) == 42
    assert path.read_bytes().startswith(prove.JSON_HEAD)
    path.write_text("mine")
    assert cli.main(["prove", "9", "--json", str(path)]) == 2
    assert path.read_text() == "mine"
    capsys.readouterr()
    assert cli.main(["prove", "9", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["claims"][0]["number"] == 9
