"""The plugin by pytest's customs. What ``measure()`` finds is played by a double here."""

from __future__ import annotations

import importlib
import importlib.util
import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import twocooks
from tests.kit import scenes
from twocooks.pytest_plugin import MARKS

pytest_plugins = ["pytester"]
ROOT = Path(__file__).resolve().parents[3]
Run = Callable[..., pytest.RunResult]
HEAD = "import pytest\nfrom tests.kit import scenes\n"


@pytest.fixture
def run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Run:
    """Runs pytest over the text of a test file, in this process."""
    monkeypatch.setattr(twocooks, "measure", scenes.measure, raising=False)
    monkeypatch.setattr(twocooks, "stop", scenes.stop, raising=False)
    monkeypatch.setattr(twocooks, "MeasureError", scenes.MeasureError, raising=False)
    monkeypatch.setattr(scenes, "opened", [])
    monkeypatch.setenv("COLUMNS", "140")  # the summary's lines are not cut
    scenes.play("two_processes")
    loaded = request.config.pluginmanager.hasplugin("twocooks")  # else this tree is not installed
    plugin = () if loaded else ("-p", "twocooks.pytest_plugin")

    def play(text: str, *options: str, ini: str = "") -> pytest.RunResult:
        pytester.makeini(f"[pytest]\naddopts = --strict-markers\n{ini}")
        pytester.makepyfile(test_it=HEAD + text)
        return pytester.runpytest_inprocess(*plugin, "-p", "no:cacheprovider", *options)

    return play


MARKED = """
@pytest.mark.parallelism(min=1.8)
def test_one():
    scenes.play({scene!r})
"""


def test_a_mark_that_is_kept(run: Run) -> None:
    result = run(MARKED.format(scene="two_processes"))
    result.assert_outcomes(passed=1)
    assert scenes.opened == ["enter", "exit", "stop"]


def test_a_mark_that_is_broken(run: Run) -> None:
    result = run(MARKED.format(scene="gil_turns"))
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "parallelism.mean is 1.00, at least 1.8 was demanded (turns, gil)" in text
    assert "They take turns." in text
    assert "Why: In this Python only one thread" in text
    assert "worker-1" in text
    assert "session.py" not in text, "no line of ours"
    result.stdout.fnmatch_lines(["FAILED test_it.py::test_one - *parallelism.mean is 1.00, *"])


UNDECIDED = """
@pytest.mark.parallelism(min=1.8)
def test_one():
    scenes.play("gil_turns", cores={"usable": 2, "free": 1.0})
"""


def test_what_cannot_be_judged_is_skipped_and_counted(run: Run) -> None:
    result = run(UNDECIDED, "-rs")
    result.assert_outcomes(skipped=1)
    text = result.stdout.str()
    assert "twocooks: 1 test skipped, because they could not" in text
    assert "only 1.0 of 2 cores were free" in text
    result.stdout.fnmatch_lines(["SKIPPED * test_it.py:*: twocooks: parallelism.mean is 1.00*"])


def test_or_fails_where_that_is_asked_for(run: Run) -> None:
    result = run(UNDECIDED, ini="twocooks_strict = true")
    result.assert_outcomes(failed=1)
    assert "only 1.0 of 2 cores were free" in result.stdout.str()


def test_a_test_that_fails_keeps_its_own_failure(run: Run) -> None:
    result = run(
        """
import unittest

@pytest.mark.parallelism(min=1.8)
def test_one():
    scenes.play("gil_turns")
    assert 1 + 1 == 3

@pytest.mark.parallelism(min=1.8)
class TestTwo(unittest.TestCase):
    def test_it(self):
        scenes.play("gil_turns")
        self.fail("mine")

    def test_skip(self):
        scenes.play("gil_turns")
        self.skipTest("mine, too")

    def test_passes(self):
        scenes.play("gil_turns")
"""
    )
    result.assert_outcomes(failed=3, skipped=1)
    text = result.stdout.str()
    assert "assert (1 + 1) == 3" in text
    assert "AssertionError: mine" in text
    assert text.count("at least 1.8 was demanded") == 2, "once in its text, once in the summary"


def test_expected_failures(run: Run) -> None:
    run(
        """
@pytest.mark.xfail
@pytest.mark.parallelism(min=1.8)
def test_one():
    scenes.play("gil_turns")
"""
    ).assert_outcomes(xfailed=1)


