"""Kernel records to threads and their stretches on and off the cores.

Thread numbers of the kernel are reused, so each life of a number gets an id of our own: an index
into ``Threads``. A life begins at FORK (or at the first record) and ends at EXIT, or at the EXEC
of another thread of its process, which makes all others vanish without a word.

A stretch lasts from one record of a thread to its next. What it was doing follows from the first:
IN and EXEC put it on a core, OUT_PREEMPTED and FORK leave it in line for one, OUT leaves it
blocked. An IN record is written after the switch, so its slice begins at the previous OUT of the
same core when that was just before, else a little before the record itself (``SWITCH_NS``).

Lost records: each core's window of loss makes every thread whose last record lies on that core
UNKNOWN from there to its next record; that record tells how it stood after the window (OUT: on the
core since, IN: off it), never how it stood in it. A record that contradicts the one before (OUT
without IN) makes the stretch between them UNKNOWN. Nothing is carried across.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twocooks.analyse import fast
from twocooks.analyse.columns import (
    NO_REASON,
    Bool,
    Int32,
    Int64,
    Pieces,
    UInt8,
    asof,
    group_first,
    join,
    last_true_in,
    pieces,
    with_few,
)
from twocooks.format.spec import BY_NAME
from twocooks.model import Reason, State
from twocooks.read.shape import distinct
from twocooks.read.trace import KernelColumns, Trace

SWITCH_NS = 3_000
"""A switch from one thread to the next takes less than this; calibrated on sums against the
kernel's."""

OUT, PUSHED, IN = (BY_NAME[n].number for n in ("OUT", "OUT_PREEMPTED", "IN"))
FORK, EXIT, COMM = (BY_NAME[n].number for n in ("FORK", "EXIT", "COMM"))
EXEC, LOST = (BY_NAME[n].number for n in ("EXEC", "LOST"))

REASONS = {reason: index for index, reason in enumerate(Reason)}
CORE, NOT_KNOWN = REASONS[Reason.CORE], REASONS[Reason.UNKNOWN]
MEANINGS = bytes((State.WORKING, State.IN_LINE, State.WAITING, CORE, NOT_KNOWN, NO_REASON))


@dataclass(frozen=True)
class Threads:
    """Every life of a thread that was seen. Columns by thread id; ``parent`` is a thread id or
    -1."""

    tid: Int64
    pid: Int64
    born: Int64
    died: Int64
    ended: Bool
    """An EXIT was seen (else ``died`` is the end of the recording)."""
    parent: Int64
    process: Int64
    """Thread id of the leader of its process (itself for leaders)."""
    name: list[str]
    pieces: Pieces
    """``owner`` and ``thread`` are thread ids. Blocked stretches are WAITING with reason
    UNKNOWN."""

    def __len__(self) -> int:
        return len(self.tid)

    def find(self, tid: Int64, time: Int64) -> Int64:
        """Thread ids of kernel thread numbers at given times (-1 = never seen). A time shortly
        before the first life belongs to the first life."""
        order = np.lexsort((self.born, self.tid))
        if not len(order):
            return np.full(len(tid), -1, np.int64)
        row = asof(tid, time, self.tid[order], self.born[order])
        first = np.searchsorted(self.tid[order], tid)
        first = np.minimum(first, len(order) - 1)
        known = self.tid[order][first] == tid
        row = np.where((row < 0) & known, first, row)
        return np.where(row >= 0, order[np.maximum(row, 0)], -1)


@dataclass(frozen=True)
class _Rows:
    """Records that concern threads, sorted by (thread life, time)."""

    thread: Int32
    time: Int64
    begin: Int64
    """``time``, but for IN the corrected beginning of the slice."""
    event: UInt8
    cpu: Int32
    row: Int64
    """Where in ``kernel`` the record is."""
    kernel: KernelColumns

    def column(self, name: str, which: Int64) -> NDArray[Any]:
        """Another column of the kernel's records, for some of the rows."""
        found: NDArray[Any] = getattr(self.kernel, name)[self.row[which]]
        return found


def build_threads(trace: Trace, end_ns: int) -> Threads:
    """All threads of the run with their stretches; ``end_ns`` closes those that were still
    alive."""
    rows = _rows(trace.kernel)
    windows = loss_windows(trace, end_ns)
    return _table(rows, trace, windows, end_ns)


