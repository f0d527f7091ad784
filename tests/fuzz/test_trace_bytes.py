"""Hostile bytes give an error or a note: never a crash, a hang, or memory without bound."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kit.builder import Builder
from tests.unit.test_read_reader import blocks_of, full
from twocooks.format import text
from twocooks.format.encode import block, file_head, json_block
from twocooks.model import TraceError
from twocooks.read.check import check
from twocooks.read.dump import dump
from twocooks.read.reader import load

WHOLE = full().file(5)
RELAXED = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def survives(path: Path, data: bytes) -> None:
    """All readers end; what they say is harmless."""
    path.write_bytes(data)
    message = ""
    try:
        trace = load(path)
        rows = [len(getattr(trace, kind).time) for kind in ("kernel", "agent", "poll", "meter")]
        assert sum(rows) <= 2 * len(data)
        assert all("\n" not in line for line in check(path))
    except TraceError as error:
        message = str(error)
    assert "\n" not in message
    try:
        lines = list(dump(path))
    except TraceError:
        return
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert text.to_bytes(lines)[:8] == data[:8]


@RELAXED
@given(data=st.data())
def test_changed_bytes(tmp_path: Path, data: st.DataObject) -> None:
    changed = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 5))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(changed)))
    survives(tmp_path / "t.trace", bytes(changed[: max(cut, len(changed) // 2)]))


@RELAXED
@given(data=st.data())
def test_changed_payloads_with_a_good_checksum(tmp_path: Path, data: st.DataObject) -> None:
    parts = blocks_of(WHOLE)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(1, len(parts) - 1))
        payload = bytearray(parts[place][12:])
        at = data.draw(st.integers(0, max(len(payload) - 1, 0)))
        payload[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=11))
        parts[place] = block(parts[place][4], bytes(payload))
    survives(tmp_path / "t.trace", file_head() + b"".join(parts))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        "start_ns",
        "end_ns",
        "pid",
        "lost",
        "task_clock_ns",
        "agent_lost",
        "twocooks",
    ]
)
OBJECTS = st.dictionaries(KEYS, JSON)


@RELAXED
@given(meta=OBJECTS, end=OBJECTS)
def test_odd_json(tmp_path: Path, meta: dict[str, Any], end: dict[str, Any]) -> None:
    b = Builder()
    b.on(0, 10, 0.0, 0.5)
    b.lost(0, 0.5, 0.6, 3)
    parts = blocks_of(b.file())
    data = file_head() + json_block(1, meta) + b"".join(parts[1:-1]) + json_block(3, end)
    survives(tmp_path / "t.trace", data)


@RELAXED
@given(st.binary(max_size=200), st.lists(st.tuples(st.integers(0, 4), st.binary(max_size=40))))
def test_any_blocks(tmp_path: Path, tail: bytes, blocks: list[tuple[int, bytes]]) -> None:
    body = b"".join(block(*each) for each in blocks)
    survives(tmp_path / "t.trace", file_head() + json_block(1, {}) + body + tail)


def many(count: int, payload: Any) -> bytes:
    """Many small blocks."""
    return b"".join(block(2, bytes(payload(n))) for n in range(count))


BOMBS = {
    "a length beyond the file": b"\xff\xff\xff\xff\2" + bytes(7) + b"\1" * 100_000,
    "records of one byte": block(2, b"\1\0\0\0" + bytes(300_000)),
    "texts that claim to be long": block(2, b"\2\1\1\0" + b"\7\x17\0\0\0\xff\x1f" * 50_000),
    "many threads": many(10_000, lambda n: [2, 1 + n % 100, 1 + n // 100, 0, 1]),
    "many broken blocks": many(10_000, lambda n: [1, n % 100, 0, 0, 7, 99]),
    "many texts": block(
        2,
        b"\3\0\0\0" + b"".join(b"\7\x30\1\2" + bytes([n % 256, n // 256]) for n in range(30_000)),
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_memory_follows_the_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / "t.trace"
    data = file_head() + json_block(1, {}) + BOMBS[name]
    path.write_bytes(data)
    tracemalloc.start()
    try:
        load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 150 * len(data) + 10_000_000