def test_marks_of_classes_and_modules(run: Run) -> None:
    result = run(
        """
pytestmark = [pytest.mark.parallelism(min=1.8), pytest.mark.no_wait_for("io")]

def test_by_the_module():
    scenes.play("gil_turns")

@pytest.mark.parallelism(min=0.1)
class TestCloser:
    def test_by_the_class(self):
        scenes.play("gil_turns")

    @pytest.mark.parallelism(max=0.5)
    def test_by_itself(self):
        scenes.play("gil_turns")
"""
    )
    result.assert_outcomes(failed=2, passed=1)
    result.stdout.fnmatch_lines(["FAILED *test_by_the_module*", "FAILED *test_by_itself*"])


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ("parallelism()", "parallelism needs min="),
        ("verdict('paralel')", "there is no verdict 'paralel'"),
        ("no_wait_for('lock', over='soon')", "'soon'"),
        ("gil_released(by='hashlib.nothing')", "there is no such function"),
        ("gil_released(by=3)", "give it as 'module.function'"),
        ("gil_released('zlib.compress')", "positional"),
    ],
)
def test_a_wrong_mark_is_an_error_in_one_line(run: Run, mark: str, said: str) -> None:
    result = run(f"@pytest.mark.{mark}\ndef test_one(): scenes.opened.append('ran')\n")
    result.assert_outcomes(errors=1)
    assert said in result.stdout.str()
    assert scenes.opened == ["stop"]


def test_the_fixture(run: Run) -> None:
    result = run(
        """
def test_good(twocooks):
    with twocooks.measure() as m:
        scenes.play("two_processes")
    m.assert_parallelism(min=1.8)
    m.assert_verdict("parallel", "both")
    assert m.verdict["id"] == "parallel"
    with twocooks.task("rice"):
        pass

def test_bad(twocooks):
    with twocooks.measure() as m:
        scenes.play("gil_turns")
    m.assert_parallelism(min=1.8)

def test_unsure(twocooks):
    with twocooks.measure() as m:
        scenes.play("gil_turns", cores={"usable": 1, "free": 0.9})
    m.assert_parallelism(min=1.8)

def test_wrong(twocooks):
    with twocooks.measure() as m:
        pass
    m.assert_verdict("paralel")

def test_unknown(twocooks):
    with twocooks.measure() as m:
        pass
    m.assert_paralel()
"""
    )
    result.assert_outcomes(passed=1, failed=3, skipped=1)
    text = result.stdout.str()
    assert ">       m.assert_parallelism(min=1.8)" in text, "the line of the test"
    assert "E       AssertionError: parallelism.mean is 1.00, at least 1.8 was" in text
    assert "fixture.py" not in text, "no line of ours"
    assert "there is no verdict 'paralel'" in text


def test_the_fixture_in_coroutines(run: Run) -> None:
    run(
        """
import asyncio

def test_it(twocooks):
    async def inside():
        async with twocooks.measure() as m:
            scenes.play("gil_turns")
        return m
    asyncio.run(inside()).assert_verdict("turns")
"""
    ).assert_outcomes(passed=1)


@pytest.mark.parametrize("kind", ["scenes.MeasureError", "RuntimeError"])
def test_where_nothing_can_be_measured(run: Run, kind: str) -> None:
    result = run(
        f"""
def test_first(): scenes.refuse("not on this system", {kind})

@pytest.mark.parallelism(min=1.8)
def test_one(): pass

@pytest.mark.parallelism(min=1.8)
def test_fails(): assert False, "by itself"
"""
    )
    result.assert_outcomes(passed=1, skipped=1, failed=1)
    assert "by itself" in result.stdout.str()


def test_fixture_without_measuring(run: Run) -> None:
    result = run(
        """
def test_one(twocooks):
    scenes.refuse("not on this system")
    with twocooks.measure() as m:
        scenes.opened.append("ran")
    m.assert_parallelism(min=1.8)

def test_two(twocooks):
    with twocooks.measure() as m: pass
    m.verdict
""",
        "-rs",
    )
    result.assert_outcomes(skipped=2)
    assert "not on this system" in result.stdout.str()
    assert "ran" in scenes.opened


