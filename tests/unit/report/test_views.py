"""``--loop`` and ``--tasks``: clean, no wider than asked, and all of it in the JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.analyse import scenes
from twocooks.analyse import analyse
from twocooks.cli import main
from twocooks.model import Reason
from twocooks.report.base import Options
from twocooks.report.terminal import loop_table, render, task_table

HOSTILE = "\x1b[31mred\u202e " + "漢" * 80


def options(width: int) -> Options:
    return Options(width=width, colour="none", unicode=True)


@pytest.mark.parametrize("width", [40, 60, 80, 111, 112, 120, 160])
@pytest.mark.parametrize("scene", [scenes.loop_held, scenes.sleepers, scenes.gil_threads])
def test_no_line_is_wider_than_asked(width: int, scene: scenes.Scene) -> None:
    seen = analyse(scene().trace())
    rows = [replace(row, name=HOSTILE, where=HOSTILE, parent_name=HOSTILE)
            for row in seen.task_list]  # fmt: skip
    loops = []
    for loop in seen.tell_loops(0.001):
        held = [replace(hold, name=HOSTILE, where=HOSTILE, who=[HOSTILE]) for hold in loop.held]
        loops.append(replace(loop, thread=HOSTILE, held=held))
    hostile = replace(seen, tell_tasks=lambda: rows)
    for text in (
        task_table.tasks(seen, options(width)),
        task_table.tasks(hostile, options(width)),
        loop_table.loop(seen.tell_loops(0.001), options(width)),
        loop_table.loop(loops, options(width)),
    ):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert max(map(cells, text.splitlines())) <= max(60, width)


def cells(line: str) -> int:
    return sum(2 if char == "漢" else 1 for char in line)


def test_the_sums_of_the_list_are_the_accounts() -> None:
    for scene in scenes.SCENES:
        seen = analyse(scene().trace())
        rows = [row for row in seen.task_list if not row.background]
        assert len(seen.task_list) == len(seen.tasks)
        told = dict.fromkeys(map(str, Reason), 0.0)
        for row in rows:
            task = seen.tasks[row.id]
            assert (row.name, row.parent) == (task.name, task.parent)
            assert row.hands_on_s == pytest.approx(task.work_s)
            assert row.in_line_s == pytest.approx(task.line_s)
            for reason, seconds in row.waiting.items():
                told[reason] += seconds
        assert told == pytest.approx(seen.summary["time"]["waiting"], abs=1e-9)


def test_more_rows_than_fit_are_summed_up() -> None:
    text = task_table.tasks(analyse(scenes.sleepers().trace()), options(80))
    shown = [line for line in text.splitlines() if " asyncio " in line or " thread " in line]
    assert len(shown) == task_table.MOST
    assert "and 21 more tasks" in text


def test_wide_tables_say_who_made_a_task_and_where_its_code_is() -> None:
    seen = analyse(scenes.loop_held().trace())
    assert "made by" not in task_table.tasks(seen, options(80))
    assert "app.py:3 job" in task_table.tasks(seen, options(150))


def test_report_shows_and_writes_loops_and_tasks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.2cooks"
    path.write_bytes(scenes.loop_held().file())
    assert main(["report", "--loop", "--tasks", str(path)]) == 0
    out = capsys.readouterr().out
    assert "Event loop on main" in out
    assert "app.py:4 job" in out
    assert "hands on" in out
    assert main(["report", str(path), "--loop", "--held", "1s"]) == 0
    assert "No step held it for 1.0 s" in capsys.readouterr().out
    assert main(["report", str(path), "--loop", "--tasks", "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [hold["task"] for hold in told["loop"][0]["held"]] == ["t0", "t1", "t2", "t3"]
    assert told["loop"][0]["lateness"]["count"] == 4
    assert {row["name"] for row in told["task_list"]} >= {"t0", "t1", "t2", "t3"}
    assert main(["report", "--json", "-", str(path)]) == 0
    assert not {"loop", "task_list"} & set(json.loads(capsys.readouterr().out))


def test_held_needs_loop_and_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.2cooks"
    path.write_bytes(scenes.loop_held().file())
    assert main(["report", "--held", "1s", str(path)]) == 2
    assert "--loop" in capsys.readouterr().err
    assert main(["report", "--loop", "--held", "soon", str(path)]) == 2
    assert "no length of time" in capsys.readouterr().err


def test_without_a_loop_or_a_task_one_line_says_so() -> None:
    seen = analyse(scenes.gil_threads().trace())
    assert "No event loop" in loop_table.loop(seen.tell_loops(0.05), options(80))
    assert "no task" in task_table.tasks(replace(seen, tell_tasks=list), options(80))


@pytest.mark.parametrize("scene", [scenes.loop_held, scenes.sleepers, scenes.gil_threads])
def test_without_unicode_all_of_it_is_ascii(scene: scenes.Scene) -> None:
    seen, place = analyse(scene().trace()), Options(width=80, colour="none", unicode=False)
    assert render(seen, place).isascii()
    assert task_table.tasks(seen, place).isascii()
    assert loop_table.loop(seen.tell_loops(0.001), place).isascii()
