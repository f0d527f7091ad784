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
from twocooks.analyse.columns import Bool, Int64, Pieces, asof, join
from twocooks.analyse.loops import overslept
from twocooks.analyse.threads import REASONS
from twocooks.analyse.timeline import Timeline
from twocooks.model import STEPPED, Reason, State
from twocooks.read.trace import Trace

LONG_NS = 4_000_000
"""From this length on a wait should have had its look."""
HELD_S = 0.005
"""Steps of this length are worth asking who slept behind them."""
LEAST_SEEN, MOST_OTHERS = 6, 0.1
"""So many waits with a reason make a sample; so large a share of them may say something else."""

UNSEEN = [REASONS[Reason.SHORT], REASONS[Reason.UNKNOWN]]
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


def likely(table: Pieces, book: Book) -> Likely:
    """The table with the most probable state and reason of waits that have none."""
    aio = np.array([kind in STEPPED for kind in book.kind], bool)
    unseen = (table.state == State.WAITING) & np.isin(table.reason, UNSEEN)
    unseen &= ~aio[table.owner] & (table.thread >= 0)
    rows = np.flatnonzero(unseen)
    if not len(rows):
        return Likely(table, 0.0, 0)
    seen = np.flatnonzero(_looked_at(table) & ~aio[table.owner] & (table.thread >= 0))
    group, best, count = _samples(table, seen)
    at = np.searchsorted(group, _group(table, rows))
    at = np.minimum(at, max(0, len(group) - 1))
    known = (group[at] == _group(table, rows)) if len(group) else np.zeros(len(rows), bool)
    rows, at = rows[known], at[known]
    if not len(rows):
        return Likely(table, 0.0, 0)
    state, reason = table.state.copy(), table.reason.copy()
    # Who delegates is not on the go. Whether it is must not rest on a guess.
    now, why = best[at] // SAID, best[at] % SAID
    state[rows] = np.where(now == State.DELEGATED, State.WAITING, now)
    reason[rows] = np.where(now == State.DELEGATED, REASONS[Reason.RESULT], why)
    used = int(count[np.unique(at)].sum())
    return Likely(
        table.with_(state=state, reason=reason), float(table.length[rows].sum()) / 1e9, used
    )


def _looked_at(table: Pieces) -> Bool:
    """Stretches off a core whose reason a look told."""
    line = (table.state == State.IN_LINE) & (table.reason == REASONS[Reason.GIL])
    wait = (table.state == State.WAITING) & ~np.isin(table.reason, UNSEEN)
    told: Bool = line | wait | np.isin(table.state, (State.WANTS_TOOL, State.DELEGATED))
    return told


def _group(table: Pieces, rows: Int64) -> Int64:
    """Short and long waits of each thread."""
    return table.thread[rows].astype(np.int64) * 2 + (table.length[rows] >= LONG_NS)


def _samples(table: Pieces, seen: Int64) -> tuple[Int64, Int64, Int64]:
    """The groups with a sample that agrees on whether hands are wanted, in order: what most of
    those that agree say (state * SAID + reason), and how many waits are in the sample."""
    said = table.state[seen].astype(np.int64) * SAID + table.reason[seen]
    both = np.stack([_group(table, seen), said])
    (group_of, said), count = np.unique(both, axis=1, return_counts=True)
    group, which = np.unique(group_of, return_inverse=True)
    wants = np.isin(said // SAID, WANTING)
    whole = np.bincount(which, count, len(group))
    wanting = np.bincount(which, count * wants, len(group))
    agree = wants == (2 * wanting > whole)[which]
    order = np.argsort(np.where(agree, count, 0), kind="stable")
    best = np.zeros(len(group), np.int64)
    best[which[order]] = said[order]  # the last one written is the most frequent
    agreed = np.maximum(wanting, whole - wanting)
    good = (whole >= LEAST_SEEN) & (agreed >= (1 - MOST_OTHERS) * whole)
    return group[good], best[good], whole[good].astype(np.int64)


def behind_steps(trace: Trace, line: Timeline) -> Pieces:
    """The table in which a task that a loop woke for a timer or a message only after a long step
    may have wanted hands since that step began: its timer may have run out, and nobody looked.
    Since when, only the loop could have told: it is not known, and the verdict must hold either
    way."""
    table = line.table
    task, since, woken = overslept(trace, line, HELD_S)
    if not len(task):
        return table
    row = asof(task, woken - 1, table.owner, table.start)
    good = (row >= 0) & (table.state[row] == State.WAITING) & (table.end[row] > since)
    row, since = row[good], since[good]
    order = np.lexsort((since, row))  # one wait may be behind several steps: from the first on
    row, since = row[order], since[order]
    first = np.ones(len(row), bool)
    first[1:] = row[1:] != row[:-1]
    row, since = row[first], since[first]
    begin = np.maximum(table.start[row], since)
    unknown = table.take(row).with_(
        start=begin, reason=np.full(len(row), REASONS[Reason.UNKNOWN], np.uint8)
    )
    end = table.end.copy()
    end[row] = begin
    return join([table.with_(end=end), unknown]).ordered()
