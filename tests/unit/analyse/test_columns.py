"""The vectorised tools against slow twins that count instant by instant."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from twocooks.analyse.columns import asof, keep_long, overlay, pieces, runs, sweep, union

LONGEST = 30
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
