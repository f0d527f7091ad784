"""What the analysis hands to reports and exports. They only format it: no number is computed
there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from twocooks.model import TaskKind

if TYPE_CHECKING:
    from twocooks.analyse.data import Data
    from twocooks.analyse.loops import Loop
    from twocooks.analyse.places import LockSum, WaitSum
    from twocooks.analyse.rings import Ring
    from twocooks.analyse.task_list import TaskRow

Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
UInt8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Segments:
    """Stretches of one task, ordered, not overlapping. Seconds since the start of the run.

    ``state`` holds ``model.State`` values; ``reason`` indexes ``list(model.Reason)`` (255 = none:
    the state says all); ``core`` is the CPU number while WORKING, else -1.
    """

    start: Float64
    end: Float64
    state: UInt8
    reason: UInt8
    core: Int32


@dataclass(frozen=True)
class Task:
    """One task of the run, with its story and its sums (all in seconds)."""

    id: int
    kind: TaskKind
    name: str
    """As the program gave it; hostile text: reports must clean it."""
    group: str
    """Function or name under which many of the same kind are folded."""
    pid: int
    tid: int
    """The thread it mostly ran on."""
    parent: int | None
    """Id of the task that made it."""
    begun_s: float
    done_s: float
    work_s: float
    line_s: float
    """In line, and wanting a tool."""
    wait_s: float
    queued_s: float
    """Between being given to a pool or loop and being begun."""
    background: bool
    significant: bool
    segments: Segments


@dataclass(frozen=True)
class Core:
    """One core: which task it worked for, when. ``task`` holds task ids, -1 = the program, but no
    task (event loop, interpreter start, imports), -2 = not known (records lost)."""

    cpu: int
    start: Float64
    end: Float64
    task: Int32
    tid: Int32 | None = None
    """The kernel's id of the thread that worked."""


@dataclass(frozen=True)
class Steps:
    """A step function over time: ``value[i]`` holds from ``time[i]`` to ``time[i + 1]``; the last
    value is 0."""

    time: Float64
    value: Int32


class OfTasks(NamedTuple):
    """Stretches of several tasks, sorted by task and start. Columns as in ``Segments``; ``lane``
    indexes ``Analysis.tasks``; ``row`` is the stretch's own number."""

    row: Int64
    lane: Int32
    start: Float64
    end: Float64
    state: UInt8
    reason: UInt8


class OfCores(NamedTuple):
    """Slices of several cores, sorted by core and start. Columns as in ``Core``; ``lane`` indexes
    ``Analysis.cores``."""

    lane: Int32
    start: Float64
    end: Float64
    task: Int32


Span = tuple[float, float]
"""From and to, in seconds since the start of the run."""


class Picture(Protocol):
    """The stretches of a whole run for whoever draws them, part by part (never all of them at
    once): those that reach into a span of time, or all."""

    of: list[Task]
    """The tasks whose stretches they are; a picture of other ones says nothing of these."""

    def tasks(self, span: Span | None = None) -> Iterator[OfTasks]: ...

    def cores(self, span: Span | None = None) -> Iterator[OfCores]: ...

    def before(self, task: int, time_s: float) -> list[tuple[int, float, bool]]:
        """The last stretch of a task that begins at or before a moment, and the one before that:
        its own number, when it ends, and whether it is work."""
        ...


@dataclass(frozen=True)
class Looks:
    """Moments at which somebody looked at a task on a core, in seconds since the start."""

    task: NDArray[np.int64]
    """Number in ``Analysis.tasks``."""
    time_s: Float64
    native: NDArray[np.bool_]
    """It was in native code; False: it had the GIL, so it was in Python code, or in native code
    that keeps the GIL."""


def no_looks() -> Looks:
    return Looks(np.empty(0, np.int64), np.empty(0), np.empty(0, bool))


@dataclass(frozen=True)
class Analysis:
    """All that is known of one run."""

    summary: dict[str, Any]
    """The summary of schema "twocooks.summary/1", without the tables that must be asked for."""
    tasks: list[Task]
    """All tasks that were ever begun, in order of first touch; background ones too."""
    cores: list[Core]
    at_work: Steps
    """P(t): tasks being worked on."""
    hands: Steps
    """P(t) with hand-overs counted as one: what a picture may show."""
    on_the_go: Steps
    """C(t): leaf tasks begun and not finished."""
    wanted: Steps
    """D(t): tasks being worked on or wanting to be."""
    cores_used: Steps
    """K(t): cores executing the program."""
    window_s: tuple[float, float]
    """The stretch that the pictures show: from the first to the last work of a task."""
    looks: Looks = field(default_factory=no_looks)
    """Counted by tasks only; none where nothing is said of native code (see ``split``)."""
    check: Callable[[], list[tuple[str, bool, str]]] = list
    """Makes ``identities``, which only ``check`` and tests ask for."""

    tell_levels: Callable[[], list[dict[str, Any]]] = list
    """Makes ``levels``; for a large run that takes as long as all else."""

    tell_waits: Callable[[], list[WaitSum]] = list
    tell_locks: Callable[[list[WaitSum]], list[LockSum]] = lambda waits: []
    tell_rings: Callable[[], list[Ring]] = list

    tell_loops: Callable[[float], list[Loop]] = lambda held_s: []
    """Tells the event loops; steps from ``held_s`` seconds on are holds."""

    tell_tasks: Callable[[], list[TaskRow]] = list
    tell_data: Callable[[], Data] | None = None
    """Makes ``data``; None = an analysis that is not of a trace."""
    picture: Picture | None = None
    """The same stretches as those of ``tasks`` and ``cores``; None = there are only these."""

    @cached_property
    def levels(self) -> list[dict[str, Any]]:
        """The tree level by level, from the outermost inwards; empty where tasks are all there is.
        See ``analyse.tree.levels``."""
        return self.tell_levels()

    @property
    def whole(self) -> dict[str, Any]:
        """The summary with ``levels``: what ``--json`` writes."""
        return {**self.summary, "levels": self.levels}

    @cached_property
    def data(self) -> Data:
        """The run as columns, counted by tasks whatever the level."""
        if self.tell_data is None:
            raise ValueError("an analysis without a trace has no columns")
        return self.tell_data()

    @cached_property
    def identities(self) -> list[tuple[str, bool, str]]:
        """Self-checks of lesson 1.3: name, holds, numbers in words."""
        return self.check()

    @cached_property
    def waits(self) -> list[WaitSum]:
        """Where the tasks waited, by reason, line and lock, the longest sum first."""
        return self.tell_waits()

    @cached_property
    def task_list(self) -> list[TaskRow]:
        """All tasks with what they did with their time, most time at work first."""
        return self.tell_tasks()

    @cached_property
    def locks(self) -> list[LockSum]:
        """The waits for locks by lock, with who had it meanwhile, the longest sum first."""
        return self.tell_locks(self.waits)

    @cached_property
    def rings(self) -> list[Ring]:
        """Deadlocks: rings of waits for locks, the longest first."""
        return self.tell_rings()
