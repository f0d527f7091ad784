"""The dump is harmless text, and comes back as the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.builder import Builder
from twocooks.format import spec, text
from twocooks.format.encode import StreamWriter, block, file_head, json_block
from twocooks.model import TraceError
from twocooks.read.dump import dump

HOSTILE = 'a\x1b]0;owned\x07\n\r\x7f\x9b\u202e\udcff"\\ = x'


def dumped(path: Path, data: bytes) -> list[str]:
    path.write_bytes(data)
    return list(dump(path))


def test_a_dump_is_read_back_byte_for_byte(tmp_path: Path) -> None:
    b = Builder(meta={"command": [HOSTILE]})
    b.fork(0.0, tid=11)
    b.on(0, 10, 0.0, 0.5)
    b.on(0, 11, 0.5, 0.7, preempted=True)
    b.comm(0.6, 11, HOSTILE)
    b.thread(0.1, 11, HOSTILE, "f", "a.py", 3)
    b.task(0.1, 77, "rice")
    b.look(0.1, 0.2, tid=10, syscall=-1, where=[HOSTILE])
    data = b.file(2)
    lines = dumped(tmp_path / "t.trace", data)
    assert text.to_bytes(lines) == data
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert "  1000000000000 IN_FULL pid=10 tid=10" in lines
    assert any(line.endswith(f"COMM pid=10 tid=11 text={text.quoted(HOSTILE)}") for line in lines)


def test_time_may_go_back(tmp_path: Path) -> None:
    writer = StreamWriter(spec.Stream.METER)
    for time in (50, 20, 90):
        writer.put(time, spec.BY_NAME["TASK_CLOCK"].number, (1,))
    data = file_head() + json_block(1, {}) + writer.flush()
    lines = dumped(tmp_path / "t.trace", data)
    assert lines[-3:] == [f"  {time} TASK_CLOCK ns=1" for time in (50, 20, 90)]
    assert text.to_bytes(lines) == data


def test_damage_is_said_and_harmless(tmp_path: Path) -> None:
    data = file_head() + block(1, b'{"\x1b\xff\x9b": 1}')
    data += (
        block(2, b"\1\0\0\5\7\xff\1") + block(2, b"") + block(8, b"") + block(3, b"{}")[:-1] + b"!"
    )
    lines = dumped(tmp_path / "t.trace", data + b"\1\2")
    assert lines[1] == 'META {"\\u001b\\udcff\\udc9b": 1}'
    said = [line for line in lines if line.startswith("#")]
    assert [line.split(" ", 5)[-1] for line in said] == [
        "block at 38 left out: an unknown event",
        "out: unknown stream",
        "out: unknown kind 8",
        "out: its checksum is wrong",
        "out: the file ends inside it",
    ]
    assert all(line.isascii() and line.isprintable() for line in lines)


@given(st.text())
def test_quoted_text_is_harmless_and_comes_back(words: str) -> None:
    line = f"  5 COMM pid=1 tid=2 text={text.quoted(words)}"
    assert line.isascii()
    assert line.isprintable()
    writer = StreamWriter(spec.Stream.KERNEL)
    writer.put(5, spec.BY_NAME["COMM"].number, (1, 2), words)
    assert text.to_bytes(["EVENTS KERNEL 0 0", line]) == writer.flush()


@pytest.mark.parametrize(
    "line",
    ["  5 OUT", "nonsense", "EVENTS NONE 0 0", "EVENTS KERNEL 0", "twocooks trace, version x"],
)
def test_other_lines_are_refused(line: str) -> None:
    with pytest.raises(ValueError, match="line 2: "):
        text.to_bytes(["META {}", line])


def test_other_fields_are_refused() -> None:
    with pytest.raises(ValueError, match="line 2: IN has other fields"):
        text.to_bytes(["EVENTS KERNEL 0 0", "  5 IN pid=1"])


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="not a twocooks trace"):
        dumped(tmp_path / "t.trace", b"hello")
    with pytest.raises(TraceError, match="give the path"):
        list(dump(tmp_path / "none.trace"))
