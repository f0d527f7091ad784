"""Why a thread is off its core: the recorder's looks turned into states and reasons.

A look says that a thread waited from ``before`` to ``time`` in one system call. The kernel's
switches say that it did not run in between, so one look settles the whole stretch; a look that a
stretch does not wholly contain settles nothing. The kernel knows a futex only as an address:
whether it is a tool (a lock) or another task's result (a queue, an event) is decided by the
innermost Python frames. A wrong reason is worse than none: what these rules do not know stays
unknown.

Signals in the dress of locks: two tasks that hand work to and fro over two semaphores wait in
``acquire`` just as two that want one lock. They differ in this: a tool is waited for by all who
want it, a signal by one task alone, at a place of its own, again and again, while the other waits
likewise at another place. Such waits are the other's result.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from twocooks.analyse.columns import Int32, Int64, Pieces, UInt8, asof, distinct_rows
from twocooks.analyse.threads import REASONS, Threads
from twocooks.format.spec import SEPARATOR
from twocooks.model import Reason, State
from twocooks.read.trace import Trace

T = TypeVar("T")
Label = tuple[State, Reason]

GIL: Label = (State.IN_LINE, Reason.GIL)
TOOL: Label = (State.WANTS_TOOL, Reason.LOCK)
RESULT: Label = (State.WAITING, Reason.RESULT)
CHILD: Label = (State.WAITING, Reason.CHILD)
JOINS: Label = (State.DELEGATED, Reason.CHILD)
SLEEP: Label = (State.WAITING, Reason.SLEEP)
IO: Label = (State.WAITING, Reason.IO)
FAULT: Label = (State.WAITING, Reason.FAULT)
UNKNOWN: Label = (State.WAITING, Reason.UNKNOWN)

FUTEX = {202, 449}
"""futex, futex_waitv (x86-64)."""
SLEEPS = {35, 230}
"""nanosleep, clock_nanosleep."""
WAITS_FOR_CHILD = {61, 247}
"""wait4, waitid."""
IO_CALLS = {
    0,
    1,
    7,
    17,
    18,
    19,
    20,
    23,
    40,
    42,
    43,
    44,
    45,
    46,
    47,
    74,
    75,
    162,
    232,
    270,
    271,
    275,
    276,
    277,
    281,
    285,
    288,
    295,
    296,
    299,
    307,
    326,
    327,
    328,
    426,
    441,
    208,
    73,
    72,
    22,
    2,
    257,
    306,
}
"""read, write, poll, pread.., readv.., select, sendfile, connect, accept, send*, recv*, fsync,
sync, epoll_wait, pselect6, ppoll, splice.., recvmmsg, sendmmsg, copy_file_range, preadv2..,
io_uring_enter, epoll_pwait2, io_getevents, flock, fcntl, open, openat, syncfs."""

OBJECT, WORLD = 5, 6
"""Kinds of looks on a free-threaded Python: on the lock inside an object; stopped with all others
by the interpreter. Both are tools: one thread has them, the others could go on but for it."""

SIGNAL_WAITS = 3
"""A private place counts as a signal from this many waits on (in both directions)."""


def frame_parts(text: str) -> list[tuple[str, str]]:
    """(file, function) of each frame of a LOOK, innermost first."""
    found = []
    for frame in text.split(SEPARATOR):
        file, _, function = frame.rpartition(":")
        file = re.sub(r":\d*$", "", file)
        if function:
            found.append((file.replace("\\", "/"), function.rpartition(".")[2]))
    return found


def _in(file: str, *ends: str) -> bool:
    return any(file.endswith(end) for end in ends)


def in_library(text: str) -> bool:
    """The innermost frame is one of Python's own synchronisation modules."""
    frames = frame_parts(text)
    return bool(frames) and _in(frames[0][0], "threading.py", "threading>", "/synchronize.py")


