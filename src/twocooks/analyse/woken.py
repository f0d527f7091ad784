"""How long before it came on a core a waiting thread may have been woken.

The kernel's records say when a thread came on a core, not when it was woken. But it keeps an
account of how long each thread stood in line for a core, and the recorder reads that at its looks
at threads that wait for others (LINE records). What the account grew by from one such look to the
next bounds how long the thread stood in line after the first one's wait; stretches in which it had
been pushed off, which the records show, are taken off. Where there is no next look, nothing is
known.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from twocooks.analyse.columns import Int64, Pieces
from twocooks.analyse.threads import REASONS, Threads
from twocooks.analyse.waits import settled
from twocooks.model import Reason
from twocooks.read.trace import Trace

SLACK_NS = 1_000_000
"""A core that sleeps takes a while to hear of a wake-up, and that is on no account."""


def wake_bounds(trace: Trace, threads: Threads, labelled: Pieces) -> dict[int, int]:
    """For stretches of threads (rows of ``labelled``): at most so many ns before its end it may
    have been woken."""
    told = trace.line
    if not len(told.time):
        return {}
    seen, stretch = settled(trace, threads)
    keys = {
        (tid, time): ns
        for tid, time, ns in zip(
            told.tid.tolist(), told.time.tolist(), told.ns.tolist(), strict=True
        )
    }
    by_thread: dict[int, list[tuple[int, int]]] = {}
    look = trace.look
    for tid, time, row in zip(
        look.tid[seen].tolist(), look.time[seen].tolist(), stretch.tolist(), strict=True
    ):
        ns = keys.get((tid, time))
        if ns is not None:
            by_thread.setdefault(int(labelled.owner[row]), []).append((row, ns))
    pushed = _pushed_off(labelled)
    found: dict[int, int] = {}
    for looks in by_thread.values():
        looks.sort()
        for (row, before), (later, after) in pairwise(looks):
            if row < later and after >= before:
                line = after - before - int(pushed[later] - pushed[row])
                found[row] = max(line, 0) + SLACK_NS
    return found


def _pushed_off(labelled: Pieces) -> Int64:
    """For each row the ns that lie before it in which threads had been pushed off their cores."""
    off = np.where(labelled.reason == REASONS[Reason.CORE], labelled.length, 0)
    sums: Int64 = np.cumsum(off) - off
    return sums
