"""Glyphs, colours, and lines of styled text.

Tasks differ by colour, states by texture, and each says enough alone: without colours the cores are
drawn with the letters of the tasks. The eight colours keep their distance for colour-blind eyes and
on dark and light grounds (after Okabe and Ito); more lanes than that get letters as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from rich.color import ColorSystem
from rich.style import Style

from twocooks.report.base import Colour
from twocooks.report.words import width_of

COLOURS = ("#D55E00", "#1F86CC", "#009E73", "#C79A00", "#CC79A7", "#56B4E9", "#8E6BD1", "#A0694B")
ANSI16 = ("red", "cyan", "green", "yellow", "magenta", "blue", "bright_blue", "bright_magenta")
"""Plain blue, hard to read on black, comes late."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SYSTEMS = {"16": ColorSystem.STANDARD, "256": ColorSystem.EIGHT_BIT, "full": ColorSystem.TRUECOLOR}

Span = tuple[str, Style | None]


class Glyphs(NamedTuple):
    """One column wide, all of them."""

    hands: str
    glimpse: str
    line: str
    wait: str
    delegated: str
    unknown: str
    program: str
    nothing: str
    tick: str
    bars: str
    """From nearly nothing to full, for numbers that have no single digit."""
    warn: str
    dot: str


UNICODE = Glyphs("▆", "▏", "╱", "─", "·", "?", "░", "·", "╵", "▁▂▃▄▅▆▇█", "▲", "·")
ASCII = Glyphs("#", "'", "/", "-", ".", "?", "%", ".", "|", ".:-=+*#@", "!", "|")

BOLD = Style(bold=True)
DIM = Style(dim=True)
WARN = Style(bold=True, color="yellow")
LIT = Style(color="#000000", bgcolor="#b2b2b2")
BAR = Style(color="#b2b2b2")
"""Two or more: on "on the go" that is concurrency, on "at work" it is parallelism."""


class Painter:
    """Turns spans into text for one kind of terminal."""

    def __init__(self, colour: Colour, unicode: bool) -> None:
        self.coloured = colour != "none"
        self.unicode = unicode
        self.glyphs = UNICODE if unicode else ASCII
        self._system = _SYSTEMS.get(colour)
        self.palette = ANSI16 if colour == "16" else COLOURS

    def lane(self, number: int) -> Style:
        """The colour of a lane's solid cells."""
        return _style(self.palette[number % len(self.palette)], False)

    def faint(self, number: int) -> Style:
        """The same, for what needs no hands."""
        return _style(self.palette[number % len(self.palette)], True)

    def block(self, number: int) -> Style:
        """The same as a ground for a letter or digit."""
        return _ground(self.palette[number % len(self.palette)])

    def line(self, spans: Iterable[Span]) -> str:
        """One line; neighbours of one style are written together, no space is left at the end."""
        merged: list[tuple[str, Style | None]] = []
        for text, style in spans:
            if merged and merged[-1][1] is style:
                merged[-1] = (merged[-1][0] + text, style)
            elif text:
                merged.append((text, style))
        while merged and not merged[-1][0].rstrip(" "):
            merged.pop()
        if merged:
            merged[-1] = (merged[-1][0].rstrip(" "), merged[-1][1])
        if self._system is None:
            return "".join(text for text, _ in merged)
        return "".join(
            text if style is None else style.render(text, color_system=self._system)
            for text, style in merged
        )


@lru_cache(maxsize=64)
def _style(colour: str, dim: bool) -> Style:
    return Style(color=colour, dim=dim)


@lru_cache(maxsize=64)
def _ground(colour: str) -> Style:
    return Style(color="black", bgcolor=colour, bold=True)


def columns(spans: Iterable[Span]) -> int:
    """How wide the spans are together."""
    return sum(width_of(text) for text, _ in spans)
