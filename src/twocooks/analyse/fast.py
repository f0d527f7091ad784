"""The inner loops in C (``src/core/tables.c``) for the tools of ``columns``.

Each function gives None where the C part is not built or where the input is not as it needs it (not
sorted, numbers too large); the numpy twin in ``columns``, which has no such limits, then says the
same. ``use`` switches them off, for the tests that compare the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

try:
    from twocooks import _tables
except ImportError:  # the C part is not built
    _tables = None  # type: ignore[assignment]

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]
INT32 = np.iinfo(np.int32)
PIECES = (np.int32, np.int64, np.int64, np.uint8, np.uint8, np.int32, np.int32)
"""Types of the columns of ``Pieces``."""
_on = True


@contextmanager
def use(wanted: bool) -> Iterator[None]:
    """Within the block the C code is used (where it is built) or not."""
    global _on
    before, _on = _on, wanted
    try:
        yield
    finally:
        _on = before


def _c() -> Any:
    return _tables if _on else None


def _long(array: Any) -> Int64:
    return np.ascontiguousarray(array, np.int64)


def _ids(array: Any) -> Any:
    """As 32-bit numbers; None where some are larger."""
    wide = array.dtype != np.int32 and len(array)
    if wide and (array.max() > INT32.max or array.min() < INT32.min):
        return None
    return np.ascontiguousarray(array, np.int32)


def order(group: Any, time: Any = None) -> Int64 | None:
    """The stable order by (group, time), or by group alone."""
    c = _c()
    ids = None if c is None else _ids(group)
    if ids is None:
        return None
    out = np.empty(len(group), np.int64)
    arrays = [ids] if time is None else [ids, _long(time)]
    return out if c.order(*arrays, out) >= 0 else None


def overlay(
    a: tuple[Any, ...], b: tuple[Any, Int64, Int64]
) -> tuple[tuple[Any, ...], Int32] | None:
    """The columns of a (those of ``Pieces``) cut at b's borders, and the row of b (-1 = none)."""
    c = _c()
    group = None if c is None else _ids(b[0])
    if group is None:
        return None
    cutting = [group, _long(b[1]), _long(b[2])]
    given = _tables_of(a)
    count = c.overlay(*given, *cutting)
    if count < 0:
        return None
    found = np.empty(count, np.int32)
    out = tuple(np.empty(count, kind) for kind in PIECES)
    c.overlay(*given, *cutting, *out, found)
    return out, found


def gather(
    a: tuple[Any, ...], b: tuple[Any, ...], gaps: bytes = b""
) -> tuple[Any, ...] | None:
    """The rows of a with an owner (>= 0) and those of b by owner and start, without overlaps (the
    columns of ``Pieces``). ``gaps``: state and reason of what stays open between an owner's
    stretches (empty = leave it open)."""
    c = _c()
    if c is None:
        return None
    room = int(np.count_nonzero(a[0] >= 0)) + len(b[0])
    room = 2 * room if gaps else room  # memory that is never written to costs nothing
    out = tuple(np.empty(room, kind) for kind in PIECES)
    count = c.gather(*_tables_of(a), *_tables_of(b), gaps, *out)
    return None if count < 0 else tuple(column[:count] for column in out)


def union(group: Any, start: Int64, end: Int64) -> tuple[Int32, Int64, Int64] | None:
    """Overlapping and touching stretches of each group merged."""
    c = _c()
    ids = None if c is None else _ids(group)
    if ids is None:
        return None
    out: list[Any] = [np.empty(len(group), kind) for kind in (np.int32, np.int64, np.int64)]
    count = c.merge(ids, _long(start), _long(end), *out)
    return None if count < 0 else (out[0][:count], out[1][:count], out[2][:count])


def sweep(
    start: Int64, end: Int64, bits: NDArray[np.uint8], sets: int
) -> tuple[Int64, NDArray[np.int32]] | None:
    """Breaks, and for each of the ``sets`` (bit 0, bit 1...) how many stretches are open."""
    c = _c()
    if c is None or sets > 8:
        return None
    rows = len(start)
    time, counts = np.empty(2 * rows, np.int64), np.empty((sets, 2 * rows), np.int32)
    count = c.sweep(_long(start), _long(end), np.ascontiguousarray(bits), time, counts)
    return None if count < 0 else (time[:count], counts[:, :count])


def lives(
    switch_ns: int, time: Int64, event: Any, cpu: Any, tid: Any
) -> tuple[Int64, Int32, Int64] | None:
    """Row, thread life and begin of the kernel's records that concern living threads."""
    c = _c()
    if c is None:
        return None
    out: list[Any] = [np.empty(len(time), kind) for kind in (np.int64, np.int32, np.int64)]
    given = [np.ascontiguousarray(column) for column in (time, event, cpu, tid)]
    count = c.lives(switch_ns, *given, *out)
    return None if count < 0 else (out[0][:count], out[1][:count], out[2][:count])


