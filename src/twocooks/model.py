"""The vocabulary: what a task, a state, a reason and a verdict are. Imports nothing of ours.

Times are integers in nanoseconds of CLOCK_MONOTONIC (``_ns``) while they are events, and floats in
seconds (``_s``) once they are accounts. An unknown is a value of its own, never a zero.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class TaskKind(StrEnum):
    """What a reader would point at and call one piece of work."""

    ASYNCIO = "asyncio"
    TRIO = "trio"
    THREAD = "thread"
    PROCESS = "process"
    ITEM = "item"
    """A piece of work given to a pool (an executor's submit, a Pool's chunk)."""
    BLOCK = "block"
    """A ``with twocooks.task("rice"):`` block."""
    SHARED = "shared"
    """Native threads that work for several tasks of their process at once."""


STEPPED = frozenset({TaskKind.ASYNCIO, TaskKind.TRIO})
"""Kinds of tasks that an event loop works on step by step."""

LEVELS = ("task", "name", "thread", "process")
"""What may be counted. Tasks are the leaves of the tree, and the default."""


class State(IntEnum):
    """What a task is doing at one instant; exactly one of these."""

    UNKNOWN = 0
    """Records were lost here: nothing is claimed."""
    WORKING = 1
    """Some thread is on a core and executes this task."""
    IN_LINE = 2
    """It could be worked on now but has no core, no turn on its loop, or no GIL."""
    WANTS_TOOL = 3
    """It could go on, but another task of this program holds the lock."""
    WAITING = 4
    """It needs nobody: a timer, the network, a disk, another task's result."""
    DELEGATED = 5
    """It only waits for tasks that it started itself."""


class Reason(StrEnum):
    """Why a task is not being worked on. The keys of ``time.waiting`` in the summary."""

    GIL = "gil"
    CORE = "core"
    """Pushed off its core, or ready and without one."""
    LOCK = "lock"
    TURN = "turn"
    """Ready, but its event loop (or its pool's workers) works on something else."""
    RESULT = "result"
    """Another task's result: a queue, an event, a future."""
    IO = "io"
    SLEEP = "sleep"
    CHILD = "child"
    FAULT = "fault"
    """A page fault, or stopped by a signal."""
    SHORT = "short"
    """Exact in length, too short to be labelled."""
    UNKNOWN = "unknown"


class Wait(IntEnum):
    """What an asyncio or trio task said it waits for when a step ended (recorded by the agent)."""

    UNKNOWN = 0
    """A bare future whose origin the agent does not know."""
    TASK = 1
    """Another task: the waiter has delegated."""
    GATHER = 2
    """``gather``: delegated."""
    GROUP = 3
    """``TaskGroup``, a nursery, ``asyncio.wait``, ``wait_for`` around a task: delegated."""
    LOCK = 4
    """``Lock`` or ``Semaphore``: a tool."""
    RESULT = 5
    """``Event``, ``Condition``, ``Queue``, ``Barrier``: a colleague's result."""
    SLEEP = 6
    IO = 7
    """Streams and ``sock_*``."""
    EXECUTOR = 8
    """``run_in_executor`` or ``to_thread``: delegated to an item."""


class Verdict(StrEnum):
    ONE_AFTER_ANOTHER = "one-after-another"
    TURNS = "turns"
    WAITING_TOGETHER = "waiting-together"
    RELAY = "relay"
    SOMETIMES = "sometimes"
    PARALLEL = "parallel"
    BOTH = "both"
    MANY_HANDS = "many-hands"
    SINGLE = "single"
    NOTHING = "nothing"
    CANNOT_TELL = "cannot-tell"


class Cause(StrEnum):
    AWAIT_BY_AWAIT = "await-by-await"
    LOOP_HELD = "loop-held"
    LOCK = "lock"
    ONE_WORKER = "one-worker"
    ONE_LOOP = "one-loop"
    ONE_CORE = "one-core"
    GIL = "gil"
    NO_FREE_CORE = "no-free-core"
    NO_CONTEST = "no-contest"
    HAND_OVER = "hand-over"
    UNKNOWN = "unknown"


MOST_SHOWN = 1000


def printable(text: str) -> str:
    """The text for one line of a message: what could steer a terminal (control and direction
    characters, bytes that are no text) is written out as ``\\x1b``; the middle of very long texts
    is left out."""
    if len(text) > MOST_SHOWN:
        text = f"{text[: MOST_SHOWN - 300]} ... {text[-300:]}"
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


RECORDER_COMM = "twocooks-rec"
"""The kernel's name of a recorder that ``measure()`` started: no work of the program's."""

MEASURED = "twocooks.measure"
"""What an agent says that it cannot follow, when its process turns to a recorder of its own."""


class TwocooksError(Exception):
    """Something the user can mend. The message is one line and says what to do."""


class MeasureError(TwocooksError):
    """Something could not be measured in the running process; the message says why."""


class TraceError(TwocooksError):
    """A trace file that cannot be read: not one of ours, newer, or damaged at its head."""
