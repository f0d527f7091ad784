"""A timeline that is put aside says what it said in memory, to the last bit."""

from __future__ import annotations

import errno
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks import mimic
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.analyse import scenes
from twocooks.analyse import pictures, shelf
from twocooks.analyse.build import Recording
from twocooks.analyse.columns import Pieces, pieces
from twocooks.analyse.result import Looks
from twocooks.analyse.shelf import Shelf, Shelved
from twocooks.model import LEVELS
from twocooks.read import reader
from twocooks.read.late import LateTrace
from twocooks.report.html import looks as looks_of_pages
from twocooks.report.html.contract import REASON_STEP, SEEN_NATIVE, SEEN_PYTHON
from twocooks.report.html.detail import Detail
from twocooks.report.html.lanes import Parts, raw

SHARES = ((0.0, 1.0), (0.2, 0.45), (0.5, 0.501))
SCENES = list(enumerate(scenes.SCENES))


def _spans(run: Recording) -> list[tuple[int, int]]:
    begin, end = run.line.start_ns, run.line.end_ns
    return [(begin + int((end - begin) * a), begin + int((end - begin) * b)) for a, b in SHARES]


def _pair(path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Recording, Recording]:
    """One in memory, the other with everything on the shelf and in parts of a few rows."""
    plain = Recording(reader.load(path))
    monkeypatch.setattr(reader, "LATE_BYTES", 0)
    monkeypatch.setattr(shelf, "ROWS", 16)
    monkeypatch.setattr(pictures, "PART", 100)
    late = reader.load(path)
    assert isinstance(late, LateTrace)
    return plain, Recording(late, Shelf(least=1))


def _said(value: Any) -> str:
    return json.dumps(value, default=float)


def _same_answers(one: Recording, other: Recording, by: str) -> None:
    """The page and all that it asks for."""
    plain, aside = Detail(one, by), Detail(other, by)
    assert plain.page() == aside.page()
    assert isinstance(other.line.table, Shelved)
    low, high = plain.analysis.window_s
    for a, b in SHARES:
        span = low + (high - low) * a, low + (high - low) * b
        for most in ((250_000, 800_000), (30, 100)):
            assert _asked(plain.window, *span, *most) == _asked(aside.window, *span, *most)
        assert _asked(plain.numbers, *span) == _asked(aside.numbers, *span)


def _asked(question: Any, *given: float) -> str:
    try:
        return _said(question(*given))
    except ValueError as error:  # nothing was done in this run
        return str(error)


