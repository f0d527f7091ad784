"""Who had a lock or the GIL: each proof alone, and what takes it away."""

from __future__ import annotations

import pytest

from tests.kit.builder import Builder
from tests.unit.analyse import scenes
from twocooks.analyse import analyse
from twocooks.analyse.gil_holders import gil_holders
from twocooks.analyse.holders import Held, lock_holders
from twocooks.analyse.rings import rings
from twocooks.analyse.timeline import build_timeline
from twocooks.analyse.waits import label_waits

MAIN, A, B, C = 10, 11, 12, 13
LOCK, OTHER = 0x5000, 0x6000
TIMED = scenes.SEM + 8


def told(b: Builder, gil: bool = False) -> list[tuple[int, float, float, int]]:
    """(waiter, start, end, holder), times in ms."""
    trace = b.trace()
    line = build_timeline(trace)
    held: Held = (gil_holders if gil else lock_holders)(
        trace, line.threads, label_waits(trace, line.threads)
    )
    tid = line.threads.tid
    rows = zip(tid[held.waiter], held.start, held.end, tid[held.holder], strict=True)
    return [
        (int(w), round((int(s) - b.start_ns) / 1e6, 1), round((int(e) - b.start_ns) / 1e6, 1),
         int(h))
        for w, s, e, h in rows
    ]  # fmt: skip


def looks(b: Builder, at: float, tid: int, lock: int = LOCK, kind: int = scenes.SEM) -> None:
    b.look(at, at + 0.0001, tid, scenes.FUTEX, arg=lock, kind=kind, where=("app.py:4:work",))


def asleep(b: Builder, at: float, tid: int) -> None:
    b.look(at, at + 0.0001, tid, scenes.SLEEP, where=("app.py:5:work",))


def one_waits(kind: int = scenes.SEM, woken: float = 0.060, then: float = 0.005) -> Builder:
    """A takes a lock unseen and works from 20 to 60 ms; B waits for it from 30 ms on."""
    b = scenes.program(3, end=0.3)
    b.on(0, A, 0.020, 0.061)
    b.on(1, B, 0.029, 0.030)
    looks(b, 0.033, B, kind=kind)
    b.on(1, B, woken, woken + then)
    return b


def test_alone_on_a_core_it_let_go() -> None:
    assert told(one_waits()) == [(B, 30.0, 60.0, A)]


@pytest.mark.parametrize(("grown", "holder"), [(0.0001, [A]), (0.006, []), (None, [])])
def test_the_account_of_standing_in_line_narrows_when_it_was_woken(
    grown: float | None, holder: list[int]
) -> None:
    """C was on a core 5 ms before B came on one: could B have been woken so early?"""
    b = scenes.program(3, end=0.3)
    b.on(0, A, 0.020, 0.061)
    b.on(1, B, 0.029, 0.030)
    for at, line in ((0.033, 0.001), (0.068, 0.001 + (grown or 0))):
        b.look(at, at + 0.0001, B, scenes.FUTEX, arg=LOCK, kind=scenes.SEM,
               where=("app.py:4:work",), line=line if grown is not None else None)  # fmt: skip
    b.on(1, C, 0.050, 0.055)
    b.on(1, B, 0.060, 0.065)
    b.on(1, B, 0.100, 0.110)
    mine = [row[3] for row in told(b) if row[:3] == (B, 30.0, 60.0)]
    assert mine == holder


def test_who_got_it_after_a_short_wait_more_has_it_from_then_on() -> None:
    b = scenes.program(3, end=0.3)
    b.on(0, A, 0.020, 0.0605)
    b.on(1, B, 0.029, 0.030)
    looks(b, 0.033, B)
    b.on(1, C, 0.031, 0.032)
    looks(b, 0.035, C)
    b.on(1, B, 0.060, 0.06005)  # in vain, or for the GIL
    b.on(0, A, 0.0608, 0.061)
    b.on(1, B, 0.061, 0.075)
    b.on(0, C, 0.0749, 0.080)
    found = told(b)
    assert (C, 61.0, 74.9, B) in found
    assert {row[3] for row in found if row[0] == C and row[1] < 60.0} <= {A}
    assert not [row for row in found if row[0] == C and 60.0 <= row[1] < 61.0]


def test_two_looks_at_one_wait_are_one_wait() -> None:
    b = one_waits()
    looks(b, 0.040, B)
    assert told(b) == told(one_waits())


def test_two_on_cores_prove_nothing() -> None:
    b = one_waits()
    b.on(1, C, 0.040, 0.0599)
    assert told(b) == []


def test_what_a_sight_says_is_enough() -> None:
    b = one_waits()
    b.on(1, C, 0.040, 0.0599)
    b.holder(0.0335, 0.0336, A, B, LOCK)
    assert told(b) == [(B, 30.0, 60.0, A)]


def test_two_answers_cancel_each_other() -> None:
    b = one_waits()
    b.holder(0.0335, 0.0336, C, B, LOCK)
    assert told(b) == []


