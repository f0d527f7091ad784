"""The reader gives back what the builder wrote, and says what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.kit.builder import KILLED, START_NS, Builder
from tests.kit.compare import plain
from twocooks.format import spec
from twocooks.format.encode import StreamWriter, block, file_head, json_block
from twocooks.model import TraceError, Wait
from twocooks.read import reader
from twocooks.read.reader import load
from twocooks.read.trace import Trace

LOST = spec.BY_NAME["LOST"].number
AGENT_LOST = spec.BY_NAME["AGENT_LOST"].number


def full() -> Builder:
    """A trace with every kind of record that a reader must place."""
    b = Builder(cpus=2)
    b.hello(0.001)
    b.fork(0.01, tid=11)
    b.fork(0.02, pid=20)
    b.comm(0.02, 11, "worker \x1b[31m")
    for number in range(40):
        start = 0.03 + number * 0.02
        b.on(cpu=number % 2, tid=10, start=start, end=start + 0.01, preempted=number % 3 == 0)
        b.on(cpu=1 - number % 2, tid=11, start=start + 0.005, end=start + 0.019)
        b.step(
            start, start + 0.001, task=number % 4, then=[Wait.SLEEP, "yield", "done"][number % 3]
        )
    b.on(cpu=0, tid=20, pid=20, start=0.9, end=0.95, exits=True)
    b.lost(cpu=1, start=0.95, end=0.96, count=7)
    b.exec(0.97, "ls", pid=20)
    b.look(0.3, 0.31, tid=10, syscall=202, arg=2**47, kind=1, where=["a.py:1:f", "a.py:9:main"])
    b.look(0.5, 0.51, tid=10, syscall=-1)
    b.look(0.6, 0.7, tid=11, syscall=7, where=["b.py:1:g"])
    b.item_new(0.1, item=5, tid=10)
    b.item(0.2, 0.3, item=5, tid=11)
    b.task(0.05, 1, "rice")
    b.block(0.4, 0.5, 1, "chop")
    b.poll_new(0.1, tid=10, comm="python")
    b.poll(0.2, tid=10, run=0.1, line=0.01, turns=3)
    b.poll_tick(0.2, took=0.001)
    b.poll_cpu(0.2, 0.1)
    b.poll_gone(0.3, tid=10)
    b.cpus_are(0.0, 2, 2, quota=1.5)
    b.meter(0.1, busy=0.2, own=0.1)
    b.task_clock(0.9, 0.5)
    return b


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def blocks_of(data: bytes) -> list[bytes]:
    """The file's blocks, without its head."""
    found, at = [], 16
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "little")
        found.append(data[at:end])
        at = end
    return found


def is_stream(block_: bytes, kind: spec.Stream, key: int) -> bool:
    return block_[4] == spec.Block.EVENTS and block_[12] == kind and block_[13] == key


@pytest.mark.parametrize("block_records", [1, 3, 1000])
def test_a_file_gives_the_trace_that_was_built(tmp_path: Path, block_records: int) -> None:
    b = full()
    trace = load(write(tmp_path / "t.trace", b.file(block_records)))
    assert plain(trace) == plain(b.trace())


def test_many_slabs_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    b = full()
    path = write(tmp_path / "t.trace", b.file(3))
    monkeypatch.setattr(reader, "SLAB_BLOCKS", 1)
    seen: list[tuple[int, int]] = []
    trace = load(path, lambda done, total: seen.append((done, total)))
    assert plain(trace) == plain(b.trace())
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1] == path.stat().st_size


def test_the_order_of_blocks_does_not_matter(tmp_path: Path) -> None:
    b = full()
    meta, *events, end = blocks_of(b.file(1000))
    turned = file_head() + meta + b"".join(reversed(events)) + end
    other = plain(load(write(tmp_path / "t.trace", turned)))
    expected = plain(b.trace())
    for name in expected:
        if not name.startswith("agent"):  # its threads are numbered as they appear
            assert other[name] == expected[name], name


