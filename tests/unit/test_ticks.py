"""Ticks of the processor's counter become nanoseconds: src/core/ticks.c by itself."""

from __future__ import annotations

import ctypes
import time

import pytest

from tests.kit import cbuild

NEAR_NS = 1_000
"""What two readings of the clocks may be off."""


class Ticks(ctypes.Structure):
    _fields_ = [("ticks", ctypes.c_uint64), ("ns", ctypes.c_uint64), ("rate", ctypes.c_double)]


@pytest.fixture(scope="module")
def core() -> ctypes.CDLL:
    found = cbuild.library("src/core/ticks.c")
    found.tc_ticks_take.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64]
    found.tc_ticks_read.argtypes = [ctypes.c_void_p]
    found.tc_ticks_ns.argtypes = [ctypes.c_void_p, ctypes.c_uint64]
    found.tc_ticks_ns.restype = ctypes.c_uint64
    return found


def taken(core: ctypes.CDLL, *readings: tuple[int, int]) -> Ticks:
    clock = Ticks()
    for ticks, ns in readings:
        core.tc_ticks_take(ctypes.byref(clock), ticks, ns)
    return clock


def ns(core: ctypes.CDLL, clock: Ticks, ticks: int) -> int:
    return int(core.tc_ticks_ns(ctypes.byref(clock), ticks))


START = (5_000_000_000, 1_000_000_000)


def test_between_two_readings_and_behind_them_the_line_tells(core: ctypes.CDLL) -> None:
    clock = taken(core, START, (5_060_000_000, 1_020_000_000))  # 3 ticks a nanosecond
    assert ns(core, clock, 5_000_000_000) == pytest.approx(1_000_000_000, abs=1)
    assert ns(core, clock, 5_030_000_000) == pytest.approx(1_010_000_000, abs=1)
    assert ns(core, clock, 5_060_000_300) == 1_020_000_100
    assert ns(core, clock, 4_999_999_700) == pytest.approx(999_999_900, abs=1)


def test_a_change_of_the_rate_bends_the_line_where_it_was_read(core: ctypes.CDLL) -> None:
    before = taken(core, START, (5_060_000_000, 1_020_000_000))
    after = taken(core, START, (5_060_000_000, 1_020_000_000), (5_120_060_000, 1_040_000_000))
    assert ns(core, before, 5_060_000_000) == ns(core, after, 5_060_000_000)
    assert after.rate == pytest.approx(20_000_000 / 60_060_000)


def test_a_reading_too_soon_or_backwards_changes_nothing(core: ctypes.CDLL) -> None:
    two = (START, (5_060_000_000, 1_020_000_000))
    clock = taken(core, *two, (5_060_003_000, 1_020_005_000))
    assert (clock.ns, clock.rate) == (1_020_000_000, pytest.approx(1 / 3))
    assert taken(core, *two, (5_000_000_000, 1_050_000_000)).ns == 1_020_000_000
    assert taken(core, *two, (5_200_000_000, 900_000_000)).ns == 1_020_000_000


@pytest.mark.parametrize("ticks", [0, 1, 2**63 - 1, 2**63, 2**64 - 1])
def test_any_number_has_a_time(core: ctypes.CDLL, ticks: int) -> None:
    """The watched program can write into the memory whatever it likes."""
    for clock in (Ticks(), taken(core, START), taken(core, START, (5_060_000_000, 1_020_000_000))):
        assert 0 <= ns(core, clock, ticks) < 2**64


def test_the_clock_that_is_read_is_the_monotonic_one(core: ctypes.CDLL) -> None:
    if not core.tc_ticks_usable():
        pytest.skip("this machine's kernel keeps its time by another clock")
    clock = Ticks()
    for _ in range(3):
        before = time.monotonic_ns()
        core.tc_ticks_read(ctypes.byref(clock))
        after = time.monotonic_ns()
        assert clock.ns <= after + NEAR_NS
        assert clock.ns >= before - NEAR_NS or clock.rate > 0  # too soon after the last one
