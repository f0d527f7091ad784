"""Threads from polled accounts, where the kernel refused its switch records. All of it is
estimated.

An account says how long a thread was on a core and in line between two looks, not when. So each
window is filled in the way that makes tasks coincide least: the threads' time on cores is laid end
to end and wrapped round at the window's end (McNaughton's rule). Two then coincide exactly where
their times do not fit into one window: sum - window, the lower bound. The drawn picture is one of
many possible ones, its sums are the kernel's, and its coincidences are proven. A running thread's
account moves only at the kernel's tick, so looks are gathered into windows of at least
``WINDOW_NS``.
"""

from __future__ import annotations

import numpy as np

from twocooks.analyse.columns import NO_REASON, Bool, Int64, Pieces, group_first, join, pieces
from twocooks.analyse.threads import CORE, NOT_KNOWN, Threads
from twocooks.format.spec import BY_NAME
from twocooks.model import State
from twocooks.read.head import LONGEST_NS
from twocooks.read.shape import distinct
from twocooks.read.trace import Trace

WINDOW_NS = 200_000_000
TICK_NS = 10_000_000
"""The longest tick of a kernel (CONFIG_HZ=100)."""
SOMETHING_NS = 1000
"""What a step did at least."""
MISSED_S, MISSED_SHARE = 0.05, 0.1
POLL, TICK = BY_NAME["POLL"].number, BY_NAME["POLL_TICK"].number
NEW, GONE, CPU = (BY_NAME[n].number for n in ("POLL_NEW", "POLL_GONE", "POLL_CPU"))


def polled_threads(trace: Trace, end_ns: int) -> Threads:
    """All threads that polling saw, with stretches that never coincide more than is proven."""
    p = trace.poll
    about = np.isin(p.event, (POLL, NEW, GONE))
    order = np.flatnonzero(about)
    order = order[np.argsort(p.tid[order], kind="stable")]
    tid, event, time = p.tid[order].astype(np.int64), p.event[order], p.time[order]
    fresh = np.ones(len(order), bool)
    fresh[1:] = (tid[1:] != tid[:-1]) | (event[:-1] == GONE)
    thread = np.cumsum(fresh) - 1
    count = int(thread[-1]) + 1 if len(thread) else 0
    heads = np.flatnonzero(fresh)
    tails = np.append(heads[1:], len(order)) - 1
    ended = event[tails] == GONE if count else np.empty(0, bool)
    died = np.where(ended, time[tails], end_ns) if count else np.empty(0, np.int64)
    borders = windows(trace, end_ns)
    born = _born(time[heads], borders) if count else np.empty(0, np.int64)
    pid = p.pid[order][heads].astype(np.int64)
    leader = {int(pid[t]): t for t in range(count) if tid[heads[t]] == pid[t]}
    process = np.array([leader.get(int(pid[t]), t) for t in range(count)], np.int64)
    above = p.a[order][heads]
    parent = np.array(
        [
            leader.get(int(above[t]), -1) if process[t] == t else int(process[t])
            for t in range(count)
        ],
        np.int64,
    )
    names = [""] * count
    for row in np.flatnonzero(event == NEW):  # the last one holds: exec gives another name
        text = int(p.text[order[row]])
        names[thread[row]] = trace.texts[text] if text >= 0 else ""
    look = event == POLL
    run, line = (np.clip(told[order][look], 0, LONGEST_NS) for told in (p.a, p.b))
    table = _fill((thread[look], time[look], run, line), borders, born, died)
    return Threads(
        tid[heads] if count else tid, pid, born, died, ended, parent, process, names, table
    )


def windows(trace: Trace, end_ns: int) -> Int64:
    """Borders of the windows in which accounts are judged: times of looks, at least WINDOW_NS
    apart (the last may be longer), and the looks at the ends of a stretch that was measured."""
    ticks = distinct(trace.poll.time[trace.poll.event == CPU])
    start = int(trace.meta.get("start_ns") or (ticks[0] if len(ticks) else end_ns))
    chosen = [start]
    for tick in ticks.tolist():
        if tick - chosen[-1] >= WINDOW_NS:
            chosen.append(tick)
    if end_ns - chosen[-1] < WINDOW_NS and len(chosen) > 1:
        chosen.pop()
    borders = [*chosen, max(end_ns, chosen[-1] + 1)]
    edges = np.intersect1d(np.array((trace.end or {}).get("edges") or [], np.int64), ticks).tolist()
    if edges:
        apart = [b for b in borders[1:-1] if all(abs(b - edge) >= WINDOW_NS for edge in edges)]
        borders = sorted({borders[0], *apart, *edges, borders[-1]})
    return np.array(borders, np.int64)


def _born(seen: Int64, borders: Int64) -> Int64:
    """A thread first seen in a window may have lived from the window's begin; it is said to."""
    at = np.maximum(np.searchsorted(borders, seen, "left") - 1, 0)
    return np.minimum(borders[at], seen)


