"""On what threads waited: the file, the pipe or the socket, or which child process.

The recorder reads the name of the file behind a wait for bytes at its look (FILE records); of a
named socket both ends. The child is the number that the system call was given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from twocooks.analyse.columns import Int64, asof
from twocooks.analyse.timeline import Timeline
from twocooks.analyse.waits import WAITS_FOR_CHILD
from twocooks.read.trace import Trace

MOST = 5
"""Told for each line that waits; of more, those with the most seconds."""
SOCKET = re.compile(r"^((?:tcp|udp|unix) .*[^,]) socket:\[\d+\]$", re.DOTALL)
WAIT4 = min(WAITS_FOR_CHILD)


@dataclass(frozen=True)
class On:
    """One thing that was waited on."""

    what: str
    """A path, "pipe:[inode]", "socket:[inode]", "tcp own end > other end" (also udp, unix), several
    of them joined by ", ", "process NAME"; hostile text."""
    seconds: float

    def row(self) -> dict[str, object]:
        """As the JSON has it."""
        return {"what": self.what, "seconds": self.seconds}


def waited_on(
    trace: Trace, line: Timeline, look: Int64, length: Int64, which: Int64
) -> dict[int, tuple[On, ...]]:
    """For each group (``which``) of waits what they waited on. ``look``: the look (its row in the
    trace) at each wait, or -1; ``length`` in ns."""
    sums: dict[int, dict[str, int]] = {}
    mine = np.flatnonzero(look >= 0)
    for texts, rows in (_files(trace, look, mine), _children(trace, line, look, mine)):
        groups, lengths = which[rows].tolist(), length[rows].tolist()
        for text, group, ns in zip(texts, groups, lengths, strict=True):
            into = sums.setdefault(group, {})
            into[text] = into.get(text, 0) + ns
    return {
        group: tuple(
            On(text, ns / 1e9) for text, ns in sorted(into.items(), key=lambda e: (-e[1], e[0]))
        )[:MOST]
        for group, into in sums.items()
    }


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
    return [m[1] if (m := SOCKET.match(text)) else text for text in texts], rows[good]


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
