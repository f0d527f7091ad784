"""Writes what derives from the event table: the C header and the reference page.

``python -m twocooks.format.generate`` in a source tree writes both; with ``--check`` it only says
whether one is stale (exit code 1), which is also a test.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from twocooks.format import spec

HERE = Path(__file__).resolve().parent
HEADER = HERE.parents[1] / "core" / "events.h"
PAGE = HERE / "FORMAT.md"

TYPE_CODES = {"u": "u", "s": "s", "task": "t", "str": "x"}
MADE_BY = "Made from src/twocooks/format/spec.py by python -m twocooks.format.generate"


def numbers_of(event: spec.Event) -> int:
    """How many fields of the event are numbers (all but a text, which is always the last)."""
    return sum(kind != "str" for _, kind in event.fields)


def check_table() -> None:
    """Raises ValueError where the table breaks its own rules."""
    seen: set[int] = set()
    for event in spec.EVENTS:
        types = [kind for _, kind in event.fields]
        if event.number in seen or not 0 <= event.number < 256:
            raise ValueError(f"{event.name}: number {event.number} is taken or not in 0..255")
        if "str" in types[:-1]:
            raise ValueError(f"{event.name}: a text must be the last field")
        if not set(types) <= set(TYPE_CODES):
            raise ValueError(f"{event.name}: unknown field type")
        if event.short is not None and not 0 <= event.short <= 6:
            raise ValueError(f"{event.name}: short code {event.short} is not in 0..6")
        seen.add(event.number)
    shorts = [(e.stream, e.short) for e in spec.EVENTS if e.short is not None]
    if len(shorts) != len(set(shorts)):
        raise ValueError("two events of one stream share a short code")


def header() -> str:
    """The text of src/core/events.h."""
    return "\n".join(_header_lines()) + "\n"


def _header_lines() -> Iterator[str]:
    limit = max(spec.BY_NUMBER) + 1
    widest = max(numbers_of(event) for event in spec.EVENTS)
    yield f"/* {MADE_BY}: do not edit. */"
    yield "#ifndef TWOCOOKS_EVENTS_H"
    yield "#define TWOCOOKS_EVENTS_H"
    yield "#include <stdint.h>"
    yield ""
    yield f'#define TC_MAGIC "{spec.MAGIC.decode()}"'
    yield f"#define TC_VERSION {spec.VERSION}u"
    yield f"#define TC_MAX_STRING {spec.MAX_STRING}u"
    yield f"#define TC_SEPARATOR '\\x{ord(spec.SEPARATOR):02x}'"
    yield "#define TC_SHORT_NONE 7 /* announces the event's number */"
    yield f"#define TC_EVENT_LIMIT {limit} /* one more than the highest event number */"
    yield f"#define TC_MAX_NUMBERS {widest} /* no event has more number fields */"
    yield f"#define TC_STREAM_LIMIT {max(spec.Stream) + 1}"
    yield ""
    yield from _enum_lines()
    yield from _table_lines()
    yield "#endif"


def _enum_lines() -> Iterator[str]:
    yield "enum tc_block_kind {"
    for block in spec.Block:
        yield f"    TC_BLOCK_{block.name} = {block.value},"
    yield "};"
    yield ""
    yield "enum tc_stream_kind {"
    for kind in spec.Stream:
        yield f"    TC_STREAM_{kind.name} = {kind.value},"
    yield "};"
    yield ""
    yield "enum tc_event {"
    for event in spec.EVENTS:
        yield f"    TC_EV_{event.name} = {event.number},"
    yield "};"
    yield ""


def _table_lines() -> Iterator[str]:
    yield "struct tc_event_row {"
    yield "    const char *name;  /* NULL: no such event */"
    yield "    uint8_t stream;    /* enum tc_stream_kind, 0 = any */"
    yield "    uint8_t shortcode; /* TC_SHORT_NONE where it has none */"
    yield "    uint8_t numbers;   /* fields that are numbers; they come first */"
    yield "    uint8_t has_text;  /* 1: a text follows them */"
    yield "    char types[TC_MAX_NUMBERS + 1]; /* of the numbers: u, s (signed), t (task) */"
    yield "};"
    yield ""
    yield "__attribute__((unused))"
    yield "static const struct tc_event_row tc_events[TC_EVENT_LIMIT] = {"
    for event in spec.EVENTS:
        types = "".join(TYPE_CODES[kind] for _, kind in event.fields if kind != "str")
        short = "TC_SHORT_NONE" if event.short is None else str(event.short)
        stream = "0" if event.stream is None else f"TC_STREAM_{event.stream.name}"
        text = int(any(kind == "str" for _, kind in event.fields))
        yield (
            f'    [{event.number}] = {{"{event.name}", {stream}, {short}, '
            f'{numbers_of(event)}, {text}, "{types}"}},'
        )
    yield "};"
    yield ""
    yield "/* The event of a short code within a stream kind; -1 = none. */"
    yield "__attribute__((unused))"
    yield "static const int16_t tc_short_events[TC_STREAM_LIMIT][7] = {"
    for number in range(max(spec.Stream) + 1):
        row = []
        for code in range(7):
            found = [e for e in spec.EVENTS if e.stream == number and e.short == code]
            row.append(str(found[0].number if number and found else -1))
        yield f"    {{{', '.join(row)}}},"
    yield "};"


def page() -> str:
    """The text of FORMAT.md."""
    return "\n".join(_page_lines()) + "\n"


def _page_lines() -> Iterator[str]:
    yield f"<!-- {MADE_BY}: do not edit. -->"
    yield ""
    yield "# The trace file"
    yield ""
    assert spec.__doc__ is not None
    text = spec.__doc__.split("\n\n", 2)[2].strip()
    yield from (line.replace("``", "`") for line in text.splitlines())
    yield ""
    yield f"This page describes version {spec.VERSION}."
    yield ""
    for title, stream, about in _sections():
        yield f"## {title}"
        yield ""
        if about:
            yield about
            yield ""
        yield "| number | short | event | fields | meaning |"
        yield "|---|---|---|---|---|"
        for event in spec.EVENTS:
            if event.stream == stream:
                fields = ", ".join(f"{name}: {kind}" for name, kind in event.fields) or "-"
                short = "-" if event.short is None else str(event.short)
                doc = event.doc.replace("|", "\\|")
                yield f"| {event.number} | {short} | {event.name} | {fields} | {doc} |"
        yield ""
    yield "## Reading a damaged file"
    yield ""
    yield "A block can be decoded alone. A reader skips a block whose checksum is wrong and says"
    yield "so; of a kernel stream it marks the window as lost. A file that is cut off gives what"
    yield "came before the cut. An unknown event number ends the reading of its block."


def _sections() -> list[tuple[str, spec.Stream | None, str]]:
    abouts = {
        spec.Stream.KERNEL: "key_a = CPU number, key_b = 0.",
        spec.Stream.AGENT: "key_a = pid, key_b = tid.",
        spec.Stream.LOOK: "key_a = key_b = 0.",
        spec.Stream.POLL: "key_a = key_b = 0.",
        spec.Stream.METER: "key_a = key_b = 0.",
    }
    streams = [(f"Stream {s.value}: {s.name}", s, abouts[s]) for s in spec.Stream]
    return [("In every stream", None, ""), *streams]


def main(arguments: list[str]) -> int:
    """Writes the derived files or, with ``--check``, names the stale ones."""
    check_table()
    stale = []
    for path, text in ((HEADER, header()), (PAGE, page())):
        old = path.read_text(encoding="utf-8") if path.exists() else None
        if old != text:
            stale.append(path)
            if "--check" not in arguments:
                path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{path.name}: {'stale' if '--check' in arguments else 'written'}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