def _by_window(
    window: Int64, who: Int64, run: Int64, line: Int64
) -> tuple[Int64, ...]:
    """One row for each window and thread in it: (window, who, run, line)."""
    most = int(who.max(initial=0)) + 1
    key, which = np.unique(window * most + who, return_inverse=True)
    which = which.reshape(-1)
    ran = np.bincount(which, weights=run, minlength=len(key)).astype(np.int64)
    stood = np.bincount(which, weights=line, minlength=len(key)).astype(np.int64)
    return key // most, key % most, ran, stood


def _fill(
    rows: tuple[Int64, Int64, Int64, Int64], borders: Int64, born: Int64, died: Int64
) -> Pieces:
    """Lay the threads' accounts of each window end to end, wrapped. ``rows``: thread, when the
    account was read, ns on a core and ns in line since the last reading."""
    who, read, ran, stood = rows
    window = np.clip(np.searchsorted(borders, read, "left") - 1, 0, len(borders) - 2)
    window, thread, run, line = _by_window(window, who, ran, stood)
    left, size = borders[window], borders[window + 1] - borders[window]
    run = np.minimum(run, size)
    line = np.minimum(line, size - run)
    first = group_first(window)
    total = np.cumsum(run)
    at = total - run - (total - run)[first] if len(run) else total
    parts = [
        _laid(thread, left, size, at, run, State.WORKING, NO_REASON),
        _laid(thread, left, size, at + run, line, State.IN_LINE, CORE),
    ]
    busy = join(parts).ordered()
    return join([busy, _rest(busy, born, died)]).ordered()


def _laid(
    thread: Int64, left: Int64, size: Int64, at: Int64, length: Int64, state: State, reason: int
) -> Pieces:
    """Stretches of these lengths from ``at`` on, wrapped round at the window's end; the core is the
    number of wraps."""
    row, begin = at // size, at % size
    over = np.maximum(0, begin + length - size)
    core = row if state is State.WORKING else np.full(len(row), -1)
    one = pieces(thread, left + begin, left + begin + length - over, state, reason, core, thread)
    again = core + 1 if state is State.WORKING else core
    return join([one, pieces(thread, left, left + over, state, reason, again, thread)])


def _rest(busy: Pieces, born: Int64, died: Int64) -> Pieces:
    """What of the threads' lives is neither on a core nor in line: waiting, the reason not
    known."""
    n = len(born)
    owner = np.concatenate([np.arange(n), busy.owner])
    gap_from = np.concatenate([born, busy.end])
    order = np.lexsort((gap_from, owner))
    owner, gap_from = owner[order], gap_from[order]
    starts = busy.start
    row = np.searchsorted(busy.owner, np.arange(n), "left")
    gap_to = np.empty(len(owner), np.int64)
    last = np.append(owner[1:] != owner[:-1], True) if len(owner) else np.empty(0, bool)
    place = np.arange(len(owner)) - np.searchsorted(owner, np.arange(n))[owner]
    nxt = np.minimum(row[owner] + place, max(0, len(starts) - 1))
    gap_to = np.where(last, died[owner], starts[nxt] if len(starts) else 0)
    return pieces(
        owner, gap_from, np.maximum(gap_to, gap_from), State.WAITING, NOT_KNOWN, -1, owner
    )


def steps_at_work(cut: Pieces, stepped: Bool, borders: Int64) -> Pieces:
    """A step of an event loop's task counts as work from its begin to its end, unless its thread
    was on a core for less than its steps took, by more than the accounts may lag: then some of
    them waited (``time.sleep``), and all begin with their share of what the accounts leave for
    work. ``stepped``: tasks that have steps."""
    step = (cut.owner >= 0) & stepped[np.maximum(cut.owner, 0)] if len(stepped) else cut.owner < -9
    if not step.any():
        return cut
    cut, step, window = _by_borders(cut, step, borders)
    key = cut.thread.astype(np.int64) * len(borders) + window
    count, on_core = int(key.max()) + 1, cut.state == State.WORKING
    in_steps = np.bincount(key[step], weights=cut.length[step], minlength=count)
    worked = np.bincount(key[on_core], weights=cut.length[on_core], minlength=count)
    both = step & on_core
    laid = np.bincount(key[both], weights=cut.length[both], minlength=count)
    fits = in_steps - worked <= TICK_NS
    share = np.where(fits, 1.0, laid / np.maximum(in_steps, 1))[key]
    some = np.maximum((share * cut.length).astype(np.int64), SOMETHING_NS)
    front = np.where(step, np.minimum(some, cut.length), 0)
    rest = cut.with_(
        start=cut.start + front,
        state=np.where(both, State.WAITING, cut.state).astype(np.uint8),
        reason=np.where(both, NOT_KNOWN, cut.reason).astype(np.uint8),
    )
    work = cut.with_(
        end=cut.start + front,
        state=np.full(len(cut), State.WORKING, np.uint8),
        reason=np.full(len(cut), NO_REASON, np.uint8),
    ).take(front > 0)
    return join([work, rest.take(rest.end > rest.start)]).ordered()


