"""The vectorised tools against slow twins that count instant by instant."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twocooks.analyse import fast
from twocooks.analyse.columns import (
    FEW,
    arranged,
    asof,
    distinct_rows,
    join,
    keep_long,
    marked,
    overlay,
    pieces,
    runs,
    sweep,
    sweep_sets,
    union,
    with_few,
)

LONGEST = 30


@pytest.fixture(params=[True, False], ids=["c", "numpy"], autouse=True, scope="module")
def which(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test runs with the C code and with its numpy twin."""
    if request.param:
        pytest.importorskip("twocooks._tables", reason="the C part is not built")
    with fast.use(request.param):
        yield


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 2), st.integers(-(2**40), 2**40))))
def test_distinct_rows_are_those_of_numpy(rows: list[tuple[int, int, int]]) -> None:
    table = np.array(rows, np.int64).reshape(-1, 3)
    narrow = table[:, 0].astype(np.int32), table[:, 1].astype(np.uint8), table[:, 2]
    found, which = distinct_rows(*narrow)
    wanted, inverse = np.unique(table, axis=0, return_inverse=True)
    assert found.tolist() == wanted.tolist()
    assert which.tolist() == inverse.reshape(-1).tolist()


def test_a_column_is_tested_by_a_table() -> None:
    column = np.arange(256, dtype=np.uint8)
    assert np.array_equal(marked((0, 7, 255))[column], np.isin(column, (0, 7, 255)))


stretch = st.tuples(st.integers(0, LONGEST), st.integers(0, LONGEST)).map(sorted)
grouped = st.lists(st.tuples(st.integers(0, 3), stretch), max_size=12)


def tiling(draw: list[tuple[int, list[int]]]) -> list[tuple[int, int, int]]:
    """Drop what overlaps, sort: what the tools call a tiling."""
    out: list[tuple[int, int, int]] = []
    for group, (a, b) in sorted(draw, key=lambda d: (d[0], d[1][0])):
        if b > a and (not out or out[-1][0] != group or out[-1][2] <= a):
            out.append((group, a, b))
    return out


def columns(rows: list[tuple[int, int, int]]) -> list[np.ndarray]:
    table = np.array(rows, np.int64).reshape(-1, 3)
    return [table[:, 0], table[:, 1], table[:, 2]]


@given(grouped)
def test_union_covers_the_same_instants_once(draw: list[tuple[int, list[int]]]) -> None:
    group, start, end = columns([(g, a, b) for g, (a, b) in draw])
    merged = list(zip(*(c.tolist() for c in union(group, start, end)), strict=True))
    covered = {(g, t) for g, (a, b) in draw for t in range(a, b)}
    assert {(g, t) for g, a, b in merged for t in range(a, b)} == covered
    assert sum(b - a for _, a, b in merged) == len(covered)


@given(grouped, grouped)
def test_overlay_cuts_without_losing_or_inventing(
    first: list[tuple[int, list[int]]], second: list[tuple[int, list[int]]]
) -> None:
    rows, tiles = tiling(first), tiling(second)
    group, start, end = columns(rows)
    table = pieces(group, start, end, 0, 0, 0, np.arange(len(rows)))
    cut, row = overlay(table, *columns(tiles))
    told = {}
    for i in range(len(cut)):
        for t in range(int(cut.start[i]), int(cut.end[i])):
            key = (int(cut.owner[i]), t)
            assert key not in told
            told[key] = (int(cut.thread[i]), int(row[i]))
    for number, (g, a, b) in enumerate(rows):
        for t in range(a, b):
            over = [k for k, (h, c, d) in enumerate(tiles) if h == g and c <= t < d]
            assert told.pop((g, t)) == (number, over[0] if over else -1)
    assert not told


@given(grouped)
def test_sweep_counts_what_is_open(draw: list[tuple[int, list[int]]]) -> None:
    _, start, end = columns([(g, a, b) for g, (a, b) in draw])
    levels = sweep(X=(start, end))
    for i in range(len(levels.time) - 1):
        for t in range(int(levels.time[i]), int(levels.time[i + 1])):
            assert levels.counts["X"][i] == sum(a <= t < b for _, (a, b) in draw)
    assert levels.integral("X") == sum(b - a for _, (a, b) in draw)