def opened(what: NDArray[np.uint8], epoch: Any) -> tuple[Int32, Int32] | None:
    """Brackets: the row that is open after each row, and the row that each closes (-1 = none)."""
    c = _c()
    if c is None:
        return None
    spare, inner, closes = (np.empty(len(what), np.int32) for _ in range(3))
    c.opened(np.ascontiguousarray(what), _ids(epoch), spare, inner, closes)
    return inner, closes


def pairs(a: Int64, b: Int64) -> tuple[Int64, Int64] | None:
    """A number for each distinct pair in order of first appearance, and the rows of those."""
    c = _c()
    if c is None:
        return None
    which, head = np.empty(len(a), np.int64), np.empty(len(a), np.int64)
    count = c.pairs(_long(a), _long(b), which, head)
    return which, head[:count]


def stretches(
    rows: tuple[Any, ...], died: Int64, lost: Int64, meanings: bytes
) -> tuple[tuple[Any, ...], Int64] | None:
    """``threads``' stretches (the columns of ``Pieces``), and the rows of those that
    must be judged one by one. ``rows``: life, time, begin, event, cpu; ``lost``: sorted pairs of a
    CPU and when a loss began on it."""
    c = _c()
    if c is None:
        return None
    types = (np.int32, np.int64, np.int64, np.uint8, np.int32)
    given = [np.ascontiguousarray(r, k) for r, k in zip(rows, types, strict=True)]
    count = len(given[0])
    made: list[Any] = [np.empty(count, kind) for kind in (*PIECES, np.int64)]
    *out, odd = made
    odds = np.zeros(1, np.int64)
    written = c.stretches(*given, _long(died), _long(lost), meanings, *out, odd, odds)
    rest: Int64 = odd[: int(odds[0])]
    return tuple(column[:written] for column in out), rest


def no_overlap(group: Any, start: Int64, end: Int64) -> Int64 | None:
    """Where each stretch begins if it waits for all before it (of a table sorted by group)."""
    c = _c()
    ids = None if c is None else _ids(group)
    if ids is None:
        return None
    out = np.empty(len(group), np.int64)
    c.no_overlap(ids, _long(start), _long(end), out)
    return out


def _tables_of(a: Any) -> list[Any]:
    return [np.ascontiguousarray(column, kind) for column, kind in zip(a, PIECES, strict=True)]


def state_sums(a: tuple[Any, ...], tasks: int) -> Int64 | None:
    """ns by state and task."""
    c = _c()
    if c is None:
        return None
    out = np.zeros((8, tasks), np.int64)
    return None if c.state_sums(*_tables_of(a), out) < 0 else out


def _tasks_of(tasks: tuple[Any, Any, Any]) -> list[Any]:
    return [np.ascontiguousarray(tasks[0]).view(np.uint8), _long(tasks[1]), _long(tasks[2])]


def chosen_sums(
    a: tuple[Any, ...], tasks: tuple[Any, Any, Any], words: bytes
) -> tuple[Int64, Int64, Int64] | None:
    """Of the chosen tasks: ns by state and reason, in line and wanting a tool before begun, and on
    the go by task. ``tasks``: chosen, begun, done."""
    c = _c()
    if c is None:
        return None
    out, before = np.zeros((8, 256), np.int64), np.zeros(2, np.int64)
    gone = np.zeros(len(tasks[0]), np.int64)
    done = c.chosen_sums(*_tables_of(a), *_tasks_of(tasks), words, out, before, gone)
    return None if done < 0 else (out, before, gone)


def curves(
    a: tuple[Any, ...], tasks: tuple[Any, Any, Any], words: bytes, least: int, hands: int
) -> tuple[Int64, Int32, list[int], Any] | None:
    """Breaks, and at each how many of the chosen tasks count as C, P, D (one row each); the sums of
    ``enum tc_measure``, and the mask of P >= 2 for at least ``least`` ns."""
    c = _c()
    if c is None:
        return None
    given = [least, hands, *_tables_of(a), *_tasks_of(tasks), words]
    room = c.curves(*given)
    if room < 0:
        return None
    time, counts = np.empty(room, np.int64), np.empty((3, room), np.int32)
    sums, together = np.zeros(18, np.int64), np.zeros(room, bool)
    count = c.curves(*given, time, counts, sums, together.view(np.uint8))
    return None if count < 0 else (time[:count], counts[:, :count], sums.tolist(), together[:count])


