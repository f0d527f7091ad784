"""Plays the programs of a claim, each watched, and concludes.

The programs' output is kept apart (it is read), and they get no input: a reader's typed answers
are not theirs. Rounds in which other programs had the cores do not count; a few are played again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from twocooks import api
from twocooks.kitchen.serve import one_core
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


def lacks(claim: Claim) -> str | None:
    """Why the claim cannot be shown on this machine at all; None = it can."""
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
        except CannotShowError as error:
            return Result(claim, "cannot", str(error))
        gil = next(iter(seen.values())).gil
        (thrown if crowded(claim, judged, usable()) else rounds).append(judged)
    result = conclude(claim, rounds or thrown[-1:], len(thrown), ROUNDS)
    return replace(result, gil=gil)


def judge(claim: Claim, seen: Round) -> Judged:
    """One round, judged. CannotShowError if it cannot show the claim."""
    if not all(one.summary["measured"]["source"] == "kernel" for one in seen.values()):
        raise CannotShowError("the kernel does not tell its switches here: see twocooks doctor")
    known = [one.free for one in seen.values() if one.free is not None]
    return Judged(tuple(claim.judge(seen)), min(known) if known else None)


def play(claim: Claim, keep: Callable[[Part, api.Run], None] | None = None) -> Round:
    """One round: each part once. ``keep`` is shown each run while its trace is there."""
    seen = {}
    with tempfile.TemporaryDirectory(prefix="twocooks-lesson-") as folder:
        for part in claim.parts:
            seen[part.name], run = watched(part, Path(folder))
            if keep is not None:
                keep(part, run)
    return seen


def watched(part: Part, folder: Path) -> tuple[Seen, api.Run]:
    """Runs one part under the recorder. TwocooksError if the program fails."""
    output, errors = folder / f"{part.name}.out", folder / f"{part.name}.err"
    trace = folder / f"{part.name}.2cooks"
    command = [sys.executable, "-P", str(program(part)), *part.args]
    cpus = machine.usable_cpus()[:1] if part.one_core else machine.usable_cpus()
    with one_core(part.one_core), _apart(output, errors):
        meter = _Meter(cpus)
        run = api.run(command, trace_path=trace)
        free = meter.free()
    if run.signal is not None:
        raise KeyboardInterrupt
    if run.exit_code:
        last = (errors.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        raise TwocooksError(f"{part.program}.py failed here: {printable(last)}")
    return _seen(run, said(output.read_text(errors="replace")), free, part.one_core), run


def _seen(run: api.Run, words: dict[str, float], free: float | None, pinned: bool) -> Seen:
    analysis = run.analysis
    steps = analysis.on_the_go
    active = 0.0
    if len(steps.time) > 1:
        active = float(np.diff(steps.time)[steps.value[:-1] >= 1].sum())
    dishes = [(t.begun_s, t.done_s) for t in analysis.tasks if t.kind is TaskKind.BLOCK]
    told = run.summary["cores"].get("free")
    known = [value for value in (free, told) if value is not None]
    least = min(known) if known else None
    if pinned and least is not None and least >= 0.5:
        least = None  # one core is all that it wanted: nothing is known of the others
    return Seen(run.summary, words, active, tuple(dishes), least)


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
    """Cores that others left while a program was watched."""

    def __init__(self, cpus: list[int]) -> None:
        self._cpus = cpus
        self._before, self._own, self._begin = self._ticks(), self._used(), time.monotonic()

    def _ticks(self) -> machine.Ticks | None:
        return machine.ticks(machine.read_file("/proc/stat") or "", self._cpus)

    @staticmethod
    def _used() -> float:
        times = os.times()
        return times.user + times.system + times.children_user + times.children_system

    def free(self) -> float | None:
        """Cores left by others since the beginning; None where the kernel does not say."""
        after, wall = self._ticks(), time.monotonic() - self._begin
        if self._before is None or after is None or wall <= 0:
            return None
        busy = after.busy - self._before.busy + after.steal - self._before.steal
        foreign = max(0.0, busy / HERTZ - (self._used() - self._own))
        return max(0.0, len(self._cpus) - foreign / wall)
