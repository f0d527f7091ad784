"""The text form of a trace: one record a line, and back to bytes.

    twocooks trace, version 1
    META {"pid":10,...}
    EVENTS KERNEL 0 0
      1000000000000 IN_FULL pid=10 tid=10
      1000000008000 OUT
      1000000009000 COMM pid=10 tid=11 text="worker"
    # a block that could not be read, why
    END {...}

Times are ns of CLOCK_MONOTONIC; TIME_BACK records are not shown, the times are. Every line is plain
ASCII without control characters, because names come from a program that nobody vouches for; texts
are JSON strings. What was not damaged comes back byte for byte, as our writers write it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from twocooks.format import raw, spec
from twocooks.format.decode import INT64_MAX, RecordError, Span, records
from twocooks.format.encode import StreamWriter, block, file_head

TITLE = "twocooks trace, version"
_FIELD = re.compile(r'([a-z_]+)=("(?:[^"\\]|\\.)*"|-?\d+)(?: |$)')
_JSON_BLOCKS = {spec.Block.META: "META", spec.Block.END: "END"}


def quoted(text: str) -> str:
    """The text as a JSON string of printable ASCII."""
    return json.dumps(text).replace("\x7f", "\\u007f")


def lines(file: BinaryIO, version: int) -> Iterator[str]:
    """The lines of a trace file whose head has been read."""
    yield f"{TITLE} {version}"
    for found in raw.blocks(file):
        if found.damage:
            why = {"crc": "its checksum is wrong", "cut": "the file ends inside it"}
            reason = why.get(found.damage, "no block is there")
            yield f"# block at {found.offset} left out: {reason}"
        elif found.kind in _JSON_BLOCKS:
            yield f"{_JSON_BLOCKS[spec.Block(found.kind)]} {_json_line(found.payload)}"
        elif found.kind == spec.Block.EVENTS:
            yield from _event_lines(found)
        else:
            yield f"# block at {found.offset} left out: unknown kind {found.kind}"


def _json_line(payload: bytes) -> str:
    """A JSON block's own bytes, made harmless: outside of strings JSON is plain ASCII."""
    text = payload.decode("utf-8", "surrogateescape")
    return re.sub(r"[^ -~]", lambda match: quoted(match[0])[1:-1], text)


def _event_lines(found: raw.RawBlock) -> Iterator[str]:
    head = raw.stream_head(found.payload)
    if head is None or head.kind not in set(spec.Stream) or head.base_ns > INT64_MAX:
        yield f"# block at {found.offset} left out: unknown stream"
        return
    yield f"EVENTS {spec.Stream(head.kind).name} {head.key_a} {head.key_b}"
    span = Span(head.start, len(found.payload) - head.start, 0, head.base_ns)
    try:
        for record in records(found.payload, span, head.kind):
            if record.event == 0:
                continue
            row = spec.BY_NUMBER[record.event]
            parts = [f"  {record.time_ns} {row.name}"]
            for (name, kind), value in zip(row.fields, record.numbers, strict=False):
                is_negative = kind == "s" and value > INT64_MAX
                parts.append(f"{name}={value - (1 << 64) if is_negative else value}")
            if record.text is not None:
                name = row.fields[-1][0]
                parts.append(f"{name}={quoted(record.text.decode('utf-8', 'surrogateescape'))}")
            yield " ".join(parts)
    except RecordError as error:
        yield f"# the rest of the block at {found.offset} left out: {error}"


def to_bytes(text_lines: Iterable[str]) -> bytes:
    """A trace file from its text form. Raises ValueError, naming the line, where it has none."""
    out = bytearray()
    writer: StreamWriter | None = None
    for number, line in enumerate(text_lines, 1):
        try:
            if line.startswith("  "):
                if writer is None:
                    raise ValueError("a record outside of EVENTS")
                _put(writer, line)
                continue
            if writer is not None:
                out += writer.flush()
                writer = None
            first, _, rest = line.partition(" ")
            if line.startswith(TITLE):
                out += file_head(int(line[len(TITLE) :]))
            elif first in ("META", "END"):
                out += block(spec.Block[first], rest.encode("ascii"))
            elif first == "EVENTS":
                stream, key_a, key_b = rest.split()
                writer = StreamWriter(spec.Stream[stream], int(key_a), int(key_b))
            elif not line.startswith("#"):
                raise ValueError("not a line of a trace")
        except (ValueError, KeyError) as error:
            raise ValueError(f"line {number}: {error}") from error
    return bytes(out + (writer.flush() if writer is not None else b""))


def _put(writer: StreamWriter, line: str) -> None:
    time, name, *rest = line.strip().split(" ", 2)
    row = spec.BY_NAME[name]
    said = dict(_FIELD.findall(rest[0])) if rest else {}
    if list(said) != [field for field, _ in row.fields]:
        raise ValueError(f"{name} has other fields")
    numbers = [int(said[field]) for field, kind in row.fields if kind != "str"]
    text = "".join(json.loads(said[field]) for field, kind in row.fields if kind == "str")
    writer.put(int(time), row.number, numbers, text)