def test_a_sight_just_before_the_end_may_be_of_the_next_one() -> None:
    b = one_waits()
    b.on(1, C, 0.040, 0.0599)
    b.holder(0.0535, 0.0536, A, B, LOCK)
    assert told(b) == []


def test_of_another_lock_nothing_is_said() -> None:
    b = one_waits()
    b.on(1, C, 0.040, 0.0599)
    b.holder(0.0335, 0.0336, A, B, OTHER)
    assert told(b) == []


def test_a_wait_with_a_time_limit_ends_by_itself() -> None:
    assert told(one_waits(kind=TIMED)) == []


def test_lost_records_prove_nothing() -> None:
    b = one_waits()
    b.lost(0, 0.0505, 0.0506, 3)
    assert told(b) == []


def test_an_end_that_nobody_labelled_may_be_a_change_of_hands() -> None:
    """C waited from before B on, for something, until 50 ms."""
    b = one_waits()
    b.on(1, C, 0.0201, 0.029)
    b.on(1, C, 0.045, 0.0451)
    assert told(b) == [(B, 45.0, 60.0, A)]


def convoy(ran: float = 0.004) -> Builder:
    """B and C wait for A's lock; B gets it at 60 ms, works ``ran`` seconds, and sleeps with it."""
    b = one_waits(then=ran)
    b.on(1, C, 0.034, 0.035)
    looks(b, 0.038, C)
    asleep(b, 0.068, B)
    b.on(1, B, 0.090, 0.091)
    b.on(0, C, 0.0909, 0.095)
    return b


def test_who_was_woken_and_ran_on_has_it() -> None:
    b = convoy()
    b.on(0, A, 0.080, 0.0905)  # so that nobody can be said to have let go alone
    assert told(b) == [(B, 30.0, 60.0, A), (C, 35.0, 60.0, A), (C, 60.0, 90.9, B)]


def test_who_sleeps_elsewhere_at_once_has_it_too() -> None:
    b = convoy(ran=0.00002)
    b.on(0, A, 0.080, 0.0905)
    assert told(b) == [(B, 30.0, 60.0, A), (C, 35.0, 60.0, A), (C, 60.0, 90.9, B)]


def test_who_goes_back_to_wait_has_not_got_it() -> None:
    """A took it again before B was awake, and had it to the end."""
    b = one_waits(woken=0.050, then=0.00001)
    looks(b, 0.053, B)
    b.on(1, C, 0.055, 0.0699)
    b.on(1, B, 0.070, 0.071)
    b.on(0, A, 0.065, 0.0705)
    assert told(b) == [(B, 30.0, 50.0, A)]


def test_who_was_faster_than_the_woken_one_may_have_it() -> None:
    """The same, but C ran, too, since B may have been woken."""
    b = one_waits(woken=0.050, then=0.00001)
    b.holder(0.0335, 0.0336, A, B, LOCK)
    looks(b, 0.053, B)
    b.on(1, C, 0.045, 0.0499)
    b.on(1, B, 0.070, 0.071)
    assert told(b)[:1] == [(B, 30.0, 40.0, A)]


def test_nobody_else_ran_since() -> None:
    """C begins to wait later, and at the end several are on cores."""
    b = one_waits(then=0.020)
    b.on(0, A, 0.0621, 0.063)
    looks(b, 0.066, A)
    b.on(1, B, 0.081, 0.0905)
    b.on(0, MAIN, 0.082, 0.0899)
    b.on(0, A, 0.090, 0.091)
    assert sorted(told(b)) == [(A, 63.0, 90.0, B), (B, 30.0, 60.0, A)]


def test_who_waits_for_it_again_has_let_go() -> None:
    """B is woken at 58 ms and stands in line for a core until 60; A waits again from 59 on."""
    b = scenes.program(3, end=0.3)
    b.on(0, A, 0.020, 0.059)
    b.on(1, B, 0.029, 0.030)
    looks(b, 0.033, B)
    b.on(1, B, 0.060, 0.080)
    looks(b, 0.062, A)
    b.on(0, A, 0.0801, 0.085)
    assert sorted(told(b)) == [(A, 60.0, 80.1, B), (B, 30.0, 60.0, A)]


def test_a_lock_between_processes_names_nobody() -> None:
    b = scenes.program(3, end=0.3)
    b.on(0, A, 0.020, 0.061)
    b.on(1, B, 0.029, 0.030)
    where = ("/usr/lib/python3.11/multiprocessing/synchronize.py:95:__enter__", "app.py:4:work")
    b.look(0.033, 0.0331, B, scenes.FUTEX, arg=LOCK, kind=scenes.SEM, where=where)
    b.on(1, B, 0.060, 0.070)
    assert told(b) == []


