"""What waits without a reason most probably were, for the verdict alone.

Most waits are over before they are old enough for a look. The recorder looks at some of them by
chance, each thread's first ones and then one now and then (``core/waits.c``), so among the short
waits of a thread those that have a reason are a fair sample of those that have none, and so are
the long ones among the long. Where the sample is large enough and all but a few agree on whether
hands were wanted, the others of that thread are taken for what most of these say. Two threads that
pass a lock to and fro each half millisecond are so told to take turns for a lock, and two that send
each other results every four milliseconds to be in a relay.

The account of the waits is not touched: there they stay "short" and "unknown", and the report says
how many seconds were judged so. What an event loop's tasks wait for the agent tells, always; they
are no part of this.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twocooks.analyse.book import Book
from twocooks.analyse.columns import Bool, Int64, Pieces, asof, join, marked
from twocooks.analyse.loops import overslept
from twocooks.analyse.tally import MAYBE
from twocooks.analyse.threads import REASONS
from twocooks.analyse.timeline import Timeline
from twocooks.model import Reason, State
from twocooks.read.shape import distinct
from twocooks.read.trace import Trace

HELD_S = 0.005
"""Steps of this length are worth asking who slept behind them."""
LEAST_SEEN, MOST_OTHERS = 6, 0.1
"""So many waits with a reason make a sample; so large a share of them may say something else."""
LITTLE = 0.1
"""Waits of a kind that has no sample of its own are judged by all of the thread, where they are at
most so large a share of what these took."""

SAID = 256
"""More than there are reasons."""
WANTING = (State.IN_LINE, State.WANTS_TOOL)


@dataclass(frozen=True)
class Likely:
    """The stretches of the tasks as the verdict takes them."""

    table: Pieces
    judged_s: float
    """Seconds of waits that were judged by others of their thread."""
    looked_at: int
    """By how many."""


def likely(table: Pieces, book: Book, long: int) -> Likely:
    """The table with the most probable state and reason of waits that have none. ``long``: the ns
    from which on a wait should have had its look."""
    aio = book.stepped()
    maybe = marked(MAYBE)
    rows = np.flatnonzero((table.state == State.WAITING) & maybe[table.reason])
    rows = _of_threads(table, aio, rows)
    if not len(rows):
        return Likely(table, 0.0, 0)
    seen = _of_threads(table, aio, np.flatnonzero(_looked_at(table)))
    said, count = _evidence(table, seen, rows, long)
    known = said >= 0
    rows, said = rows[known], said[known]
    if not len(rows):
        return Likely(table, 0.0, 0)
    state, reason = table.state.copy(), table.reason.copy()
    # Who delegates is not on the go. Whether it is must not rest on a guess.
    now, why = said // SAID, said % SAID
    state[rows] = np.where(now == State.DELEGATED, State.WAITING, now)
    reason[rows] = np.where(now == State.DELEGATED, REASONS[Reason.RESULT], why)
    judged = table.with_(state=state, reason=reason)
    return Likely(judged, float(table.length[rows].sum()) / 1e9, count)


def unlabelled_s(table: Pieces) -> float:
    """Seconds of waits without a reason."""
    unseen = (table.state == State.WAITING) & np.isin(table.reason, MAYBE)
    return float(table.length[unseen].sum()) / 1e9


def _of_threads(table: Pieces, aio: Bool, rows: Int64) -> Int64:
    """Those of the rows that are not a loop's tasks'."""
    return rows[~aio[table.owner[rows]] & (table.thread[rows] >= 0)]


def _looked_at(table: Pieces) -> Bool:
    """Stretches off a core whose reason a look told."""
    line = (table.state == State.IN_LINE) & (table.reason == REASONS[Reason.GIL])
    wait = (table.state == State.WAITING) & ~marked(MAYBE)[table.reason]
    told: Bool = line | wait | marked((State.WANTS_TOOL, State.DELEGATED))[table.state]
    return told


def _evidence(table: Pieces, seen: Int64, rows: Int64, long: int) -> tuple[Int64, int]:
    """For each of the rows what the looks at its kind say (state * SAID + reason; -1 = nothing),
    and how many looks that rests on."""
    size = int(table.thread.max()) + 1
    said = table.state[seen].astype(np.int64) * SAID + table.reason[seen]
    thread, length = table.thread[seen].astype(np.int64), table.end[seen] - table.start[seen]
    best, looks = _samples(thread + size * (length >= long), said, 2 * size)
    all_best, all_looks = _samples(thread, said, size)
    told = np.bincount(thread, length, size)
    lasted = table.end[rows] - table.start[rows]
    kind = table.thread[rows].astype(np.int64) + size * (lasted >= long)
    spent = np.bincount(kind, lasted, 2 * size)
    few = (looks < LEAST_SEEN) & (spent <= LITTLE * np.tile(told, 2))
    best = np.where(few, np.tile(all_best, 2), best)
    looks = np.where(few, 0, looks)
    used = np.flatnonzero(np.bincount(kind[best[kind] >= 0]))
    from_all = distinct(used[few[used]] % size)
    return best[kind], int(looks[used].sum() + all_looks[from_all].sum())


def _samples(key: Int64, said: Int64, size: int) -> tuple[Int64, Int64]:
    """For each key what most looks say that agree on whether hands are wanted (-1: too few, or they
    do not agree), and how many looks there are."""
    best = np.full(size, -1, np.int64)
    both, count = np.unique(key * SAID**2 + said, return_counts=True)
    which, said = both // SAID**2, both % SAID**2
    wants = np.isin(said // SAID, WANTING)
    whole = np.bincount(which, count, size)
    wanting = np.bincount(which, count * wants, size)
    agree = wants == (2 * wanting > whole)[which]
    order = np.argsort(np.where(agree, count, 0), kind="stable")
    best[which[order]] = said[order]  # the last one written is the most frequent
    agreed = np.maximum(wanting, whole - wanting)
    best[(whole < LEAST_SEEN) | (agreed < (1 - MOST_OTHERS) * whole)] = -1
    return best, whole.astype(np.int64)


def behind_steps(trace: Trace, line: Timeline) -> Pieces:
    """The table in which a task that a loop woke for a message only after a long step may have
    wanted hands since that step began: it may have come, and nobody looked. Since when is not
    known, and the verdict must hold either way. (The same for timers of loops that do not tell when
    they were due; of the others it is in the table already.)"""
    table = line.table
    task, since, woken = overslept(trace, line, HELD_S)
    if not len(task):
        return table
    row = asof(task, woken - 1, table.owner, table.start)
    good = (row >= 0) & (table.state[row] == State.WAITING) & (table.end[row] > since)
    row, since = row[good], since[good]
    order = np.lexsort((since, row))
    row, first = np.unique(row[order], return_index=True)
    since = since[order][first]  # one wait may be behind several steps: from the first on
    begin = np.maximum(table.start[row], since)
    unknown = table.take(row).with_(
        start=begin, reason=np.full(len(row), REASONS[Reason.UNKNOWN], np.uint8)
    )
    end = table.end.copy()
    end[row] = begin
    return join([table.with_(end=end), unknown]).ordered()