@given(grouped, st.integers(1, 10))
def test_short_coincidences_are_dropped_and_long_ones_kept(
    draw: list[tuple[int, list[int]]], least: int
) -> None:
    _, start, end = columns([(g, a, b) for g, (a, b) in draw])
    levels = sweep(X=(start, end))
    mask = levels.counts["X"] >= 2
    left, right = runs(levels, mask)
    kept = keep_long(levels, mask, least)
    assert levels.when(kept) == sum(
        b - a for a, b in zip(left, right, strict=True) if b - a >= least
    )


@given(grouped, st.integers(0, 4), st.integers(0, LONGEST))
def test_asof_finds_the_last_not_later(
    draw: list[tuple[int, list[int]]], group: int, time: int
) -> None:
    rows = sorted((g, a) for g, (a, _) in draw)
    table = np.array(rows, np.int64).reshape(-1, 2)
    found = asof(np.array([group]), np.array([time]), table[:, 0], table[:, 1])[0]
    good = [i for i, (g, a) in enumerate(rows) if g == group and a <= time]
    assert found == (good[-1] if good else -1)


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 9)), max_size=40))
def test_arranged_is_stable(draw: list[tuple[int, int]]) -> None:
    group = np.array([g for g, _ in draw], np.int64)
    time = np.array([t for _, t in draw], np.int64)
    rows = range(len(draw))
    assert arranged(group, time).tolist() == sorted(rows, key=lambda i: draw[i])
    assert arranged(group).tolist() == sorted(rows, key=lambda i: draw[i][0])


@given(st.lists(st.tuples(stretch, st.booleans(), st.booleans()), max_size=12))
def test_sweep_of_sets_counts_at_each_instant(
    draw: list[tuple[list[int], bool, bool]],
) -> None:
    table = np.array([span for span, _, _ in draw], np.int64).reshape(-1, 2)
    first = np.array([a for _, a, _ in draw], bool)
    second = np.array([b for _, _, b in draw], bool)
    levels = sweep_sets(table[:, 0], table[:, 1], A=first, B=second)
    for t in range(LONGEST):
        at = int(np.searchsorted(levels.time, t, "right")) - 1
        for name, mask in (("A", first), ("B", second)):
            told = int(levels.counts[name][at]) if at >= 0 else 0
            assert told == sum(m and a <= t < b for (a, b), m in zip(table, mask, strict=True))


def test_what_the_c_code_cannot_do_its_twin_does() -> None:
    """Numbers that are too large for a counting sort or a sort by time."""
    group = np.array([1 << 60, 0, 1 << 60], np.int64)
    start = np.array([5, 1 << 61, 0], np.int64)
    assert arranged(group, start).tolist() == [1, 2, 0]
    assert [c.tolist() for c in union(group, start, start + 5)] == [
        [0, 1 << 60],
        [1 << 61, 0],
        [(1 << 61) + 5, 10],
    ]
    levels = sweep(A=(start, start + 5))
    assert levels.counts["A"].max() == 1
    assert levels.integral("A") == 15


rows = st.lists(st.tuples(st.integers(0, 5), st.integers(0, LONGEST)), max_size=6)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, LONGEST)), max_size=30), rows)
def test_few_questions_to_a_large_table_find_the_same_rows(
    table: list[tuple[int, int]], asked: list[tuple[int, int]]
) -> None:
    group, time = np.array(sorted(table), np.int64).reshape(-1, 2).T
    want, when = np.array(asked, np.int64).reshape(-1, 2).T
    many = np.repeat(want, 1 + FEW * len(group)), np.repeat(when, 1 + FEW * len(group))
    found = asof(want, when, group.astype(np.int32), time)
    assert found.tolist() == asof(*many, group, time)[:: 1 + FEW * len(group)].tolist()
    for (g, t), row in zip(asked, found.tolist(), strict=True):
        not_later = [i for i, (h, u) in enumerate(sorted(table)) if h == g and u <= t]
        assert row == max(not_later, default=-1)


@given(grouped, grouped)
def test_few_stretches_go_where_sorting_would_put_them(
    first: list[tuple[int, list[int]]], second: list[tuple[int, list[int]]]
) -> None:
    parts = []
    for number, draw in enumerate((first, second)):
        group, start, end = columns(tiling(draw))
        parts.append(pieces(group, start, end, 0, 0, 0, number))
    both, sorted_ = with_few(*parts), join(parts).ordered()
    for mine, theirs in zip(both.columns, sorted_.columns, strict=True):
        assert mine.tolist() == theirs.tolist()
        assert mine.dtype == theirs.dtype