ALL = """
import asyncio

def test_parallel():
    scenes.play("two_processes")

def test_turns():
    scenes.play("gil_turns", wanted={"two_or_more_s": 0.9, "served_s": 0.1},
                findings=[{"id": "no-free-core", "seconds": 5.0, "sentence": "no", "where": []}])

def test_held():
    scenes.play("asyncio_turns", loops=[scenes.loop(scenes.hold(0.2), scenes.hold(0.3))])

def test_fails():
    scenes.play("one_after_another")
    assert False

@pytest.mark.skip
def test_skipped(): pass
"""


def test_all_tests_are_measured_where_asked_for(run: Run, pytester: pytest.Pytester) -> None:
    result = run(ALL, "--twocooks", "--twocooks-json", "numbers.json")
    result.assert_outcomes(passed=3, failed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "4 tests measured: 2 turns, 1 parallel, 1 one-after-another",
            "Most serial: *",
            "*0.80 s *test_it.py::test_turns",
            "Held an event loop for 50 ms or longer",
            "*0.30 s*test_it.py::test_held",
            "*app.py:7 save (2 times)",
        ]
    )
    told = json.loads((pytester.path / "numbers.json").read_text())
    assert told["schema"] == "twocooks.tests/1"
    rows = {row["test"].partition("::")[2]: row for row in told["tests"]}
    assert list(rows) == ["test_parallel", "test_turns", "test_held", "test_fails"]
    assert rows["test_fails"]["outcome"] == "failed"
    assert rows["test_turns"]["summary"]["schema"] == "twocooks.summary/1"
    assert rows["test_held"]["held"][0]["times"] == 2