def _by_borders(cut: Pieces, step: Bool, borders: Int64) -> tuple[Pieces, Bool, Int64]:
    """The steps cut where windows meet (what works or stands in line lies within one anyway), and
    the window of each stretch."""
    first = np.searchsorted(borders, cut.start, "right") - 1
    more = np.where(step, np.searchsorted(borders, cut.end, "left") - 1 - first, 0)
    row = np.repeat(np.arange(len(cut)), np.maximum(more, 0) + 1)
    part = np.arange(len(row)) - np.searchsorted(row, row)
    whole, of = cut.take(row), first[row] + part
    last = len(borders) - 1
    start = np.where(part > 0, borders[np.clip(of, 0, last)], whole.start)
    end = np.where(part < more[row], borders[np.clip(of + 1, 0, last)], whole.end)
    return whole.with_(start=start, end=end), step[row], np.clip(of, 0, last)


def proven_together_s(
    trace: Trace, threads: Threads, end_ns: int, native: Int64
) -> tuple[float, float]:
    """Seconds in which two threads, and two tasks, must have been on cores at once, whatever the
    order was. ``native``: threads without a task of their own, which work for their process's.

    Of each window, what the time on cores exceeds the window by, shared by as many as can have been
    beside the first: never more than ran, or than there are cores. A window ends when the round of
    looks at its end was over: a thread read late may have run on until then. A running thread's
    account may lag by a tick at the beginning, which is then made up for inside."""
    p, borders = trace.poll, windows(trace, end_ns)
    look = np.flatnonzero(p.event == POLL)
    who = threads.find(p.tid[look].astype(np.int64), p.time[look])
    look, who = look[who >= 0], who[who >= 0]
    if not len(look):
        return 0.0, 0.0
    window = np.clip(np.searchsorted(borders, p.time[look], "left") - 1, 0, len(borders) - 2)
    run = np.clip(p.a[look], 0, LONGEST_NS)
    room = _room(trace, borders)
    window, who, run, _ = _by_window(window, who, run, run)
    # A task's threads may have worked at once: it was at work for no less than the longest of them.
    most = len(threads)
    task = np.where(np.isin(who, native), threads.process[who], who)
    key, which = np.unique(window * most + task, return_inverse=True)
    longest = np.zeros(len(key), np.int64)
    np.maximum.at(longest, which.reshape(-1), run)
    by_thread = _excess(trace, room, window, run)
    return by_thread, _excess(trace, room, key // most, longest)


def _room(trace: Trace, borders: Int64) -> Int64:
    """ns that one thread may have run in each window, by its accounts at both ends."""
    p = trace.poll
    ticks = p.event == TICK
    begun = p.time[ticks] - p.a[ticks]
    row = np.searchsorted(begun, borders[1:], "right") - 1
    took = np.where(row >= 0, p.time[ticks][np.maximum(row, 0)] - borders[1:], 0)
    room: Int64 = np.diff(borders) + np.maximum(took, 0) + TICK_NS
    return room


def _excess(trace: Trace, room: Int64, window: Int64, run: Int64) -> float:
    ran = np.bincount(window, weights=np.minimum(run, room[window]), minlength=len(room))
    beside = np.bincount(window, weights=run > TICK_NS, minlength=len(room)) - 1
    beside = np.clip(beside, 1, max(1, int(_cores(trace)) - 1))
    return float((np.maximum(0, ran - room) / beside).sum()) / 1e9


def _cores(trace: Trace) -> int:
    told = (trace.meta.get("cpus") or {}).get("online")
    return int(told or 1 << 13)


def not_seen(trace: Trace) -> bool:
    """Whether much of the program's work was done by threads that no look ever met: then tasks may
    be missing, and their number says nothing."""
    whole = polled_cpu_s(trace) or 0.0
    seen = float(np.clip(trace.poll.a[trace.poll.event == POLL], 0, LONGEST_NS).sum()) / 1e9
    return whole - seen > max(MISSED_S, MISSED_SHARE * whole)


def polled_cpu_s(trace: Trace) -> float | None:
    """CPU seconds of the whole tree: the kernel's total at the end, else the last one polled."""
    usage = (trace.end or {}).get("rusage")
    told = trace.poll.a[trace.poll.event == CPU]
    polled = float(told.max()) / 1e9 if len(told) else None
    if usage:
        return max(float(usage["user_s"]) + float(usage["system_s"]), polled or 0.0)
    return polled
