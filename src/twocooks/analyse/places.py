"""Where tasks waited: the waits of the account by reason, line of the program and lock.

The account says how long a task waited and why; a look also saw the frames in which it stood. A
stretch of a task that lies in a labelled stretch of its thread takes the look's place with it, so
the seconds of the table are the account's own, no more and no less: what no look saw (short waits,
waits for a core, tasks between two steps of a loop) is in the table without a place.

The place is the innermost frame that is not the standard library's own waiting code: of
``lock.acquire()`` inside ``Condition.wait`` inside the program, the program's line. A lock is told
by the address that its waiters wait on, which serves to tell two locks of one line apart; where
``threading`` makes a new lock for each wait (conditions, events), only the line is meant.

Who had the lock or the GIL meanwhile is what ``holders`` and ``gil_holders`` prove; what they leave
open is ``unknown_s``. A holder is a task, with what its thread did while the others waited, and the
line where it was seen.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

import numpy as np

from twocooks.analyse.columns import NO_REASON, Bool, Int64, asof
from twocooks.analyse.held import Holder, holders_of, merged
from twocooks.analyse.holders import is_shared
from twocooks.analyse.lock_names import name_of
from twocooks.analyse.threads import REASONS
from twocooks.analyse.timeline import Timeline
from twocooks.analyse.waits import label_waits, settled
from twocooks.format.spec import SEPARATOR
from twocooks.model import Reason, State
from twocooks.read.trace import Trace

LIBRARY = re.compile(
    r"(^|[/\\])(threading|queue|selectors|socket|ssl|subprocess|selector_events|base_events"
    r"|unix_events|synchronize|connection|queues|pool|popen_\w+|process|_base|thread|runners)\.py$"
    r"|^<frozen |^<string>$"
)
"""Modules whose frames are about waiting, not about what is waited for."""
STDLIB = re.compile(r"(^|[/\\])python3\.\d+t?[/\\](?!site-packages|dist-packages)")
REASON_OF = {number: reason for reason, number in REASONS.items()}


@dataclass(frozen=True)
class WaitSum:
    """All waits of one reason at one place."""

    reason: Reason
    state: State
    where: str
    """``file:line function`` in the program; "" = not seen. Hostile text."""
    lock: str
    """Address of the lock, hexadecimal; "" where it is none, or made anew for each wait."""
    seconds: float
    count: int
    longest_s: float
    tasks: int
    """Tasks that waited there."""
    pid: int = 0
    """The lock's process; 0 = none, or a lock between processes."""
    holders: tuple[Holder, ...] = ()
    """Who had the lock or the GIL meanwhile, the most seconds first."""

    @property
    def unknown_s(self) -> float:
        """Seconds in which it is not known who had it."""
        return max(0.0, self.seconds - sum(holder.seconds for holder in self.holders))

    def row(self) -> dict[str, object]:
        """As the JSON has it."""
        return {
            "reason": str(self.reason),
            "where": self.where,
            "lock": self.lock,
            "seconds": self.seconds,
            "count": self.count,
            "longest_s": self.longest_s,
            "tasks": self.tasks,
        } | _held_row(self.reason, self.holders, self.unknown_s)


@dataclass(frozen=True)
class LockSum:
    """All waits for one lock."""

    address: str
    """Hexadecimal; "" = locks made anew for each wait, all of one line."""
    pid: int
    name: str
    """What the program calls it; "" = not known. Hostile text."""
    where: tuple[str, ...]
    """The lines that wait for it, the most seconds first. Hostile text."""
    seconds: float
    count: int
    longest_s: float
    tasks: int
    """Tasks that waited at the line with the most of them."""
    holders: tuple[Holder, ...]

    @property
    def unknown_s(self) -> float:
        """Seconds in which it is not known who had it."""
        return max(0.0, self.seconds - sum(holder.seconds for holder in self.holders))

    def row(self) -> dict[str, object]:
        """As the JSON has it."""
        return {
            "address": self.address,
            "name": self.name,
            "pid": self.pid,
            "where": list(self.where),
            "seconds": self.seconds,
            "count": self.count,
            "longest_s": self.longest_s,
            "tasks": self.tasks,
        } | _held_row(Reason.LOCK, self.holders, self.unknown_s)


def _held_row(
    reason: Reason, holders: tuple[Holder, ...], unknown_s: float
) -> dict[str, object]:
    if reason not in (Reason.LOCK, Reason.GIL):
        return {}
    return {"holders": [holder.row() for holder in holders], "unknown_s": unknown_s}


def locks(table: list[WaitSum], before: float | None = None) -> list[LockSum]:
    """The waits for locks by lock, the longest sum first. ``before``: see ``lock_names``."""
    found: dict[tuple[int, str, str], list[WaitSum]] = {}
    for wait in table:
        if wait.reason is Reason.LOCK:
            key = wait.pid, wait.lock, "" if wait.lock else wait.where
            found.setdefault(key, []).append(wait)
    sums = [
        LockSum(
            address,
            pid,
            name_of([wait.where for wait in waits], before),
            tuple(dict.fromkeys(wait.where for wait in waits if wait.where)),
            sum(wait.seconds for wait in waits),
            sum(wait.count for wait in waits),
            max(wait.longest_s for wait in waits),
            max(wait.tasks for wait in waits),
            merged([holder for wait in waits for holder in wait.holders]),
        )
        for (pid, address, _), waits in found.items()
    ]
    return sorted(sums, key=lambda lock: (-lock.seconds, lock.address, lock.where))


