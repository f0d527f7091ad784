"""Records to columns: ``decode`` calls the C code (``src/core/decode.c``); ``decode_python`` is its
twin, says the same in plain words, and stands in where the C part is not built.

``records`` gives one block's records one by one as they lie in the file; the dump uses it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twocooks.format import spec

try:
    from twocooks import _codec
except ImportError:  # the C part is not built
    _codec = None  # type: ignore[assignment]

INT64_MAX = (1 << 63) - 1
INT32_MAX = (1 << 31) - 1
U64 = (1 << 64) - 1


class Code(IntEnum):
    """Why the reading of a block stopped; the numbers are those of ``decode.h``."""

    OK = 0
    SHORT = 1
    BAD_VARINT = 2
    UNKNOWN_EVENT = 3
    WRONG_STREAM = 4
    BAD_TIME = 5
    BAD_ID = 6
    BAD_TEXT = 7


CODE_TEXT = {
    Code.SHORT: "a record reaches beyond its block",
    Code.BAD_VARINT: "a number of more than 64 bits",
    Code.UNKNOWN_EVENT: "an unknown event",
    Code.WRONG_STREAM: "an event of another kind of stream",
    Code.BAD_TIME: "an impossible time",
    Code.BAD_ID: "an impossible process or thread number",
    Code.BAD_TEXT: "a text that is too long",
}

KERNEL_PLAIN = {
    spec.BY_NAME[name].number: spec.BY_NAME[plain].number
    for name, plain in (
        ("IN_FULL", "IN"),
        ("OUT_FULL", "OUT"),
        ("OUT_FULL_PREEMPTED", "OUT_PREEMPTED"),
    )
}
_STREAMS = set(spec.Stream)
_OUTS = {spec.BY_NAME[name].number for name in ("OUT", "OUT_PREEMPTED")}
_IN = spec.BY_NAME["IN"].number
_IN_FULL = spec.BY_NAME["IN_FULL"].number
_LOST = spec.BY_NAME["LOST"].number


class Span(NamedTuple):
    """Where the records of one EVENTS payload lie within the data, without the payload's head.
    ``key`` goes into the rows; times count from ``base_ns``."""

    offset: int
    length: int
    key: int
    base_ns: int


class RecordError(Exception):
    """A record that cannot be read: its ``code`` and ``at``, where it begins."""

    def __init__(self, code: Code, at: int) -> None:
        super().__init__(CODE_TEXT[code])
        self.code, self.at = code, at


class Record(NamedTuple):
    """One record as it lies in the file. ``numbers`` are unsigned (bits of 64), ``text`` is raw."""

    at: int
    time_ns: int
    event: int
    numbers: tuple[int, ...]
    text_at: int
    text: bytes | None


@dataclass(frozen=True)
class Columns:
    """Decoded rows of one kind of stream, in the order of the file; ``decode.h`` says what each
    column holds. ``results`` has a row (code, at, rows) for each span."""

    time: NDArray[np.int64]
    event: NDArray[np.uint8]
    key: NDArray[np.int32]
    x: NDArray[np.int64]
    wide_row: NDArray[np.int64]
    wide: NDArray[np.int64]
    text_row: NDArray[np.int64]
    text_at: NDArray[np.int64]
    text_len: NDArray[np.uint32]
    results: NDArray[np.int64]


_TYPES = (np.int64, np.uint8, np.int32, np.int64, np.int64, np.int64, np.int64, np.int64, np.uint32)


def spans_bytes(spans: list[Span]) -> bytes:
    """Spans as the C code takes them."""
    flat = array("q")
    for span in spans:
        flat.extend(span)
    return flat.tobytes()


def decode(data: bytes, spans: list[Span], stream: int) -> Columns:
    """All records of the spans. ValueError where a span lies outside the data."""
    if _codec is None:
        return decode_python(data, spans, stream)
    *buffers, results = _codec.decode(data, spans_bytes(spans), stream)
    arrays = [_array(buffer, kind) for buffer, kind in zip(buffers, _TYPES, strict=True)]
    rows: Any = _array(results, np.int64).reshape(-1, 3)
    return Columns(*[*arrays, rows])


def _array(buffer: Any, kind: Any) -> Any:
    return np.frombuffer(buffer, kind) if memoryview(buffer).nbytes else np.empty(0, kind)


def _varint(data: bytes, at: int, end: int, begin: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= end:
            raise RecordError(Code.SHORT, begin)
        byte = data[at]
        at += 1
        if shift == 63 and byte > 1:
            raise RecordError(Code.BAD_VARINT, begin)
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _unzigzag(value: int) -> int:
    return value >> 1 ^ (U64 if value & 1 else 0)


def records(data: bytes, span: Span, stream: int) -> Iterator[Record]:
    """The records of a span one by one, TIME_BACK included. Raises RecordError (``at`` counts from
    the span's offset) at the first one that cannot be read."""
    at, end, time, task = span.offset, span.offset + span.length, span.base_ns, 0
    if stream not in _STREAMS:
        raise RecordError(Code.WRONG_STREAM, 0)
    if not 0 <= span.base_ns <= INT64_MAX:
        raise RecordError(Code.BAD_TIME, 0)
    while at < end:
        begin = at - span.offset
        head, at = _varint(data, at, end, begin)
        time += head >> 3
        if time > INT64_MAX:
            raise RecordError(Code.BAD_TIME, begin)
        row, at = _event(data, at, end, begin, stream, head & 7)
        numbers: list[int] = []
        text, text_at = None, 0
        for _, kind in row.fields:
            value, at = _varint(data, at, end, begin)
            if kind == "task":
                value = task = task + _unzigzag(value) & U64
            elif kind == "s":
                value = _unzigzag(value)
            elif kind == "str":
                if value > spec.MAX_STRING or value > end - at:
                    long = value > spec.MAX_STRING
                    raise RecordError(Code.BAD_TEXT if long else Code.SHORT, begin)
                text, text_at = data[at : at + value], at
                at += value
                continue
            numbers.append(value)
        if row.number == 0:
            if numbers[0] > time:
                raise RecordError(Code.BAD_TIME, begin)
            time -= numbers[0]
        yield Record(begin, time, row.number, tuple(numbers), text_at, text)


def _event(
    data: bytes, at: int, end: int, begin: int, stream: int, short: int
) -> tuple[spec.Event, int]:
    if short == 7:
        number, at = _varint(data, at, end, begin)
        row = spec.BY_NUMBER.get(number)
    else:
        row = spec.BY_SHORT.get((spec.Stream(stream), short))
    if row is None:
        raise RecordError(Code.UNKNOWN_EVENT, begin)
    if row.stream is not None and row.stream != stream:
        raise RecordError(Code.WRONG_STREAM, begin)
    return row, at


def _kernel_row(record: Record, thread: int) -> tuple[int, int, int]:
    """A kernel record's plain event, its pid << 32 | tid, and the thread now on the CPU."""
    event = KERNEL_PLAIN.get(record.event, record.event)
    if record.event in _OUTS:
        return event, thread, 0
    if record.event == _LOST:
        return event, 0, 0
    pid, tid = (0, record.numbers[0]) if record.event == _IN else record.numbers[:2]
    if pid > INT32_MAX or tid > INT32_MAX:
        raise RecordError(Code.BAD_ID, record.at)
    x = pid << 32 | tid
    if record.event in (_IN, _IN_FULL):
        return event, x, x
    return event, x, 0 if event in _OUTS else thread


class _Rows:
    """The columns while they grow."""

    def __init__(self) -> None:
        self.columns: list[list[int]] = [[] for _ in _TYPES]
        self.results: list[tuple[int, int, int]] = []

    def span(self, data: bytes, span: Span, stream: int) -> None:
        time, event, key, xs, wide_row, wide, text_row, text_at, text_len = self.columns
        thread, before, code, at = 0, len(time), Code.OK, span.length
        try:
            for record in records(data, span, stream):
                if record.event == 0:
                    continue
                plain, is_wide = record.event, len(record.numbers) > 1
                x = record.numbers[0] if record.numbers else 0
                if stream == spec.Stream.KERNEL:
                    plain, x, thread = _kernel_row(record, thread)
                    is_wide = len(record.numbers) > 2 or plain == _LOST
                if is_wide:
                    wide_row.append(len(time))
                    wide.extend(map(_signed, record.numbers))
                if record.text is not None:
                    text_row.append(len(time))
                    text_at.append(record.text_at)
                    text_len.append(len(record.text))
                time.append(record.time_ns)
                event.append(plain)
                key.append(span.key)
                xs.append(_signed(x))
        except RecordError as error:
            code, at = error.code, error.at
        self.results.append((code, at, len(time) - before))


def _signed(value: int) -> int:
    return value - (1 << 64) if value > INT64_MAX else value


def decode_python(data: bytes, spans: list[Span], stream: int) -> Columns:
    """The twin of ``decode``."""
    rows = _Rows()
    for span in spans:
        if min(span.offset, span.length) < 0 or span.offset + span.length > len(data):
            raise ValueError("a span lies outside the data")
        rows.span(data, span, stream)
    arrays: list[Any] = [
        np.array(column, kind) for column, kind in zip(rows.columns, _TYPES, strict=True)
    ]
    arrays.append(np.array(rows.results, np.int64).reshape(-1, 3))
    return Columns(*arrays)
