"""The kit that judges others is judged itself."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests import conftest
from tests.kit import cores, suites, watched

STAT = """cpu  100 0 100 900 0 0 0 9
cpu0 10 1 20 500 7 3 4 5
cpu1 90 0 80 400 0 0 0 4
cpu11 1000 0 0 0 0 0 0 0
intr 12
"""


def test_ticks_are_those_of_the_named_cpus() -> None:
    assert cores.machine_ticks(STAT, {0}) == (38, 5)
    assert cores.machine_ticks(STAT, {0, 1}) == (208, 9)
    assert cores.machine_ticks(STAT, {1}) == (170, 4)


ORPHAN = """
import os, time
pid = os.fork()
if pid:
    print(pid, flush=True)
    os._exit(0)
end = time.thread_time() + 0.05
while time.thread_time() < end: pass
"""


def test_what_a_child_leaves_behind_is_charged_to_it() -> None:
    before = cores.own_cpu_s()
    with cores.adopting():
        done = subprocess.run([sys.executable, "-I", "-S", "-c", ORPHAN], capture_output=True)
        os.waitid(os.P_PID, int(done.stdout), os.WEXITED | os.WNOWAIT)
    assert cores.own_cpu_s() - before >= 0.05
    with pytest.raises(ChildProcessError):
        os.waitpid(int(done.stdout), 0)


@pytest.mark.parametrize(
    ("usable", "foreign", "stolen", "wall", "free"),
    [(2, 0, 0, 1, 2), (2, 1, 0, 1, 1), (2, 1, 0.5, 1, 0.5), (1, 5, 0, 1, 0), (2, 0, 0, 0, 0)],
)
def test_free_cores(usable: int, foreign: float, stolen: float, wall: float, free: float) -> None:
    assert cores.free_cores(usable, foreign, stolen, wall) == free


def test_probe_is_between_none_and_two() -> None:
    assert 0 < cores.probe(0.02) <= 2.05


def test_patience_ends_with_free_cores_or_with_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = iter([0.5, 1.0, 1.9, 0.4, 0.3, 0.2])
    monkeypatch.setattr(cores, "probe", lambda: next(seen))
    patient = cores.Patience(left_s=1e9, pause_s=0.0)
    assert patient.probe() == 1.9
    patient.left_s = 1e-9
    assert patient.probe() == 0.3, "one wait, and no more"
    assert patient.left_s <= 0
    assert patient.probe() == 0.2


@pytest.mark.parametrize(
    ("needing", "skipped", "bad"), [(20, 2, False), (20, 3, True), (5, 5, False)]
)
def test_share_of_skipped_tests(needing: int, skipped: int, bad: bool) -> None:
    assert conftest.too_many_skipped(needing, skipped) is bad


def test_lookup_names_what_is_missing() -> None:
    assert watched.lookup({"a": {"b": 3}}, "a.b") == 3
    with pytest.raises(KeyError, match=r"a\.c"):
        watched.lookup({"a": {"b": 3}}, "a.c")


JUNIT = """<testsuites><testsuite>
<testcase name="a.ok" result="completed"/>
<testcase name="a.bad"><failure/></testcase>
<testcase name="a.off"><skipped/></testcase>
<testcase name="a.ok" result="completed"/>
</testsuite></testsuites>"""


def test_outcomes_of_a_suite_and_their_differences() -> None:
    seen = suites.outcomes(JUNIT)
    assert seen == {
        "a.ok": "completed", "a.bad": "failure", "a.off": "skipped", "a.ok (2)": "completed",
    }  # fmt: skip
    changed = {**seen, "a.ok": "failure"}
    del changed["a.off"]
    assert suites.differences(seen, seen) == {}
    assert suites.differences(seen, changed) == {
        "a.ok": ("completed", "failure"), "a.off": ("skipped", "missing"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("plain", "watched", "verdict"),
    [
        (["ok", "ok", "ok"], ["bad", "bad"], "different"),
        (["ok", "ok", "ok"], ["bad", "ok", "worse"], "different"),
        (["ok", "ok", "bad"], ["bad", "bad"], "flaky"),
        (["ok", "ok", "ok"], ["bad", "ok"], "unsteady"),
    ],
)
def test_judgement_of_a_test_that_ended_differently(
    plain: list[str], watched: list[str], verdict: str
) -> None:
    assert suites.judge(plain, watched) == verdict