def slice_begins(k: KernelColumns) -> Int64:
    """For each record its time, for IN the beginning of the slice that it announces."""
    begin = k.time.copy()
    order = np.argsort(k.cpu, kind="stable")
    event, time, cpu = k.event[order], k.time[order], k.cpu[order]
    left = last_true_in((event == OUT) | (event == PUSHED) | (event == EXIT), group_first(cpu))
    before = np.where(left >= 0, time[np.maximum(left, 0)], np.iinfo(np.int64).min)
    begin[order] = np.where(event == IN, np.maximum(time - SWITCH_NS, before), time)
    # On an idle core a newborn's clock starts with its first slice: nobody woke it. (Sums over ten
    # thousand short threads were above the kernel's clock with the switch charged to them.)
    by_thread = np.argsort(k.tid, kind="stable")
    born = np.zeros(len(begin), bool)
    born[by_thread[1:]] = k.event[by_thread[:-1]] == FORK
    born &= k.event == IN
    return np.where(born & (begin == k.time - SWITCH_NS), k.time, begin)


def _until_exec(k: KernelColumns) -> Int32:
    """The thread of each record. The thread that calls exec takes the number of its process when
    the leader has ended, and only later the EXEC tells: what lies between is its own."""
    number = k.tid
    ended = np.flatnonzero((k.event == EXIT) & (k.tid == k.pid))
    executed = np.flatnonzero((k.event == EXEC) & (k.tid == k.pid))
    last = dict(zip(k.tid[executed].tolist(), executed.tolist(), strict=True))
    for row, leader in zip(ended.tolist(), k.tid[ended].tolist(), strict=True):
        if last.get(leader, -1) < row:
            continue
        later = executed[(k.tid[executed] == leader) & (executed > row)]
        between = np.arange(row + 1, later[0])
        mine = between[k.tid[between] == leader]
        if not len(mine) or (k.event[mine] == FORK).any():
            continue  # nothing between, or the number is another process's now
        before = between[(k.cpu[between] == k.cpu[mine[0]]) & (between < mine[0])]
        on = before[k.event[before] == IN][-1:]
        if len(on) and k.pid[on[0]] == k.pid[row]:
            number = number.copy() if number is k.tid else number
            number[mine] = k.tid[on[0]]
    return number


def _rows(k: KernelColumns) -> _Rows:
    """Give each record its thread life and drop what a dead thread cannot say."""
    number = _until_exec(k)
    if number is not k.tid:
        k = replace(k, tid=number)
    found = fast.lives(SWITCH_NS, k.time, k.event, k.cpu, k.tid)
    order, thread, begin = _lives(k) if found is None else found
    thread = thread.astype(np.int32, copy=False)
    return _Rows(thread, k.time[order], begin, k.event[order], k.cpu[order], order, k)


def _lives(k: KernelColumns) -> tuple[Int64, Int64, Int64]:
    """Row, thread life and begin of each record that concerns a living thread, by thread life."""
    begin = slice_begins(k)
    known = (k.tid > 0) & (k.event != LOST)
    number = _until_exec(k)
    order = np.flatnonzero(known)
    order = order[np.argsort(number[order], kind="stable")]
    event, tid = k.event[order].astype(np.int64), number[order].astype(np.int64)
    first = group_first(tid)
    turn = last_true_in((event == EXIT) | (event == EXEC) | (event == FORK), first)
    dead = (turn >= 0) & (event[np.maximum(turn, 0)] == EXIT) & (turn < np.arange(len(turn)))
    alive = ~dead
    order, event, tid = order[alive], event[alive], tid[alive]
    new = np.ones(len(tid), bool)
    new[1:] = (tid[1:] != tid[:-1]) | (event[1:] == FORK)
    return order, np.cumsum(new) - 1, begin[order]


def loss_windows(trace: Trace, end_ns: int) -> dict[int, tuple[Int64, Int64]]:
    """For each core its windows of loss, sorted: from LOST records, and the tail that no record
    tells of but the kernel's count at the end does."""
    k = trace.rare
    lost = np.flatnonzero(k.event == LOST)
    lost = lost[np.argsort(k.cpu[lost], kind="stable")]
    found: dict[int, tuple[Int64, Int64]] = {}
    told: dict[int, int] = {}
    for cpu in distinct(k.cpu[lost]):
        here = lost[slice(*np.searchsorted(k.cpu[lost], [cpu, cpu + 1]))]
        found[int(cpu)] = (k.time[here] - k.b[here], k.time[here])
        told[int(cpu)] = int(k.a[here].sum())
    if trace.end is None:
        _cut_off(trace, end_ns, found)
    totals = (trace.end or {}).get("lost") or {}
    for name, total in totals.items():
        cpu = int(name)
        if int(total) > told.get(cpu, 0):
            last = trace.last_on.get(cpu, int(trace.meta.get("start_ns", 0)))
            start, end = found.get(cpu, (np.empty(0, np.int64), np.empty(0, np.int64)))
            found[cpu] = (np.append(start, last), np.append(end, max(last + 1, end_ns)))
    return found


