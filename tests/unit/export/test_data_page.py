"""docs/data.md: its tables are the definition's, and its examples give right answers."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from tests.kit.data_page import PAGE, PART, filled
from tests.unit.analyse import scenes
from twocooks.analyse.data_fields import FIELDS, MEANINGS
from twocooks.api import Run

TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_the_page_has_every_table_as_it_is_defined() -> None:
    assert [part[2] for part in PART.finditer(TEXT)] == list(FIELDS) == list(MEANINGS)
    assert filled(TEXT) == TEXT, "python -m tests.kit.data_page writes it anew"


def test_a_column_out_of_date_would_be_seen() -> None:
    assert filled(TEXT.replace("| `begun_ns` | int64", "| `begun_ns` | int32")) == TEXT


def example(number: int, run: Run, *needs: str) -> dict[str, Any]:
    """Run one of the page's examples; the names that it leaves."""
    for name in needs:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    names: dict[str, Any] = {"run": run}
    exec(compile(EXAMPLES[number], f"example {number}", "exec"), names)
    return names


def test_there_are_three_examples() -> None:
    assert len(EXAMPLES) == 3


def test_the_lines_that_wait_longest(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(scenes.lock_fine().trace(), Path("x"))
    example(0, run)
    (row,) = (row for row in run.analysis.waits if row.reason == "lock")
    assert capsys.readouterr().out == f"{row.seconds:8.3f} s  {row.where}  {row.lock}\n"


def test_how_busy_each_core_was() -> None:
    run = Run(scenes.two_processes().trace(), Path("x"))
    busy = example(1, run, "polars")["busy"]
    part = (run.end_ns - run.start_ns) // 100
    assert max(busy["utilisation"]) <= 1 + 1e-9
    total = (run.slices["end_ns"] - run.slices["start_ns"]).sum()
    assert sum(busy["utilisation"]) * part == pytest.approx(total)
    assert busy.filter(part=50)["utilisation"].to_list() == [1.0, 1.0]


def test_the_ten_longest_steps() -> None:
    b = scenes.program(0)
    b.agent(0.01, "LOOP", 1)
    for n in range(12):
        b.step(0.02 + 0.02 * n, 0.021 + 0.02 * n + 0.001 * n, task=1 + n)
    b.on(0, 10, 0.012, 0.3, exits=True)
    run = Run(b.trace(), Path("x"))
    rows = example(2, run, "duckdb")["longest"].fetchall()
    expected = [(f"task {12 - n}", None, pytest.approx(12.0 - n)) for n in range(10)]
    assert rows == expected
