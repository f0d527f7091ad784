"""The comparison of other people's test suites finds what watching breaks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.kit import suites

RUNNER = """
import os, pathlib, sys
watched = "TWOCOOKS_ARENA" in os.environ
bad = "<failure/>" * (watched and BREAKS)
pathlib.Path(sys.argv[1]).write_text(
    f'<testsuite><testcase name="steady"/><testcase name="victim">{bad}</testcase></testsuite>'
)
"""


CASES = [(0, 0, {}), (1, 1, {"victim": "different"})]


@pytest.mark.skipif(sys.platform != "linux", reason="recording is for Linux")
@pytest.mark.parametrize(("breaks", "code", "judged"), CASES)
def test_a_suite_that_watching_breaks_is_found(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    breaks: int,
    code: int,
    judged: dict[str, str],
) -> None:
    """Also: what is done is not done again, and the table tells it."""
    monkeypatch.setattr(suites, "REPEATS", 1)
    command = (sys.executable, "-c", RUNNER.replace("BREAKS", str(breaks)), "{xml}")
    piece = suites.Piece("suite", "piece", command, "unused")
    results = suites.Results(tmp_path)
    assert suites.work("3.0", [piece], results, 0.0) == suites.MORE
    assert suites.work("3.0", [piece], results, 600.0) == code
    result = results.load(results.path("3.0", piece))
    assert (result["judged"], result["watched"]["agents"]) == (judged, 1)
    assert suites.work("3.0", [piece], results, 0.0) == code
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- x -->\n<!-- end of x -->\nb\n")
    suites.write_table(page, "x", tmp_path)
    assert f"| 3.0 | suite | all | 2 | 0 | {breaks} | 0 | 0 | 0 |" in page.read_text()
    assert page.read_text().endswith("<!-- end of x -->\nb\n")


@pytest.mark.skipif(sys.platform != "linux", reason="recording is for Linux")
def test_a_suite_without_the_agent_is_not_a_sound_comparison(tmp_path: Path) -> None:
    """As it is where the watched Python's extensions were not built: else nothing is compared."""
    command = (sys.executable, "-I", "-c", RUNNER.replace("BREAKS", "0"), "{xml}")
    results = suites.Results(tmp_path)
    suites.work("3.0", [suites.Piece("suite", "piece", command, "unused")], results, 600.0)
    assert "- 3.0 suite, bad traces: `piece`" in suites.show(suites.entries(tmp_path))


def result(different: int = 0, flaky: tuple[str, ...] = ()) -> dict[str, object]:
    """A piece of two tests that was compared."""
    judged = {"victim": "different"} if different else {}
    ends = {"tests": {"steady": "passed", "victim": "passed"}, "code": 0}
    return {"plain": ends, "watched": ends, "judged": judged, "flaky": list(flaky)}


def fill(folder: Path, suite: str, done: dict[str, dict[str, object]], of: int) -> None:
    results = suites.Results(folder)
    names = [f"part{i}" for i in range(of)]
    results.save(folder / "3.0" / suite / "plan.json", {"pieces": names})
    for name, kept in done.items():
        results.save(folder / "3.0" / suite / f"{name}.json", kept)


def test_what_was_not_run_again_stays_in_the_page(tmp_path: Path) -> None:
    """Rows and their notes, where nothing or less was run again; a difference is always told."""
    page, first, second = tmp_path / "page.md", tmp_path / "first", tmp_path / "second"
    page.write_text("a\n<!-- x -->\n<!-- end of x -->\nb\n")
    both = {"part0": result(flaky=("victim",)), "part1": result()}
    fill(first, "gone 1.2", both, 2)
    fill(first, "less", both, 3)
    fill(first, "more", {"part0": result()}, 2)
    fill(first, "worse", both, 2)
    suites.write_table(page, "x", first)
    once = page.read_text()
    suites.write_table(page, "x", first)
    assert page.read_text() == once
    fill(second, "less", {"part2": result()}, 3)
    fill(second, "more", both, 2)
    fill(second, "worse", {"part0": result(different=1)}, 2)
    suites.write_table(page, "x", second)
    told = page.read_text().splitlines()
    assert [line for line in told if line.startswith(("| 3", "- "))] == [
        "| 3.0 | gone 1.2 | all | 4 | 0 | 0 | 0 | 1 | 0 |",
        "| 3.0 | less | 2 of 3 | 4 | 0 | 0 | 0 | 1 | 0 |",
        "| 3.0 | more | all | 4 | 0 | 0 | 0 | 1 | 0 |",
        "| 3.0 | worse | 1 of 2 | 2 | 0 | 1 | 0 | 0 | 0 |",
        "- 3.0 gone 1.2, flaky: `victim`",
        "- 3.0 less, flaky: `victim`",
        "- 3.0 more, flaky: `victim`",
        "- 3.0 worse, different: `victim`",
    ]


def test_what_a_run_left_behind_counts_unless_it_was_ended_for_hanging(tmp_path: Path) -> None:
    """A watched run without any result was ended from outside, and had no chance to tidy up."""
    done = result()
    ends = {"tests": {"steady": "passed"}, "code": 0}
    left = {**done, "watched": {**ends, "left": ["a child"]}}
    hung = {**done, "watched": {"tests": {}, "code": 1, "left": ["a child"]}}
    fill(tmp_path, "s", {"part0": left, "part1": hung, "part2": done}, 3)
    assert suites.row(tmp_path / "3.0" / "s").left == ["part0"]
