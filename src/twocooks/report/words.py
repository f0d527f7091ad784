"""Words for people: cleaned names, cut and wrapped texts, readable numbers.

Names come from the watched program and are hostile: they may hold escape sequences, control and
direction characters, a thousand combining marks, or characters two columns wide. What passes
``clean`` can be written to any terminal and takes the width that ``width_of`` says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from rich.cells import cell_len, set_cell_size

# Whole escape sequences first, so that their letters do not stay behind as litter: CSI, then the
# string kinds (OSC, DCS, PM, APC, SOS) up to their terminator, then any other two-character one.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_MAX_MARKS = 2  # combining marks on one letter; living languages need no more
_MAX_RAW = 4096  # longer texts are cut before they are looked at


def clean(text: str, *, unicode: bool = True) -> str:
    """The text without what could steer a terminal; runs of white space become one space."""
    kept: list[str] = []
    marks = 0
    for char in _ESCAPES.sub("", text[:_MAX_RAW]):
        kind = unicodedata.category(char)
        if kind in ("Zs", "Zl", "Zp") or char in "\t\n\r\v\f":
            kept.append(" ")
        elif kind[0] == "C":
            if kind == "Cs":
                kept.append("?")  # a byte that was no text
        elif kind in ("Mn", "Me"):
            marks += 1
            if kept and marks <= _MAX_MARKS:
                kept.append(char)
            continue
        else:
            kept.append(char)
        marks = 0
    result = " ".join("".join(kept).split())
    return result if unicode else to_ascii(result)


_ASCII = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "–": "-",
        "—": "-",
        "…": "..",
        "·": "-",
        "×": "x",
        "≥": ">=",
        "≤": "<=",
        "µ": "u",
        "━": "-",
    }
)


def to_ascii(text: str) -> str:
    """The nearest plain characters; what has none becomes a question mark."""
    plain = unicodedata.normalize("NFKD", text.translate(_ASCII))
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    return plain.encode("ascii", "replace").decode("ascii")


def plain(text: str, *, unicode: bool) -> str:
    """A finished text as its place can show it: units, too, are ASCII where nothing else is."""
    return text if unicode else to_ascii(text)


def width_of(text: str) -> int:
    """Columns that the text takes on a terminal."""
    return cell_len(text)


def fit(text: str, columns: int, *, unicode: bool = True, right: bool = False) -> str:
    """Exactly ``columns`` wide: filled with spaces, or cut with an ellipsis."""
    missing = columns - cell_len(text)
    if missing < 0:
        dots = "…" if unicode else ".."
        text = set_cell_size(text, max(columns - len(dots), 0)).rstrip() + dots
        missing = columns - cell_len(text)
    return " " * missing + text if right else text + " " * missing


def wrap(text: str, columns: int) -> Iterator[str]:
    """Lines of at most ``columns``; words longer than a line are broken."""
    line = ""
    for word in text.split():
        while cell_len(word) > columns:
            room = columns - cell_len(line) - 1 if line else columns
            if room < 2:
                yield line
                line, room = "", columns
            head = _head(word, room)
            yield f"{line} {head}" if line else head
            line, word = "", word[len(head) :]
        if not line:
            line = word
        elif cell_len(line) + 1 + cell_len(word) <= columns:
            line = f"{line} {word}"
        else:
            yield line
            line = word
    if line:
        yield line


def _head(word: str, columns: int) -> str:
    """As many characters from the front as fit, at least one."""
    used = 0
    for index, char in enumerate(word):
        used += cell_len(char)
        if used > columns:
            return word[: max(index, 1)]
    return word


def seconds(value: float) -> str:
    """Two digits that matter, with a unit: ``0.48 s``, ``12 ms``, ``0``, ``95 s``, ``12 min``."""
    size = abs(value)
    if size < 0.5e-6:
        return "0 s"
    if size < 0.9995e-3:
        return f"{value * 1e6:.0f} µs"
    if size < 0.0995:
        return f"{value * 1e3:.1f} ms" if size < 0.00995 else f"{value * 1e3:.0f} ms"
    if size < 9.95:
        return f"{value:.2f} s" if size < 0.995 else f"{value:.1f} s"
    if size < 119.5:
        return f"{value:.0f} s"
    if size < 7170:
        return f"{value / 60:.0f} min"
    return f"{value / 3600:.1f} h"


def count(number: int, one: str, many: str | None = None) -> str:
    """``1 task``, ``12,000 tasks``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def end_of(place: str, width: int) -> str:
    """A place cut to the width: of a path its end tells most."""
    parts = place.split("/")
    while cell_len(place) > width and len(parts) > 1:
        parts = parts[1:]
        place = "/".join(parts)
    if cell_len(place) <= width:
        return place
    while place and cell_len(place) > width - 2:
        place = place[max(1, (cell_len(place) - width + 2) // 2) :]
    return ".." + place