def test_a_json_file_that_cannot_be_written(run: Run, pytester: pytest.Pytester) -> None:
    result = run("def test_one(): pass\n", "--twocooks-json", "nowhere/numbers.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "nowhere/numbers.json: there is no folder" in "\n".join(result.errlines)
    (pytester.path / "taken").mkdir()
    result = run("def test_one(): pass\n", "--twocooks-json", "taken")
    assert result.ret != pytest.ExitCode.OK
    assert "taken cannot be written" in "\n".join(result.errlines + result.outlines)


def test_rows_are_read_together_and_none_is_lost(
    run: Run, monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester
) -> None:
    session = importlib.import_module("twocooks.pytest_plugin.session")
    monkeypatch.setattr(session, "MOST", 3)
    monkeypatch.setattr(session, "SLOW_S", -1.0)  # every reading is slow: a new recording each time
    tests = "@pytest.mark.parametrize('i', range(8))\ndef test_one(i): pass\n"
    run(tests, "--twocooks-json", "numbers.json").assert_outcomes(passed=8)
    rows = json.loads((pytester.path / "numbers.json").read_text())["tests"]
    assert [row["test"] for row in rows] == [f"test_it.py::test_one[{i}]" for i in range(8)]
    calls = "".join({"enter": "(", "exit": ")", "stop": "!"}[call] for call in scenes.opened)
    assert calls == "()()()!()()()!()()!!"


def test_what_was_not_measured_is_said_once(run: Run) -> None:
    result = run(
        "def test_one(): scenes.refuse('no luck')\ndef test_two(): pass\n", "--twocooks"
    )
    result.assert_outcomes(passed=2)
    text = result.stdout.str()
    assert "2 not measured: it could not be measured: no luck" in text


def test_a_wrong_ini_value(run: Run) -> None:
    result = run("def test_one(): pass\n", "--twocooks", ini="twocooks_held_ms = long")
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_marks_are_known(run: Run) -> None:
    text = run("", "--markers").stdout.str()
    assert all(f"@pytest.mark.{line}" in " ".join(text.split()) for line in
               (" ".join(line.split()) for line in MARKS.values()))  # fmt: skip


def test_an_inner_run_leaves_the_outer_recording_alone(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = importlib.import_module("twocooks.pytest_plugin.session")
    monkeypatch.setattr(session, "_open", {1})  # pytester runs a pytest inside of ours
    run(MARKED.format(scene="two_processes")).assert_outcomes(passed=1)
    assert scenes.opened == ["enter", "exit"]


def test_the_entry_point() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    plugin = told["entry-points"]["pytest11"]["twocooks"]
    assert importlib.util.find_spec(plugin) is not None


BARE = """
import sys, pytest
class Look:
    def pytest_unconfigure(self):
        found = [name for name in sys.modules
                 if name.startswith(("twocooks.", "numpy", "rich")) or name == "twocooks._core"]
        print("loaded:", sorted(found))
sys.exit(pytest.main(["-q", "-p", "twocooks.pytest_plugin", "-p", "no:cacheprovider", "test_a.py"],
                     plugins=[Look()]))
"""


def test_merely_installed_it_loads_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_a="def test_one(): pass\n", bare=BARE)
    done = subprocess.run(
        [sys.executable, "bare.py"], cwd=pytester.path, capture_output=True, text=True,
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT / "src"), "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "loaded: ['twocooks.pytest_plugin']" in done.stdout


def test_without_the_plugin_everything_is_as_ever(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_a="def test_one(): pass\n")
    done = pytester.runpytest_subprocess("-p", "no:twocooks", "test_a.py")
    done.assert_outcomes(passed=1)


@pytest.mark.skipif(importlib.util.find_spec("xdist") is None, reason="no pytest-xdist here")
def test_numbers_travel_from_workers(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "import twocooks\nfrom tests.kit import scenes\n"
        "twocooks.measure, twocooks.stop = scenes.measure, scenes.stop\n"
        "twocooks.MeasureError = scenes.MeasureError\n"
    )
    text = ALL + UNDECIDED
    result = run(text, "--twocooks", "--twocooks-json", "numbers.json", "-n", "1", "-p", "xdist")
    result.assert_outcomes(passed=3, failed=1, skipped=2)
    result.stdout.fnmatch_lines(["5 tests measured: *", "*test_it.py::test_turns"])
    assert "twocooks: 1 test skipped" in result.stdout.str()
    assert len(json.loads((pytester.path / "numbers.json").read_text())["tests"]) == 5


@pytest.mark.skipif(importlib.util.find_spec("anyio") is None, reason="no anyio here")
def test_with_the_plugin_of_anyio(run: Run) -> None:
    options: tuple[Any, ...] = ("-p", "anyio", "-p", "no:asyncio")
    run(
        """
@pytest.fixture
def anyio_backend(): return "asyncio"

@pytest.mark.anyio
@pytest.mark.verdict("turns")
async def test_good(): scenes.play("asyncio_turns")

@pytest.mark.anyio
@pytest.mark.verdict("parallel")
async def test_bad(): scenes.play("asyncio_turns")
""",
        *options,
    ).assert_outcomes(passed=1, failed=1)


@pytest.mark.skipif(importlib.util.find_spec("pytest_asyncio") is None, reason="no pytest-asyncio")
def test_with_pytest_asyncio(run: Run) -> None:
    run(
        """
@pytest.mark.asyncio
@pytest.mark.verdict("turns")
async def test_good(): scenes.play("asyncio_turns")

@pytest.mark.asyncio
@pytest.mark.verdict("parallel")
async def test_bad(): scenes.play("asyncio_turns")
"""
    ).assert_outcomes(passed=1, failed=1)


def test_letting_go_of_the_gil(run: Run, request: pytest.FixtureRequest) -> None:
    """By name and as a block; the calls are too short to tell, so nothing depends on luck."""
    result = run(
        """
import os, time

@pytest.mark.gil_released(by="os.getpid")
def test_short(): os.getpid()

@pytest.mark.gil_released(by="os.getpid")
@pytest.mark.gil_released(by="os.getppid")
def test_not_called(): os.getpid()

def test_block(twocooks):
    with twocooks.gil_released():
        os.getpid()
""",
        "-rs",
    )
    if getattr(sys, "_is_gil_enabled", lambda: True)():
        result.assert_outcomes(skipped=2, failed=1)
        assert "os.getppid was never called by that name" in result.stdout.str()
        assert "the longest call of os.getpid took" in result.stdout.str()
    else:
        result.assert_outcomes(skipped=3)


def test_long_names_in_the_tables() -> None:
    from twocooks.pytest_plugin.table import lines

    name = "tests/very/deep/test_file.py::test_name[http://a.b/c-" + "x" * 300 + "\x1b[2J]"
    row = {"test": name, "wall_s": 1.0, "verdict": "turns", "cause": "gil", "parallelism": 1.0,
           "concurrency": 2.0, "serial_s": 0.5, "why": "y" * 300, "exact": True,
           "held": [{"seconds": 0.3, "task": "t", "where": "b:3 f" * 90, "times": 2}]}  # fmt: skip
    told = list(lines([row] * 12, 0.05, 80))
    assert max(map(len, told)) <= 80
    assert sum("test_name[..]" in line for line in told) == 20
    assert told.count("and 2 more tests") == 2
    assert "\x1b" not in "".join(told)
