"""The register of tasks while the analysis finds them, and the agents' events in order per
thread."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twocooks.analyse import fast
from twocooks.analyse.columns import (
    Bool,
    Int32,
    Int64,
    UInt8,
    arranged,
    group_first,
    last_true_in,
)
from twocooks.analyse.threads import Threads
from twocooks.format.spec import BY_NAME, SEPARATOR
from twocooks.model import STEPPED, TaskKind
from twocooks.read.trace import Trace

NOBODY = -1
"""Owner of work of the program that is no task's: an event loop, the start of Python, imports."""
NATIVE = -3
"""Owner of work of native threads, until it is known for which task they work."""
CALLBACKS = -4
"""Owner of an event loop's own time, until it is known whether that is worth a task."""


SERVICE = 2
OFTEN = frozenset({"STEP", "STEP_END", "STEP_YIELD", "STEP_DONE", "READY"})
"""Events that a run has very many of: whoever wants others need not go through these."""
AGENT_LOST, HELLO = BY_NAME["AGENT_LOST"].number, BY_NAME["HELLO"].number


@dataclass
class Book:
    """Tasks by id (an index). Times in ns; ``done`` -1 = never seen to end."""

    kind: list[TaskKind] = field(default_factory=list)
    name: list[str] = field(default_factory=list)
    group: list[str] = field(default_factory=list)
    pid: list[int] = field(default_factory=list)
    thread: list[int] = field(default_factory=list)
    parent: list[int] = field(default_factory=list)
    made: list[int] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    queued: list[int] = field(default_factory=list)
    """ns between being given to a pool and being begun."""
    helper: list[int] = field(default_factory=list)
    """1 = made outside the user's files: background when it does little. SERVICE = made by the
    standard library to move other tasks' data (a pool's manager, a queue's feeder): background
    unless it does a good part of the work."""
    base: dict[int, int] = field(default_factory=dict)
    """Thread id -> the task that the thread works for when it works for none in particular."""
    launchers: set[int] = field(default_factory=set)
    """Tasks of processes that ended before the program's own Python began."""
    hosts: set[int] = field(default_factory=set)
    """Tasks whose thread runs an event loop, or that lead a process with other tasks in it."""
    callbacks: set[int] = field(default_factory=set)
    """Tasks that stand for all callbacks of one event loop."""
    where: dict[int, str] = field(default_factory=dict)
    """Where the code of a task begins, ``file:line function``, as far as it was told. Hostile
    text."""

    def __len__(self) -> int:
        return len(self.kind)

    def stepped(self) -> Bool:
        """Which of the tasks an event loop works on step by step, of those registered so far."""
        return np.array([kind in STEPPED for kind in self.kind], bool)

    def add(
        self,
        kind: TaskKind,
        name: str,
        group: str,
        pid: int,
        thread: int,
        made: int,
        done: int = -1,
        parent: int = -1,
        helper: int = False,
    ) -> int:
        """Register a task and return its id."""
        self.kind.append(kind)
        self.name.append(name)
        self.group.append(group or name)
        self.pid.append(pid)
        self.thread.append(thread)
        self.parent.append(parent)
        self.made.append(made)
        self.done.append(done)
        self.queued.append(0)
        self.helper.append(helper)
        return len(self.kind) - 1


class Few:
    """A column in which few rows have a value; the others have -1."""

    def __init__(self, column: Int32) -> None:
        self.rows = np.flatnonzero(column >= 0)
        self.values = column[self.rows]

    def __getitem__(self, rows: Any) -> Any:
        if isinstance(rows, int | np.integer):  # asked for each of many threads
            one = bisect_left(self.rows, rows)
            there = one < len(self.rows) and self.rows[one] == rows
            return self.values[one] if there else np.int32(-1)
        if not len(self.rows):
            return np.full(np.shape(rows), -1, np.int32)[()]
        at = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return np.where(self.rows[at] == rows, self.values[at], np.int32(-1))[()]


class OfThreads:
    """A column that follows from the thread of each row."""

    def __init__(self, values: Int32, thread: Int32) -> None:
        self.values, self._thread = values, thread

    def __getitem__(self, rows: Any) -> Any:
        return self.values[self._thread[rows]]


