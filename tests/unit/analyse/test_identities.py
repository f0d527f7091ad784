"""Each identity holds on true records and catches a mutant."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.kit.builder import Builder
from tests.unit.analyse import scenes
from twocooks.analyse import account as counting
from twocooks.analyse import analyse, identities
from twocooks.analyse.account import Account, Cores, account
from twocooks.analyse.columns import Levels
from twocooks.analyse.timeline import Timeline, build_timeline


def judged(b: Builder) -> dict[str, bool]:
    return {name[:2]: good for name, good, _ in analyse(b.trace()).identities}


def parts(b: Builder) -> tuple[Timeline, Account]:
    line = build_timeline(b.trace())
    return line, account(line, 2.0)


def check(line: Timeline, told: Account) -> dict[str, bool]:
    return {name[:2]: good for name, good, _ in identities.check(line, told, None, 0, 0)}


@pytest.mark.parametrize("scene", [scenes.two_processes, scenes.four_on_two, scenes.async_turns])
def test_all_hold_on_true_records(scene: scenes.Scene) -> None:
    assert all(judged(scene()).values())


def test_i1_catches_a_dropped_record() -> None:
    b = scenes.two_processes()
    clock = b.end_content()
    assert clock is not None
    b.end = {"task_clock_ns": clock["task_clock_ns"]}
    assert judged(b)["I1"]
    outs = [row for row in b.rows if row.event == "IN" and row.fields[1] == 20]
    b.rows.remove(outs[0])
    assert not judged(b)["I1"]


def test_i1_allows_for_what_each_switch_takes() -> None:
    line, told = parts(scenes.two_processes())
    clock_s = told.cores.ns / 1e9 + 0.1
    for switches, good in ((0, False), (1000, False), (50_000, True)):
        found = {c[0][:2]: c[1] for c in identities.check(line, told, clock_s, 0, switches)}
        assert found["I1"] == good


def test_i7_catches_a_shifted_core() -> None:
    b = scenes.two_processes()
    assert judged(b)["I7"]
    b.rows = [row._replace(key=(0, 0)) if row.key == (1, 0) else row for row in b.rows]
    assert not judged(b)["I7"]


def test_i2_and_i3_catch_a_task_counted_twice() -> None:
    line, told = parts(scenes.two_processes())
    counts = told.levels.counts
    counts["C"] = counts["C"] + (counts["C"] > 0)
    assert not check(line, told)["I2"]
    told.measures.c_mean *= 1.2
    assert not check(line, told)["I3"]


class OneLess(Cores):
    """Cores of which one is always missing."""

    def levels(self) -> Levels:
        found = super().levels()
        return Levels(found.time, {name: count - 1 for name, count in found.counts.items()})


def test_i4_catches_a_negative_count() -> None:
    line, told = parts(scenes.two_processes())
    assert check(line, told)["I4"]
    told.cores = OneLess(line, told.significant, told.cores.ns)
    assert not check(line, told)["I4"]


def test_i5_catches_more_hands_than_wanted() -> None:
    line, told = parts(scenes.two_processes())
    assert check(line, told)["I5"]
    told.levels.counts["P"] = told.levels.counts["D"] + 1
    assert not check(line, told)["I5"]


def test_i6_catches_a_shifted_slice() -> None:
    line, told = parts(scenes.in_a_row())
    assert check(line, told)["I6"]
    early = line.slices.start == line.slices.start.max()
    shift = np.where(early, 150_000_000, 0)
    moved = line.slices.with_(start=line.slices.start - shift, end=line.slices.end - shift)
    assert not check(dataclasses.replace(line, slices=moved), told)["I6"]


def test_hand_overs_are_not_parallel() -> None:
    b = scenes.program(2, end=0.4)
    for i in range(30):
        me, t = 11 + i % 2, 0.011 + i * 0.01
        b.on(i % 2, me, t, t + 0.01004, exits=i >= 28)
    _, told = parts(b)
    assert told.measures.p2 == 0.0
    assert counting.peak(told.levels, "P") == 1
