"""Plays the programs of a claim, each watched, and concludes.

The programs' output is kept apart (it is read), and they get no input: a reader's typed answers
are not theirs. Rounds in which other programs had the cores do not count; a few are played again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from twocooks import api
from twocooks.lesson.claim import (
    CannotShowError,
    Claim,
    Judged,
    Part,
    Result,
    Round,
    Seen,
    conclude,
    crowded,
)
from twocooks.model import TaskKind, TwocooksError, printable
from twocooks.record import machine

ROUNDS = 3
MOST_DISCARDED = 2
MOST_CORES = 4
"""Programs that use all cores are held on so many: they would take minutes on a large machine."""
EXAMPLES = Path(__file__).parent / "examples"
HERTZ = os.sysconf("SC_CLK_TCK")
Say = Callable[[str], None]
"""Gets a short word of how far it is."""


def program(part: Part) -> Path:
    """The file of a part's program."""
    return EXAMPLES / f"{part.program}.py"


def usable() -> int:
    """Cores that this program may use, whole ones."""
    quota = machine.cgroup_quota()
    places = len(machine.usable_cpus())
    return max(1, int(min(places, quota) if quota else places))


def places(part: Part, claim: Claim | None = None) -> set[int]:
    """The cores that a part's program may use; whole cores before second hardware threads. Where a
    quota allows less than the affinity, as many as it allows: else the quota would stop all."""
    cpus = machine.usable_cpus()
    later = {cpu for group in machine.smt_siblings(cpus) for cpu in sorted(group)[1:]}
    cpus.sort(key=lambda cpu: (cpu in later, cpu))
    most = usable()
    if claim is not None and claim.all_cores and "smt" not in claim.needs:
        most = min(most, MOST_CORES)
    if part.crowded:
        most = min(most, 2)
    return set(cpus[:1 if part.one_core else most])


def lacks(claim: Claim) -> str | None:
    """Why the claim cannot be shown on this machine at all; None = it can."""
    quota = machine.cgroup_quota()
    if quota is not None and quota < 1:
        return "less than one core may be used here (cpu.max)"
    if "cores" in claim.needs and usable() < 2:
        return "one core: nobody can work beside another here"
    if "smt" in claim.needs:
        cpus = machine.usable_cpus()
        groups = machine.smt_siblings(cpus)
        mine = [group for group in groups if len(set(group) & set(cpus)) > 1]
        if not mine or set(mine[0]) >= set(cpus):
            return "no core here has a second hardware thread (SMT) beside another core"
    if "sort" in claim.needs and shutil.which("sort") is None:
        return "there is no sort command here"
    return None


def prove(claim: Claim, say: Say = lambda word: None) -> Result:
    """Three rounds that count, and what follows."""
    missing = lacks(claim)
    if missing is not None:
        return Result(claim, "cannot", missing)
    rounds: list[Judged] = []
    thrown: list[Judged] = []
    gil: bool | None = None
    while len(rounds) < ROUNDS and len(thrown) <= MOST_DISCARDED:
        say(f"run {len(rounds) + 1} of {ROUNDS}")
        try:
            seen = play(claim)
            judged = judge(claim, seen)
        except (CannotShowError, TwocooksError) as error:
            return Result(claim, "cannot", str(error))
        gil = next(iter(seen.values())).gil
        (thrown if crowded(claim, judged, usable()) else rounds).append(judged)
    result = conclude(claim, rounds or thrown[-1:], len(thrown), ROUNDS)
    return replace(result, gil=gil)


def judge(claim: Claim, seen: Round) -> Judged:
    """One round, judged. CannotShowError if it cannot show the claim."""
    if not all(one.summary["measured"]["source"] == "kernel" for one in seen.values()):
        raise CannotShowError("the kernel does not tell its switches here: see twocooks doctor")
    alone = [seen[part.name] for part in claim.parts if part.name in seen and not part.crowded]
    known = [one.foreign for one in alone if one.foreign is not None]
    whole = len(known) == len(alone)
    return Judged(tuple(claim.judge(seen)), max(known, default=0.0) if whole else None)


def play(claim: Claim, keep: Callable[[Part, api.Run], None] | None = None) -> Round:
    """One round: each part once. ``keep`` is shown each run while its trace is there."""
    seen = {}
    with tempfile.TemporaryDirectory(prefix="twocooks-lesson-") as folder:
        for part in claim.parts:
            if part.cores > usable():
                continue
            seen[part.name], run = watched(part, Path(folder), places(part, claim))
            if keep is not None:
                keep(part, run)
    return seen