@dataclass(frozen=True)
class Said:
    """The agents' events sorted by thread (id of ``Threads``), in their order."""

    thread: Int32
    time: Int64
    event: UInt8
    a: Int64
    text: Few
    process: OfThreads
    unseen: int
    """Events of threads that no other record knows."""
    flags: int
    """Of all greetings (HELLO) together."""

    def __len__(self) -> int:
        return len(self.time)

    def epochs(self) -> Int32:
        """For each event the first row of the unbroken part of its thread's story: a loss of events
        begins a new one, and so does another program in the same process (a greeting in the middle:
        exec)."""
        fresh = np.ones(len(self), bool)
        breaks = (self.event[1:] == AGENT_LOST) | (self.event[1:] == HELLO)
        fresh[1:] = (self.thread[1:] != self.thread[:-1]) | breaks
        rows = np.arange(len(self), dtype=np.int32)
        return np.maximum.accumulate(np.where(fresh, rows, np.int32(0)))

    @cached_property
    def _rare(self) -> Int64:
        often = np.zeros(256, bool)
        often[[BY_NAME[name].number for name in OFTEN]] = True
        return np.flatnonzero(~often[self.event])

    def rows(self, *names: str) -> Int64:
        """Positions of the events of these names."""
        if not OFTEN.isdisjoint(names):
            return np.flatnonzero(self.mask(*names))
        wanted = np.zeros(256, bool)
        wanted[[BY_NAME[name].number for name in names]] = True
        return self._rare[wanted[self.event[self._rare]]]

    def mask(self, *names: str) -> Bool:
        """Which events have one of these names."""
        out = np.zeros(len(self.event), bool)
        for name in names:
            out |= self.event == BY_NAME[name].number
        return out


def listen(trace: Trace, threads: Threads) -> Said:
    """Sort what the agents said by thread life."""
    a = trace.agent
    thread = _lives_of(trace, threads)
    if len(thread) and int(thread.min()) >= 0:
        order = arranged(thread)
    else:
        good = np.flatnonzero(thread >= 0)
        order = good[arranged(thread[good])]
    thread = thread[order]
    event = a.event[order]
    greets = order[event == HELLO]
    return Said(
        thread,
        a.time[order],
        event,
        a.a[order],
        Few(a.text[order]),
        OfThreads(threads.process.astype(np.int32), thread),
        len(a.time) - len(order),
        int(np.bitwise_or.reduce(a.b[greets])) if len(greets) else 0,
    )


def _lives_of(trace: Trace, threads: Threads) -> Int32:
    """The thread (life) that said each event, -1 = not known. Most numbers have one life only."""
    a = trace.agent
    tids = np.array([tid for _, tid in trace.agent_threads] or [0], np.int64)
    lives = np.argsort(threads.tid, kind="stable")
    low = np.searchsorted(threads.tid[lives], tids, "left")
    count = np.searchsorted(threads.tid[lives], tids, "right") - low
    only = np.full(len(tids), -1, np.int32)
    only[count == 1] = lives[low[count == 1]]
    thread: Int32 = only[a.thread]
    several = np.flatnonzero((count > 1)[a.thread])
    thread[several] = threads.find(tids[a.thread[several]], a.time[several])
    return thread


def opened(
    said: Said, epoch: Int32, begins: Bool, ends: Bool
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Match brackets of one kind (``epoch``: see ``Said.epochs``). Returns for each event the row
    of the bracket that is open after it (innermost; -1 = none) and for each closing event the row
    that it closes (-1 = none, and for all other events)."""
    n = len(said)
    if not begins.any():
        none = np.broadcast_to(np.int32(-1), n)
        return none, none
    found = fast.opened(begins.astype(np.uint8) + np.uint8(2) * ends.astype(np.uint8), epoch)
    return _opened(said, epoch, begins, ends) if found is None else found


def _opened(said: Said, epoch: Int32, begins: Bool, ends: Bool) -> tuple[Int64, Int64]:
    """The twin of ``fast.opened``."""
    n = len(said)
    rows = np.arange(n)
    step = begins.astype(np.int64) - ends
    total = np.cumsum(step)
    total = total - (total - step)[epoch]
    # The running minimum of each epoch: closings without an opening must not count.
    rank = np.cumsum(epoch == rows) - 1
    far = rank * (2 * n + 2)
    floor = np.minimum.accumulate(np.minimum(total, 0) - far) + far
    depth = total - floor
    if depth.max() <= 1:
        inner = np.where(depth > 0, last_true_in(begins, epoch), -1)
    else:
        level = rank * (int(depth.max()) + 1) + depth
        order = np.argsort(level, kind="stable")
        found = last_true_in(begins[order], group_first(level[order]))
        inner = np.empty(n, np.int64)
        inner[order] = np.where(found >= 0, order[np.maximum(found, 0)], -1)
        inner[depth == 0] = -1
    before = np.append(-1, inner[:-1])
    before[epoch == rows] = -1
    return inner, np.where(ends, before, -1)


def place(parts: list[str]) -> str:
    """``file:line function`` of a text with the parts name, function, file, line; "" = not told."""
    function, file, line = (parts + [""] * 4)[1:4]
    return f"{file}:{line} {function}" if file and function else ""


def words(trace: Trace, text: int, count: int = 4) -> list[str]:
    """The parts of a text, filled up with empty ones."""
    parts = trace.texts[text].split(SEPARATOR) if text >= 0 else []
    return (parts + [""] * count)[: max(count, len(parts))]
