"""The whole analysis with the C code and with its numpy twins: the same numbers, to the last bit.

The traces mimic recorded ones (many threads and loops, reused thread numbers, losses), so that each
of the inner loops has something to do.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from benchmarks import mimic
from hypothesis import given
from hypothesis import strategies as st

from twocooks.analyse import analyse, fast, timeline
from twocooks.analyse.columns import Pieces, pieces
from twocooks.analyse.result import Analysis
from twocooks.read import reader

pytest.importorskip("twocooks._tables", reason="the C part is not built")

SHAPES = {
    "threads and loops": mimic.Shape(threads=40, loops=6, processes=2),
    "one loop, many steps": mimic.Shape(cpus=2, threads=12, loops=1, processes=1, steps=12),
    "no loops": mimic.Shape(threads=60, loops=0, processes=3, looked=1.0),
}


def _both(path: Path) -> tuple[Analysis, Analysis]:
    trace = reader.load(path)
    with fast.use(False):
        slow = analyse(trace)
    return analyse(trace), slow


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("lost_every", [1, 150])
def test_c_and_numpy_say_the_same(
    shape: str, lost_every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mimic, "LOST_EVERY", lost_every)
    mimic.write(tmp_path / "t.2cooks", 15_000, SHAPES[shape], seed=lost_every)
    quick, slow = _both(tmp_path / "t.2cooks")
    assert json.dumps(quick.summary, default=float) == json.dumps(slow.summary, default=float)
    assert quick.identities == slow.identities
    assert all(holds for _, holds, _ in quick.identities)
    assert len(quick.tasks) == len(slow.tasks) > 10
    for one, other in zip(quick.tasks, slow.tasks, strict=True):
        assert (one.name, one.work_s, one.begun_s) == (other.name, other.work_s, other.begun_s)
        for column in ("start", "end", "state", "reason", "core"):
            mine, theirs = getattr(one.segments, column), getattr(other.segments, column)
            assert np.array_equal(mine, theirs), (one.name, column)
    for mine, theirs in zip(quick.cores, slow.cores, strict=True):
        assert np.array_equal(mine.task, theirs.task)
        assert np.array_equal(mine.start, theirs.start)
    assert np.array_equal(quick.at_work.value, slow.at_work.value)


stretches = st.lists(
    st.tuples(st.integers(-2, 3), st.integers(0, 20), st.integers(0, 5)), max_size=25
)


def _table(rows: list[tuple[int, int, int]], first: int) -> Pieces:
    owner, start, length = np.array(rows, np.int64).reshape(-1, 3).T
    number = first + np.arange(len(rows))  # each row can be told from all others
    return pieces(owner, start, start + length, number % 7, number % 11, number, number)


@given(stretches, stretches)
def test_tables_are_gathered_as_numpy_does_it(
    a: list[tuple[int, int, int]], b: list[tuple[int, int, int]]
) -> None:
    """Unsorted, overlapping and empty stretches, of owners and of nobody."""
    cut, between = _table(a, 0), _table([(abs(g), t, n) for g, t, n in b], 100)
    quick = timeline._gathered(cut, between)
    with fast.use(False):
        slow = timeline._gathered(cut, between)
    for mine, theirs in zip(quick.columns, slow.columns, strict=True):
        assert mine.dtype == theirs.dtype
        assert mine.tolist() == theirs.tolist()


def test_a_mimicked_trace_is_as_large_as_told(tmp_path: Path) -> None:
    made = mimic.write(tmp_path / "t.2cooks", 20_000)
    trace = reader.load(tmp_path / "t.2cooks")
    assert not trace.notes
    assert made.size == (tmp_path / "t.2cooks").stat().st_size
    assert made.kernel_records <= len(trace.kernel.time)
    assert made.kernel_bytes <= 8 * made.kernel_records