def _cut_off(trace: Trace, end_ns: int, found: dict[int, tuple[Int64, Int64]]) -> None:
    """The recorder was killed: what it last wrote may hold one core's records and not another's. It
    writes the METER stream behind all others, so up to its last record nothing is missing; after
    that each core is known up to its own last record."""
    meter = trace.meter.time
    whole = int(meter[-1]) if len(meter) else int(trace.meta.get("start_ns", 0))
    for cpu, at in trace.last_on.items():
        last = max(at, whole)
        if last < end_ns:
            start, end = found.get(cpu, (np.empty(0, np.int64), np.empty(0, np.int64)))
            found[cpu] = np.append(start, last), np.append(end, end_ns)


def _table(
    rows: _Rows, trace: Trace, windows: dict[int, tuple[Int64, Int64]], end_ns: int
) -> Threads:
    count = int(rows.thread[-1]) + 1 if len(rows.thread) else 0
    each = np.arange(count, dtype=rows.thread.dtype)
    heads = np.searchsorted(rows.thread, each)
    tails = np.searchsorted(rows.thread, each, "right") - 1
    pid, tid = _numbers(rows, heads)
    root = int(trace.meta.get("pid", 0))
    pid = np.where(pid > 0, pid, np.where(tid == root, root, tid))
    born = rows.begin[heads]
    ended = rows.event[tails] == EXIT
    died = np.where(ended, rows.time[tails], max(end_ns, int(rows.time.max()) if count else 0))
    process = _processes(tid, pid, born)
    ended, died = _close_by_exec(rows, process, tid, pid, born, ended, died)
    forked = rows.event[heads] == FORK
    stretches = _stretches(rows, windows, died)
    bare = Threads(tid, pid, born, died, ended, np.full(count, -1), process, [], stretches)
    parent = np.where(forked, bare.find(rows.column("b", heads), born), -1)
    return Threads(
        tid, pid, born, died, ended, parent, process, _names(rows, trace, parent), stretches
    )


def _numbers(rows: _Rows, heads: Int64) -> tuple[Int64, Int64]:
    """The process and number of each thread: the first process that any of its records names (0 =
    none does)."""
    pid = rows.column("pid", heads).astype(np.int64)
    silent = np.zeros(len(heads), bool)
    silent[pid <= 0] = True
    if silent.any():
        pid[silent] = 0
        at = np.flatnonzero(silent[rows.thread])
        told = rows.column("pid", at)
        at, told = at[told > 0][::-1], told[told > 0][::-1]
        pid[rows.thread[at]] = told
    return pid, rows.column("tid", heads).astype(np.int64)


def _processes(tid: Int64, pid: Int64, born: Int64) -> Int64:
    """The leader's thread id for each thread; a thread whose leader was never seen leads itself."""
    leaders = np.flatnonzero(tid == pid)
    leaders = leaders[np.lexsort((born[leaders], pid[leaders]))]
    row = asof(pid, born, pid[leaders], born[leaders])
    own = np.arange(len(tid))
    if not len(leaders):
        return own
    return np.where(tid == pid, own, np.where(row >= 0, leaders[np.maximum(row, 0)], own))


def _close_by_exec(
    rows: _Rows, process: Int64, tid: Int64, pid: Int64, born: Int64, ended: Bool, died: Int64
) -> tuple[Bool, Int64]:
    """Threads that vanished when another thread of their process ran another program."""
    execs = np.flatnonzero(rows.event == EXEC)
    if not len(execs) or not len(tid):
        return ended, died
    leader, time = process[rows.thread[execs]], rows.time[execs]
    order = np.lexsort((time, leader))
    leader, time = leader[order], time[order]
    row = asof(process, born, leader, time) + 1
    row = np.where(row > 0, row, np.searchsorted(leader, process))
    inside = row < len(leader)
    row = np.minimum(row, len(leader) - 1)
    hit = inside & (leader[row] == process) & (time[row] < died) & (tid != pid)
    return ended | hit, np.where(hit, time[row], died)


def _names(rows: _Rows, trace: Trace, parent: Int64) -> list[str]:
    """The kernel's last name of each thread; a thread never named is called as its parent was."""
    names: list[str] = [""] * len(parent)
    said = np.flatnonzero((rows.event == COMM) | (rows.event == EXEC))
    texts = rows.column("text", said).tolist()
    for thread, text in zip(rows.thread[said].tolist(), texts, strict=True):
        if text >= 0:
            names[thread] = trace.texts[text]
    for thread in range(len(names)):
        if not names[thread] and 0 <= parent[thread] < len(names):
            names[thread] = names[parent[thread]]
    return names


def _stretches(rows: _Rows, windows: dict[int, tuple[Int64, Int64]], died: Int64) -> Pieces:
    """One stretch from each record of a thread to its next, cut where records were lost."""
    opens = {cpu: np.sort(windows[cpu][0]).tolist() for cpu in sorted(windows)}
    pairs = [(cpu, time) for cpu, times in opens.items() for time in times]
    lost = np.array(pairs, np.int64).reshape(-1, 2)
    given = (rows.thread, rows.time, rows.begin, rows.event, rows.cpu)
    found = fast.stretches(given, died, lost, MEANINGS)
    if found is None:
        return _slowly(rows, windows, died, None)
    columns, odd = found
    table = Pieces(*columns)
    if not len(odd):
        return table
    return with_few(table, _slowly(rows, windows, died, odd))