def test_the_same_thread_number_in_two_processes(tmp_path: Path) -> None:
    kernel = StreamWriter(spec.Stream.KERNEL)
    fork, event_exit = spec.BY_NAME["FORK"].number, spec.BY_NAME["EXIT"].number
    kernel.put(1, fork, (10, 99, 10, 10))
    kernel.put_in(2, 0, 99, True)
    kernel.put_out(3, 0, 99, False)
    kernel.put(4, event_exit, (10, 99))
    kernel.put(5, fork, (20, 99, 10, 10))
    kernel.put_in(6, 0, 99, True)
    kernel.put_out(7, 0, 99, False)
    kernel.put_in(8, 0, 77, True)
    data = file_head() + json_block(1, {}) + kernel.flush() + json_block(3, {})
    trace = load(write(tmp_path / "t.trace", data))
    assert trace.kernel.pid.tolist() == [10, 10, 10, 10, 20, 20, 20, 0]


def test_a_text_id_means_what_it_meant_when_it_was_written(tmp_path: Path) -> None:
    look = StreamWriter(spec.Stream.LOOK)
    text, number = spec.BY_NAME["TEXT"].number, spec.BY_NAME["LOOK"].number
    for time, words, where in ((50, "one", 1), (40, "two", 1), (60, None, 1), (70, None, 8)):
        if words is not None:
            look.put(time, text, (where,), words)
        look.put(time, number, (1, 1, 5, 0, 2**64 - 1, 0, where))
    data = file_head() + json_block(1, {}) + look.flush() + json_block(3, {})
    trace = load(write(tmp_path / "t.trace", data))
    said = [None if i < 0 else trace.texts[i] for i in trace.look.where.tolist()]
    assert list(zip(trace.look.time.tolist(), said, strict=True)) == [
        (40, "two"), (50, "one"), (60, "two"), (70, None),
    ]  # fmt: skip
    assert trace.look.arg.tolist() == [-1] * 4


def two_cpus() -> Builder:
    b = Builder(cpus=2)
    for number in range(30):
        for cpu in range(2):
            b.on(cpu, tid=10 + cpu, start=number * 0.01, end=number * 0.01 + 0.005)
    return b


def damaged(tmp_path: Path, which: int, change: bytes = b"\xff") -> Trace:
    """``two_cpus`` with the given block of CPU 1 damaged in its last byte."""
    parts = blocks_of(two_cpus().file(20))
    mine = [i for i, part in enumerate(parts) if is_stream(part, spec.Stream.KERNEL, 1)]
    assert len(mine) == 3
    parts[mine[which]] = parts[mine[which]][:-1] + change
    return load(write(tmp_path / "t.trace", file_head() + b"".join(parts)))


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_damaged_block_becomes_a_lost_window(tmp_path: Path, which: int) -> None:
    trace = damaged(tmp_path, which)
    assert trace.notes == ["A damaged block was left out (its checksum is wrong)."]
    k = trace.kernel
    assert len(k.time) == 120 - 20 + 1
    (row,) = np.flatnonzero(k.event == LOST)
    assert (k.cpu[row], k.tid[row], k.a[row]) == (1, 0, 0)
    windows = [(0, 100), (95, 200), (195, 295)]  # ms: between the neighbours, or to the run's ends
    begin, end = windows[which]
    assert k.time[row] - k.b[row] == START_NS + begin * 1_000_000
    assert k.time[row] == START_NS + end * 1_000_000
    on_cpu = np.flatnonzero(k.cpu == 1)
    assert np.flatnonzero(on_cpu == row)[0] == which * 20


def test_a_damaged_block_of_a_thread_becomes_agent_lost(tmp_path: Path) -> None:
    b = Builder()
    for number in range(30):
        b.step(number * 0.01, number * 0.01 + 0.005, task=1)
    parts = blocks_of(b.file(20))
    parts[2] = parts[2][:-1] + b"\xff"
    trace = load(write(tmp_path / "t.trace", file_head() + b"".join(parts)))
    assert trace.agent.event.tolist().index(AGENT_LOST) == 20
    assert trace.agent.time[20] == b.ns(0.2)


def test_a_cut_file_keeps_what_is_before(tmp_path: Path) -> None:
    data = two_cpus().file(20)
    end = len(blocks_of(data)[-1])
    trace = load(write(tmp_path / "t.trace", data[: -end - 3]))
    assert trace.end is None
    assert trace.notes == [
        "The file is cut off: its last block is missing, all before it is kept.",
        KILLED,
    ]
    assert np.count_nonzero(trace.kernel.event == LOST) == 1
    assert len(trace.kernel.time) == 120 - 20 + 1


