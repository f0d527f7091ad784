"""The whole page, as text: golden files, widths, characters.

Golden files are written anew by ``TWOCOOKS_GOLDEN=write pytest``; look at the difference.
"""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.kit import analyses
from twocooks.report.base import Options
from twocooks.report.terminal import render
from twocooks.report.words import width_of

GOLDEN = Path(__file__).parents[2] / "golden" / "report"
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
SPOTS = [("unicode", Options(80)), ("ascii", Options(80, unicode=False))]


@pytest.mark.parametrize(("spot", "options"), SPOTS)
@pytest.mark.parametrize("name", analyses.ALL)
def test_the_page_is_the_golden_one(name: str, spot: str, options: Options) -> None:
    text = render(analyses.ALL[name](), options)
    path = GOLDEN / f"{name}.{spot}.txt"
    if os.environ.get("TWOCOOKS_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [20, 40, 50, 60, 80, 97, 120, 300])
@pytest.mark.parametrize("name", analyses.ALL)
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    for line in render(analyses.ALL[name](), Options(width)).splitlines():
        assert width_of(line) <= max(width, 40)
        assert line == line.rstrip()


def test_a_number_that_is_wider_than_the_terminal_is_broken() -> None:
    analysis = analyses.two_processes()
    analysis.summary["time"] = {"python_s": 0.51, "split": {"error_s": 0.077}}
    text = render(analysis, Options(40))
    assert "(give or take" in " ".join(text.split())
    assert max(map(width_of, text.splitlines())) <= 40


@pytest.mark.parametrize("name", analyses.ALL)
def test_without_colours_there_is_no_escape_and_with_them_only_colours(name: str) -> None:
    analysis = analyses.ALL[name]()
    assert "\x1b" not in render(analysis, Options(80))
    for colour in ("16", "256", "full"):
        coloured = render(analysis, Options(80, colour))  # type: ignore[arg-type]
        assert "\x1b[" in coloured
        assert "\x1b" not in ESCAPE.sub("", coloured)


@pytest.mark.parametrize("name", analyses.ALL)
def test_a_terminal_without_unicode_gets_plain_characters(name: str) -> None:
    assert render(analyses.ALL[name](), Options(80, "full", unicode=False)).isascii()


@pytest.mark.parametrize("name", analyses.ALL)
def test_the_headline_and_the_sentence_are_on_the_page(name: str) -> None:
    analysis = analyses.ALL[name]()
    flat = " ".join(render(analysis, Options(80)).split())
    assert analysis.summary["verdict"]["headline"] in flat
    if name != "hostile":
        assert " ".join(analysis.summary["verdict"]["sentence"].split()) in flat


def test_losses_stand_above_the_sentence() -> None:
    analysis = analyses.unknown_windows()
    text = render(analysis, Options(120))
    assert text.index("unknown (48,213 records lost)") < text.index("Whenever at least two")


def test_a_gap_in_the_kernel_s_records_is_no_estimate() -> None:
    text = render(analyses.unknown_windows(), Options(120))
    assert "did not tell its switches" not in text
    assert "estimated" not in text
    assert "from the kernel, with gaps" in text


def test_an_estimate_says_so_before_anything_else() -> None:
    text = render(analyses.estimated(), Options(120))
    assert text.index("Estimated:") < text.index("They were on the go")
    assert "exact, from the kernel" not in text


@pytest.mark.parametrize(
    "word",
    [
        "makespan",
        "throughput",
        "preempt",
        "scheduler",
        "mutex",
        "futex",
        "simultaneous",
        "at the same time",
    ],
)
def test_jargon_is_kept_off_the_page(word: str) -> None:
    for make in analyses.ALL.values():
        assert word not in render(make(), Options(80)).lower()


def test_nothing_to_judge_needs_no_picture() -> None:
    analysis = analyses.one_after_another()
    analysis.summary["verdict"] |= {"id": "nothing", "headline": "Too little happened to judge."}
    assert "hands on it" not in render(analysis, Options(80))


def test_an_estimate_does_not_pretend_to_know_the_cores() -> None:
    text = render(analyses.estimated(), Options(80))
    assert "core 0" not in text
    assert "≥ 2" in text
    assert "up to 2" in text  # on the go is known


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_level_is_said_where_it_is_not_the_default(width: int) -> None:
    analysis = analyses.ALL["both"]()
    assert ", by" not in render(analysis, Options(width))
    analysis.summary["by"] = "process"
    assert "in this run, by process" in render(analysis, Options(width))


def test_a_nested_tree_is_told_level_by_level() -> None:
    told = [{"sentence": "2 processes: \x1b[2Jside by side."},
            {"sentence": "Inside each process: turns."}]
    analysis = replace(analyses.ALL["both"](), tell_levels=lambda: told)
    lines = render(analysis, Options(80)).splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("  Levels"))
    assert lines[first].split(maxsplit=1)[1] == "2 processes: side by side."
    assert lines[first + 1].strip() == "Inside each process: turns."