def cooks(
    slices: tuple[Any, ...], tasks: tuple[Any, Any, Any], words: bytes, walk_ns: int
) -> tuple[Int64, Int64] | None:
    """Starts and ends of threads' work for the chosen tasks, walks included."""
    c = _c()
    if c is None:
        return None
    start, end = np.empty(len(slices[0]), np.int64), np.empty(len(slices[0]), np.int64)
    given = [walk_ns, *_tables_of(slices), *_tasks_of(tasks), words]
    count = c.cooks(*given, start, end)
    return None if count < 0 else (start[:count].copy(), end[:count].copy())


def cores(
    slices: tuple[Any, ...], tasks: tuple[Any, Any, Any], words: bytes, least: int
) -> tuple[list[int], tuple[Int64, Int64]] | None:
    """The sums of ``enum tc_core`` over cores that execute the program, and the stretches in which
    two or more execute chosen tasks for at least so many ns."""
    c = _c()
    if c is None:
        return None
    sums = np.zeros(4, np.int64)
    start, end = np.empty(len(slices[0]), np.int64), np.empty(len(slices[0]), np.int64)
    count = c.cores(least, *_tables_of(slices), *_tasks_of(tasks), words, sums, start, end)
    return None if count < 0 else (sums.tolist(), (start[:count].copy(), end[:count].copy()))


def shared(one: tuple[Int64, Int64], other: tuple[Int64, Int64]) -> int | None:
    """ns that two sorted, disjoint sets of stretches (starts, ends) share."""
    c = _c()
    if c is None:
        return None
    out = np.zeros(1, np.int64)
    done = c.shared(_long(one[0]), _long(one[1]), _long(other[0]), _long(other[1]), out)
    return None if done < 0 else int(out[0])


def inside(
    time: Int64, count: Any, within: tuple[Int64, Int64], rows: NDArray[np.bool_]
) -> list[int] | None:
    """Marks the rows of a curve with a count of 2 or more that begin in the stretches and are not
    marked yet; their ns, and these times the count."""
    c = _c()
    if c is None or count.dtype != np.int32:
        return None
    sums = np.zeros(2, np.int64)
    c.inside(time, count, _long(within[0]), _long(within[1]), rows.view(np.uint8), sums)
    return sums.tolist()


def runs(time: Int64, count: Any, bounds: tuple[int, int], least: int) -> Any:
    """Starts and ends of the stretches in which low <= count <= high for at least so long."""
    c = _c()
    if c is None or count.dtype != np.int32:
        return None
    n = c.runs(*bounds, least, time, count)
    out = np.empty(n, np.int64), np.empty(n, np.int64)
    c.runs(*bounds, least, time, count, *out)
    return out


def longest_at(time: Int64, count: Any, low: int, least: int) -> bool | None:
    """Whether count >= low holds anywhere for at least so long."""
    c = _c()
    if c is None or count.dtype != np.int32:
        return None
    return bool(c.runs(low, INT32.max, least, time, count))


def places(
    a: tuple[Any, ...],
    tasks: tuple[Any, Any, Any],
    words: bytes,
    within: tuple[Int64, Int64],
    threads: int,
) -> tuple[Int64, Int64, Int64] | None:
    """Where the chosen tasks worked: ns by thread, the same within the given stretches, by core."""
    c = _c()
    if c is None:
        return None
    by_thread, fought = np.zeros(threads, np.int64), np.zeros(threads, np.int64)
    by_core = np.zeros(1 << 16, np.int64)
    start, end = _long(within[0]), _long(within[1])
    given = [*_tables_of(a), *_tasks_of(tasks), words, start, end]
    return (
        None if c.places(*given, by_thread, fought, by_core) < 0 else (by_thread, fought, by_core)
    )


def turns(
    a: tuple[Any, ...],
    tasks: tuple[Any, Any, Any],
    words: bytes,
    stepped: Any,
    curve: tuple[Int64, Any],
    limits: tuple[int, int],
) -> list[int] | None:
    """The numbers of ``enum tc_turns``. ``curve``: how many work; ``limits``: least ns, hands."""
    c = _c()
    if c is None or curve[1].dtype != np.int32:
        return None
    out = np.zeros(4, np.int64)
    given = [*_tables_of(a), *_tasks_of(tasks), words, np.ascontiguousarray(stepped).view(np.uint8)]
    done = c.turns(*limits, *given, _long(curve[0]), np.ascontiguousarray(curve[1]), out)
    return None if done < 0 else out.tolist()


def is_ordered(group: Any, start: Int64, end: Int64) -> bool | None:
    """Whether a table is sorted by (group, start) and none of its stretches is empty."""
    c = _c()
    ids = None if c is None else _ids(group)
    return None if ids is None else bool(c.ordered(ids, _long(start), _long(end)))


