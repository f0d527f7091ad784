"""On what threads waited: the file, the pipe or the socket, or which child process; which object's
own lock.

The recorder reads the name of the file behind a wait for bytes at its look (FILE records); of a
named socket both ends. Which processes of the program had the other end, it says beside that (PEER
records): those that it saw; there may be more. The child is the number that the system call was
given.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from twocooks.analyse.columns import Int64, asof
from twocooks.analyse.timeline import Timeline
from twocooks.analyse.waits import WAITS_FOR_CHILD, WORLD
from twocooks.read.trace import Trace

MOST = 5
"""Told for each line that waits; of more, those with the most seconds."""
SOCKET = re.compile(r"^((?:tcp|udp|unix) .*[^,]) socket:\[\d+\]$", re.DOTALL)
OBJECT_OF, INSIDE = "object:", "the lock inside this"
STOPPED = "all threads but one, which the interpreter has stopped"
ITSELF = "itself"
WITH_ENDS = ("pipe:[", "socket:[", "unix ")
WAIT4 = min(WAITS_FOR_CHILD)


@dataclass(frozen=True)
class On:
    """One thing that was waited on."""

    what: str
    """STOPPED, "the lock inside this TYPE", a path, "pipe:[inode]", "socket:[inode]", "tcp own end
    > other end" (also udp, unix), several of them joined by ", ", "process NAME"; hostile text."""
    seconds: float
    peers: tuple[str, ...] = ()
    """The processes of the program that were seen to have the other end, "process 12 (NAME)"; one
    that waits for itself comes last, "itself". Empty = not known. Hostile text."""

    @property
    def has_ends(self) -> bool:
        """It is, or begins with, something with another end in some process."""
        return self.what.startswith(WITH_ENDS)

    def row(self) -> dict[str, object]:
        """As the JSON has it."""
        return {"what": self.what, "seconds": self.seconds, "peers": list(self.peers)}


def waited_on(
    trace: Trace, line: Timeline, look: Int64, length: Int64, which: Int64
) -> dict[int, tuple[On, ...]]:
    """For each group (``which``) of waits what they waited on. ``look``: the look (its row in the
    trace) at each wait, or -1; ``length`` in ns."""
    sums: dict[int, dict[str, int]] = {}
    ends: dict[tuple[int, str], dict[str, int]] = {}
    mine = np.flatnonzero(look >= 0)
    peers = _peers(trace, line)
    for texts, rows in _told_by(trace, line, look, mine):
        groups, lengths, at = which[rows].tolist(), length[rows].tolist(), look[rows].tolist()
        for text, group, ns, seen in zip(texts, groups, lengths, at, strict=True):
            into = sums.setdefault(group, {})
            into[text] = into.get(text, 0) + ns
            for peer in peers(seen):
                of = ends.setdefault((group, text), {})
                of[peer] = of.get(peer, 0) + ns
    return {
        group: tuple(
            On(text, ns / 1e9, _ordered(ends.get((group, text), {})))
            for text, ns in sorted(into.items(), key=lambda e: (-e[1], e[0]))[:MOST]
        )
        for group, into in sums.items()
    }


def _ordered(peers: dict[str, int]) -> tuple[str, ...]:
    """By seconds; who waits for itself last."""
    return tuple(sorted(peers, key=lambda name: (name == ITSELF, -peers[name], name)))


def _peers(trace: Trace, line: Timeline) -> Callable[[int], list[str]]:
    """Who had the other ends of what a look's thread waited on."""
    p, threads = trace.peer, line.threads
    found: dict[tuple[int, int], list[int]] = {}
    for time, tid, pid in zip(p.time.tolist(), p.tid.tolist(), p.pid.tolist(), strict=True):
        found.setdefault((tid, time), []).append(pid)
    names: dict[tuple[int, int], str] = {}

    def told(look: int) -> list[str]:
        time, tid = int(trace.look.time[look]), int(trace.look.tid[look])
        said = []
        for pid in found.get((tid, time), ()):
            thread = int(threads.find(np.array([pid]), np.array([time]))[0])
            if thread >= 0 and (pid, thread) not in names:
                task = line.book.base.get(thread, -1)
                name = line.book.name[task] if task >= 0 else threads.name[thread]
                names[pid, thread] = f"process {pid} ({name})"
            own = pid == int(trace.look.pid[look])
            said.append(ITSELF if own else names.get((pid, thread), f"process {pid}"))
        return said

    return told


def _told_by(
    trace: Trace, line: Timeline, look: Int64, rows: Int64
) -> tuple[tuple[list[str], Int64], ...]:
    """Texts, and for which of the rows, of each kind of thing."""
    return (
        _files(trace, look, rows), _children(trace, line, look, rows), _world(trace, look, rows)
    )  # fmt: skip


def texts_on(trace: Trace, line: Timeline, look: Int64) -> tuple[list[str], Int64]:
    """For each single wait what it waited on: the texts, and which of them it is (-1 = none)."""
    which = np.full(len(look), -1, np.int64)
    mine = np.flatnonzero(look >= 0)
    ids: dict[str, int] = {}
    for texts, rows in _told_by(trace, line, look, mine):
        which[rows] = [ids.setdefault(text, len(ids)) for text in texts]
    return list(ids), which


def _files(trace: Trace, look: Int64, rows: Int64) -> tuple[list[str], Int64]:
    """Texts for those of the rows that waited on a file."""
    f, at = trace.file, look[rows]
    order = np.lexsort((f.time, f.tid))
    tid, time = trace.look.tid[at].astype(np.int64), trace.look.time[at]
    found = asof(tid, time, f.tid[order].astype(np.int64), f.time[order])
    good = found >= 0
    place = order[np.maximum(found, 0)] if len(order) else found
    good[good] &= (f.time[place[good]] >= trace.look.before[at[good]]) & (f.what[place[good]] >= 0)
    texts = [trace.texts[what] for what in f.what[place[good]].tolist()]
    return [_told(text) for text in texts], rows[good]


def _told(text: str) -> str:
    if text.startswith(OBJECT_OF):
        return f"{INSIDE} {text.removeprefix(OBJECT_OF)}"
    return m[1] if (m := SOCKET.match(text)) else text


def _world(trace: Trace, look: Int64, rows: Int64) -> tuple[list[str], Int64]:
    """Those that the interpreter had stopped."""
    rows = rows[trace.look.kind[look[rows]] == WORLD]
    return [STOPPED] * len(rows), rows


def _children(trace: Trace, line: Timeline, look: Int64, rows: Int64) -> tuple[list[str], Int64]:
    """Texts for those of the rows that waited for one child process."""
    at = look[rows]
    number = trace.look.arg[at] & 0xFFFFFFFF
    good = (trace.look.syscall[at] == WAIT4) & (number > 0) & (number < 1 << 22)
    rows, at, number = rows[good], at[good], number[good]
    child = line.threads.find(number, trace.look.time[at])
    names = []
    for thread, pid in zip(child.tolist(), number.tolist(), strict=True):
        task = line.book.base.get(thread, -1)
        name = line.book.name[task] if task >= 0 else line.threads.name[thread]
        names.append(f"process {name if thread >= 0 else pid}")
    return names, rows
