"""The C codec and its Python twin do the same, byte for byte and row for row."""

from __future__ import annotations

import zlib
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twocooks.format import raw, spec
from twocooks.format.decode import Columns, Span, decode, decode_python
from twocooks.format.encode import StreamWriter, block, text_bytes

_codec = pytest.importorskip("twocooks._codec", reason="the C part is not built")

U64 = st.one_of(st.integers(0, 300), st.integers(0, 2**64 - 1), st.just(2**63))
TIMES = st.one_of(
    st.integers(0, 10**6), st.integers(10**12, 10**12 + 10**6), st.integers(0, 2**61 - 1)
)
TIDS = st.integers(0, 5)
TEXTS = st.one_of(
    st.text(max_size=20).filter(lambda text: text.isprintable()),
    st.binary(max_size=10).map(lambda data: data.decode("utf-8", "surrogateescape")),
    st.integers(4090, 4100).map(lambda size: "x" * (size - 3) + "é\u20ac\U0001f35a"),
)


@st.composite
def operations(draw: Any, stream: spec.Stream) -> list[tuple[str, int, int, tuple[int, ...], Any]]:
    """Calls of the writer, in and out of order of time."""
    rows = [row for row in spec.EVENTS if row.stream == stream]
    found = []
    for _ in range(draw(st.integers(0, 12))):
        time = draw(TIMES)
        if stream == spec.Stream.KERNEL and draw(st.booleans()):
            name = draw(st.sampled_from(["in", "out"]))
            found.append((name, time, 0, (draw(TIDS), draw(TIDS), draw(st.integers(0, 1))), None))
            continue
        if draw(st.integers(0, 9)) == 0:
            found.append(("flush", 0, 0, (), None))
            continue
        row = draw(st.sampled_from(rows))
        kinds = [kind for _, kind in row.fields]
        numbers = TIDS if stream == spec.Stream.KERNEL else U64
        values = tuple(draw(numbers) for kind in kinds if kind != "str")
        text = draw(TEXTS) if "str" in kinds else None
        found.append(("put", time, row.number, values, text))
    return found


def write_python(stream: int, key_a: int, key_b: int, calls: list[Any]) -> bytes:
    writer = StreamWriter(stream, key_a, key_b)
    out = b""
    for name, time, event, values, text in calls:
        if name == "put":
            writer.put(time, event, values, text or "")
        elif name == "in":
            writer.put_in(time, values[0], values[1], bool(values[2]))
        elif name == "out":
            writer.put_out(time, values[0], values[1], bool(values[2]))
        else:
            out += writer.flush()
    return out + writer.flush()


def write_c(stream: int, key_a: int, key_b: int, calls: list[Any]) -> bytes:
    def raw_text(text: str | None) -> bytes | None:
        return None if text is None else text.encode("utf-8", "surrogateescape")

    calls = [(*call[:4], raw_text(call[4])) for call in calls]
    return bytes(_codec.encode(stream, key_a, key_b, calls))


def payloads(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "little")
        found.append(data[at + 12 : at + 12 + length])
        at += 12 + length
    return found


@given(
    st.lists(st.one_of(st.sampled_from([0, 1, 0x7E, 0x7F, 0x80, 0x81, 0xFE, 0xFF]),
                       st.integers(0, 255)), max_size=45)
)  # fmt: skip
def test_heads_of_streams_are_read_alike(head: list[int]) -> None:
    """Numbers of up to and beyond 64 bits, and heads that end too early."""
    assert raw.stream_head(bytes(head)) == raw.stream_head_python(bytes(head))


@pytest.mark.parametrize("last", [0x00, 0x01, 0x02, 0x7F, 0x80, 0x81])
def test_a_head_holds_no_more_than_64_bits(last: int) -> None:
    head = b"\xff" * 9 + bytes([last]) + b"\x01\x02\x03rest"
    found = raw.stream_head(head)
    assert found == raw.stream_head_python(head)
    if last <= 1:
        assert found == (2**63 - 1 + last * 2**63, 1, 2, 3, 13)
    else:
        assert found is None