def task_rows(event: Any, task: Any, time: Int64, tasks: int) -> Int64 | None:
    """The rows that begin or end a stretch between steps, by task and time."""
    c = _c()
    ids = None if c is None else _ids(task)
    if ids is None:
        return None
    rows = np.empty(len(event), np.int64)
    count = c.task_rows(tasks, event, ids, _long(time), rows)
    return None if count < 0 else rows[:count]


def between(
    said: tuple[Any, ...], rows: Int64, last: Int64, stepped: Any, waits: bytes
) -> tuple[Any, ...] | None:
    """The stretches of tasks between their steps (the columns of ``Pieces``).

    ``said``: event, time, what the task waits for, its number, in whose name, thread; ``last``: for
    each task among the rows its end at the latest; ``stepped``: tasks of event loops."""
    c = _c()
    if c is None:
        return None
    kinds = (np.uint8, np.int64, np.int64, np.int32, np.int32, np.int32)
    given = [np.ascontiguousarray(column, kind) for column, kind in zip(said, kinds, strict=True)]
    out = [np.empty(len(rows), kind) for kind in PIECES]
    count = c.between(*given, rows, _long(last), stepped.view(np.uint8), waits, *out)
    return tuple(column[:count] for column in out)


def worked(
    a: tuple[Any, ...], words: bytes, own: int, threads: int
) -> tuple[int, Int64] | None:
    """ns of work of tasks and of the owner ``own`` in all, and of the latter by thread."""
    c = _c()
    if c is None:
        return None
    out, every = np.zeros(threads, np.int64), np.zeros(1, np.int64)
    c.worked(own, *_tables_of(a), words, out, every)
    return int(every[0]), out


def ends(
    a: tuple[Any, ...], words: bytes, outside: bytes, tasks: int
) -> tuple[Int64, Int64] | None:
    """For each task when its last stretch ends (-1 = it has none), and its ns of waiting for the
    reasons that ``outside`` marks."""
    c = _c()
    if c is None:
        return None
    done, waits = np.full(tasks, -1, np.int64), np.zeros(tasks, np.int64)
    return None if c.ends(*_tables_of(a), words, outside, done, waits) < 0 else (done, waits)


def begins(
    a: tuple[Any, ...], words: bytes, outside: bytes, enough: Int64, little: Any
) -> tuple[Int64, Int64, Int64] | None:
    """For each task when it had done enough, when it first waited for the outside after its first
    instructions (both int64's largest where it never did), and until when it waited for a tool
    before that with little done (0 = it did not)."""
    c = _c()
    if c is None:
        return None
    never = np.iinfo(np.int64).max
    reached, away = np.full(len(enough), never), np.full(len(enough), never)
    tool = np.zeros(len(enough), np.int64)
    given = [words, outside, _long(enough), np.ascontiguousarray(little, np.float64)]
    done = c.begins(*_tables_of(a), *given, reached, away, tool)
    return None if done < 0 else (reached, away, tool)


def asof(group: Any, time: Int64, in_group: Any, in_time: Int64) -> Int64 | None:
    """For each (group, time) the last row of a table sorted by both that is of this group and not
    later (-1 = none)."""
    c = _c()
    ids, table = (None, None) if c is None else (_ids(group), _ids(in_group))
    if ids is None or table is None:
        return None
    out = np.empty(len(ids), np.int64)
    c.asof(ids, _long(time), table, _long(in_time), out)
    return out


def lacking(time: Int64, p: Any, d: Any, low: int, hands: int) -> tuple[Int64, Int64] | None:
    """Starts and ends of the stretches with low <= p < min(d, hands)."""
    c = _c()
    if c is None or p.dtype != np.int32 or d.dtype != np.int32:
        return None
    n = c.lacking(low, hands, time, p, d)
    out = np.empty(n, np.int64), np.empty(n, np.int64)
    c.lacking(low, hands, time, p, d, *out)
    return out


def alone(
    a: tuple[Any, ...],
    words: bytes,
    threads: tuple[Int64, Int64, Int64],
    asked: tuple[Int64, Int64, Int64],
    limits: tuple[int, int],
) -> Int64 | None:
    """For each question (who, start, end) the only other of these threads (number, first row, row
    behind the last) that was busy for more than ``limits[0]`` ns, if it was so all the time and at
    work for ``limits[1]`` ns; else -1."""
    c = _c()
    if c is None:
        return None
    out = np.empty(len(asked[0]), np.int64)
    c.alone(*limits, *_tables_of(a), words, *map(_long, threads), *map(_long, asked), out)
    return out
