"""Gives sorted rows the shape of ``trace.py``'s columns: one function for each kind of stream."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from twocooks.format import spec
from twocooks.read.order import Sorted
from twocooks.read.trace import (
    AgentColumns,
    FileColumns,
    HolderColumns,
    KernelColumns,
    LineColumns,
    LookColumns,
    MeterColumns,
    PeerColumns,
    PollColumns,
    RunColumns,
)

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
T = TypeVar("T", bound=np.generic)

TIMED = 8
"""In a LOOK's kind: the wait had a time limit."""
PID_LIMIT = 1 << 22  # the kernel's own limit (PID_MAX_LIMIT)
CHUNK = 1 << 18
_FORK = spec.BY_NAME["FORK"].number
_LOOK = spec.BY_NAME["LOOK"].number
_TEXT = spec.BY_NAME["TEXT"].number


def distinct(*parts: NDArray[T]) -> NDArray[T]:
    """All values once, sorted. (A stable sort: the parts are mostly sorted already, which makes it
    many times faster than ``np.unique``, which besides imports ``numpy.ma``.)"""
    whole: NDArray[T] = np.sort(np.concatenate(parts), kind="stable")
    if not len(whole):
        return whole
    once: NDArray[T] = whole[np.append(True, whole[1:] != whole[:-1])]
    return once


def kernel(rows: Sorted) -> KernelColumns:
    """The kernel's records; pids that a record leaves out are taken from the thread's others."""
    pid = (rows.x >> 32).astype(np.int32)
    tid = (rows.x & 0xFFFFFFFF).astype(np.int32)
    a, b = _columns(rows, {"FORK": 2, "LOST": 0}, 2)
    _fill_pids(rows.event, pid, tid)
    return KernelColumns(rows.time, rows.event, rows.key, pid, tid, a, b, rows.text)


def agent(rows: Sorted) -> AgentColumns:
    """What the agents said."""
    b, c = _columns(rows, {"HELLO": 1, "ITEM_NEW": 1}, 2)
    return AgentColumns(rows.time, rows.event, rows.key, rows.x, b, c, rows.text)


def look(rows: Sorted) -> LookColumns:
    """The looks alone; TEXT records are resolved into their ``where``."""
    at, numbers = rows.numbers("LOOK")
    pid, tid, took, syscall, arg, kind, where = numbers.T
    time = rows.time[at]
    return LookColumns(
        time=time,
        before=time - np.where((took < 0) | (took > time), 0, took),
        pid=pid.astype(np.int32),
        tid=tid.astype(np.int32),
        syscall=syscall.astype(np.int32),
        arg=arg.copy(),
        kind=(kind & ~TIMED).astype(np.uint8),
        where=_texts_of(rows, at, where),
        timed=kind & TIMED != 0,
    )


def file(rows: Sorted) -> FileColumns:
    """What threads waited on."""
    at, numbers = rows.numbers("FILE")
    tid, what = numbers.T
    return FileColumns(rows.time[at], tid.astype(np.int32), _texts_of(rows, at, what))


def peer(rows: Sorted) -> PeerColumns:
    """Who had the other ends of it."""
    at, numbers = rows.numbers("PEER")
    return PeerColumns(rows.time[at], *(column.astype(np.int32) for column in numbers.T))


def line(rows: Sorted) -> LineColumns:
    """How long threads had stood in line."""
    at, numbers = rows.numbers("LINE")
    return LineColumns(rows.time[at], numbers[:, 0].copy(), numbers[:, 1].copy())


def holder(rows: Sorted) -> HolderColumns:
    """What was read of those who had what others waited for."""
    at, numbers = rows.numbers("HOLDER")
    pid, tid, took, waiter, lock, turn, how, where = numbers.T
    time = rows.time[at]
    return HolderColumns(
        time=time,
        before=time - np.where((took < 0) | (took > time), 0, took),
        pid=pid.astype(np.int32),
        tid=tid.astype(np.int32),
        waiter=waiter.astype(np.int32),
        lock=lock.copy(),
        turn=turn.copy(),
        how=how.astype(np.uint8),
        where=_texts_of(rows, at, where),
    )


def run(rows: Sorted) -> RunColumns:
    """The samples of threads on a core alone."""
    at, numbers = rows.numbers("RUN")
    pid, tid, took, has_gil, where = numbers.T
    time = rows.time[at]
    return RunColumns(
        time=time,
        before=time - np.where((took < 0) | (took > time), 0, took),
        pid=pid.astype(np.int32),
        tid=tid.astype(np.int32),
        has_gil=np.clip(has_gil, 0, 2).astype(np.uint8),
        where=_texts_of(rows, at, where),
    )