def spans_of(found: list[bytes]) -> tuple[bytes, list[Span]]:
    spans, offset = [], 0
    for number, payload in enumerate(found):
        head = raw.stream_head(payload)
        assert head is not None
        spans.append(Span(offset + head.start, len(payload) - head.start, number, head.base_ns))
        offset += len(payload)
    return b"".join(found), spans


def same(left: Columns, right: Columns) -> None:
    for column in fields(Columns):
        a, b = getattr(left, column.name), getattr(right, column.name)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b, err_msg=column.name)


@pytest.mark.parametrize("stream", list(spec.Stream))
@given(data=st.data())
def test_writers_and_readers_agree(stream: spec.Stream, data: st.DataObject) -> None:
    calls = data.draw(operations(stream))
    key_a = data.draw(U64)
    written = write_c(stream, key_a, 3, calls)
    assert written == write_python(stream, key_a, 3, calls)
    bytes_, spans = spans_of(payloads(written))
    columns = decode(bytes_, spans, stream)
    same(columns, decode_python(bytes_, spans, stream))
    puts = [call for call in calls if call[0] != "flush"]
    assert len(columns.time) == len(puts)
    assert not columns.results[:, 0].any()
    assert columns.time.tolist() == [call[1] for call in puts]
    texts = [text_bytes(call[4]) for call in puts if call[4] is not None]
    ends = zip(columns.text_at.tolist(), columns.text_len.tolist(), strict=True)
    assert [bytes_[at : at + size] for at, size in ends] == texts


@pytest.mark.parametrize("stream", [0, *spec.Stream, 9])
@given(data=st.data())
def test_readers_agree_on_damaged_records(stream: int, data: st.DataObject) -> None:
    calls = data.draw(
        operations(spec.Stream(stream) if stream in (1, 2, 3, 4, 5) else spec.Stream.KERNEL)
    )
    records = bytearray(b"".join(p[4:] for p in payloads(write_python(1, 0, 0, calls))))
    for _ in range(data.draw(st.integers(0, 4))):
        if records:
            at = data.draw(st.integers(0, len(records) - 1))
            records[at] = data.draw(st.sampled_from([0, 7, 0x7F, 0x80, 0xFF, records[at] ^ 1]))
    records += data.draw(st.binary(max_size=6))
    base = data.draw(st.sampled_from([0, 1, 10**12, 2**63 - 1, -1]))
    cut = data.draw(st.integers(0, len(records)))
    spans = [Span(0, cut, 0, base), Span(cut, len(records) - cut, 1, base)]
    left = decode(bytes(records), spans, stream)
    same(left, decode_python(bytes(records), spans, stream))
    assert len(left.time) <= len(records)


@given(st.integers(1, 255), st.binary(max_size=300))
def test_blocks_agree(kind: int, payload: bytes) -> None:
    assert _codec.block(kind, payload) == block(kind, payload)
    assert block(kind, payload)[8:12] == zlib.crc32(payload).to_bytes(4, "little")


@pytest.mark.parametrize(
    "span", [Span(-1, 1, 0, 0), Span(0, 4, 0, 0), Span(4, 0, 0, 0), Span(0, -1, 0, 0)]
)
@pytest.mark.parametrize("reader", [decode, decode_python])
def test_spans_outside_the_data_are_refused(reader: Any, span: Span) -> None:
    with pytest.raises(ValueError, match="outside"):
        reader(b"abc", [span], 1)


def test_a_full_kernel_record_is_short() -> None:
    calls = []
    for number in range(1000):
        time = 10**12 + number * 8000
        calls += [
            ("in", time, 0, (1000, 1001, 1), None),
            ("out", time + 7000, 0, (1000, 1001, 0), None),
        ]
    assert len(write_c(1, 0, 0, calls)) / len(calls) < 8
