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
    page.write_text("a\n<!-- x -->\nold\n<!-- end of x -->\nb\n")
    suites.write_table(page, "x", suites.table(tmp_path))
    assert f"| 3.0 | suite | all | 2 | 0 | {breaks} | 0 | 0 | 0 |" in page.read_text()
    assert page.read_text().endswith("<!-- end of x -->\nb\n")
    assert "old" not in page.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="recording is for Linux")
def test_a_suite_without_the_agent_is_not_a_sound_comparison(tmp_path: Path) -> None:
    """As it is where the watched Python's extensions were not built: else nothing is compared."""
    command = (sys.executable, "-I", "-c", RUNNER.replace("BREAKS", "0"), "{xml}")
    results = suites.Results(tmp_path)
    suites.work("3.0", [suites.Piece("suite", "piece", command, "unused")], results, 600.0)
    assert "- 3.0 suite, bad traces: `piece`" in suites.table(tmp_path)
