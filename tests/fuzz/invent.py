"""Invents traces: sound ones, changed where a liar would change them.

A flipped bit mostly hits a checksum. What the analysis must endure is a file that is formally
right and says impossible things, so changes are made to the text form (``format.text``): numbers at
the ends of their range, records doubled, dropped, out of order and of other streams, JSON values of
another type. The same seed gives the same file.
"""

from __future__ import annotations

import json
import random
import re
import tempfile
from collections.abc import Callable
from typing import Any

from twocooks.format import raw, text
from twocooks.format.decode import INT64_MAX

NUMBERS = (0, 1, 2, 3, 7, 255, 1 << 16, 10**9, (1 << 22) - 1, 1 << 22, (1 << 31) - 1, 1 << 31,
           (1 << 32) - 1, 1 << 32, 10**12, 10**18, INT64_MAX - 1, INT64_MAX, 1 << 63,
           (1 << 64) - 1)  # fmt: skip
"""Where ranges end: of bytes, pids, 32 and 64 bits, with and without sign; and large counts."""
ODD: tuple[Any, ...] = (None, True, False, 0, -1, 1, 0.5, -1e308, 1e308, float("inf"), float("nan"),
       INT64_MAX, 1 << 64, 10**400, -(10**30), "", "x", "\x1b[31m", "\ud800", "1", "1e9", [], [[]],
       [None], {}, {"": None}, {"cpu": []}, ["a", {"b": [1]}], [[[[[[]]]]]])  # fmt: skip
_NUMBER = re.compile(r"(?<==)-?\d+")
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')


def lines_of(data: bytes) -> list[str]:
    """The text form of a trace."""
    with tempfile.TemporaryFile() as file:  # a real one: its size is asked for
        file.write(data)
        file.seek(0)
        version = raw.file_version(file)
        assert version is not None
        return list(text.lines(file, version))


def invent(base: list[str], seed: int) -> bytes:
    """A liar's version of the trace ``base`` (its text form)."""
    rng = random.Random(seed)
    lines = list(base)
    for _ in range(rng.choice((1, 1, 2, 3, 5, 8, 20))):
        rng.choice(_CHANGES)(lines, rng)
    return to_bytes(lines)


def to_bytes(lines: list[str]) -> bytes:
    """The file; lines that have no bytes (a time before the beginning of time) are left out."""
    while True:
        try:
            return text.to_bytes(lines)
        except (ValueError, OverflowError) as error:
            match = re.match(r"line (\d+):", str(error))
            if match is None:
                raise
            del lines[int(match[1]) - 1]


def _record(lines: list[str], rng: random.Random) -> int | None:
    """The place of one record; kinds of records are equally likely, however many there are."""
    kinds: dict[str, list[int]] = {}
    for at, line in enumerate(lines):
        if line.startswith("  "):
            kinds.setdefault(line.split(" ", 4)[3], []).append(at)
    return rng.choice(kinds[rng.choice(sorted(kinds))]) if kinds else None


def _change_number(lines: list[str], rng: random.Random) -> None:
    at = _record(lines, rng)
    found = list(_NUMBER.finditer(lines[at])) if at is not None else []
    if at is None or not found:
        return
    match = rng.choice(found)
    value = int(match[0])
    new = rng.choice((*NUMBERS, value + 1, max(value - 1, 0), value * 1000, value // 2))
    lines[at] = f"{lines[at][: match.start()]}{new & (1 << 64) - 1}{lines[at][match.end() :]}"


def _change_all(lines: list[str], rng: random.Random) -> None:
    """The same field of all records of a kind."""
    at = _record(lines, rng)
    if at is None:
        return
    name = lines[at].split(" ", 4)[3]
    fields = re.findall(r"([a-z_]+)=\d", lines[at])
    if not fields:
        return
    field, value = rng.choice(fields), rng.choice(NUMBERS)
    for place, line in enumerate(lines):
        if line.startswith("  ") and line.split(" ", 4)[3] == name:
            lines[place] = re.sub(rf"\b{field}=-?\d+", f"{field}={value}", line)


def _change_time(lines: list[str], rng: random.Random) -> None:
    at = _record(lines, rng)
    if at is None:
        return
    time, rest = lines[at].strip().split(" ", 1)
    new = rng.choice((0, 1, INT64_MAX, INT64_MAX - 1, int(time) + 10**9, int(time) + 10**15,
                      max(int(time) - 10**9, 0), int(time) + 1, int(time) * 3))  # fmt: skip
    lines[at] = f"  {min(new, INT64_MAX)} {rest}"


def _change_text(lines: list[str], rng: random.Random) -> None:
    at = _record(lines, rng)
    if at is None or '"' not in lines[at]:
        return
    new = rng.choice(("", "\x1f", "\x1f" * 4000, "a" * 4096, "\x1b]0;x\x07", "\u202e", "\0", ":",
                      "x.py:99999999999999999999:f", "a:b:c\x1fd", "\udcff" * 9))  # fmt: skip
    lines[at] = _TEXT.sub(lambda _: text.quoted(new), lines[at])


def _drop(lines: list[str], rng: random.Random) -> None:
    at = _record(lines, rng)
    if at is not None:
        del lines[at : at + rng.choice((1, 1, 2, 10))]


def _double(lines: list[str], rng: random.Random) -> None:
    at = _record(lines, rng)
    if at is not None:
        lines[at:at] = lines[at : at + rng.choice((1, 2, 5))] * rng.choice((1, 1, 30))


def _move(lines: list[str], rng: random.Random) -> None:
    """To another place, maybe of another stream, which the writer then refuses or takes."""
    at = _record(lines, rng)
    if at is not None:
        line = lines.pop(at)
        lines.insert(rng.randrange(1, len(lines) + 1), line)


def _drop_block(lines: list[str], rng: random.Random) -> None:
    heads = [at for at, line in enumerate(lines) if not line.startswith("  ")][1:]
    if heads:
        at = rng.choice(heads)
        end = next((h for h in heads if h > at), len(lines))
        del lines[at:end]


def _rename_stream(lines: list[str], rng: random.Random) -> None:
    heads = [at for at, line in enumerate(lines) if line.startswith("EVENTS")]
    if heads:
        at = rng.choice(heads)
        words = lines[at].split()
        words[rng.choice((2, 3))] = str(rng.choice(NUMBERS))
        lines[at] = " ".join(words)


def _change_json(lines: list[str], rng: random.Random) -> None:
    places = [at for at, line in enumerate(lines) if line.startswith(("META", "END"))]
    if not places:
        return
    at = rng.choice(places)
    head, _, body = lines[at].partition(" ")
    try:
        content = json.loads(body)
    except ValueError:
        return
    where: Any = content
    while isinstance(where, dict) and where:
        key = rng.choice(sorted(where))
        if rng.random() < 0.6 or not isinstance(where[key], dict):
            where[key] = rng.choice(ODD)
            break
        where = where[key]
    lines[at] = f"{head} {json.dumps(content)}"


_CHANGES: tuple[Callable[[list[str], random.Random], None], ...] = (
    _change_number, _change_number, _change_number, _change_all, _change_time, _change_time,
    _change_text, _drop, _drop, _double, _move, _drop_block, _rename_stream, _change_json,
    _change_json,
)  # fmt: skip
