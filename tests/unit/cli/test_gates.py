"""The answers to --fail-if: when a busy machine is no failure, for GitHub, and as JUnit."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit import analyses
from twocooks.analyse.result import Analysis
from twocooks.cli import gates, main
from twocooks.cli import report as report_command
from twocooks.cli.fail_if import names_of, parse
from twocooks.cli.gates import Answer, Gate
from twocooks.cli.run import JUNIT_HEAD

watch_module = pytest.importorskip("twocooks.record.watch", reason="the recorder is Linux only")
TURNS = "verdict.id == turns"
CROWDED = {"cores": {"usable": 2, "online": 2, "quota": None, "free": 1.1}}
ESTIMATED = {"measured": {"source": "schedstat", "exact": False}}
Play = Callable[..., int]


def made(**summary: Any) -> Analysis:
    found = analyses.gil_turns()
    found.summary.update(summary)
    return found


def answer(text: str, **summary: Any) -> Answer:
    (gate,) = gates.judge([parse(text)], made(**summary).summary)
    return gate.answer


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Play:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)

    def watch(command: list[str], *, trace_path: Path, **_: Any) -> Any:
        return watch_module.Outcome(trace_path=trace_path, exit_code=0, signal=None)

    monkeypatch.setattr(watch_module, "watch", watch)

    def play(*words: str, **summary: Any) -> int:
        monkeypatch.setattr(report_command, "analyse_file", lambda *_: made(**summary))
        return main(["run", "-q", *words, "-c", "x"])

    return play


@pytest.mark.parametrize(
    ("text", "changed", "expected"),
    [
        (TURNS, {}, Answer.HOLDS),
        (TURNS, CROWDED, Answer.NOT_JUDGED),
        (TURNS, ESTIMATED, Answer.NOT_JUDGED),
        (TURNS, {"cores": {"usable": 1, "free": 1.0}}, Answer.NOT_JUDGED),
        ("verdict.id == parallel", CROWDED, Answer.CLEAR),
        ("wall_s > 0.1", {}, Answer.HOLDS),
        ("wall_s > 0.1", {"cores": {"usable": 1, "free": 1.0}}, Answer.HOLDS),
        ("wall_s > 0.1", {"cores": {"usable": 1, "free": 0.5}}, Answer.NOT_JUDGED),
        ("gil == true", CROWDED, Answer.HOLDS),
        ("gil == true and parallelism.max < 3", CROWDED, Answer.NOT_JUDGED),
        ("parallelism.max < 3 and cores.free < 1.5", CROWDED, Answer.HOLDS),
        ("not (measured.exact == true)", ESTIMATED, Answer.HOLDS),
    ],
)
def test_a_busy_machine_is_no_failure(text: str, changed: Any, expected: Answer) -> None:
    assert answer(text, **changed) is expected


def test_names_of_an_expression() -> None:
    names = names_of(parse("not (cpu_s < 1 or gil == true) and wall_s > 1").node)
    assert names == {"cpu_s", "gil", "wall_s"}


def test_exit_codes(run: Play, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--fail-if", TURNS) == 1
    assert run("--fail-if", TURNS, **CROWDED) == 0
    said = capsys.readouterr().err
    assert "not judged: verdict.id is turns, but only 1.1 of 2 cores were free" in said
    assert "(--strict makes this fail)" in said
    assert run("--fail-if", TURNS, "--strict", **CROWDED) == 1


def test_several_expressions(run: Play, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--fail-if", "verdict.id == both", "--fail-if=wall_s > 100") == 0
    words = ["--fail-if", "verdict.id == both", "--fail-if", TURNS, "--fail-if", "gil == true"]
    assert run(*words) == 1
    assert capsys.readouterr().err == (
        f"twocooks: --fail-if {TURNS}: verdict.id is turns\n"
        "twocooks: --fail-if gil == true: gil is true\n"
    )


@pytest.mark.parametrize(
    "words", [["--junit", "x.xml"], ["--strict"], ["--annotate", "github"],
              ["--fail-if", TURNS, "--annotate", "gitlab"],
              ["--fail-if", TURNS, "--junit", "/no/x"]],
)  # fmt: skip
def test_what_makes_no_sense(run: Play, words: list[str]) -> None:
    assert run(*words) == 2


def test_junit(run: Play, tmp_path: Path) -> None:
    path = tmp_path / "gates.xml"
    words = ["--fail-if", TURNS, "--fail-if", "wall_s > 100", "--junit", str(path)]
    assert run(*words) == 1
    assert path.read_bytes().startswith(JUNIT_HEAD)
    suite = ElementTree.fromstring(path.read_text())[0]
    assert dict(suite.attrib) | {"time": ""} == {
        "name": "twocooks", "tests": "2", "failures": "1", "skipped": "0", "errors": "0",
        "time": "",
    }  # fmt: skip
    failed, passed = suite
    assert failed.get("name") == TURNS
    assert failed[0].tag == "failure"
    assert "They take turns." in (failed[0].text or "")
    assert len(passed) == 0
    assert run(*words, **CROWDED) == 0, "its own file is replaced"
    assert ElementTree.fromstring(path.read_text())[0][0][0].tag == "skipped"
    assert run(*words, "--strict", **CROWDED) == 1
    assert ElementTree.fromstring(path.read_text())[0][0][0].tag == "failure"


def test_a_file_of_others_is_kept(run: Play, tmp_path: Path) -> None:
    path = tmp_path / "mine.xml"
    path.write_text("<mine/>")
    assert run("--fail-if", TURNS, "--junit", str(path)) == 2
    assert path.read_text() == "<mine/>"


def test_a_failing_report_is_an_error_in_junit(
    run: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "judge", lambda *_: 1 / 0)
    path = tmp_path / "gates.xml"
    assert run("--fail-if", TURNS, "--junit", str(path)) == 1
    case = ElementTree.fromstring(path.read_text())[0][0]
    assert case[0].tag == "error"
    assert "ZeroDivisionError" in case[0].get("message", "")


def test_for_github(
    run: Play, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    place = f"{tmp_path}/src/app.py:12 work"
    found = [{"id": "gil-bound", "sentence": "x", "seconds": 1.0, "where": [place]}]
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    run("--fail-if", TURNS, findings=found)
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("::error file=src/app.py,line=12,title=twocooks::verdict.id == turns: ")
    run("--fail-if", TURNS, findings=found, **CROWDED)
    assert "\n::warning file=src/app.py,line=12," in capsys.readouterr().err
    run("--fail-if", TURNS, "--annotate", "none", findings=found)
    assert "::" not in capsys.readouterr().err
    monkeypatch.delenv("GITHUB_ACTIONS")
    run("--fail-if", TURNS, findings=found)
    assert "::" not in capsys.readouterr().err
    run("--fail-if", TURNS, "--annotate", "github")
    assert "::error title=twocooks::" in capsys.readouterr().err


@given(st.text(), st.text(), st.text())
def test_hostile_names_stay_in_their_place(where: str, sentence: str, text: str) -> None:
    run = made(findings=[{"id": "x", "sentence": sentence, "seconds": 1.0, "where": [where]}])
    run.summary["verdict"] = {**run.summary["verdict"], "why": sentence, "headline": sentence}
    gate = Gate(text, Answer.HOLDS, sentence)
    for line in gates.github([gate], run, strict=False):
        assert line.isprintable()
        head, _, _ = line.removeprefix("::error ").partition("::")
        names = [part.partition("=")[0] for part in head.split(",")]
        assert names in (["title"], ["file", "line", "title"])
    assert all(line.isprintable() for line in gates.say([gate], strict=False))


@given(st.text(st.characters(exclude_categories=())), st.text(st.characters(exclude_categories=())))
def test_junit_of_hostile_names_is_well_formed(
    tmp_path_factory: pytest.TempPathFactory, name: str, said: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "hostile.xml"
    run = made(findings=[{"id": "x", "sentence": said, "seconds": 1.0, "where": [said]}])
    run.summary["verdict"] = {**run.summary["verdict"], "why": said}
    gates.write_junit([Gate(name, Answer.HOLDS, said)], str(path), False, run)
    root = ElementTree.fromstring(path.read_bytes())
    assert [part.tag for part in root.iter()] == ["testsuites", "testsuite", "testcase", "failure"]
