"""The last screen and the live picture, from a made-up analysis: never wider than the terminal."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len

from tests.kit import analyses
from twocooks.analyse.result import Analysis, Core
from twocooks.kitchen import dinner, live, measure, screen, serve
from twocooks.kitchen.recipe import MODES, Dish
from twocooks.model import TaskKind
from twocooks.report.base import Options
from twocooks.report.terminal.paint import Painter

TUESDAY = dinner.load("tuesday")
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def kitchen_like(name: str = "both") -> Analysis:
    """Some run whose tasks are dishes, with a thread named for each core."""
    found = analyses.ALL[name]()
    tasks = [replace(task, kind=TaskKind.BLOCK) for task in found.tasks]
    cores = [replace(core, tid=np.full(len(core.task), 100 + core.cpu, np.int32))
             for core in found.cores]
    return replace(found, tasks=tasks, cores=cores)


def plates(verdict: str | None = None) -> list[serve.Plate]:
    done, refused = serve.plates(TUESDAY, serve.Variant())
    assert not refused
    analysis = kitchen_like()
    for plate in done:
        plate.analysis = analysis
        plate.measured = measure.measure(analysis, TUESDAY.minute_s)
        plate.measured = replace(plate.measured, verdict=verdict or plate.measured.verdict)
    return done


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("colour", ["none", "16", "full"])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_line_is_wider_than_the_terminal(width: int, colour: str, unicode: bool) -> None:
    options = Options(width=width, colour=colour, unicode=unicode)  # type: ignore[arg-type]
    text = screen.render(TUESDAY, serve.Variant(), plates("sometimes"), ["Changed it."], options)
    if colour == "none":
        assert "\x1b" not in text
    plain = ESCAPE.sub("", text)
    assert "\x1b" not in plain
    assert max(map(cell_len, plain.splitlines())) <= width
    if not unicode:
        assert plain.isascii()
    for word in ("one after another", "with a friend, switching", "hands on it", "40", "13"):
        assert word in plain


def test_the_first_screen_has_no_jargon() -> None:
    text = screen.render(TUESDAY, serve.Variant(), plates(), [], Options(width=100)).lower()
    for word in ("makespan", "span", "throughput", "utilisation", "preempt", "scheduler", "mutex",
                 "semaphore", "futex", "affinity", "deterministic", "thread-safe", "simultan",
                 "at the same time", "multitasking", "asynchron"):
        assert word not in text, word


def test_hostile_names_cannot_steer_the_terminal() -> None:
    evil = "\x1b]0;x\x07\x1b[2J\u202eevil"
    hostile = replace(TUESDAY, name=evil, teaches=evil,
                      dishes=tuple(replace(d, name=evil + d.name) for d in TUESDAY.dishes))
    done = plates()
    for plate in done:
        assert plate.analysis is not None
        plate.analysis = replace(plate.analysis, tasks=[
            replace(task, name=evil) for task in plate.analysis.tasks])
        plate.burnt = [(evil, evil, 2.0)]
    text = screen.render(hostile, serve.Variant(), done, [evil], Options(width=80))
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_broken_bound_is_our_mistake_and_is_said() -> None:
    done = plates()
    for plate in done:
        assert plate.measured is not None
        plate.measured = replace(plate.measured,
                                 numbers=replace(plate.measured.numbers, minutes=5.0))
    text = screen.render(TUESDAY, serve.Variant(), done, [], Options(width=100))
    assert text.count("mistake in twocooks") == len(MODES)


def test_turns_are_counted_between_unfinished_dishes_only() -> None:
    found = kitchen_like()
    first, second = found.tasks[0], found.tasks[1]
    tasks = [replace(first, done_s=5.0, significant=True), replace(second, done_s=6.0)]
    pieces = [(0.0, 1.0, first.id), (1.0, 2.0, second.id), (2.0, 2.001, first.id),
              (2.001, 3.0, second.id), (3.0, 5.0, first.id), (5.0, 6.0, second.id)]
    core = Core(0, np.array([p[0] for p in pieces]), np.array([p[1] for p in pieces]),
                np.array([p[2] for p in pieces], np.int32), np.full(len(pieces), 7, np.int32))
    run = replace(found, tasks=tasks, cores=[core])
    # 1 -> 2 is a turn, the glance at 1 is none, 2 -> 1 is one, 1 -> 2 is none: 1 is finished.
    assert measure.turns(run, 0.1) == 2


def test_the_live_picture_follows_what_the_cooks_say() -> None:
    picture = live.Picture(TUESDAY, "switching", 19, Painter("none", True), 80)
    picture.hear("0.0 0 work 0\n0.1 0 wait -1\n0.1 1 work 0\nnonsense\n9 99 work 0\n")
    picture.pass_time(0.4)
    lines = list(picture.lines())
    assert "alone, switching" in lines[0]
    assert "own word" in lines[0]
    assert re.search(r"curry ▆+─+", lines[1])
    assert lines[2].endswith("you")
    picture.hear("0.5 1 done -1\n")
    assert not list(picture.lines())[2].endswith("you")
    assert all(cell_len(line) <= 80 for line in picture.lines())


def test_hostile_and_many_dishes_fit_the_live_picture() -> None:
    crowd = replace(TUESDAY, dishes=tuple(
        Dish(f"\x1b[2J{i}" + "x" * 50, TUESDAY.dishes[0].steps) for i in range(40)))
    picture = live.Picture(crowd, "switching", 19, Painter("none", False), 60)
    picture.hear("".join(f"0.1 {i} work 0\n" for i in range(40)))
    picture.pass_time(100)
    lines = list(picture.lines())
    assert len(lines) < 20
    assert all(cell_len(line) <= 60 and line.isascii() and "\x1b" not in line for line in lines)