def test_the_tables_add_up_and_name_task_and_line() -> None:
    b = one_waits()
    b.holder(0.0335, 0.0336, A, B, LOCK, where=("app.py:9:cut", "app.py:4:work"))
    (lock,) = analyse(b.trace()).locks
    assert lock.seconds == pytest.approx(0.03, abs=1e-5)
    assert lock.unknown_s == pytest.approx(0.0, abs=1e-9)
    (holder,) = lock.holders
    assert (holder.task, holder.tid, holder.state) == ("T0", A, "working")
    assert holder.where == "app.py:9 cut"
    assert holder.seconds == pytest.approx(0.03, abs=1e-5)


def test_a_deadlock_is_a_ring_to_the_end() -> None:
    b = scenes.program(2)
    b.look(0.013, 0.0131, MAIN, scenes.FUTEX, where=scenes.JOIN)
    for tid, mine, wanted in ((A, LOCK, OTHER), (B, OTHER, LOCK)):
        other = A + B - tid
        b.on(0, tid, 0.011 + (tid - A) * 0.001, 0.012 + (tid - A) * 0.001)
        looks(b, 0.02, tid, wanted)
        b.holder(0.0202, 0.0203, other, tid, wanted)
        assert mine != wanted
    b.on(0, MAIN, 0.5, 0.51, exits=True)
    trace = b.trace()
    (ring,) = rings(trace, build_timeline(trace))
    assert [(link.task, link.lock, link.held_by) for link in ring.links] in (
        [("T0", hex(OTHER), "T1"), ("T1", hex(LOCK), "T0")],
        [("T1", hex(LOCK), "T0"), ("T0", hex(OTHER), "T1")],
    )
    assert ring.to_the_end
    assert ring.seconds == pytest.approx(0.51 - 0.013, abs=0.001)


def test_a_chain_is_no_deadlock() -> None:
    b = one_waits()
    trace = b.trace()
    assert rings(trace, build_timeline(trace)) == []


# The GIL ------------------------------------------------------------------------------------------


def asks(b: Builder, start: float, count: int, holder: int = A, turn: int = 7) -> None:
    """B waits for the GIL, wakes every 5 ms to ask for it, and is looked at each time."""
    for n in range(count):
        at = start + n * 0.005
        b.on(1, B, at, at + 0.00001)
        b.look(at + 0.002, at + 0.0021, B, scenes.FUTEX, arg=0x99, kind=1)
        b.holder(at + 0.0021, at + 0.00215, holder, B, 0x99, turn=turn, how=1)
    b.on(1, B, start + count * 0.005, start + count * 0.005 + 0.001)


def seconds(rows: list[tuple[int, float, float, int]]) -> dict[int, float]:
    """ms by holder."""
    found: dict[int, float] = {}
    for _, start, end, holder in rows:
        found[holder] = found.get(holder, 0.0) + end - start
    return found


def test_the_only_one_on_a_core_has_the_gil() -> None:
    b = scenes.program(3, end=0.3)
    b.on(0, A, 0.020, 0.0311)
    asks(b, 0.021, 2)
    assert seconds(told(b, gil=True)) == pytest.approx({A: 10.0}, abs=0.1)


def test_beside_others_only_the_same_turn_counts() -> None:
    b = scenes.program(3, end=0.3)
    b.on(0, A, 0.020, 0.0311)
    b.on(1, C, 0.0215, 0.0305)
    b.cpus = 3
    asks(b, 0.021, 2)
    assert seconds(told(b, gil=True)) == pytest.approx({A: 5.0}, abs=0.2)
    b = scenes.program(3, end=0.3)
    b.on(0, A, 0.020, 0.0311)
    b.on(1, C, 0.0215, 0.0305)
    asks(b, 0.021, 1, turn=7)
    asks(b, 0.026, 1, turn=9)
    assert sum(seconds(told(b, gil=True)).values()) < 0.5


def test_a_sleeper_keeps_the_gil() -> None:
    """C works beside it without the GIL."""
    b = scenes.program(3, end=0.3)
    b.on(0, A, 0.020, 0.0205)
    b.on(0, C, 0.0206, 0.0309)
    asks(b, 0.021, 2)
    b.on(0, A, 0.031, 0.0312)
    assert seconds(told(b, gil=True)) == pytest.approx({A: 10.0}, abs=0.1)


@pytest.mark.parametrize(("turns", "state"), [([7] * 8, "native"), (range(8), "working")])
def test_who_does_not_let_go_when_asked_is_in_native_code(
    turns: list[int], state: str
) -> None:
    b = scenes.program(2, end=0.3)
    b.on(0, A, 0.020, 0.0611)
    for n, turn in enumerate(turns):
        asks(b, 0.021 + 0.005 * n, 1, turn=turn)
    waits = [w for w in analyse(b.trace()).waits if w.reason == "gil"]
    assert {holder.state for wait in waits for holder in wait.holders} == {state}
    assert sum(wait.unknown_s for wait in waits) == pytest.approx(0.0, abs=0.001)
