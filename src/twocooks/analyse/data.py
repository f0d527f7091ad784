"""The run as columns, for those who ask their own questions: tasks, intervals, waits, switches,
slices of cores, steps of event loops. ``data_fields`` says what each column means.

Times are nanoseconds of CLOCK_MONOTONIC, as the trace has them, and not seconds since the start:
so the columns are the analysis's own arrays (no copy), and other clocks of the program
(``time.monotonic_ns()`` in its log) can be laid beside them. A column is a copy only where the
analysis has no such array: other numbers of tasks, rows left out, another order.

There is one rule for what is not known: -1, in every column that may be null. Texts are codes into
a list of distinct ones. Each table is made when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twocooks.analyse.account import Account
from twocooks.analyse.columns import NO_REASON, Bool, Int64, Pieces, arranged
from twocooks.analyse.data_fields import FIELDS, Field
from twocooks.analyse.data_waits import wait_columns
from twocooks.analyse.tally import state_sums
from twocooks.analyse.timeline import Timeline
from twocooks.format.spec import EVENTS
from twocooks.model import Reason, State, TaskKind
from twocooks.read.trace import Trace

STATE_NAMES = tuple(state.name.lower() for state in State)
REASON_NAMES = tuple(str(reason) for reason in Reason)
KIND_NAMES = tuple(str(kind) for kind in TaskKind)
EVENT_NAMES = tuple(event.name.lower() for event in EVENTS if event.number < 12)
"""By the number of the event: those of the kernel are the first of the table."""

Coded = tuple[NDArray[Any], tuple[str, ...]]


@dataclass(frozen=True)
class Column:
    """One column: numbers, or codes of ``texts``; -1 = null. Not to be written to."""

    field: Field
    values: NDArray[Any]
    texts: tuple[str, ...] = ()
    """Distinct and valid UTF-8; else as hostile as the program."""


@dataclass(frozen=True)
class Columns:
    """One table."""

    name: str
    rows: int
    columns: tuple[Column, ...]


def _table(name: str, /, **given: NDArray[Any] | Coded) -> Columns:
    """The table as ``FIELDS`` has it, from its arrays by name."""
    columns = []
    for field in FIELDS[name]:
        value = given.pop(field.name)
        values, texts = value if isinstance(value, tuple) else (value, ())
        if field.type != "text":
            values = values.astype(field.type, copy=False)
        values = np.ascontiguousarray(values).view()
        values.flags.writeable = False
        columns.append(Column(field, values, texts))
    if given:
        raise ValueError(f"{name} has no columns {sorted(given)}")
    rows = {len(column.values) for column in columns}
    if len(rows) != 1:
        raise ValueError(f"columns of {name} are not of one length: {sorted(rows)}")
    return Columns(name, rows.pop(), tuple(columns))


def coded(texts: Iterable[str], empty_is_null: bool = True) -> Coded:
    """Codes and distinct texts, which are valid UTF-8 whatever the program called its things."""
    ids: dict[str, int] = {"": -1} if empty_is_null else {}
    named: dict[str, int] = {}
    codes = []
    for text in texts:
        code = ids.get(text)
        if code is None:  # two texts may be one when what is no text is written out
            clean = text.encode("utf-8", "backslashreplace").decode()
            code = ids[text] = named.setdefault(clean, len(named))
        codes.append(code)
    return np.array(codes, np.int32), tuple(named)


def _small(codes: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Small numbers as signed ones: the same bytes, and 255 is -1 then."""
    return codes.view(np.int8)


