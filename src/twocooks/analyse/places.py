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
line where it was seen. Whose result it was that a task waited for, ``givers`` prove.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

import numpy as np

from twocooks.analyse.columns import NO_REASON, Bool, Int64, arranged, asof, distinct_rows
from twocooks.analyse.givers import Giver, givers_of
from twocooks.analyse.held import Holder, holders_of, merged
from twocooks.analyse.holders import is_shared
from twocooks.analyse.lock_names import name_of
from twocooks.analyse.threads import REASONS
from twocooks.analyse.timeline import Timeline
from twocooks.analyse.waited_on import INSIDE, STOPPED, On, waited_on
from twocooks.analyse.waits import WORLD, labels
from twocooks.format.spec import SEPARATOR
from twocooks.model import Reason, State
from twocooks.read.shape import distinct
from twocooks.read.trace import Trace

LIBRARY = re.compile(
    r"(^|[/\\])(threading|queue|selectors|socket|ssl|subprocess|selector_events|base_events"
    r"|unix_events|synchronize|connection|queues|pool|popen_\w+|process|_base|thread|runners)\.py$"
    r"|^<frozen |^<string>$"
)
"""Modules whose frames are about waiting, not about what is waited for."""
STDLIB = re.compile(r"(^|[/\\])python3\.\d+t?[/\\](?!site-packages|dist-packages)")
INSTALLED = re.compile(r"[/\\]lib(64)?[/\\](python3\.\d+t?|python3)[/\\]")
MOST_STATES = 256 * len(State)
"""So many pairs of a reason and a state there can be."""
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
    on: tuple[On, ...] = ()
    """On which files, sockets or children they waited, the most seconds first; not all."""

    givers: tuple[Giver, ...] = ()
    """Whose results they waited for, as far as it is proven, the most seconds first."""

    @property
    def unknown_s(self) -> float:
        """Seconds in which it is not known who had it, or whose result it was."""
        known = self.givers if self.reason is Reason.RESULT else self.holders
        return max(0.0, self.seconds - sum(one.seconds for one in known))

    def row(self) -> dict[str, object]:
        """As the JSON has it."""
        row = {
            "reason": str(self.reason),
            "where": self.where,
            "lock": self.lock,
            "seconds": self.seconds,
            "count": self.count,
            "longest_s": self.longest_s,
            "tasks": self.tasks,
            "on": [on.row() for on in self.on],
        }
        if self.reason is Reason.RESULT:
            of = [giver.row() for giver in self.givers]
            return row | {"of": of, "unknown_s": self.unknown_s}
        return row | _held_row(self.reason, self.holders, self.unknown_s)


@dataclass(frozen=True)
class LockSum:
    """All waits for one lock."""

    address: str
    """Hexadecimal; "" = locks made anew for each wait, all of one line."""
    pid: int
    name: str
    """What the program calls it, or of what object it is a part; "" = not known. Hostile text."""
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
            _inside(waits) or name_of([wait.where for wait in waits], before),
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


def _inside(waits: list[WaitSum]) -> str:
    """What the interpreter itself waits for (see ``waited_on``); "" = a lock of the program's."""
    for what in (on.what for wait in waits for on in wait.on):
        if what.startswith(INSIDE):
            return f"inside a {what.removeprefix(INSIDE).strip()}"
        if what == STOPPED:
            return "stop of all threads"
    return ""


def place_of(text: str) -> str:
    """The line of the program in the frames of a look: ``file:line function``, or ""."""
    frames = [frame for frame in text.split(SEPARATOR) if frame.count(":") >= 2]
    for frame in frames:
        path, line, function = frame.rsplit(":", 2)
        if not (LIBRARY.search(path) and (STDLIB.search(path) or path.startswith("<"))):
            return f"{path}:{line} {function}"
    return ""


def spoken(place: str) -> str:
    """A place in words: ``file.py:4 in function``; ``folder/__init__.py``, for there are many."""
    head, _, function = place.rpartition(" ")
    parts = head.replace("\\", "/").split("/")
    name = "/".join(parts[-2:] if parts[-1].startswith("__") else parts[-1:])
    return f"{name} in {function}" if function != "<module>" else name


def is_library(place: str) -> bool:
    """Whether a place is in Python's own modules or in an installed package."""
    return INSTALLED.search(place) is not None


def is_fresh(text: str) -> bool:
    """Whether the lock waited on was made for this one wait (a condition's, an event's)."""
    path, _, function = text.split(SEPARATOR)[0].rpartition(":")
    return function.rpartition(".")[2] == "wait" and "threading.py" in os.path.basename(
        re.sub(r":\d+$", "", path)
    )


def main_lock(table: list[WaitSum]) -> str:
    """Where the lock is waited for that cost most, in words; "" where no line has half of the
    seconds."""
    locks = [wait for wait in table if wait.reason is Reason.LOCK]
    first = next((wait for wait in locks if wait.where), None)
    if first is None or first.seconds < 0.5 * sum(wait.seconds for wait in locks):
        return ""
    return spoken(first.where)


