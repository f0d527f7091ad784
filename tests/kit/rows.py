"""The records of a built recording, and the reader's columns of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twocooks.format import spec
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


class Row(NamedTuple):
    """One record before it is sorted. ``event`` is a name of the table."""

    stream: spec.Stream
    key: tuple[int, int]
    time_ns: int
    event: str
    fields: tuple[int, ...]
    text: str | None = None


def _number(row: Row) -> int:
    return spec.BY_NAME[row.event].number


def _text(row: Row, texts: dict[str, int]) -> int:
    has_text = any(kind == "str" for _, kind in spec.BY_NAME[row.event].fields)
    if row.text is None and not has_text:
        return -1
    return texts.setdefault(row.text or "", len(texts))


def _field(rows: list[Row], index: int) -> list[int]:
    return [row.fields[index] if index < len(row.fields) else 0 for row in rows]


def kernel_columns(rows: list[Row], texts: dict[str, int]) -> KernelColumns:
    lost = spec.BY_NAME["LOST"].name
    named = [row._replace(fields=(0, 0, *row.fields)) if row.event == lost else row for row in rows]
    return KernelColumns(
        time=np.array([row.time_ns for row in rows], np.int64),
        event=np.array([_number(row) for row in rows], np.uint8),
        cpu=np.array([row.key[0] for row in rows], np.int32),
        pid=np.array(_field(named, 0), np.int32),
        tid=np.array(_field(named, 1), np.int32),
        a=np.array(_field(named, 2), np.int64),
        b=np.array(_field(named, 3), np.int64),
        text=np.array([_text(row, texts) for row in rows], np.int32),
    )


def agent_columns(
    rows: list[Row], threads: list[tuple[int, int]], texts: dict[str, int]
) -> AgentColumns:
    index = {key: number for number, key in enumerate(threads)}
    return AgentColumns(
        time=np.array([row.time_ns for row in rows], np.int64),
        event=np.array([_number(row) for row in rows], np.uint8),
        thread=np.array([index[row.key] for row in rows], np.int32),
        a=np.array(_field(rows, 0), np.int64),
        b=np.array(_field(rows, 1), np.int64),
        c=np.array(_field(rows, 2), np.int64),
        text=np.array([_text(row, texts) for row in rows], np.int32),
    )


def run_columns(rows: list[Row], texts: dict[str, int]) -> RunColumns:
    rows = [row for row in rows if row.event == "RUN"]
    time = np.array([row.time_ns for row in rows], np.int64)
    where = [-1 if row.text is None else texts.setdefault(row.text, len(texts)) for row in rows]
    return RunColumns(
        time=time,
        before=time - np.array(_field(rows, 2), np.int64),
        pid=np.array(_field(rows, 0), np.int32),
        tid=np.array(_field(rows, 1), np.int32),
        has_gil=np.array(_field(rows, 3), np.uint8),
        where=np.array(where, np.int32),
    )


def file_columns(rows: list[Row], texts: dict[str, int]) -> FileColumns:
    rows = [row for row in rows if row.event == "FILE"]
    what = [-1 if row.text is None else texts.setdefault(row.text, len(texts)) for row in rows]
    return FileColumns(
        time=np.array([row.time_ns for row in rows], np.int64),
        tid=np.array(_field(rows, 0), np.int32),
        what=np.array(what, np.int32),
    )


def peer_columns(rows: list[Row]) -> PeerColumns:
    rows = [row for row in rows if row.event == "PEER"]
    time = np.array([row.time_ns for row in rows], np.int64)
    return PeerColumns(time, *(np.array(_field(rows, n), np.int32) for n in range(3)))


def line_columns(rows: list[Row]) -> LineColumns:
    rows = [row for row in rows if row.event == "LINE"]
    time = np.array([row.time_ns for row in rows], np.int64)
    return LineColumns(time, *(np.array(_field(rows, n), np.int64) for n in range(2)))


def holder_columns(rows: list[Row], texts: dict[str, int]) -> HolderColumns:
    rows = [row for row in rows if row.event == "HOLDER"]
    time = np.array([row.time_ns for row in rows], np.int64)
    where = [-1 if row.text is None else texts.setdefault(row.text, len(texts)) for row in rows]
    return HolderColumns(
        time=time,
        before=time - np.array(_field(rows, 2), np.int64),
        pid=np.array(_field(rows, 0), np.int32),
        tid=np.array(_field(rows, 1), np.int32),
        waiter=np.array(_field(rows, 3), np.int32),
        lock=np.array(_field(rows, 4), np.int64),
        turn=np.array(_field(rows, 5), np.int64),
        how=np.array(_field(rows, 6), np.uint8),
        where=np.array(where, np.int32),
    )


def look_columns(rows: list[Row], texts: dict[str, int]) -> LookColumns:
    rows = [row for row in rows if row.event == "LOOK"]
    time = np.array([row.time_ns for row in rows], np.int64)
    where = [-1 if row.text is None else texts.setdefault(row.text, len(texts)) for row in rows]
    return LookColumns(
        time=time,
        before=time - np.array(_field(rows, 2), np.int64),
        pid=np.array(_field(rows, 0), np.int32),
        tid=np.array(_field(rows, 1), np.int32),
        syscall=np.array(_field(rows, 3), np.int32),
        arg=np.array(_field(rows, 4), np.int64),
        kind=np.array([kind & ~8 for kind in _field(rows, 5)], np.uint8),
        where=np.array(where, np.int32),
        timed=np.array([kind & 8 != 0 for kind in _field(rows, 5)], bool),
    )


def poll_columns(rows: list[Row], texts: dict[str, int]) -> PollColumns:
    unnamed = ("POLL_TICK", "POLL_CPU")
    named = [
        row._replace(fields=(0, 0, *row.fields)) if row.event in unnamed else row for row in rows
    ]
    return PollColumns(
        time=np.array([row.time_ns for row in rows], np.int64),
        event=np.array([_number(row) for row in rows], np.uint8),
        pid=np.array(_field(named, 0), np.int32),
        tid=np.array(_field(named, 1), np.int32),
        a=np.array(_field(named, 2), np.int64),
        b=np.array(_field(named, 3), np.int64),
        c=np.array(_field(named, 4), np.int64),
        text=np.array([_text(row, texts) for row in rows], np.int32),
    )


def meter_columns(rows: list[Row]) -> MeterColumns:
    return MeterColumns(
        time=np.array([row.time_ns for row in rows], np.int64),
        event=np.array([_number(row) for row in rows], np.uint8),
        a=np.array(_field(rows, 0), np.int64),
        b=np.array(_field(rows, 1), np.int64),
        c=np.array(_field(rows, 2), np.int64),
        d=np.array(_field(rows, 3), np.int64),
    )