def place_of(text: str) -> str:
    """The line of the program in the frames of a look: ``file:line function``, or ""."""
    frames = [frame for frame in text.split(SEPARATOR) if frame.count(":") >= 2]
    for frame in frames:
        path, line, function = frame.rsplit(":", 2)
        if not (LIBRARY.search(path) and (STDLIB.search(path) or path.startswith("<"))):
            return f"{path}:{line} {function}"
    return ""


def is_fresh(text: str) -> bool:
    """Whether the lock waited on was made for this one wait (a condition's, an event's)."""
    path, _, function = text.split(SEPARATOR)[0].rpartition(":")
    return function.rpartition(".")[2] == "wait" and "threading.py" in os.path.basename(
        re.sub(r":\d+$", "", path)
    )


def main_lock(table: list[WaitSum]) -> str:
    """Where the lock is waited for that cost most, as ``file.py:line in function``; "" where no
    line has half of the seconds."""
    locks = [wait for wait in table if wait.reason is Reason.LOCK]
    first = next((wait for wait in locks if wait.where), None)
    if first is None or first.seconds < 0.5 * sum(wait.seconds for wait in locks):
        return ""
    place, _, function = first.where.rpartition(" ")
    return f"{place.replace(chr(92), '/').rpartition('/')[2]} in {function}"


def waits(
    trace: Trace, line: Timeline, chosen: Bool, with_holders: bool = True
) -> list[WaitSum]:
    """The table for the tasks ``chosen``, the longest sum first. The sum over all rows of a reason
    is the account's ``time.waiting`` of that reason."""
    t = line.table
    rows = np.flatnonzero(
        chosen[t.owner] & (t.reason != NO_REASON) & (t.state != State.DELEGATED) & (t.length > 0)
    )
    if not len(rows):
        return []
    look = _look_of(trace, line, rows)
    texts = trace.texts
    where, address = np.full(len(rows), -1, np.int64), np.zeros(len(rows), np.int64)
    where[look >= 0] = trace.look.where[look[look >= 0]]
    address[look >= 0] = trace.look.arg[look[look >= 0]].astype(np.int64)
    numbers, at = np.unique(where, return_inverse=True)
    told = [texts[n] if 0 <= n < len(texts) else "" for n in numbers]
    names = [place_of(text) for text in told]
    ids = {name: i for i, name in enumerate(dict.fromkeys(names))}
    place = np.array([ids[name] for name in names], np.int64)[at.reshape(-1)]
    fresh = np.array([is_fresh(text) for text in told], bool)[at.reshape(-1)]
    shared = np.array([is_shared(text) for text in told], bool)[at.reshape(-1)]
    locks = np.isin(t.reason[rows], [REASONS[Reason.LOCK]])
    address = np.where(locks & ~fresh, address, 0)
    pid = np.where((address != 0) & ~shared, line.threads.pid[np.maximum(t.thread[rows], 0)], 0)
    what = np.stack([t.reason[rows].astype(np.int64), place, address, t.state[rows], pid], axis=1)
    kinds, which = np.unique(what, axis=0, return_inverse=True)
    which = which.reshape(-1)
    by_id = list(ids)
    length = t.length[rows]
    holders = holders_of(trace, line, rows, which, place_of) if with_holders else {}
    found = []
    for number, (reason, spot, lock, state, process) in enumerate(kinds.tolist()):
        mine = which == number
        found.append(
            WaitSum(
                REASON_OF.get(reason, Reason.UNKNOWN),
                State(state),
                by_id[spot],
                f"{lock & 2**64 - 1:#x}" if lock else "",
                float(length[mine].sum()) / 1e9,
                int(mine.sum()),
                float(length[mine].max()) / 1e9,
                len(np.unique(t.owner[rows[mine]])),
                process,
                holders.get(number, ()),
            )
        )
    return sorted(found, key=lambda wait: (-wait.seconds, wait.reason, wait.where))


def _look_of(trace: Trace, line: Timeline, rows: Int64) -> Int64:
    """The look (its row in the trace) that told the reason of each stretch of a task, or -1."""
    t, threads = line.table, line.threads
    labelled = label_waits(trace, threads)
    seen, stretch = settled(trace, threads)
    of_stretch = np.full(len(labelled), -1, np.int64)
    of_stretch[stretch] = seen
    thread = t.thread[rows]
    row = asof(np.maximum(thread, 0), t.start[rows], labelled.owner, labelled.start)
    fits = (thread >= 0) & (row >= 0)
    at = np.maximum(row, 0)
    fits &= labelled.end[at] >= t.end[rows]
    fits &= (labelled.state[at] == t.state[rows]) & (labelled.reason[at] == t.reason[rows])
    look: Int64 = np.where(fits, of_stretch[at], -1)
    return look