def test_a_file_without_end_says_that_the_recorder_was_killed(tmp_path: Path) -> None:
    b = Builder(end=None)
    b.on(0, 10, 0.0, 1.0)
    trace = load(write(tmp_path / "t.trace", b.file()))
    assert trace.end is None
    assert trace.notes == [KILLED]
    assert plain(trace) == plain(b.trace())


def test_an_unknown_event_stops_its_block_alone(tmp_path: Path) -> None:
    writer = StreamWriter(spec.Stream.KERNEL)
    writer.put_in(START_NS, 10, 10, False)
    broken = block(2, writer.flush()[12:] + bytes([7, 0xC8, 1, 0, 0]))  # event number 200
    writer.put_in(START_NS + 9, 10, 10, False)
    data = file_head() + json_block(1, {}) + broken + writer.flush() + json_block(3, {})
    trace = load(write(tmp_path / "t.trace", data))
    assert trace.notes == ["Unknown events: blocks were read up to the first of them."]
    assert trace.kernel.event.tolist() == [3, LOST, 3]
    assert trace.kernel.b.tolist() == [0, 9, 0]


def test_blocks_of_other_kinds_are_left_out(tmp_path: Path) -> None:
    odd = block(9, b"?") + block(2, b"\x07\0\0\0") + block(2, b"\x80") + block(2, b"\x03\1\0\0\0")
    data = (
        file_head() + json_block(1, {"pid": 1}) + odd + json_block(1, {"more": 2}) + block(3, b"[]")
    )
    trace = load(write(tmp_path / "t.trace", data))
    assert trace.meta == {"pid": 1, "more": 2}
    assert trace.notes == [
        "A block of an unknown kind was left out.",
        "A block of an unknown stream was left out. (3 times)",
        "The block that says how the run ended could not be read.",
        KILLED,
    ]


def test_a_head_that_cannot_be_one_ends_the_file(tmp_path: Path) -> None:
    data = file_head() + json_block(1, {}) + b"\1\0\0\0\2\1\0\0abcdefgh"
    assert "nothing can be read" in load(write(tmp_path / "t.trace", data)).notes[0]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is not a twocooks trace; make one: twocooks run -o FILE SCRIPT"),
        (b"PK\3\4" * 20, "is not a twocooks trace"),
        (file_head(), "its head is damaged; record the program again"),
        (file_head() + block(1, b"[" * 100_000), "its head is damaged"),
        (file_head() + block(1, b"1" * 10_000), "its head is damaged"),
        (file_head(2), "format 2, this twocooks reads up to 1; it needs twocooks newer than this"),
        (file_head(2) + json_block(1, {"twocooks": "9.1"}), "it needs twocooks 9.1 or later"),
        (
            file_head(2) + json_block(1, {"twocooks": "\x1b[31m"}),
            "it needs twocooks newer than this",
        ),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(TraceError) as error:
        load(write(tmp_path / "t.trace", data))
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="No such file or directory; give the path"):
        load(tmp_path / "none.trace")
    with pytest.raises(TraceError, match="directory"):
        load(tmp_path)


def test_limits_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_TEXTS", 2)
    monkeypatch.setattr(reader, "MAX_THREADS", 2)
    monkeypatch.setattr(reader, "MAX_JSON", 1000)
    b = Builder(end={"notes": ["x" * 1000]})
    for tid in (11, 12, 13):
        b.thread(0.1, tid, f"name {tid}")
    b.comm(0.2, 10, "one too many")
    trace = load(write(tmp_path / "t.trace", b.file()))
    assert len(trace.texts) == 2
    assert trace.agent_threads == [(10, 11), (10, 12)]
    assert trace.end is None
    assert any("More than 2 threads" in note for note in trace.notes)
    assert any("Too many different texts" in note for note in trace.notes)


def test_meta_survives_as_json(tmp_path: Path) -> None:
    b = Builder(meta={"command": ["py", "\udcff"]})
    trace = load(write(tmp_path / "t.trace", b.file()))
    assert trace.meta == json.loads(json.dumps(b.meta_content()))