def waits(
    trace: Trace, line: Timeline, chosen: Bool, with_holders: bool = True
) -> list[WaitSum]:
    """The table for the tasks ``chosen``, the longest sum first. The sum over all rows of a reason
    is the account's ``time.waiting`` of that reason."""
    t = line.table
    rows = np.flatnonzero(
        chosen[t.owner] & (t.reason != NO_REASON) & (t.state != State.DELEGATED) & (t.end > t.start)
    )
    if not len(rows):
        return []
    kinds, which = _kinds(trace, line, rows)
    length = t.end[rows] - t.start[rows]
    holders = holders_of(trace, line, rows, which, place_of) if with_holders else {}
    look = look_of(trace, line, rows) if with_holders else np.empty(0, np.int64)
    givers = givers_of(trace, line, rows, look, which) if with_holders else {}
    on = waited_on(trace, line, look, length, which) if with_holders else {}
    seconds = np.bincount(which, weights=length, minlength=len(kinds)) / 1e9
    count = np.bincount(which, minlength=len(kinds))
    longest = np.zeros(len(kinds), np.int64)
    np.maximum.at(longest, which, length)
    order = arranged(which)
    kind, owner = which[order], t.owner[rows][order]
    fresh = np.append(True, (kind[1:] != kind[:-1]) | (owner[1:] != owner[:-1]))
    tasks = np.bincount(kind[fresh], minlength=len(kinds))
    found = [
        WaitSum(
            REASON_OF.get(reason, Reason.UNKNOWN),
            State(state),
            where,
            f"{lock & 2**64 - 1:#x}" if lock else "",
            float(seconds[number]),
            int(count[number]),
            float(longest[number]) / 1e9,
            int(tasks[number]),
            process,
            holders.get(number, ()),
            on.get(number, ()),
            givers.get(number, ()),
        )
        for number, (reason, where, lock, state, process) in enumerate(kinds)
    ]
    return sorted(found, key=lambda wait: (-wait.seconds, wait.reason, wait.where))


def _kinds(
    trace: Trace, line: Timeline, rows: Int64
) -> tuple[list[tuple[int, str, int, int, int]], Int64]:
    """The kinds of waits among these rows of the table: reason, place, lock, state, process; and
    the kind of each row. Most have no look, so only the others are told apart by more than reason
    and state."""
    t, texts = line.table, trace.texts
    look = look_of(trace, line, rows)
    at = np.flatnonzero(look >= 0)
    seen, mine = look[at], rows[at]
    without = [-1] if len(at) < len(rows) else []
    numbers = distinct(trace.look.where[seen].astype(np.int64), np.array(without, np.int64))
    told = [texts[n] if 0 <= n < len(texts) else "" for n in numbers.tolist()]
    names = [place_of(text) for text in told]
    ids = {name: i for i, name in enumerate(dict.fromkeys(names))}
    spot = np.searchsorted(numbers, trace.look.where[seen])
    place = np.array([ids[name] for name in names], np.int64)[spot]
    fresh = np.array([is_fresh(text) for text in told], bool)[spot]
    shared = np.array([is_shared(text) for text in told], bool)[spot]
    lock = (t.reason[mine] == REASONS[Reason.LOCK]) & ~fresh & (trace.look.kind[seen] != WORLD)
    address = np.where(lock, trace.look.arg[seen].astype(np.int64), 0)
    pid = np.where((address != 0) & ~shared, line.threads.pid[np.maximum(t.thread[mine], 0)], 0)
    plain = [ids[""], 0, 0] if "" in ids else [0, 0, 0]
    what = zip(plain, (place, address, pid), strict=True)
    spots, code = distinct_rows(*(np.append(np.int64(first), rest) for first, rest in what))
    word = t.reason[rows].astype(np.int16) * np.int16(len(State)) + t.state[rows]
    key = code[1:] * MOST_STATES + word[at]
    bulk = np.bincount(word, minlength=MOST_STATES) - np.bincount(word[at], minlength=MOST_STATES)
    found = distinct(np.flatnonzero(bulk) + code[0] * MOST_STATES, key)
    full = []
    for number in found.tolist():
        reason, state = divmod(number % MOST_STATES, len(State))
        full.append((reason, *spots[number // MOST_STATES].tolist(), state))
    # By reason, place, lock, state, process.
    turn = sorted(range(len(full)), key=lambda i: [full[i][k] for k in (0, 1, 2, 4, 3)])
    rank = np.empty(len(found), np.int64)
    rank[turn] = np.arange(len(turn))
    by_id = list(ids)
    kinds = [(full[i][0], by_id[full[i][1]], full[i][2], full[i][4], full[i][3]) for i in turn]
    # Without a look the word alone says the kind: looked up, not searched for.
    plainly = np.zeros(MOST_STATES, np.int64)
    bulky = np.flatnonzero(bulk)
    plainly[bulky] = rank[np.searchsorted(found, bulky + code[0] * MOST_STATES)]
    which = plainly[word]
    which[at] = rank[np.searchsorted(found, key)]
    return kinds, which


def look_of(trace: Trace, line: Timeline, rows: Int64) -> Int64:
    """The look (its row in the trace) that told the reason of each stretch of a task, or -1."""
    t, threads = line.table, line.threads
    seen, stretch, state, reason = labels(trace, threads)
    order = np.lexsort((seen, stretch))  # of several looks at one stretch the last
    order = order[np.append(stretch[order][1:] != stretch[order][:-1], True)[: len(order)]]
    seen, told = seen[order], threads.pieces.take(stretch[order])
    state, reason = state[order], reason[order]
    look = np.full(len(rows), -1, np.int64)
    # Only what has the state and reason of some look can have a look at all.
    words = np.zeros((256, 256), bool)
    words[state, reason] = True
    near = np.flatnonzero(words[t.state[rows], t.reason[rows]])
    near = near[t.thread[rows[near]] >= 0]
    mine = rows[near]
    row = asof(t.thread[mine], t.start[mine], told.owner, told.start)
    near, mine, at = near[row >= 0], mine[row >= 0], row[row >= 0]
    fits = told.end[at] >= t.end[mine]
    fits &= (state[at] == t.state[mine]) & (reason[at] == t.reason[mine])
    look[near[fits]] = seen[at[fits]]
    return look
