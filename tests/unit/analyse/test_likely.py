"""Waits without a reason, judged by those of their thread that have one."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.kit.builder import Builder
from tests.unit.analyse import scenes
from tests.unit.analyse.scenes import FUTEX, SEM
from twocooks.analyse import analyse
from twocooks.analyse.book import Book
from twocooks.analyse.columns import Pieces, pieces
from twocooks.analyse.likely import LEAST_SEEN, LITTLE, likely
from twocooks.analyse.tally import MAYBE
from twocooks.analyse.threads import REASONS
from twocooks.model import Reason, State, TaskKind, Wait

MS = 1_000_000
SHORT, UNKNOWN = (State.WAITING, Reason.SHORT), (State.WAITING, Reason.UNKNOWN)
IO, LOCK = (State.WAITING, Reason.IO), (State.WANTS_TOOL, Reason.LOCK)
GIL, CORE = (State.IN_LINE, Reason.GIL), (State.IN_LINE, Reason.CORE)
Row = tuple[int, float, tuple[State, Reason]]
"""Thread (and task), ms, and what was told."""


def table(rows: list[Row]) -> Pieces:
    length = np.array([ms * MS for _, ms, _ in rows], np.int64)
    start = np.cumsum(length) - length
    thread = [thread for thread, _, _ in rows]
    states = [int(state) for _, _, (state, _) in rows]
    reasons = [REASONS[reason] for _, _, (_, reason) in rows]
    return pieces(thread, start, start + length, states, reasons, -1, thread)


def book(*kinds: TaskKind) -> Book:
    made = Book()
    for kind in kinds or (TaskKind.THREAD,) * 3:
        made.add(kind, "", "", 1, 0, 0)
    return made


def judged(rows: list[Row], *kinds: TaskKind) -> list[tuple[State, Reason]]:
    before = table(rows)
    found = likely(before, book(*kinds), 4 * MS).table
    reasons = list(Reason)
    assert np.array_equal(found.start, before.start)
    both = zip(found.state.tolist(), found.reason.tolist(), strict=True)
    return [(State(state), reasons[reason]) for state, reason in both]


def test_a_sample_speaks_for_the_waits_of_its_thread_and_length() -> None:
    rows: list[Row] = [(0, 1, LOCK)] * LEAST_SEEN + [(0, 2, SHORT), (1, 2, SHORT), (0, 5, UNKNOWN)]
    assert judged(rows)[-3:] == [LOCK, SHORT, UNKNOWN], "a tenth of what is known at most"
    told = likely(table(rows), book(), 4 * MS)
    assert told.judged_s == pytest.approx(0.002)
    assert told.looked_at == LEAST_SEEN


def test_a_small_sample_and_one_that_does_not_agree_say_nothing() -> None:
    few: list[Row] = [(0, 1, IO)] * (LEAST_SEEN - 1)
    assert judged([*few, (0, 1, SHORT)])[-1] == SHORT
    assert judged([*few, (0, 1, IO), (0, 1, LOCK), (0, 1, SHORT)])[-1] == SHORT
    assert judged([*few, *few, (0, 1, LOCK), (0, 1, SHORT)])[-1] == IO


def test_a_little_of_another_length_is_judged_by_all_of_the_thread() -> None:
    rows: list[Row] = [(0, 8, IO)] * LEAST_SEEN
    assert judged([*rows, (0, 2, SHORT), (0, 2.8, SHORT)])[-2:] == [IO, IO]
    assert judged([*rows, (0, 2, SHORT), (0, 2.9, SHORT)])[-2:] == [SHORT, SHORT]
    mixed: list[Row] = [(0, 1, LOCK), (0, 1, IO)] * LEAST_SEEN
    assert judged([*rows * 9, *mixed, (0, 1, SHORT)])[-1] == SHORT, "its own looks do not agree"


def test_lock_and_gil_agree_that_hands_were_wanted() -> None:
    rows: list[Row] = [(0, 1, GIL)] * 4 + [(0, 1, LOCK)] * 3 + [(0, 1, SHORT)]
    assert judged(rows)[-1] == GIL


def test_nobody_is_taken_off_the_go() -> None:
    joins = (State.DELEGATED, Reason.CHILD)
    assert judged([(0, 1, joins)] * 9 + [(0, 1, SHORT)])[-1] == (State.WAITING, Reason.RESULT)


def test_waits_for_a_core_and_those_of_a_loop_are_no_sample() -> None:
    assert judged([(0, 1, CORE)] * 9 + [(0, 1, SHORT)])[-1] == SHORT
    assert judged([(0, 1, IO)] * 9 + [(0, 1, SHORT)], TaskKind.ASYNCIO)[-1] == SHORT


def test_it_is_what_a_slow_count_finds() -> None:
    chance = random.Random(5)
    every = [SHORT, UNKNOWN, IO, LOCK, GIL, CORE, (State.WAITING, Reason.SLEEP)]
    for _ in range(60):
        of = {(t, long): chance.choices(every, k=2) for t in range(3) for long in (0, 1)}
        rows: list[Row] = []
        for _ in range(chance.randrange(0, 80)):
            thread, long = chance.randrange(3), chance.randrange(2)
            kind = chance.choice([SHORT, *of[thread, long], of[thread, long][0]])
            rows.append((thread, 6 if long else 1, kind))
        rows.sort(key=lambda row: row[0])
        for row, now in zip(rows, judged(rows), strict=True):
            assert now in allowed(row, rows)


def allowed(row: Row, rows: list[Row]) -> list[tuple[State, Reason]]:
    """What a row may be judged to be (more than one where two are as frequent)."""
    if REASONS[row[2][1]] not in MAYBE:
        return [row[2]]
    said = [r for r in rows if r[0] == row[0] and REASONS[r[2][1]] not in MAYBE and r[2] != CORE]
    own = [r for r in said if r[1] == row[1]]
    alike = [r for r in rows if r[:2] == row[:2] and REASONS[r[2][1]] in MAYBE]
    if len(own) < LEAST_SEEN and sum(r[1] for r in alike) <= LITTLE * sum(r[1] for r in said):
        own = said
    wants = [r[2] for r in own if r[2] in (LOCK, GIL)]
    waits = [r[2] for r in own if r[2] not in (LOCK, GIL)]
    best = max(wants, waits, key=len)
    if len(own) < LEAST_SEEN or len(best) < 0.9 * len(own):
        return [row[2]]
    most = max(best.count(kind) for kind in best)
    return [kind for kind in best if best.count(kind) == most]


def lock_of_short_holds(looks: int) -> Builder:
    """Two threads that pass a lock to and fro each half millisecond; so many looks met a wait."""
    b = scenes.program(2, end=0.25)
    for i in range(400):
        t = 0.012 + i * 0.0005
        b.on(i % 2, 11 + i % 2, t, t + 0.000498)
        if 10 <= i < 10 + looks:
            waits = 11 + (i + 1) % 2
            place = ("app.py:4:work",)
            b.look(t + 0.0002, t + 0.00022, waits, FUTEX, arg=77, kind=SEM, where=place)
    return b


def test_short_turns_at_a_lock_are_told_by_a_sample_of_them() -> None:
    told = analyse(lock_of_short_holds(20).trace())
    verdict = told.summary["verdict"]
    assert (verdict["id"], verdict["cause"]) == ("turns", "lock")
    assert told.summary["time"]["waiting"]["short"] > 0.15, "the account knows no more than before"
    assert any("no look of their own" in note for note in told.summary["measured"]["notes"])
    assert not [check for check in told.identities if not check[1]]
    alone = analyse(lock_of_short_holds(0).trace()).summary
    assert (alone["verdict"]["id"], alone["verdict"]["cause"]) == ("turns", "unknown")
    assert not any("no look of their own" in note for note in alone["measured"]["notes"])


def hog(wake_after: float) -> Builder:
    """Two tasks sleep 5 ms between short steps; a third computes 0.2 s in one step; so much later
    the loop wakes the sleepers."""
    b = scenes.loop(3, 0.5)
    for n in (2, 3):
        scenes.work(b, 0.010_5 + n * 1e-4, 0.0106 + n * 1e-4, n, Wait.SLEEP)
    b.ready(0.012, 1)
    scenes.work(b, 0.0121, 0.2121, 1, "done")
    for i in range(20):
        for n in (2, 3):
            t = 0.2122 + wake_after + i * 0.007 + (n - 2) * 0.0021
            b.on(0, 10, t - 0.00009 if i or n == 3 or wake_after else 0.2121, t)
            b.ready(t - 0.00001, n)
            scenes.work(b, t, t + 0.002, n, "done" if i == 19 else Wait.SLEEP)
    return b


def test_whom_a_held_loop_wakes_may_have_wanted_hands() -> None:
    told = analyse(hog(0.0).trace()).summary
    assert (told["verdict"]["id"], told["verdict"]["cause"]) == ("turns", "one-loop")
    assert "contests_won" not in told["scores"], "since when is not known"
    assert told["time"]["waiting"]["unknown"] == 0.0, "the account is as it was"
    assert any("held the loop" in note for note in told["measured"]["notes"])


def test_who_is_woken_after_the_loop_has_rested_did_not_want_them() -> None:
    told = analyse(hog(0.05).trace()).summary
    assert told["verdict"]["id"] == "relay"
    assert not any("held the loop" in note for note in told["measured"]["notes"])