def futex_label(text: str) -> Label:
    """State and reason of a futex wait that is not the GIL's, from its frames ("" = no frames)."""
    frames = frame_parts(text)
    if not frames:
        return UNKNOWN
    library = []
    for file, function in frames:
        if (
            not _in(
                file,
                "/threading.py",
                "/queue.py",
                "/synchronize.py",
                "/_base.py",
                "/process.py",
                "/thread.py",
                "/pool.py",
                "/queues.py",
                "/connection.py",
                "threading.py>",
                "<frozen threading>",
            )
            and file != "threading.py"
        ):
            break
        library.append((file, function))
    names = [function for file, function in library if _in(file, "threading.py", "threading>")]
    if any(f in ("join", "_wait_for_tstate_lock", "_shutdown", "_join_thread") for f in names):
        return JOINS
    for file, function in library:
        if _in(file, "/_base.py", "/queue.py", "/queues.py", "/pool.py", "/connection.py"):
            return RESULT
        if _in(file, "/synchronize.py"):
            return RESULT if function in ("wait", "wait_for") else TOOL
        if _in(file, "concurrent/futures/thread.py") and function == "_worker":
            return RESULT
    if names:
        return TOOL if names[-1] in ("acquire", "__enter__", "_acquire_restore") else RESULT
    if library:
        return UNKNOWN
    return TOOL


def io_label(text: str) -> Label:
    """A wait for bytes: a colleague's result where multiprocessing's own pipes are read."""
    for file, function in frame_parts(text)[:6]:
        if _in(
            file,
            "multiprocessing/popen_fork.py",
            "multiprocessing/popen_spawn_posix.py",
            "multiprocessing/popen_forkserver.py",
        ):
            return CHILD
        if _in(file, "/subprocess.py") and function in ("wait", "_try_wait", "communicate"):
            return CHILD
        if _in(file, "multiprocessing/connection.py", "multiprocessing/queues.py"):
            return RESULT
    return IO


def wait_label(syscall: int, kind: int, text: str) -> Label:
    """State and reason of one look."""
    if kind == 4:
        return FAULT  # stopped: what it would wait for is not what keeps it
    if kind == 1:
        return GIL
    if kind in (OBJECT, WORLD):
        return TOOL
    if syscall in FUTEX or kind == 2:
        label = futex_label(text)
        # A plain futex right under the program's own frame is native code's (BLAS, OpenMP), whose
        # meaning only that code knows; Python's locks are semaphores (3) or parked (2).
        return UNKNOWN if kind == 0 and label == TOOL and not in_library(text) else label
    if syscall in (-1, 0xFFFFFFFF):
        return FAULT
    if syscall in SLEEPS:
        return SLEEP
    if syscall in WAITS_FOR_CHILD:
        return CHILD
    if syscall in IO_CALLS:
        return io_label(text)
    return UNKNOWN


def _place(text: str, arg: int) -> str:
    """What tells one signal from another: the futex itself where the program's own frame waits on
    it; where ``threading`` makes a new lock for each wait, the line of the program that waits."""
    for frame in text.split(SEPARATOR):
        file, _, _ = frame.rpartition(":")
        if re.sub(r":\d*$", "", file).endswith("threading.py"):
            continue
        return frame if not text.startswith(frame) else f"@{arg:x}"
    return f"@{arg:x}"


def once(trace: Trace, threads: Threads, name: str, make: Callable[[], T]) -> T:
    """What is made of one run's threads once, however many ask for it."""
    kept = threads.__dict__.get(name)
    if kept is None or kept[0] is not trace:
        kept = threads.__dict__[name] = trace, make()
    made: T = kept[1]
    return made


def hand_on(old: Threads, new: Threads, put: Callable[[Pieces], Pieces]) -> None:
    """What was made of threads holds of the same threads with their stretches elsewhere; ``put``
    puts the labelled stretches there, too."""
    for name in ("_settled", "_labels", "_labelled"):
        kept = old.__dict__.get(name)
        if kept is not None:
            trace, made = kept
            new.__dict__[name] = trace, put(made) if isinstance(made, Pieces) else made


def long_ns(trace: Trace) -> int:
    """From this length on a wait should have had its look: two of the recorder's ticks."""
    return 2 * int(trace.meta.get("tick_ns") or 2_000_000)


def label_waits(trace: Trace, threads: Threads) -> Pieces:
    """The threads' stretches with the reasons that looks prove; blocked stretches without a look
    are SHORT when shorter than ``long_ns``, else UNKNOWN."""
    return once(trace, threads, "_labelled", lambda: _label_waits(trace, threads))