class Data:
    """The tables of one run, each made once. ``counted``: the trace with the records that are
    counted (those of a window); ``ids``: the tasks that are told, in their order."""

    def __init__(
        self, trace: Trace, counted: Trace, line: Timeline, told: Account, ids: Int64
    ) -> None:
        self._trace, self._counted = trace, counted
        self._line, self._told, self._ids = line, told, ids
        self._polled = trace.meta.get("source") == "schedstat"

    @property
    def start_ns(self) -> int:
        """When the run began, as the tables' times."""
        return self._line.start_ns

    @property
    def end_ns(self) -> int:
        """When the recording, or the window of ``measure``, ended."""
        return self._line.end_ns

    @cached_property
    def _number(self) -> NDArray[np.int32]:
        """The told number of each task, -1 = not told."""
        number = np.full(len(self._line.book) + 1, -1, np.int32)
        number[self._ids] = np.arange(len(self._ids))
        return number

    @cached_property
    def _rows(self) -> slice | Int64:
        """The rows of the timeline's table that are told tasks'. Where they lie side by side (most
        often only the main thread, the first of all, does not count) it is a slice: no copy."""
        owner = self._line.table.owner
        return _rows_where(self._number[owner] >= 0)

    @cached_property
    def tasks(self) -> Columns:
        """A row a task."""
        line, book, ids = self._line, self._line.book, self._ids
        thread = np.array(book.thread, np.int64)[ids]
        parent = self._number[np.array(book.parent, np.int64)[ids]]
        said = np.array(book.done, np.int64)[ids]
        # What never ended by itself is closed with its thread, at the end of the recording; what
        # ended behind the window had not ended in it.
        open_ = (said < 0) | (said > line.end_ns)
        open_ |= ~line.threads.ended[thread] & (said >= line.threads.died[thread])
        sums = state_sums(line.table, len(book))[:, ids]
        every = ids.tolist()
        return _table(
            "tasks",
            id=np.arange(len(ids)),
            kind=_kinds([book.kind[i] for i in every]),
            name=coded((book.name[i] for i in every), False),
            group=coded((book.group[i] for i in every), False),
            where=coded(book.where.get(i, "") for i in every),
            pid=np.array(book.pid, np.int64)[ids],
            tid=line.threads.tid[thread],
            parent=parent,
            made_ns=np.array(book.made, np.int64)[ids],
            begun_ns=line.begun[ids],
            ended_ns=np.where(open_, -1, line.done[ids]),
            work_ns=sums[State.WORKING],
            in_line_ns=sums[State.IN_LINE] + sums[State.WANTS_TOOL],
            wait_ns=sums[State.WAITING],
            delegated_ns=sums[State.DELEGATED],
            unknown_ns=sums[State.UNKNOWN],
            queued_ns=np.array(book.queued, np.int64)[ids],
            background=self._told.background[ids],
            significant=self._told.significant[ids],
        )

    @cached_property
    def intervals(self) -> Columns:
        """A row a stretch."""
        t, rows = self._line.table, self._rows
        state = t.state[rows]
        at_work = state == State.WORKING
        bare = at_work | (state == State.UNKNOWN)
        reason, core = t.reason[rows], t.core[rows]
        return _table(
            "intervals",
            task=self._number[t.owner[rows]],
            start_ns=t.start[rows],
            end_ns=t.end[rows],
            state=(_small(state), STATE_NAMES),
            reason=(_small(_with(reason, bare, NO_REASON)), REASON_NAMES),
            core=_with(core, ~at_work | self._polled, -1),
            **self._of_threads(t.thread[rows]),
        )

    @cached_property
    def waits(self) -> Columns:
        """A row a wait."""
        line = self._line
        t = line.table
        reasoned = (t.reason != NO_REASON) & (t.state != State.DELEGATED) & (t.end > t.start)
        rows = np.flatnonzero(reasoned & (self._number[t.owner] >= 0))
        seen = wait_columns(self._trace, line, rows, self._number)
        return _table(
            "waits",
            task=self._number[t.owner[rows]],
            start_ns=t.start[rows],
            end_ns=t.end[rows],
            state=(_small(t.state[rows]), STATE_NAMES),
            reason=(_small(t.reason[rows]), REASON_NAMES),
            where=_spread(seen.where, seen.places),
            on=_spread(seen.on, seen.things),
            lock=seen.lock,
            lock_pid=seen.lock_pid,
            holder_tid=seen.holder_tid,
            holder=seen.holder,
            holder_ns=seen.holder_ns,
            held_ns=seen.held_ns,
            **self._of_threads(t.thread[rows]),
        )

    @cached_property
    def switches(self) -> Columns:
        """A row a record of the kernel."""
        k = self._counted.kernel
        lost = k.event == EVENT_NAMES.index("lost")
        return _table(
            "switches",
            time_ns=k.time,
            event=(_small(k.event), EVENT_NAMES),
            core=k.cpu,
            pid=_with(k.pid, k.pid == 0, -1),
            tid=_with(k.tid, k.tid == 0, -1),
            since_ns=np.where(lost, k.time - k.b, -1),
        )

    @cached_property
    def slices(self) -> Columns:
        """A row a stretch of a thread on a core."""
        s = self._line.slices
        on = s.take((s.state == State.WORKING) & (not self._polled))
        on = on.take(arranged(on.core, on.start))
        return _table(
            "slices",
            core=on.core,
            start_ns=on.start,
            end_ns=on.end,
            task=np.where(on.owner >= 0, self._number[np.maximum(on.owner, -1)], -1),
            **self._of_threads(on.thread),
        )

    @cached_property
    def steps(self) -> Columns:
        """A row a step of an event loop."""
        line = self._line
        tiling: Pieces = line.owners.tiling
        stepped = np.append(line.book.stepped(), False)
        task = np.where(tiling.thread >= 0, tiling.thread, -1)
        steps = tiling.take(stepped[task] & (self._number[task] >= 0))
        return _table(
            "steps",
            task=self._number[steps.thread],
            start_ns=steps.start,
            end_ns=steps.end,
            **self._of_threads(steps.owner),
        )

    def _of_threads(self, thread: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """The kernel's numbers of these threads."""
        threads = self._line.threads
        known = np.maximum(thread, 0)
        if not len(threads):
            known = np.empty(0, np.int64)
        return {"pid": threads.pid[known], "tid": threads.tid[known]}


def _rows_where(mask: Bool) -> slice | Int64:
    """The rows that a mask names: a slice where they lie side by side."""
    rows = np.flatnonzero(mask)
    if not len(rows):
        return slice(0, 0)
    first, last = int(rows[0]), int(rows[-1])
    return slice(first, last + 1) if last - first + 1 == len(rows) else rows


def _with(values: NDArray[Any], where: Any, value: int) -> NDArray[Any]:
    """The values with another one in some places: a copy only if it is not there already."""
    wrong = where & (values != value)
    return np.where(wrong, values.dtype.type(value), values) if wrong.any() else values


def _kinds(kinds: list[TaskKind]) -> Coded:
    number = {kind: place for place, kind in enumerate(TaskKind)}
    return np.array([number[kind] for kind in kinds], np.int8), KIND_NAMES


def _spread(which: Int64, texts: list[str]) -> Coded:
    """Codes and distinct texts of rows that name one of ``texts`` (-1 = none); "" = null."""
    codes, distinct = coded(texts)
    return np.append(codes, np.int32(-1))[which], distinct