def _slowly(
    rows: _Rows,
    windows: dict[int, tuple[Int64, Int64]],
    died: Int64,
    only: Int64 | None,
) -> Pieces:
    """The same for all rows (``fast.stretches``'s twin), or only for these."""
    said = np.flatnonzero(rows.event != COMM)
    if only is not None:  # they and their neighbours
        place = np.searchsorted(said, only)
        near = np.zeros(len(said) + 2, bool)
        for step in range(3):
            near[place + step] = True
        said = said[near[1:-1]]
    thread, event, cpu = rows.thread[said], rows.event[said], rows.cpu[said]
    time, begin = rows.time[said], rows.begin[said].copy()
    n = len(said)
    same = np.zeros(n, bool)
    same[1:] = thread[1:] == thread[:-1]
    begin[1:] = np.where(same[1:], np.maximum(begin[1:], time[:-1]), begin[1:])
    follows = np.append(same[1:], False)
    end = np.where(follows, np.append(begin[1:], 0), died[thread] if n else 0)
    end = np.minimum(end, died[thread]) if n else end
    on = (event == IN) | (event == EXEC)
    state = np.where(
        on,
        State.WORKING,
        np.where((event == PUSHED) | (event == FORK), State.IN_LINE, State.WAITING),
    )
    reason = np.where(on, NO_REASON, np.where(state == State.IN_LINE, CORE, NOT_KNOWN))
    table = pieces(thread, begin, end, state, reason, np.where(on, cpu, -1), thread)
    after = np.where(follows, np.append(event[1:], 0), 0)
    next_cpu = np.where(follows, np.append(cpu[1:], 0), -1)
    if only is not None:
        place = np.searchsorted(said, only)
        table, n = table.take(place), len(place)
        event, after = event[place], after[place]
        cpu, next_cpu = cpu[place], next_cpu[place]
    table = _unknown(table, cpu, after, next_cpu, windows)
    return table.take(np.append(event, np.repeat(0, len(table) - n)) != EXIT).ordered()


def _unknown(
    table: Pieces,
    cpu: Int32,
    after: Int64,
    next_cpu: Int32,
    windows: dict[int, tuple[Int64, Int64]],
) -> Pieces:
    """Cut the stretches that a loss reaches, or that contradict the record after them. Keeps the
    rows of ``table`` in place and appends the cut-off parts."""
    on = table.state == State.WORKING
    leaving = (after == OUT) | (after == PUSHED) | (after == EXIT)
    odd = (on & ((after == IN) | (leaving & (next_cpu != cpu)))) | (~on & leaving)
    low, high = table.end.copy(), table.end.copy()
    for core, (opens, closes) in windows.items():
        for mask in (cpu == core, odd & (next_cpu == core)):
            at = np.flatnonzero(mask)
            first = np.searchsorted(opens, table.start[at], "left")
            last = np.searchsorted(opens, table.end[at], "left") - 1
            hit = first <= last
            at, first, last = at[hit], first[hit], last[hit]
            low[at] = np.minimum(low[at], np.maximum(opens[first], table.start[at]))
            high[at] = np.minimum(table.end[at], closes[last])
    unseen = odd & (low == table.end)
    low[unseen] = table.start[unseen]
    cut = np.flatnonzero(low < table.end)
    if not len(cut):
        return table
    high[unseen] = table.end[unseen]
    high[after == 0] = table.end[after == 0]
    dark = table.take(cut).with_(
        start=low[cut],
        end=high[cut],
        state=np.full(len(cut), State.UNKNOWN, np.uint8),
        reason=np.full(len(cut), NO_REASON, np.uint8),
        core=np.full(len(cut), -1, np.int32),
    )
    back = leaving[cut]
    light = table.take(cut).with_(
        start=high[cut],
        end=table.end[cut],
        state=np.where(back, State.WORKING, State.WAITING).astype(np.uint8),
        reason=np.where(back, NO_REASON, NOT_KNOWN).astype(np.uint8),
        core=np.where(back, next_cpu[cut], -1).astype(np.int32),
    )
    return join([table.with_(end=low), dark, light])


def last_seen(trace: Trace) -> int:
    """The end of the recording: as told, else the time of the last record of any kind."""
    told = (trace.end or {}).get("end_ns")
    if told:
        return int(told)
    ends = [
        int(c.time[-1]) for c in (trace.kernel, trace.agent, trace.poll, trace.meter) if len(c.time)
    ]
    return max(ends, default=int(trace.meta.get("start_ns", 0)))
