"""Whether a call lets go of the GIL."""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from typing import Any

import pytest

from twocooks.gate.checks import DemandError, Outcome
from twocooks.pytest_plugin.probe import LEAST_S, Call, Probe, find

HAS_GIL = getattr(sys, "_is_gil_enabled", lambda: True)()
needs_gil = pytest.mark.skipif(not HAS_GIL, reason="no GIL here")
ENOUGH = 0.2


def native() -> None:
    """Keeps the GIL for a while: a loop in C that nobody can interrupt."""
    end = time.monotonic() + ENOUGH
    while time.monotonic() < end:
        sum(range(1_000_000))


def python() -> None:
    end = time.thread_time() + ENOUGH
    while time.thread_time() < end:
        pass


class Waiting:
    """A call that lets go of the GIL until the probe has noted enough."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.here, self.there = os.pipe()

    def watch(self, begun: float, notes: int) -> None:
        while len(self.probe._notes) < notes + 5 or time.monotonic() < begun + 2 * LEAST_S:
            time.sleep(0.001)
        os.write(self.there, b"x")

    def __call__(self) -> None:
        now = time.monotonic(), len(self.probe._notes)
        threading.Thread(target=self.watch, args=now).start()
        os.read(self.here, 1)
        os.close(self.here)
        os.close(self.there)


@needs_gil
@pytest.mark.parametrize("function", [native, python])
def test_a_call_that_keeps_it(function: Any) -> None:
    interval = sys.getswitchinterval()
    with Probe() as probe, probe.call(sys._getframe()):
        function()
    (call,) = probe.calls
    assert call.notes < 2
    assert call.seconds >= ENOUGH
    assert call.where.endswith("test_a_call_that_keeps_it")
    assert probe.judge().outcome is not Outcome.PASSED
    assert sys.getswitchinterval() == interval


@needs_gil
def test_a_call_that_lets_go() -> None:
    with Probe() as probe:
        waiting = Waiting(probe)
        with probe.call(sys._getframe()):
            waiting()
    assert probe.calls[0].notes >= 2
    assert probe.judge().outcome is not Outcome.FAILED


def known(*calls: Call) -> Probe:
    probe = Probe("m.f")
    probe.calls = list(calls)
    return probe


KEPT = Call(0.1, 0, 0.1, 0.01, 0.0, "a.py:1 f")


@needs_gil
@pytest.mark.parametrize(
    ("calls", "outcome"),
    [
        ([], Outcome.FAILED),
        ([KEPT], Outcome.FAILED),
        ([Call(0.1, 30, 0.01, 0.0, 0.1, "")], Outcome.PASSED),
        ([Call(0.1, 30, 0.01, 0.0, 0.0, ""), KEPT], Outcome.FAILED),
        ([Call(0.1, 0, 0.1, 0.06, 0.0, "")], Outcome.UNDECIDED),
        ([Call(0.1, 0, 0.1, 0.0, 0.06, "")], Outcome.UNDECIDED),
        ([Call(0.1, 0, 0.1, math.nan, 0.0, "")], Outcome.UNDECIDED),
        ([Call(0.01, 0, 0.01, 0.0, 0.0, "")], Outcome.UNDECIDED),
        ([Call(0.1, 0, 0.1, 0.0, 0.0, "", 0.09)], Outcome.UNDECIDED),
        ([Call(0.1, 30, 0.01, 0.0, 0.0, ""), Call(0.01, 0, 0.01, 0, 0, "")], Outcome.PASSED),
    ],
)
def test_what_calls_show(calls: list[Call], outcome: Outcome) -> None:
    assert known(*calls).judge().outcome is outcome


@needs_gil
def test_it_says_where() -> None:
    judged = known(KEPT).judge()
    assert judged.said == (
        "m.f kept the GIL in 1 of 1 call, the longest 0.10 s: no other thread got it meanwhile"
    )
    assert judged.where == ("a.py:1 f",)


@pytest.mark.skipif(HAS_GIL, reason="about Pythons without a GIL")
def test_without_a_gil_there_is_none_to_let_go_of() -> None:
    assert known(KEPT).judge().outcome is Outcome.UNDECIDED


def test_functions_are_watched_by_name_and_put_back() -> None:
    before = time.sleep
    with Probe("time.sleep") as probe:
        assert time.sleep is not before
        time.sleep(0)
        time.sleep(0)
    assert time.sleep is before
    assert len(probe.calls) == 2
    assert probe.calls[0].where.endswith("test_functions_are_watched_by_name_and_put_back")


def test_errors_of_the_call_are_its_own() -> None:
    interval = sys.getswitchinterval()
    with Probe("os.stat") as probe, pytest.raises(FileNotFoundError):
        os.stat("/no/such/file")
    assert len(probe.calls) == 1
    assert sys.getswitchinterval() == interval


def test_a_call_inside_of_a_call_is_a_part_of_it() -> None:
    with Probe() as probe, probe.call(sys._getframe()), probe.call(sys._getframe()):
        pass
    assert len(probe.calls) == 1


class Holder:
    @staticmethod
    def static() -> None: ...

    def method(self) -> None: ...


@pytest.mark.parametrize(
    "name", ["nothing", "no.such.module", "os.nothing", "str.upper", "os.path", None, "os.",
             f"{__name__}.Holder.static"]
)  # fmt: skip
def test_names_that_cannot_be_watched(name: Any) -> None:
    with pytest.raises(DemandError):
        find(name)


def test_methods_of_classes() -> None:
    assert find(f"{__name__}.Holder.method") == (Holder, "method", Holder.method)
    with Probe(f"{__name__}.Holder.method") as probe:
        Holder().method()
    assert len(probe.calls) == 1
