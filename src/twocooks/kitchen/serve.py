"""Cooks a dinner in its modes, one after the other, each under the recorder, and measures them."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twocooks.kitchen.recipe import TITLES, Dinner, Mode, Order
from twocooks.kitchen.simulate import StuckError
from twocooks.kitchen.truth import Prediction, predict
from twocooks.model import TwocooksError

if TYPE_CHECKING:
    from twocooks.analyse.result import Analysis
    from twocooks.kitchen.measure import Measured


@dataclass(frozen=True)
class Variant:
    """What is changed against the plain dinner."""

    order: Order | None = None
    at_once: int | None = None
    tools: dict[str, int] = field(default_factory=dict)
    friends: int | None = None
    no_breaks: bool = False
    one_core: bool = False
    threads: bool = False

    def changes(self) -> dict[str, Any]:
        """Arguments of ``Dinner.changed``."""
        return {"order": self.order, "at_once": self.at_once, "tools": dict(self.tools),
                "friends": self.friends, "no_breaks": self.no_breaks}

    def places(self) -> int:
        """Cooks who can work at one moment: usable cores, one if pinned, one apron under a GIL."""
        if self.one_core or (self.threads and has_gil()):
            return 1
        return usable_cores()


@dataclass
class Plate:
    """One mode: what it must give and, once cooked, what was measured."""

    mode: Mode
    predicted: Prediction
    trace: Path | None = None
    analysis: Analysis | None = None
    measured: Measured | None = None
    burnt: list[tuple[str, str, float]] = field(default_factory=list)
    """By the cooks' own clocks: dish, step, minutes too late."""

    @property
    def crowded(self) -> bool:
        """Other programs had the cores that it needed: it took longer than it needs."""
        if self.measured is None or self.measured.free is None:
            return False
        from twocooks.kitchen.measure import CORES_FREE

        needed = self.predicted.numbers.most_at_work
        late = self.measured.numbers.minutes > self.predicted.high.minutes * 1.05
        return (needed >= 2 or late) and self.measured.free < CORES_FREE * needed


def has_gil() -> bool:
    enabled = getattr(sys, "_is_gil_enabled", None)
    return bool(enabled()) if enabled else True


def usable_cores() -> int:
    from twocooks.record import machine

    cores: float = len(machine.usable_cpus())
    quota = machine.cgroup_quota()
    return max(1, math.floor(min(cores, quota) if quota else cores))


def plates(dinner: Dinner, variant: Variant) -> tuple[list[Plate], list[str]]:
    """The modes that apply, with their predictions; and, in words, those that do not and why."""
    found, refused = [], []
    for mode in TITLES:
        why = dinner.refuses(mode)
        if why is None:
            try:
                found.append(Plate(mode, predict(dinner, mode, variant.places())))
                continue
            except StuckError as error:
                why = f"it never ends: {error}"
        refused.append(f"{TITLES[mode]}: {why}")
    if not found:
        raise TwocooksError(f"nobody can cook {dinner.name}: {'; '.join(refused)}")
    return found, refused


def command(
    source: str, mode: Mode, variant: Variant, notes: Path, progress: int | None
) -> list[str]:
    """The program to watch. -P: what lies in the user's folder must not be imported for ours."""
    words = [sys.executable, "-P", "-m", "twocooks.kitchen.cook", mode, source,
             "--change", json.dumps(variant.changes()), "--notes", str(notes)]
    if variant.threads:
        words += ["--cooks", "threads"]
    if progress is not None:
        words += ["--progress", str(progress)]
    return words


def cook(
    source: str, dinner: Dinner, variant: Variant, plate: Plate, folder: Path,
    progress: int | None = None,
) -> None:
    """Cooks one mode under the recorder; fills ``trace`` (a file in ``folder``) and ``burnt``."""
    from twocooks.record.watch import watch

    notes = folder / f".{plate.mode}.notes"
    trace = folder / f"{plate.mode}.2cooks"
    with one_core(variant.one_core):
        outcome = watch(command(source, plate.mode, variant, notes, progress), trace_path=trace)
    if outcome.signal is not None:
        raise KeyboardInterrupt
    if outcome.exit_code:
        raise TwocooksError(f"the cooks gave up ({TITLES[plate.mode]}, exit code "
                            f"{outcome.exit_code}); what they said stands above")
    plate.trace = trace
    with contextlib.suppress(OSError, ValueError, KeyError):
        plate.burnt = [tuple(b) for b in json.loads(notes.read_text())["burnt"]]
        notes.unlink()


def look(plate: Plate, minute_s: float) -> None:
    """Reads the plate's trace and measures it."""
    from twocooks.analyse import analyse
    from twocooks.kitchen.measure import measure
    from twocooks.read import reader

    assert plate.trace is not None
    plate.analysis = analyse(reader.load(plate.trace))
    plate.measured = measure(plate.analysis, minute_s)


@contextlib.contextmanager
def one_core(wanted: bool) -> Iterator[None]:
    """Recorder and cooks share one core, so that the machine they see has one."""
    if not wanted:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def folder_for(given: str | None) -> Iterator[Path]:
    """Where the traces go: the user's folder, or one that goes away."""
    if given is None:
        with tempfile.TemporaryDirectory(prefix="twocooks-kitchen-") as name:
            yield Path(name)
        return
    path = Path(given)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TwocooksError(f"-o {given} is no folder to write to: {error.strerror}") from None
    yield path


def as_json(dinner: Dinner, done: list[Plate]) -> dict[str, Any]:
    """The JSON contract of ``kitchen --json``."""
    from twocooks.kitchen import measure

    return {
        "dinner": dinner.name,
        "minute_s": dinner.minute_s,
        "modes": [
            {"mode": plate.mode, "predicted": measure.as_json(plate.predicted.numbers),
             "measured": plate.measured.as_json() if plate.measured else None,
             "cores_free": plate.measured.free if plate.measured else None,
             "crowded": plate.crowded}
            for plate in done
        ],
    }

