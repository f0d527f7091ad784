"""The machine around the program: usable cores, cores that were free for it, the GIL, the
Python."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twocooks.analyse.book import Said, words
from twocooks.analyse.columns import Int64, covered
from twocooks.format.spec import BY_NAME
from twocooks.read.trace import Trace

SHORT_NS, STEP_NS = 100_000_000, 10_000_000
"""The kernel tells what other programs took in whole steps. On a measurement shorter than this,
one step more or less on each core is nobody's."""

METER, CPUS = BY_NAME["METER"].number, BY_NAME["CPUS"].number


@dataclass(frozen=True)
class Machine:
    """``usable`` already knows the quota, ``places`` does not; ``quota`` is None where there is
    none."""

    usable: float
    online: int
    quota: float | None
    places: int = 0


@dataclass(frozen=True)
class Free:
    """Mean cores that were free for the program; None = not measured."""

    cores: float | None
    why: str = "other"
    """What took most of the others: other (programs), quota, steal."""


def machine(trace: Trace) -> Machine:
    """Cores as the recorder found them: those of the affinity, at most the quota."""
    cpus = trace.meta.get("cpus") or {}
    affinity = len(cpus.get("usable") or []) or 1
    online = int(cpus.get("online") or affinity)
    quota = cpus.get("quota")
    told = np.flatnonzero(trace.meter.event == CPUS)
    if len(told):
        affinity = _longest(trace, told) or affinity
        online = int(trace.meter.b[told[-1]]) or online
        milli = int(trace.meter.c[told[-1]])
        quota = milli / 1000 if milli else quota
    places = min(affinity, online)
    usable = float(places)
    if quota is not None and quota < usable:
        usable = float(quota)
    return Machine(usable, online, None if quota is None else float(quota), places)


def _longest(trace: Trace, told: Int64) -> int:
    """The number of usable cores that held for most of the run: a program may pin itself."""
    time = trace.meter.time[told]
    end = max(int((trace.end or {}).get("end_ns") or 0), int(trace.meter.time[-1]))
    length = np.append(time[1:], end) - time
    held: dict[int, int] = {}
    for cores, ns in zip(trace.meter.a[told].tolist(), length.tolist(), strict=True):
        held[cores] = held.get(cores, 0) + max(ns, 1)
    return max(held, key=lambda cores: held[cores])


def free_cores(trace: Trace, usable: float, start: Int64, end: Int64) -> Free:
    """Cores free for the program, averaged over the given stretches (over all of the run where no
    measurement falls into them), from the METER records."""
    at = np.flatnonzero(trace.meter.event == METER)
    if not len(at):
        before = (trace.meta.get("cpus") or {}).get("free")
        return Free(None if before is None else float(before))
    began, time, busy, steal, own, held = _measured(trace, at)
    length = np.maximum(time - began, 1)
    other = busy - own
    if int(length.sum()) < SHORT_NS:
        other = other - STEP_NS * int(max(1, usable))
    lost = {
        "other": np.maximum(other, 0) / length,
        "steal": steal / length,
        "quota": held / length,
    }
    free = np.clip(usable - sum(lost.values()), 0.0, usable)
    weight = covered(began, time, start, end)
    if weight.sum() <= 0:
        weight = length.astype(float)
    shares = {name: float((part * weight).sum()) for name, part in lost.items()}
    why = max(shares, key=lambda name: shares[name])
    return Free(float((free * weight).sum() / weight.sum()), why)


def stolen_s(trace: Trace) -> float:
    """Seconds for which the host of a virtual machine took usable cores away, all in all."""
    return float(trace.meter.b[trace.meter.event == METER].sum()) / 1e9


def _measured(trace: Trace, at: Int64) -> list[Int64]:
    """The stretches between METER records: began, ended, busy, steal, own, held back. What is left
    over at the end is too short to be judged alone: it goes with the stretch before it."""
    time = trace.meter.time[at]
    began = np.append(int(trace.meta.get("start_ns") or time[0]), time[:-1])
    began = np.minimum(began, time)
    sums = [getattr(trace.meter, name)[at] for name in "abcd"]
    if len(time) > 1 and time[-1] - began[-1] < SHORT_NS // 2:
        began, time = began[:-1], np.append(time[:-2], time[-1])
        sums = [np.append(part[:-2], part[-2:].sum()) for part in sums]
    return [began, time, *sums]


def python_and_gil(trace: Trace, said: Said) -> tuple[str | None, bool | None]:
    """Version of the program's Python and whether the GIL was on (None = no agent said so)."""
    hello = said.rows("HELLO")
    if not len(hello):
        return None, None
    version = int(said.a[hello[0]])
    flags = said.flags
    gil = bool(flags & 1) or bool(said.mask("GIL_ON").any())
    implementation = words(trace, int(said.text[hello[0]]))[0] or "python"
    name = f"{implementation} {version >> 24 & 255}.{version >> 16 & 255}.{version >> 8 & 255}"
    return name + ("t" if flags & 4 else ""), gil