@pytest.mark.parametrize(("turn", "scene"), SCENES, ids=[s.__name__ for s in scenes.SCENES])
def test_each_scene_is_the_same_from_the_shelf(
    turn: int, scene: scenes.Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.2cooks"
    path.write_bytes(scene().file(block_records=50))
    one, other = _pair(path, monkeypatch)
    for window in (None, _spans(one)[1]):
        mine, theirs = (run.analyse("task", window) for run in (one, other))
        assert _said(mine.whole) == _said(theirs.whole)
        assert [wait.row() for wait in mine.waits] == [wait.row() for wait in theirs.waits]
        assert mine.identities == theirs.identities
    _same_answers(one, other, LEVELS[turn % len(LEVELS)])


@pytest.mark.parametrize(("lost_every", "by"), [(1, "task"), (150, "thread")])
def test_a_mimicked_trace_is_the_same_from_the_shelf(
    lost_every: int, by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mimic, "LOST_EVERY", lost_every)
    path = tmp_path / "t.2cooks"
    mimic.write(path, 10_000, mimic.Shape(threads=40, loops=6, processes=2), seed=lost_every)
    one, other = _pair(path, monkeypatch)
    for window in (None, *_spans(one)):
        mine, theirs = (run.analyse(by, window) for run in (one, other))
        assert _said(mine.whole) == _said(theirs.whole)
        assert mine.identities == theirs.identities
        tables = [[loop.row() for loop in found.tell_loops(0.001)] for found in (mine, theirs)]
        assert _said(tables[0]) == _said(tables[1])
    _same_answers(one, other, by)


def test_the_columns_of_a_window_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.2cooks"
    mimic.write(path, 10_000, mimic.Shape(threads=40, loops=6, processes=2))
    for window in _spans(Recording(reader.load(path))):
        one, kept = (run.analyse(window=window).data for run in _pair(path, monkeypatch))
        for name in ("tasks", "intervals", "switches", "slices", "waits"):
            mine, theirs = getattr(one, name), getattr(kept, name)
            for column, other in zip(mine.columns, theirs.columns, strict=True):
                assert np.array_equal(column.values, other.values), (name, column.field.name)
                assert column.texts == other.texts
        monkeypatch.undo()


@pytest.mark.parametrize("part", [7, 1 << 19])
def test_looks_at_tasks_are_the_same_part_by_part(
    part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.2cooks"
    mimic.write(path, 2_000, mimic.Shape(threads=12, loops=2, processes=2))
    one, kept = (run.analyse() for run in _pair(path, monkeypatch))
    monkeypatch.setattr(pictures, "PART", part)
    monkeypatch.setattr(looks_of_pages, "REACH_S", 2e-6)
    chance = np.random.default_rng(7)
    task = chance.integers(len(one.tasks), size=400)
    low, high = one.window_s
    time = chance.uniform(low, high, size=400)
    for i in range(0, 400, 2):  # half of them where something begins or ends, or just behind
        edges = one.tasks[task[i]].segments.end
        time[i] = chance.choice(edges) + (0.0, 1e-5)[i // 2 % 2] if len(edges) else time[i]
    looks = Looks(task, time, chance.random(400) < 0.5)
    plain = replace(one, looks=looks, picture=None)
    (whole,) = raw(plain).tasks()
    assert np.isin(whole.code // REASON_STEP, (SEEN_PYTHON, SEEN_NATIVE)).sum() > 100
    assert len(whole.lane) > sum(len(task.segments.start) for task in one.tasks) + 100
    for span in (None, *((low + (high - low) * a, low + (high - low) * b) for a, b in SHARES)):
        found = list(Parts(replace(kept, looks=looks), span).tasks())
        inside = np.ones(len(whole.lane), bool)
        if span is not None:
            inside = (whole.end > span[0]) & (whole.start < span[1])
        for number, column in enumerate(whole.take(inside)):
            assert np.concatenate([part[number] for part in found]).tolist() == column.tolist()


@st.composite
def tables(draw: st.DrawFn) -> Pieces:
    """Sorted by owner and start; stretches of one owner may even overlap."""
    rows = draw(st.lists(st.tuples(*[st.integers(0, 40)] * 3), max_size=60))
    rows.sort(key=lambda row: row[:2])
    owner, start, length = np.array(rows, np.int64).reshape(-1, 3).T
    return pieces(owner, start, start + length + 1, 1, 255, np.arange(len(rows)), owner)


@given(tables(), st.integers(-3, 90), st.integers(0, 90), st.sampled_from([1, 3, 16]))
def test_the_index_finds_what_reaches_into_a_window(
    table: Pieces, begin: int, length: int, rows: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shelf, "ROWS", rows)
        found = Shelf(least=1).table(table)
        assert isinstance(found, Shelved)
        some, wanted = found.during(begin, begin + length), table.during(begin, begin + length)
        assert found.near(begin, begin + length) >= len(wanted)
    for mine, theirs in zip(some.columns, wanted.columns, strict=True):
        assert mine.dtype == theirs.dtype
        assert mine.tolist() == theirs.tolist()


def test_what_is_on_the_shelf_is_nobodys_to_change() -> None:
    column = np.arange(100_000)
    shown = Shelf().put(column)
    assert shown is not column
    assert np.array_equal(shown, column)
    with pytest.raises(ValueError, match="read-only"):
        shown[0] = 1


def test_what_is_put_there_twice_lies_there_once() -> None:
    kept = Shelf()
    column = np.arange(100_000)
    shown = kept.put(column)
    size = kept.size
    assert kept.put(column) is shown
    kept.settle()
    assert kept.put(shown) is shown
    assert kept.size == size > 0


def test_small_columns_stay_in_memory() -> None:
    kept = Shelf()
    column = np.arange(10)
    assert kept.put(column) is column
    assert kept.size == 0


def test_without_room_the_columns_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Shelf()
    first, second = np.arange(100_000), np.arange(100_000) + 5
    shown = kept.put(first)

    class Full:
        def seek(self, at: int) -> None:
            """Anywhere."""

        def write(self, data: memoryview) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(kept, "_file", Full())
    assert kept.put(second) is second
    third = np.arange(200_000)
    assert kept.put(third) is third
    kept.rest()
    assert np.array_equal(shown, first)


def test_without_a_place_for_the_file_all_stays_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**how: Any) -> None:
        raise PermissionError

    monkeypatch.setattr(tempfile, "TemporaryFile", refused)
    column = np.arange(100_000)
    assert Shelf().put(column) is column
    run = Recording(scenes.turns_then_parallel().trace(), Shelf())
    assert _said(run.analyse().whole) == _said(
        Recording(scenes.turns_then_parallel().trace()).analyse().whole
    )


def test_the_file_is_where_the_user_wants_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    real = tempfile.TemporaryFile

    def noted(**how: Any) -> Any:
        asked.append(how["dir"])
        return real(**how)

    monkeypatch.setattr(tempfile, "TemporaryFile", noted)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    kept = Shelf()
    kept.put(np.arange(100_000))
    assert asked == [str(tmp_path)]
    assert not list(tmp_path.iterdir())  # it has no name
