"""Every known-answer program, watched as an ordinary user, gets its known answer.

A run counts only when the cores were free before and during it (where the program needs them);
others are discarded and counted, and even then the answer must not be wrong: it may say that no
core was free. Where no run counted, the test skips with the reason.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from _pytest.mark import ParameterSet

from tests import conftest
from tests.kit import cores, needs
from tests.kit.watched import (
    PARANOID,
    PROGRAMS,
    Place,
    Watched,
    lookup,
    twocooks,
    watch,
)
from tests.programs.answers import ANSWERS, Answer, for_python

TRIES = 6
"""Runs started at most for each run that must count."""
UNDISTURBED = 1.8
"""Free cores (of two) with which a wrong answer counts where the program works on one core only.
Stricter than the tool's own bound: a busy host that takes a tenth of the machine away can hold the
giver of a relay on its core while the taker is at work."""
BUSY = 1.4
"""With fewer free cores over the whole run, seen from here, the tool must have seen it too."""
HERE = [found for answer in ANSWERS if (found := for_python(answer, needs.has_gil())) is not None]


def parameter(answer: Answer) -> ParameterSet:
    marks = [pytest.mark.cores] if answer.needs & {"cores", "load"} else []
    return pytest.param(answer, id=answer.label, marks=marks)


@contextlib.contextmanager
def crowd(wanted: bool) -> Iterator[tuple[str, ...]]:
    """Keep one core busy with other programs' work, and ask for two cores of which it is one."""
    if not wanted:
        yield ()
        return
    two = sorted(os.sched_getaffinity(0))[:2]
    loop = [sys.executable, "-I", "-S", "-c", "while True: pass"]
    others = [subprocess.Popen(["taskset", "-c", str(two[1]), *loop]) for _ in range(6)]
    try:
        yield ("taskset", "-c", f"{two[0]},{two[1]}")
    finally:
        for other in others:
            other.kill()
            other.wait()


def prefix_of(answer: Answer) -> tuple[str, ...]:
    if "taskset" in answer.needs:
        return ("taskset", "-c", str(min(os.sched_getaffinity(0))))
    return ()


def run_once(answer: Answer, place: Place, by: tuple[str, ...] = ()) -> Watched:
    """``by``: a command in front of twocooks, which starts it."""
    python = sys.executable
    if "free-threaded" in answer.needs:
        python = needs.free_threaded_python() or python
    command = [python, str(PROGRAMS / f"{answer.program}.py")]
    with crowd("load" in answer.needs) as around:
        prefix = around or prefix_of(answer)
        return watch(command, place, options=answer.options, prefix=(*prefix, *by))


def pair_of(run: Watched) -> tuple[str, str | None]:
    verdict = lookup(run.summary, "verdict")
    return verdict["id"], verdict.get("cause")


def placed(answer: Answer, run: Watched) -> bool:
    """Whether a parallel program shows turns that the kernel's choice of cores made it take."""
    if answer.strict or ("parallel", None) not in answer.verdicts:
        return False
    line = lookup(run.summary, "in_line_s")
    many = lookup(run.summary, "switches.turns") >= 3
    return bool(many or line >= 0.1 * (line + lookup(run.summary, "cpu_s")))


def judge(answer: Answer, run: Watched) -> list[str]:
    """What is wrong with this run's answer; empty = right."""
    wrong = []
    pair = pair_of(run)
    if pair not in answer.verdicts and not (pair == ("both", None) and placed(answer, run)):
        wrong.append(f"verdict {pair}, known answer {' or '.join(map(str, answer.verdicts))}")
    for path, (low, high) in answer.bounds.items():
        value = lookup(run.summary, path)
        if not low <= value <= high:
            wrong.append(f"{path} = {value}, must be {low} to {high}")
    told_ids = {finding["id"] for finding in lookup(run.summary, "findings")}
    if lookup(run.summary, "cores.usable") >= 2 and not answer.finds <= told_ids:
        wrong.append(f"findings {sorted(told_ids)}, must have {sorted(answer.finds)}")
    if answer.quiet and told_ids - {"no-free-core"}:
        wrong.append(f"findings {sorted(told_ids)}, must have none")
    by_kind = lookup(run.summary, "tasks.by_kind") if answer.kinds else {}
    for kind, (low, high) in answer.kinds.items():
        if not low <= by_kind.get(kind, 0) <= high:
            wrong.append(f"{by_kind.get(kind, 0)} tasks of kind {kind}, must be {low} to {high}")
    return wrong


