"""Arrays in a file say what they said in memory, and nothing of them is left anywhere."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks import mimic
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.analyse import scenes
from twocooks.analyse.build import Recording, analyse
from twocooks.analyse.shelf import Shelf
from twocooks.cli import main
from twocooks.model import LEVELS
from twocooks.read import reader, room
from twocooks.report.html.detail import Detail

PAGE = 4096
SCENES = list(enumerate(scenes.SCENES))


@contextmanager
def _room(size: int = 1 << 20) -> Iterator[room.Room]:
    """Room for a trace of so many bytes; skips where there can be none."""
    with room.rooms():
        room.make(size)
        made = room.now()
        if made is None:
            pytest.skip("the C part is not built, or no folder for temporary files is on a disk")
        yield made


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """All traces are large, nearly all arrays are, and hardly anything may stay in memory."""
    monkeypatch.setattr(reader, "LATE_BYTES", 0)
    monkeypatch.setattr(room, "LEAST_BYTES", 64)
    monkeypatch.setattr(room, "STAY_BYTES", 0)
    monkeypatch.setattr(room, "STAY_TIMES", 0)
    monkeypatch.setattr(room, "TIMES", 1 << 16)


def _said(value: Any) -> str:
    return json.dumps(value, default=float)


def _answers(path: Path, by: str) -> list[str]:
    """All that the commands say of a trace: the numbers, the tables, the page, and what it asks."""
    run = Recording(reader.load(path), Shelf(least=64))
    detail = Detail(run, by)
    whole = detail.analysis
    found = [_said(whole.whole), _said([wait.row() for wait in whole.waits]), detail.page()]
    found += [_said([task.row() for task in whole.task_list]), _said(whole.identities)]
    low, high = detail.analysis.window_s
    for a, b in ((0.2, 0.45), (0.5, 0.501)):
        span = low + (high - low) * a, low + (high - low) * b
        try:
            found += [_said(detail.window(*span)), _said(detail.numbers(*span))]
        except ValueError as error:  # nothing was done in this run
            found.append(str(error))
    return [*found, _said(analyse(reader.load(path), by).whole)]


def _same(path: Path, by: str) -> None:
    plain = _answers(path, by)
    with room.rooms():
        assert _answers(path, by) == plain
        made = room.now()
        assert made is None or made.told()[0] > 0


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(("turn", "scene"), SCENES, ids=[s.__name__ for s in scenes.SCENES])
def test_each_scene_is_the_same_in_a_room(
    turn: int, scene: scenes.Scene, tmp_path: Path
) -> None:
    path = tmp_path / "t.2cooks"
    path.write_bytes(scene().file(block_records=50))
    _same(path, LEVELS[turn % len(LEVELS)])


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("lost_every", [1, 150])
def test_a_mimicked_trace_is_the_same_in_a_room(
    lost_every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mimic, "LOST_EVERY", lost_every)
    path = tmp_path / "t.2cooks"
    mimic.write(path, 20_000, mimic.Shape(threads=40, loops=6, processes=2), seed=lost_every)
    _same(path, "task")


@pytest.mark.usefixtures("tiny")
def test_what_has_no_room_in_the_file_is_plain_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.2cooks"
    mimic.write(path, 5_000, mimic.Shape(threads=20, loops=3, processes=2))
    plain = _answers(path, "task")
    monkeypatch.setattr(room, "TIMES", 1)  # a few pages
    with _room():
        assert _answers(path, "task") == plain
        made = room.now()
        assert made is not None
        assert made.told()[2] > 0


def test_large_arrays_lie_in_the_file_and_small_ones_do_not() -> None:
    with _room() as made:
        large, small = np.zeros(1 << 20, np.uint8), np.zeros(10)
        assert made.has(large)
        assert not made.has(small)
        assert made.told()[1] >= large.nbytes
        del large
        assert made.told()[1] == 0
        again = np.zeros(1 << 20, np.uint8)  # where the other was
        assert not again.any()
        assert room.own(np.frombuffer(bytes(1 << 20), np.uint8)).base is None
    assert not made.has(np.zeros(1 << 20, np.uint8))  # behind it arrays are numpy's own again


def test_arrays_outlive_the_block() -> None:
    with _room() as made:
        kept = np.arange(1 << 17)
    made.rest(trim=True)
    del made
    assert np.array_equal(kept, np.arange(1 << 17))
    assert np.array_equal(np.sort(kept[::-1]), np.arange(1 << 17))


def test_nobody_gets_room_who_did_not_ask() -> None:
    room.make(1 << 20)
    assert room.now() is None
    column = np.arange(10)
    assert room.own(column) is column


def test_one_room_after_the_other() -> None:
    with _room() as first:
        one = np.full(1 << 17, 1)
        with room.rooms():  # nobody made one in here
            assert room.now() is None
        room.make(1 << 20)
        second = room.now()
        assert second is not None
        assert second is not first
        two = np.full(1 << 17, 2)
        assert first.has(one)
        assert second.has(two)
        assert not second.has(one)
    assert (one + two == 3).all()


def test_nothing_is_left_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with _room() as made:
        column = np.zeros(1 << 20, np.uint8)
        assert made.has(column)
        assert not list(tmp_path.iterdir())


def test_unused_disk_is_given_back_and_taken_again() -> None:
    with _room(8 << 20) as made:
        first, second = np.full(1 << 20, 7), np.full(1 << 20, 8)
        kept = np.full(1 << 17, 9)
        del first
        made.rest(trim=True)
        third = np.zeros(1 << 20, np.int64)  # where the first was
        assert not third.any()
        assert made.has(third)
        third[:] = 5
        made.rest()
        assert (second == 8).all()
        assert (kept == 9).all()
        assert (third == 5).all()


def test_without_a_folder_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "unnamed", lambda folder: None)
    with room.rooms():
        room.make(1 << 20)
        assert room.now() is None


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="no such files here")
def test_a_folder_in_memory_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel could not take such a file's pages back."""

    def in_memory(folder: str | None) -> Any:
        return open(os.memfd_create("t"), "r+b", buffering=0)

    monkeypatch.setattr(room, "unnamed", in_memory)
    with room.rooms():
        room.make(1 << 20)
        assert room.now() is None


