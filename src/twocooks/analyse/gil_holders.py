"""Who had the GIL while others waited for it, by evidence only.

At its looks at threads that wait for the GIL the recorder reads who has it, and how often it has
changed hands (HOLDER records). Such a sight tells of one moment; three proofs make stretches of it:

1. **Alone.** Whoever takes the GIL must run. Around the sight, while no thread of the process but
   this one was on a core, nobody else can have got it, and had this one let go, the waiter would
   have been woken. (Waiters wake every few milliseconds to ask for it, for some microseconds:
   wakings shorter than `ASKING_NS` that end in a wait do not count.)
2. **Asleep.** A holder that is off its cores cannot let go: it has the GIL from the moment it left
   its core to the moment it comes back.
3. **The same turn.** Two sights of one holder with the same number of turns: nobody else had it in
   between.

Where two proofs name different threads, neither counts. Python code lets go of the GIL soon after
a waiter asked for it; a holder that kept it for `KEPT_NS` of its own time after that was in native
code that does not let go.
"""

from __future__ import annotations

import numpy as np

from twocooks.analyse.columns import Bool, Int64, Pieces, asof, overlay, pieces
from twocooks.analyse.holders import Held, Row, held
from twocooks.analyse.threads import REASONS, Threads
from twocooks.model import Reason, State
from twocooks.read.shape import distinct
from twocooks.read.trace import Trace

ASKING_NS = 50_000
KEPT_NS = 20_000_000
GIL, CORE = REASONS[Reason.GIL], REASONS[Reason.CORE]

Span = tuple[int, int, int, int, int]
"""start, end, holder, where, native."""


def gil_holders(trace: Trace, threads: Threads, labelled: Pieces) -> Held:
    """Who had the GIL that threads waited for. ``labelled``: the threads' stretches with their
    reasons."""
    h = trace.holder
    rows = np.flatnonzero(h.how == 1)
    waiting = labelled.take(labelled.reason == GIL)
    if not len(rows) or not len(waiting):
        return held([])
    waiter = threads.find(h.waiter[rows].astype(np.int64), h.before[rows])
    holder = threads.find(h.tid[rows].astype(np.int64), h.before[rows])
    at = asof(np.maximum(waiter, 0), h.before[rows], waiting.owner, waiting.start)
    good = (waiter >= 0) & (holder >= 0) & (at >= 0) & (waiter != holder)
    good &= waiting.end[np.maximum(at, 0)] >= h.time[rows]
    rows, holder, at = rows[good], holder[good], at[good]
    found: list[Row] = []
    process = threads.process[holder]
    for leader in distinct(process).tolist():
        mine = process == leader
        spans = _spans(trace, threads, labelled, rows[mine], holder[mine], leader)
        found += _over(waiting.take(threads.process[waiting.owner] == leader), spans)
    return held(found)


def _over(waiting: Pieces, spans: list[Span]) -> list[Row]:
    """The parts of the waits that lie in the spans."""
    if not spans:
        return []
    start, end, holder, where, native = np.array(spans, np.int64).T
    group = np.zeros(len(waiting), np.int64)
    cut, row = overlay(
        pieces(group, waiting.start, waiting.end, 0, 0, 0, waiting.owner),
        np.zeros(len(start), np.int64), start, end,
    )  # fmt: skip
    inside = (row >= 0) & (cut.thread != holder[np.maximum(row, 0)])
    cut, row = cut.take(inside), row[inside]
    gil = np.zeros(len(cut), np.int64)
    columns = (cut.thread, cut.start, cut.end, holder[row], where[row], native[row], gil)
    return list(zip(*(c.tolist() for c in columns), strict=True))


def _spans(
    trace: Trace, threads: Threads, table: Pieces, rows: Int64, holder: Int64, leader: int
) -> list[Span]:
    """The stretches of one process in which it is proven who had the GIL; sorted, disjoint."""
    h = trace.holder
    order = np.argsort(h.before[rows], kind="stable")
    rows, holder = rows[order], holder[order]
    alone = _alone(threads, table, leader)
    off = table.take(table.state != State.WORKING)
    found: list[Span] = []
    kept = _kept(trace, table, rows, holder)
    sights = zip(
        h.before[rows].tolist(), h.time[rows].tolist(), holder.tolist(), h.where[rows].tolist(),
        kept.tolist(), strict=True,
    )  # fmt: skip
    begins, ends, owners = alone
    place = np.searchsorted(begins, h.before[rows], "right") - 1
    asleep = asof(holder, h.before[rows], off.owner, off.start)
    for n, (before, time, who, where, native) in enumerate(sights):
        spans = [(before, time)]
        run, nap = int(place[n]), int(asleep[n])
        if run >= 0 and ends[run] >= time and owners[run] in (who, -1):
            spans.append((int(begins[run]), int(ends[run])))
        if nap >= 0 and off.end[nap] >= time and off.state[nap] != State.UNKNOWN:
            spans.append((int(off.start[nap]), int(off.end[nap])))
        begin, end = min(s for s, _ in spans), max(e for _, e in spans)
        found.append((begin, end, who, where, native))
    same = (holder[1:] == holder[:-1]) & (h.turn[rows][1:] == h.turn[rows][:-1])
    same &= h.lock[rows][1:] == h.lock[rows][:-1]
    for n in np.flatnonzero(same).tolist():
        gap = int(h.before[rows][n]), int(h.time[rows][n + 1])
        found.append((*gap, int(holder[n]), int(h.where[rows][n]), int(kept[n])))
    return _agreed(found)


