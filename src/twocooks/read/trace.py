"""What a reader hands to the analysis: the events of one trace, in columns, per kind of stream.

Columns are numpy arrays of equal length, sorted by time (stable: records of one stream keep their
order). Times are ns of CLOCK_MONOTONIC. ``event`` holds numbers of ``format.spec.EVENTS``; texts
are indices into ``texts`` (-1 = none). Nothing is judged or repaired here. Whoever needs ``kernel``
or ``agent`` for long keeps what of it is needed, not the trace: of a large file they are read anew
each time they are asked for (``late.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twocooks.format.spec import BY_NAME

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]
UInt8 = NDArray[np.uint8]
SWITCHES = [BY_NAME[name].number for name in ("IN", "OUT", "OUT_PREEMPTED")]


@dataclass(frozen=True)
class KernelColumns:
    """IN, OUT, FORK... of all CPUs. OUT's thread is filled in by the reader (0 = not known).

    ``event`` is reduced to IN, OUT, OUT_PREEMPTED, FORK, EXIT, COMM, EXEC, LOST. ``pid`` is 0 where
    it is not known. ``a`` and ``b``: FORK ppid, ptid; LOST count (0 = not known how many: a
    damaged block), since_ns; else 0.
    """

    time: Int64
    event: UInt8
    cpu: Int32
    pid: Int32
    tid: Int32
    a: Int64
    b: Int64
    text: Int32


Kept = tuple[KernelColumns, dict[int, int], dict[int, int]]
"""What is asked for again and again: ``Trace.rare``, ``switches``, ``last_on``."""


@dataclass(frozen=True)
class AgentColumns:
    """What the agents said. ``thread`` indexes ``Trace.agent_threads`` (pid, tid) pairs; order
    within one thread is the order of events even where times are equal.

    ``a``, ``b``, ``c``: the event's non-text fields in order (task, item, block... in ``a``).
    A task reference is unique within its process (pid).
    """

    time: Int64
    event: UInt8
    thread: Int32
    a: Int64
    b: Int64
    c: Int64
    text: Int32


@dataclass(frozen=True)
class LookColumns:
    """LOOK records. ``before`` = time - took: the thread waited from before to time without a
    break, if the kernel's records agree. ``where`` indexes ``Trace.texts`` (-1 = not known)."""

    time: Int64
    before: Int64
    pid: Int32
    tid: Int32
    syscall: Int32
    arg: Int64
    kind: UInt8
    where: Int32
    timed: NDArray[np.bool_]
    """The wait for the lock had a time limit."""


@dataclass(frozen=True)
class HolderColumns:
    """HOLDER records: who had what another thread waited for, at some moment from before to time.
    ``where`` as in looks."""

    time: Int64
    before: Int64
    pid: Int32
    tid: Int32
    waiter: Int32
    lock: Int64
    turn: Int64
    how: UInt8
    where: Int32


@dataclass(frozen=True)
class FileColumns:
    """FILE records: what (a text; -1 = not known) a thread waits on, by the next look at it."""

    time: Int64
    tid: Int32
    what: Int32


@dataclass(frozen=True)
class PeerColumns:
    """PEER records: process ``pid`` has the other end of the ``part``-th that this thread's FILE of
    the same time names."""

    time: Int64
    tid: Int32
    part: Int32
    pid: Int32


@dataclass(frozen=True)
class LineColumns:
    """LINE records: for how long (``ns``) the thread had stood in line for a core in all, at the
    look at it of the same time."""

    time: Int64
    tid: Int64
    ns: Int64


@dataclass(frozen=True)
class RunColumns:
    """RUN records: samples of threads on a core. ``before`` = time - took, when it was asked;
    ``has_gil``: 0 no, 1 yes, 2 not known; ``where`` as in looks, about."""

    time: Int64
    before: Int64
    pid: Int32
    tid: Int32
    has_gil: UInt8
    where: Int32


@dataclass(frozen=True)
class PollColumns:
    """POLL* records: accounts of threads between ticks. ``a``, ``b``, ``c``: fields after pid
    and tid (or the fields themselves where there are none)."""

    time: Int64
    event: UInt8
    pid: Int32
    tid: Int32
    a: Int64
    b: Int64
    c: Int64
    text: Int32


@dataclass(frozen=True)
class MeterColumns:
    """METER, CPUS, TASK_CLOCK records; ``a``..``d`` are their fields in order."""

    time: Int64
    event: UInt8
    a: Int64
    b: Int64
    c: Int64
    d: Int64


@dataclass(frozen=True)
class Trace:
    """One recorded run."""

    meta: dict[str, Any]
    """See ``record.watch`` for the keys: command, pid, python, start_ns, source, cpus..."""
    end: dict[str, Any] | None
    """exit status, end_ns, lost per CPU, task clock, rusage; None = the recorder was killed."""
    kernel: KernelColumns
    agent: AgentColumns
    agent_threads: list[tuple[int, int]]
    look: LookColumns
    holder: HolderColumns
    file: FileColumns
    peer: PeerColumns
    line: LineColumns
    run: RunColumns
    poll: PollColumns
    meter: MeterColumns
    texts: list[str]
    notes: list[str] = field(default_factory=list)
    """What the file itself says is missing: cut short, damaged blocks skipped, unknown events."""

    @property
    def rare(self) -> KernelColumns:
        """The kernel's records but for those that only tell a switch (IN, OUT, OUT_PREEMPTED), in
        their order."""
        return self._kept[0]

    @property
    def switches(self) -> dict[int, int]:
        """How many of the kernel's records there are of each event."""
        return self._kept[1]

    @property
    def last_on(self) -> dict[int, int]:
        """For each CPU with records of the kernel the time of the last."""
        return self._kept[2]

    @cached_property
    def _kept(self) -> Kept:
        k = self.kernel
        often = np.zeros(256, bool)
        often[SWITCHES] = True
        rows = np.flatnonzero(~often[k.event])
        rare = KernelColumns(*(getattr(k, part.name)[rows] for part in fields(KernelColumns)))
        return rare, *sums(k.time, k.event, k.cpu)


def sums(time: Int64, event: UInt8, cpu: Int32) -> tuple[dict[int, int], dict[int, int]]:
    """How many of the kernel's records (in order of time) there are of each event, and when the
    last of each CPU was."""
    count = np.bincount(event)
    last = np.full(int(cpu.max(initial=-1)) + 1, -1, np.int64)
    last[cpu] = time  # in order of time: the last one stays
    return (
        {number: int(count[number]) for number in np.flatnonzero(count).tolist()},
        {core: int(last[core]) for core in np.flatnonzero(last >= 0).tolist()},
    )