@pytest.mark.usefixtures("tiny")
def test_the_commands_use_rooms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.2cooks"
    path.write_bytes(scenes.turns_then_parallel().file(block_records=50))
    made: list[room.Room | None] = []
    real = room.make

    def noted(size: int) -> None:
        real(size)
        made.append(room.now())

    monkeypatch.setattr(room, "make", noted)
    assert main(["report", str(path)]) == 0
    said = capsys.readouterr().out
    assert len(made) == 1
    assert room.now() is None
    monkeypatch.setattr(reader, "LATE_BYTES", 1 << 30)
    assert main(["report", str(path)]) == 0
    assert capsys.readouterr().out == said
    assert len(made) == 1


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["new", "drop", "resize", "rest", "trim"]),
        st.integers(0, 7),
        st.integers(0, 6 * PAGE),
    ),
    max_size=60,
)


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_no_array_ever_touches_another(steps: list[tuple[str, int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "LEAST_BYTES", 1)
        patch.setattr(room, "TIMES", 1)
        with _room(40 * PAGE) as made:
            there: dict[int, tuple[Any, int]] = {}
            for turn, (what, slot, size) in enumerate(steps):
                mark = turn % 200 + 1
                if what == "new":
                    fresh: Any = np.zeros(size, np.uint8)
                    assert not fresh.any()
                    fresh[:] = mark
                    there[slot] = fresh, mark
                    del fresh
                elif what == "drop":
                    there.pop(slot, None)
                elif what == "resize" and slot in there:
                    array, mark = there.pop(slot)
                    had = len(array)
                    array.resize(size, refcheck=False)
                    assert (array[:had] == mark).all()
                    array[:] = mark
                    there[slot] = array, mark
                    del array
                elif what in ("rest", "trim"):
                    made.rest(trim=what == "trim")
                assert all((array == mark).all() for array, mark in there.values())
            there.clear()
            assert made.told()[1] == 0