def _alone(threads: Threads, table: Pieces, leader: int) -> tuple[Int64, Int64, Int64]:
    """Starts, ends and thread of the runs in which only one thread of the process was on a core
    (its gaps between two such stretches included), or nobody (-1). -2: several, or not known."""
    mine = table.take(threads.process[table.owner] == leader)
    on = mine.state == State.WORKING
    after = np.append(mine.state[1:], State.UNKNOWN)
    follows = np.append(mine.owner[1:] == mine.owner[:-1], False)
    blocked = follows & ~np.isin(after, [State.UNKNOWN, State.WORKING])
    in_line = np.append(mine.reason[1:] == CORE, False)
    on &= ~((mine.length < ASKING_NS) & blocked & ~in_line)
    dark = mine.state == State.UNKNOWN
    busy, lost = mine.take(on | dark), dark[on | dark]
    time = distinct(busy.start, busy.end)
    if not len(time):
        return time, time, time
    first, last = (np.searchsorted(time, t) for t in (busy.start, busy.end))

    def total(weights: Int64) -> Int64:
        change = np.bincount(first, weights, len(time)) - np.bincount(last, weights, len(time))
        return np.cumsum(change).round().astype(np.int64)

    count, ids = total(np.ones(len(busy), np.int64)), total(busy.owner.astype(np.int64))
    label = np.where(count == 1, ids, np.where(count == 0, -1, -2))
    return _runs(time, np.where(total(lost.astype(np.int64)) > 0, -2, label))


def _runs(time: Int64, label: Int64) -> tuple[Int64, Int64, Int64]:
    """Merge neighbours of one label, and the gaps (-1) between two runs of the same thread."""
    before, after = np.append(-2, label[:-1]), np.append(label[1:], -2)
    between = (label == -1) & (before == after) & (before >= 0)
    label = np.where(between, before, label)
    new: Bool = np.append(True, label[1:] != label[:-1])
    heads = np.flatnonzero(new)
    ends = np.append(time[heads[1:]], time[-1])
    return time[heads], ends, label[heads]


def _kept(trace: Trace, table: Pieces, rows: Int64, holder: Int64) -> Int64:
    """Which sights belong to a turn in which the holder kept the GIL though it was asked for it. A
    waiter that is seen in a second wait within one turn has asked before that wait."""
    h = trace.holder
    turns: dict[tuple[int, int, int], list[int]] = {}
    keys = zip(holder.tolist(), h.turn[rows].tolist(), h.lock[rows].tolist(), strict=True)
    for place, key in enumerate(keys):
        turns.setdefault(key, []).append(place)
    native = np.zeros(len(rows), np.int64)
    for (who, _, _), places in turns.items():
        waiters: set[int] = set()
        asked = None
        for place in places:
            waiter = int(h.waiter[rows[place]])
            asked = int(h.before[rows[place]]) if asked is None and waiter in waiters else asked
            waiters.add(waiter)
        end = int(h.time[rows[places[-1]]])
        if asked is not None and end - asked - _in_line(table, who, asked, end) >= KEPT_NS:
            native[places] = 1
    return native


def _in_line(table: Pieces, thread: int, start: int, end: int) -> int:
    """ns that the thread was pushed off its core in this window."""
    mine = table.take(table.rows_of(thread))
    line = mine.take((mine.reason == CORE) & (mine.end > start) & (mine.start < end))
    return int((np.minimum(line.end, end) - np.maximum(line.start, start)).sum())


def _agreed(spans: list[Span]) -> list[Span]:
    """The spans without what two of different holders both claim; those of one holder merged."""
    if not spans:
        return []
    times = sorted({t for span in spans for t in span[:2]})
    index = {t: i for i, t in enumerate(times)}
    who = [-1] * len(times)
    what = [(-1, 0)] * len(times)
    for start, end, holder, where, native in spans:
        for i in range(index[start], index[end]):
            if who[i] not in (-1, holder):
                who[i] = -2
                continue
            who[i] = holder
            what[i] = (max(what[i][0], where), max(what[i][1], native))
    return [
        (times[i], times[i + 1], who[i], *what[i]) for i in range(len(times) - 1) if who[i] >= 0
    ]