def told(run: Watched, before: float | None = None) -> str:
    """What a reader of a failed test needs. ``before``: the cores that were free before the run."""
    keys = (
        "cpu_s",
        "wall_s",
        "verdict",
        "scores",
        "concurrency",
        "parallelism",
        "wanted",
        "cores",
        "tasks",
        "time",
        "findings",
        "measured",
    )
    seen = {key: run.summary.get(key) for key in keys}
    earlier = "" if before is None else f"{before:.2f} before, "
    return f"\n{run.err}\n{seen}\nfree cores from outside: {earlier}{run.free:.2f} during the run"


def check_always(answer: Answer, run: Watched, source: str = "kernel") -> None:
    """What must hold on the busiest machine: the program undisturbed, the trace consistent."""
    assert run.code == 0, told(run)
    assert run.out.strip() == answer.output, told(run)
    assert lookup(run.summary, "measured.source") == source, told(run)
    assert lookup(run.summary, "measured.lost_events") == 0, told(run)
    check = subprocess.run(twocooks("check", str(run.trace)), capture_output=True, text=True)
    assert check.returncode == 0, check.stdout + check.stderr + told(run)


def never_wrong(answer: Answer, run: Watched) -> None:
    """Without free cores the answer is the known one or no-free-core, but not another.

    Many hands need cores to be seen at all, and polling needs them to prove anything.
    """
    pair = pair_of(run)
    many_hands = ("many-hands", None) in answer.verdicts
    if pair[0] in ("single", "one-after-another") and many_hands:
        return
    if pair[0] == "cannot-tell" and answer.options:
        return
    if pair == ("both", None) and placed(answer, run):
        return
    assert pair in answer.verdicts or pair[1] == "no-free-core" or run.free >= BUSY, told(run)


@pytest.mark.parametrize("answer", [parameter(answer) for answer in HERE])
def test_known_answer(answer: Answer, place: Place, request: pytest.FixtureRequest) -> None:
    for need in sorted(answer.needs):
        if reason := needs.missing(need):
            pytest.skip(reason)
    gate = "cores" in answer.needs
    wanted = request.config.getoption("--runs")
    right = 0
    for _ in range(TRIES * wanted):
        before = cores.patience.probe() if gate else 2.0
        run = run_once(answer, place)
        check_always(answer, run, "schedstat" if "schedstat" in answer.options else "kernel")
        wrong = judge(answer, run)
        free = min(before, run.free)
        disturbed = wrong and "load" not in answer.needs and free < UNDISTURBED
        if free < cores.NEEDED if gate else disturbed:
            conftest.discarded.append(f"{answer.label}: {free:.2f} free")
            never_wrong(answer, run)
            continue
        assert not wrong, "; ".join(wrong) + told(run, before)
        right += 1
        if right == wanted:
            return
    pytest.skip(f"{conftest.CORES_REASON}: {right} of {wanted} runs counted, last: {free:.1f} free")


def test_the_runs_have_no_rights_of_root() -> None:
    """Else all that the other tests show of the kernel's records would be shown for root only."""
    status = subprocess.run(
        [*twocooks()[:-2], "-c", "print(open('/proc/self/status').read())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    effective = re.search(r"^CapEff:\s*(\w+)$", status, re.MULTILINE)
    assert effective is not None
    assert int(effective[1], 16) == 0
    if int(PARANOID.read_text()) < 2:
        pytest.skip("perf_event_paranoid is below 2: everybody may do everything here")
    assert int(PARANOID.read_text()) == 2


def test_enough_programs_and_every_answer() -> None:
    """At least one program for each verdict and each cause."""
    pairs = [pair for answer in ANSWERS for pair in answer.verdicts]
    assert len({answer.program for answer in ANSWERS}) >= 28
    assert {verdict for verdict, _ in pairs} == {
        "one-after-another",
        "turns",
        "waiting-together",
        "relay",
        "sometimes",
        "parallel",
        "both",
        "many-hands",
        "single",
        "nothing",
        "cannot-tell",
    }
    assert {cause for _, cause in pairs} - {None} == {
        "await-by-await",
        "loop-held",
        "lock",
        "one-worker",
        "one-loop",
        "one-core",
        "gil",
        "no-free-core",
        "no-contest",
        "hand-over",
        "unknown",
    }