def _label_waits(trace: Trace, threads: Threads) -> Pieces:
    table = threads.pieces
    state, reason = table.state.copy(), table.reason.copy()
    blocked = (state == State.WAITING) & (reason == REASONS[Reason.UNKNOWN])
    reason[blocked & (table.length < long_ns(trace))] = REASONS[Reason.SHORT]
    _, rows, states, reasons = labels(trace, threads)
    state[rows], reason[rows] = states, reasons
    return table.with_(state=state, reason=reason)


def labels(trace: Trace, threads: Threads) -> tuple[Int64, Int64, UInt8, UInt8]:
    """What the looks say: their rows in the trace, the rows of their stretches in
    ``threads.pieces``, and the states and reasons that these have."""
    return once(trace, threads, "_labels", lambda: _labels(trace, threads))


def _labels(trace: Trace, threads: Threads) -> tuple[Int64, Int64, UInt8, UInt8]:
    seen, rows = settled(trace, threads)
    code, kinds, tools = _classify(trace, seen)
    state = np.array([int(s) for s, _ in kinds], np.uint8)[code]
    reason = np.array([REASONS[r] for _, r in kinds], np.uint8)[code]
    signal = _signals(trace, seen, threads.pieces.owner[rows], code, tools)
    marked = np.isin(rows, rows[signal])
    state[marked], reason[marked] = State.WAITING, REASONS[Reason.RESULT]
    return seen, rows, state, reason


def settled(trace: Trace, threads: Threads) -> tuple[Int64, Int64]:
    """Looks that a blocked stretch wholly contains, the last at each: their rows in the trace, and
    the rows of their stretches in ``threads.pieces``."""
    return once(trace, threads, "_settled", lambda: _settled(trace, threads))


def _settled(trace: Trace, threads: Threads) -> tuple[Int64, Int64]:
    table, look = threads.pieces, trace.look
    tid = look.tid.astype(np.int64)
    thread = threads.find(tid, look.before)
    row = asof(np.maximum(thread, 0), look.before, table.owner, table.start)
    fits = (thread >= 0) & (row >= 0)
    at = row[fits]
    blocked = (table.state[at] == State.WAITING) & (table.reason[at] == REASONS[Reason.UNKNOWN])
    fits[fits] = blocked & (table.end[at] >= look.time[fits])
    seen, rows = np.flatnonzero(fits), row[fits]
    order = np.argsort(rows, kind="stable")
    last = np.append(rows[order][1:] != rows[order][:-1], True)[: len(order)]
    kept = np.sort(order[last])
    return seen[kept], rows[kept]


def _classify(trace: Trace, seen: Int64) -> tuple[Int64, list[Label], set[int]]:
    """A label for each distinct kind of look, and which of the labels are tools."""
    look = trace.look
    if not len(seen):
        return np.empty(0, np.int64), [UNKNOWN], set()
    kinds, code = distinct_rows(look.syscall[seen], look.kind[seen], look.where[seen])
    labels = [wait_label(int(s), int(k), trace.texts[w] if w >= 0 else "") for s, k, w in kinds]
    return code, labels, {i for i, label in enumerate(labels) if label == TOOL}


def _signals(trace: Trace, seen: Int64, thread: Int32, code: Int64, tools: set[int]) -> Int64:
    """Positions in ``seen`` of waits at signals (see the head of this module)."""
    look = trace.look
    if not tools:
        return np.empty(0, np.int64)
    tool = np.zeros(int(code.max()) + 1, bool)
    tool[list(tools)] = True
    # What the interpreter takes by itself is no signal of the program's.
    at = np.flatnonzero(tool[code] & ~np.isin(look.kind[seen], (OBJECT, WORLD)))
    pairs, which = distinct_rows(look.where[seen[at]], look.arg[seen[at]])
    names = [_place(trace.texts[w] if w >= 0 else "", int(a)) for w, a in pairs]
    ids = {name: i for i, name in enumerate(dict.fromkeys(names))}
    place = np.array([ids[name] for name in names], np.int64)[which]
    waiters, _ = distinct_rows(place, thread[at])
    alone = np.bincount(waiters[:, 0], minlength=len(ids)) == 1
    often = np.bincount(place, minlength=len(ids)) >= SIGNAL_WAITS
    private = alone & often
    owners = {int(t) for p, t in waiters if private[p]}
    if len(owners) < 2:
        return at[:0]
    signal: Int64 = at[private[place]]
    return signal
