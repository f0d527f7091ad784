"""Cores that were free for the program, from what the recorder measured of the machine."""

from __future__ import annotations

import pytest

from tests.kit.builder import Builder
from tests.unit.analyse import scenes
from twocooks.analyse import analyse


def free(b: Builder) -> float:
    return float(analyse(b.trace()).summary["cores"]["free"])


def test_a_run_with_one_measurement_is_measured() -> None:
    b = scenes.two_processes(0.1)
    b.meter(0.12, busy=0.12 + 0.2, own=0.2)
    assert free(b) == pytest.approx(1.0, abs=0.01)


def test_a_step_of_the_kernel_s_clock_takes_no_core_from_a_short_run() -> None:
    """Times of other programs come in steps of 10 ms: on each of two cores one may be nobody's."""
    b = scenes.two_processes(0.03)
    b.meter(0.05, busy=0.08, own=0.06)
    assert free(b) == 2.0


def test_a_short_run_beside_a_busy_program_had_no_free_core() -> None:
    b = scenes.two_processes(0.03)
    b.meter(0.05, busy=0.11, own=0.06)
    assert free(b) == pytest.approx(1.4)


def test_the_little_that_is_left_at_the_end_is_not_judged_alone() -> None:
    b = scenes.processes(1)
    b.on(0, 20, 0.01, 0.2, pid=20)
    b.fork(0.2, pid=21)
    b.on(0, 20, 0.2, 0.21, pid=20, exits=True)
    b.on(1, 21, 0.2, 0.21, pid=21, exits=True)
    b.meter(0.1, busy=0.1, own=0.1)
    b.meter(0.2, busy=0.1, own=0.1)
    b.meter(0.21, busy=0.03, own=0.02)  # a step of the clock within 10 ms: half of both cores
    assert free(b) == pytest.approx(2 - 0.01 / 0.11, abs=0.01)