def poll(rows: Sorted) -> PollColumns:
    """Accounts from /proc."""
    first = rows.x.copy()
    pid, tid, a, b, c = _columns(rows, {"POLL": 0, "POLL_NEW": 0, "POLL_GONE": 0}, 5)
    alone = np.isin(rows.event, [spec.BY_NAME[n].number for n in ("POLL_TICK", "POLL_CPU")])
    a[alone] = first[alone]
    return PollColumns(
        rows.time, rows.event, pid.astype(np.int32), tid.astype(np.int32), a, b, c, rows.text
    )


def meter(rows: Sorted) -> MeterColumns:
    """The machine around the program."""
    a, b, c, d = _columns(rows, {"METER": 0, "CPUS": 0}, 4)
    alone = rows.event == spec.BY_NAME["TASK_CLOCK"].number
    a[alone] = rows.x[alone]
    return MeterColumns(rows.time, rows.event, a, b, c, d)


def _columns(rows: Sorted, events: dict[str, int], count: int) -> list[Int64]:
    """``count`` columns with the numbers of these events from the given one on; 0 elsewhere (memory
    that is never written to costs nothing)."""
    columns = [np.zeros(len(rows.time), np.int64) for _ in range(count)]
    for name, first in events.items():
        at, numbers = rows.numbers(name)
        for column, values in zip(columns, numbers.T[first:], strict=False):
            column[at] = values
    return columns


def _fill_pids(event: Any, pid: Int32, tid: Int32) -> None:
    """Fills in the pid of records that name only a thread. A thread number that belongs to one
    process in the whole file is looked up; one that was used again goes by the order of things."""
    known = np.flatnonzero(pid)
    pairs = distinct(pid[known].astype(np.int64) << 32 | tid[known])
    pids, tids = pairs >> 32, pairs & 0xFFFFFFFF
    possible = (tids > 0) & (tids < PID_LIMIT)
    pids, tids = pids[possible], tids[possible]
    table = np.zeros(int(tids.max(initial=0)) + 2, np.int32)  # its last place stays 0
    table[tids] = pids
    again = tids[np.bincount(tids)[tids] > 1] if len(tids) else tids
    table[again] = 0
    for begin in range(0, len(pid), CHUNK):  # numpy makes wide copies of what it looks up
        part = pid[begin : begin + CHUNK]
        found = table.take(tid[begin : begin + CHUNK], mode="clip")
        np.copyto(part, found, where=part == 0)
    if len(again):
        _fill_again(event, pid, tid, distinct(again))


def _fill_again(event: Any, pid: Int32, tid: Int32, again: Int64) -> None:
    """Thread numbers used by several processes: the pid said last before, or next, in the same life
    (a life begins with a FORK)."""
    rows = np.flatnonzero(np.isin(tid, again))
    rows = rows[np.argsort(tid[rows], kind="stable")]
    begins = event[rows] == _FORK
    begins |= np.r_[True, tid[rows][1:] != tid[rows][:-1]]
    life = np.cumsum(begins)
    said = pid[rows]
    count = np.arange(len(rows))
    before = np.maximum.accumulate(np.where(said != 0, count, -1))
    fits = (before >= 0) & (life[np.maximum(before, 0)] == life)
    after = np.minimum.accumulate(np.where(said != 0, count, len(rows))[::-1])[::-1]
    clipped = np.minimum(after, len(rows) - 1)
    fits_after = (after < len(rows)) & (life[clipped] == life)
    found = np.where(fits, said[np.maximum(before, 0)], np.where(fits_after, said[clipped], 0))
    pid[rows] = found


def _texts_of(rows: Sorted, at: Int64, where: Int64) -> Int32:
    """The text index that each look's TEXT id meant when it was written (-1 = none)."""
    texts = np.flatnonzero(rows.event == _TEXT)
    found = np.full(len(at), -1, np.int32)
    if not len(texts) or not len(at):
        return found
    # Order of the file, not of time: a TEXT names its id for what is written after it.
    filed = np.arange(len(rows.time)) if rows.filed is None else rows.filed
    ids, rank = np.unique(rows.x[texts], return_inverse=True)
    size = len(rows.time)
    said = rank * size + filed[texts]
    turn = np.argsort(said)
    place = np.searchsorted(ids, where)
    exists = (where != 0) & (place < len(ids))
    exists[exists] &= ids[place[exists]] == where[exists]
    asked = place[exists] * size + filed[at[exists]]
    last = np.searchsorted(said[turn], asked) - 1
    text = turn[np.maximum(last, 0)]
    same = (last >= 0) & (rank[text] == place[exists])
    found[exists] = np.where(same, rows.text[texts[text]], -1)
    return found