@contextlib.contextmanager
def held(cpus: set[int]) -> Iterator[None]:
    """This process, and all that it starts, on these cores."""
    before = os.sched_getaffinity(0)
    if cpus == before:
        yield
        return
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


STRANGER = """
import os, time
parent, end = os.getppid(), time.monotonic() + 60
print(flush=True)
while os.getppid() == parent and time.monotonic() < end:
    for _ in range(100_000):
        pass
"""


@contextlib.contextmanager
def crowd(part: Part) -> Iterator[None]:
    """Two strangers a core, which only compute, while a crowded part runs."""
    strangers: list[subprocess.Popen[bytes]] = []
    try:
        if part.crowded:
            for _ in range(2 * len(os.sched_getaffinity(0))):
                strangers.append(subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", STRANGER], stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                ))
        for one in strangers:
            if one.stdout is not None:
                one.stdout.readline()  # it computes from here on
        yield
    finally:
        for one in strangers:
            one.kill()
        for one in strangers:
            one.communicate()


def watched(part: Part, folder: Path, cpus: set[int] | None = None) -> tuple[Seen, api.Run]:
    """Runs one part under the recorder, on the cores that it is to have. TwocooksError if the
    program fails."""
    with held(cpus or places(part)), crowd(part):
        return _watched(part, folder)


def _watched(part: Part, folder: Path) -> tuple[Seen, api.Run]:
    output, errors = folder / f"{part.name}.out", folder / f"{part.name}.err"
    trace = folder / f"{part.name}.2cooks"
    command = [sys.executable, "-P", str(program(part)), *part.args]
    with _apart(output, errors):
        meter = _Meter(machine.usable_cpus())
        run = api.run(command, trace_path=trace)
        foreign = meter.foreign()
    if run.signal == signal.SIGINT:
        raise KeyboardInterrupt
    if run.signal is not None:
        raise TwocooksError(f"{part.program}.py was ended here by signal {run.signal}")
    if run.exit_code:
        last = (errors.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        raise TwocooksError(f"{part.program}.py failed here: {printable(last)}")
    return _seen(run, said(output.read_text(errors="replace")), foreign), run


def _seen(run: api.Run, words: dict[str, float], foreign: float | None) -> Seen:
    analysis = run.analysis
    steps = analysis.on_the_go
    active = 0.0
    if len(steps.time) > 1:
        active = float(np.diff(steps.time)[steps.value[:-1] >= 1].sum())
    dishes = [(t.begun_s, t.done_s) for t in analysis.tasks if t.kind is TaskKind.BLOCK]
    cores = run.summary["cores"]
    if foreign is not None and cores.get("free") is not None:
        foreign = max(foreign, float(cores["usable"]) - float(cores["free"]))
    return Seen(run.summary, words, active, tuple(dishes), foreign)


def said(text: str) -> dict[str, float]:
    """The lines of a name and a number."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        with contextlib.suppress(ValueError):
            found[name] = float(value)
    return found


@contextlib.contextmanager
def _apart(output: Path, errors: Path) -> Iterator[None]:
    """Children's input is empty, and what they say goes to these files."""
    sys.stdout.flush()
    sys.stderr.flush()
    new = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    kept = [os.dup(number) for number in (0, 1, 2)]
    try:
        for number, (path, flags) in enumerate((
            (os.devnull, os.O_RDONLY), (str(output), new), (str(errors), new),
        )):
            fd = os.open(path, flags, 0o600)
            os.dup2(fd, number)
            os.close(fd)
        yield
    finally:
        for number, fd in enumerate(kept):
            os.dup2(fd, number)
            os.close(fd)


class _Meter:
    """Cores that others used while a program was watched."""

    def __init__(self, cpus: list[int]) -> None:
        self._cpus = cpus
        self._before, self._own, self._begin = self._ticks(), self._used(), time.monotonic()

    def _ticks(self) -> machine.Ticks | None:
        return machine.ticks(machine.read_file("/proc/stat") or "", self._cpus)

    @staticmethod
    def _used() -> float:
        times = os.times()
        return times.user + times.system + times.children_user + times.children_system

    def foreign(self) -> float | None:
        """Cores used by others since the beginning; None where the kernel does not say."""
        after, wall = self._ticks(), time.monotonic() - self._begin
        if self._before is None or after is None or wall <= 0:
            return None
        busy = after.busy - self._before.busy + after.steal - self._before.steal
        return max(0.0, busy / HERTZ - (self._used() - self._own)) / wall
