"""The whole analysis with the C code and with its numpy twins: the same numbers, to the last bit.

The traces mimic recorded ones (many threads and loops, reused thread numbers, losses), so that each
of the inner loops has something to do.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from benchmarks import mimic
from hypothesis import given
from hypothesis import strategies as st

from twocooks.analyse import analyse, coincide, fast, timeline
from twocooks.analyse.book import Few
from twocooks.analyse.callbacks import WALK_NS
from twocooks.analyse.columns import (
    NO_REASON,
    Levels,
    Pieces,
    asof,
    covered,
    pieces,
    shared,
    sweep_sets,
)
from twocooks.analyse.findings import gil_kept
from twocooks.analyse.findings.base import Facts
from twocooks.analyse.result import Analysis
from twocooks.analyse.tally import WORDS
from twocooks.analyse.threads import REASONS
from twocooks.model import Reason, State
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
    for filled in (True, False):
        quick = timeline._gathered(cut, between, filled)
        with fast.use(False):
            slow = timeline._gathered(cut, between, filled)
        for mine, theirs in zip(quick.columns, slow.columns, strict=True):
            assert mine.dtype == theirs.dtype
            assert mine.tolist() == theirs.tolist()


slices_drawn = st.lists(
    st.tuples(
        st.integers(0, 2),  # thread
        st.sampled_from([0, 0, 0, 40_000, 2 * WALK_NS]),  # off the core before it
        st.sampled_from([1, 30_000, WALK_NS, 3 * WALK_NS]),  # length
        st.integers(-1, 3),  # task
        st.sampled_from([State.WORKING, State.WORKING, State.WORKING, State.UNKNOWN]),
    ),
    max_size=40,
)


def _slices(drawn: list[tuple[int, int, int, int, int]]) -> Pieces:
    clock = [0, 0, 0]
    rows = []
    for cook, gap, length, task, doing in sorted(drawn, key=lambda row: row[0]):
        begin = clock[cook] + gap
        clock[cook] = begin + length
        rows.append((task, begin, begin + length, doing, cook))
    table = np.array(rows, np.int64).reshape(-1, 5)
    owner, start, end, state, thread = table.T
    return pieces(owner, start, end, state, 255, 0, thread)


@given(slices_drawn)
def test_cooks_are_found_as_numpy_does_it(drawn: list[tuple[int, int, int, int, int]]) -> None:
    """Walks of all lengths between steps, tasks that are not counted, lost stretches."""
    slices = _slices(drawn)
    chosen = np.array([True, True, False, True])
    never = np.zeros(4, np.int64)
    found = fast.cooks(slices.columns, (chosen, never, never), WORDS, WALK_NS)
    start, end = coincide._at_it(slices, chosen)
    assert found is not None
    assert found[0].tolist() == start.tolist()
    assert found[1].tolist() == end.tolist()


@given(slices_drawn, st.lists(st.integers(0, 10 * WALK_NS), max_size=12))
def test_moments_inside_are_found_as_numpy_does_it(
    drawn: list[tuple[int, int, int, int, int]], borders: list[int]
) -> None:
    slices, edges = _slices(drawn), np.array(sorted(set(borders)), np.int64)
    levels = sweep_sets(slices.start, slices.end, P=slices.state == State.WORKING)
    start, end = edges[: len(edges) // 2 * 2].reshape(-1, 2).T
    told = []
    for c in (True, False):
        rows = np.arange(len(levels.time)) % 5 == 0
        with fast.use(c):
            told.append((coincide._inside(levels, start, end, rows), rows.tolist()))
    assert told[0] == told[1]


@given(st.lists(st.integers(0, 60), max_size=30), st.lists(st.integers(0, 60), max_size=30))
def test_what_two_sets_of_stretches_share_is_found_as_numpy_does_it(
    one: list[int], other: list[int]
) -> None:
    """Sorted and disjoint; some touch, some are empty."""
    even = (sorted(s[: len(s) // 2 * 2]) for s in (one, other))
    a, b = ((np.array(s[::2], np.int64), np.array(s[1::2], np.int64)) for s in even)
    assert shared(a, b) == int(covered(*a, *b).sum())
    assert shared(b, a) == shared(a, b)


@given(st.lists(st.integers(-1, 3), max_size=20))
def test_a_column_of_few_values_is_that_column(values: list[int]) -> None:
    column = np.array(values, np.int32)
    few = Few(column)
    rows = np.arange(len(column))[::-1]
    assert few[rows].tolist() == column[rows].tolist()
    assert [int(few[row]) for row in rows] == column[rows].tolist()


@given(
    st.lists(st.tuples(st.integers(-1, 4), st.integers(0, 40)), max_size=30),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=60),
)
def test_the_row_before_a_moment_is_found_as_numpy_does_it(
    asked: list[tuple[int, int]], rows: list[tuple[int, int]]
) -> None:
    """Questions in any order, of groups that are and that are not there."""
    group, time = np.array(asked, np.int64).reshape(-1, 2).T
    in_group, in_time = np.array(sorted(rows), np.int64).reshape(-1, 2).T
    quick = asof(group, time, in_group, in_time)
    with fast.use(False):
        slow = asof(group, time, in_group, in_time)
    assert quick.tolist() == slow.tolist()
    for (g, t), row in zip(asked, quick.tolist(), strict=True):
        fitting = [i for i, (g2, t2) in enumerate(sorted(rows)) if g2 == g and t2 <= t]
        assert row == max(fitting, default=-1)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=20),
    st.integers(0, 1),
    st.integers(1, 3),
)
def test_missing_hands_are_found_as_numpy_does_it(
    steps: list[tuple[int, int]], low: int, usable: int
) -> None:
    p, d = np.array(steps, np.int32).reshape(-1, 2).T.copy()
    levels = Levels(np.arange(len(steps), dtype=np.int64) * 7, {"P": p, "D": d})
    facts = SimpleNamespace(told=SimpleNamespace(levels=levels), m=SimpleNamespace(usable=usable))
    quick = Facts.lacking(facts, low)  # type: ignore[arg-type]
    with fast.use(False):
        slow = Facts.lacking(facts, low)  # type: ignore[arg-type]
    assert [column.tolist() for column in quick] == [column.tolist() for column in slow]


MS = 1_000_000
doings_drawn = st.lists(
    st.tuples(
        st.integers(0, 3),  # thread
        st.sampled_from([0, 0, MS, 30 * MS]),  # unknown time before it
        st.sampled_from([MS // 2, MS, 5 * MS, 40 * MS]),  # length
        st.sampled_from([State.WORKING, State.WORKING, State.IN_LINE, State.WAITING]),
        st.sampled_from([NO_REASON, REASONS[Reason.CORE], REASONS[Reason.GIL]]),
    ),
    max_size=30,
)
times = st.integers(0, 200).map(lambda ms: ms * MS)


@given(doings_drawn, st.lists(st.tuples(st.integers(0, 4), times, times), max_size=12))
def test_who_was_alone_at_work_is_found_as_numpy_does_it(
    drawn: list[tuple[int, int, int, int, int]], asked: list[tuple[int, int, int]]
) -> None:
    clock, rows = [0] * 4, []
    for thread, gap, length, state, reason in sorted(drawn, key=lambda row: row[0]):
        begin = clock[thread] + gap
        clock[thread] = begin + length
        rows.append((thread, begin, begin + length, state, reason))
    owner, start, end, state_of, why = np.array(rows, np.int64).reshape(-1, 5).T
    facts = SimpleNamespace(labelled=pieces(owner, start, end, state_of, why, 0, owner))
    whole = [(who, min(a, b), max(a, b) + 1) for who, a, b in asked]
    given_ = np.array(whole, np.int64).reshape(-1, 3)
    threads = np.array([0, 1, 3])
    quick = gil_kept._alone_at_work(facts, threads, given_)  # type: ignore[arg-type]
    with fast.use(False):
        slow = gil_kept._alone_at_work(facts, threads, given_)  # type: ignore[arg-type]
    assert quick.tolist() == slow.tolist()


def test_many_moments_at_once_and_few_far_apart_are_counted() -> None:
    """Moments are sorted in stretches of time; here nearly all of them lie in one."""
    rng = np.random.default_rng(5)
    start = np.append(rng.integers(0, 1000, 40_000), [10**12, 3 * 10**13])
    end = start + rng.integers(1, 50, len(start))
    marks = rng.random(len(start)) < 0.5
    quick = sweep_sets(start, end, A=marks, B=~marks)
    with fast.use(False):
        slow = sweep_sets(start, end, A=marks, B=~marks)
    for name in "AB":
        mine, theirs = quick.counts[name], slow.counts[name]
        assert np.array_equal(mine, theirs[np.isin(slow.time, quick.time)])
    assert set(quick.time.tolist()) <= set(slow.time.tolist())


def test_a_mimicked_trace_is_as_large_as_told(tmp_path: Path) -> None:
    made = mimic.write(tmp_path / "t.2cooks", 20_000)
    trace = reader.load(tmp_path / "t.2cooks")
    assert not trace.notes
    assert made.size == (tmp_path / "t.2cooks").stat().st_size
    assert made.kernel_records <= len(trace.kernel.time)
    assert made.kernel_bytes <= 8 * made.kernel_records
