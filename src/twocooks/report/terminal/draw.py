"""The picture in characters: lanes, cores, time, and the two strips on one time axis."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich.style import Style

from twocooks.analyse.result import Analysis
from twocooks.report.terminal import cells
from twocooks.report.terminal.cells import (
    DELEGATED,
    GLIMPSE,
    IDLE,
    LINE,
    LOST,
    PROGRAM,
    UNKNOWN,
    WAIT,
    Picture,
)
from twocooks.report.terminal.lanes import Lane
from twocooks.report.terminal.paint import BAR, BOLD, DIM, LETTERS, LIT, Painter, Span
from twocooks.report.words import clean, count, fit, seconds, width_of

MARGIN = 2
RIGHT = 9
"""Columns to the right of the cells: a gap and a short number."""
MAX_LABEL = {0: 9, 60: 14, 76: 18, 100: 22, 130: 28}


def rows(analysis: Analysis, lanes: list[Lane], painter: Painter, width: int) -> Iterator[str]:
    """All lines of the picture, each at most ``width`` columns wide."""
    labels = [_label(lane, painter) for lane in lanes]
    most = max(value for least, value in MAX_LABEL.items() if width >= least)
    label_width = max(min(max(map(width_of, labels), default=0), most), len("on the go"))
    keys = not painter.coloured or len(lanes) > len(painter.palette)
    left = MARGIN + (2 if keys else 0) + label_width + 2
    picture = cells.picture(analysis, lanes, width - left - RIGHT - MARGIN)
    exact = (analysis.summary.get("measured") or {}).get("exact") is not False
    drawing = _Drawing(painter, picture, label_width, keys, exact)
    yield from drawing.legend()
    for number, label in enumerate(labels):
        yield drawing.lane(number, label)
    yield ""
    if drawing.exact:  # by polling nobody knows which core it was
        yield from drawing.cores(analysis)
    yield drawing.axis()
    yield from drawing.strips(analysis)


def _label(lane: Lane, painter: Painter) -> str:
    name = clean(lane.label, unicode=painter.unicode) or "(no name)"
    if not lane.more:
        return name
    if lane.rest:
        return f"{lane.more} more {name}"
    times = "×" if painter.unicode else "x"
    return f"{name} {times}{lane.more}"


class _Drawing:
    def __init__(
        self, painter: Painter, picture: Picture, label_width: int, keys: bool, exact: bool
    ) -> None:
        self.painter = painter
        self.glyphs = painter.glyphs
        self.picture = picture
        self.label_width = label_width
        self.keys = keys
        self.exact = exact
        self.blank = self.glyphs.nothing

    def row(
        self,
        label: str,
        spans: list[Span],
        right: str = "",
        key: str = " ",
        style: Style | None = None,
    ) -> str:
        gap = len(self.picture.edges) - 1 - sum(width_of(text) for text, _ in spans)
        spans = [*spans, (" " * max(gap, 0), None)]
        front: list[Span] = [(" " * MARGIN, None)]
        if self.keys:
            front.append((key + " ", BOLD))
        front.append((fit(label, self.label_width, unicode=self.painter.unicode) + "  ", style))
        return self.painter.line([*front, *spans, (fit(right, RIGHT, right=True), DIM)])

    def legend(self) -> Iterator[str]:
        """The three words and whatever else this picture needs; two lines where it is narrow."""
        glyphs, states = self.glyphs, self.picture.state
        entries = [
            (glyphs.hands, "hands on it"),
            (glyphs.wait, "waiting"),
            (glyphs.line, "in line"),
        ]
        if (states == DELEGATED).any():
            entries.append((glyphs.delegated, "others do it"))
        if (states == UNKNOWN).any():
            entries.append((glyphs.unknown, "not known"))
        room = len(self.picture.edges) - 1
        twice = sum(len(word) + 6 for _, word in entries) - 3 <= room  # shows the texture better
        parts: list[Span] = []
        used, title = 0, "worked"
        for glyph, word in entries:
            texts = [glyph * (1 + twice), " " + word, " " * (2 + twice)]
            if parts and used + sum(map(len, texts[:2])) > room:
                yield self.row("", parts[:-1], title)
                parts, used, title = [], 0, ""
            parts += [(texts[0], None), (texts[1], DIM), (texts[2], None)]
            used += sum(map(len, texts))
        yield self.row("", parts[:-1], title)

    def lane(self, number: int, label: str) -> str:
        picture, painter = self.picture, self.painter
        looks = {
            LINE: (self.glyphs.line, painter.lane(number)),
            WAIT: (self.glyphs.wait, painter.faint(number)),
            GLIMPSE: (self.glyphs.glimpse, painter.lane(number)),
            DELEGATED: (self.glyphs.delegated, DIM),
            UNKNOWN: (self.glyphs.unknown, DIM),
        }
        spans: list[Span] = []
        for hands, state in zip(picture.hands[number], picture.state[number], strict=True):
            if hands == 1:
                spans.append((self.glyphs.hands, painter.lane(number)))
            elif hands > 1:
                digit = str(hands) if hands < 10 else "+"
                spans.append((digit, painter.block(number)))
            else:
                spans.append(looks.get(int(state), (" ", None)))
        worked = seconds(picture.lanes[number].work_s)
        return self.row(
            label,
            spans,
            worked if painter.unicode else worked.replace("µ", "u"),
            LETTERS[number % len(LETTERS)],
            painter.lane(number),
        )

    def cores(self, analysis: Analysis) -> Iterator[str]:
        """One row a core; a letter or a colour says for which task it worked."""
        painter, drawn = self.painter, self.picture.cores
        for row in drawn:
            spans: list[Span] = []
            for value in row.cells:
                if value == IDLE:
                    spans.append((self.blank, DIM))
                elif value == PROGRAM:
                    spans.append((self.glyphs.program, DIM))
                elif value == LOST:
                    spans.append((self.glyphs.unknown, DIM))
                elif self.keys:
                    spans.append((LETTERS[value % len(LETTERS)], painter.block(int(value))))
                else:
                    spans.append((self.glyphs.hands, painter.lane(int(value))))
            yield self.row(f"core {row.cpu}", spans, self._unit(row.busy_s))
        usable = (analysis.summary.get("cores") or {}).get("usable") or 0
        never = int(usable) - len(analysis.cores)
        notes = []
        if self.picture.more_cores:
            notes.append(f"and {count(self.picture.more_cores, 'core')} more, less busy")
        if never > 0 and drawn:
            notes.append(f"{count(never, 'more core', 'more cores')} never used")
        if notes and width_of("; ".join(notes)) > len(self.picture.edges) - 1 + RIGHT:
            yield from (self.row("", [(note, DIM)]) for note in notes)
        elif notes:
            yield self.row("", [("; ".join(notes), DIM)])

    def axis(self) -> str:
        """Ticks at round numbers of seconds since the program's start."""
        edges = self.picture.edges
        columns = len(edges) - 1
        start, end = float(edges[0]), float(edges[-1])
        step = _round_step(end - start, max(columns // 10, 2))
        text = [" "] * columns
        free = 0
        first = math.ceil(start / step - 1e-9)
        for number in range(first, int(end / step + 1e-9) + 1):
            column = min(int((number * step - start) / (end - start) * columns), columns - 1)
            label = self.glyphs.tick + _axis_label(number * step, step)
            if column >= free and column + len(label) <= columns:
                text[column : column + len(label)] = label
                free = column + len(label) + 1
        return self.row("", [("".join(text), DIM)])

    def strips(self, analysis: Analysis) -> Iterator[str]:
        summary = analysis.summary
        cores = int((summary.get("cores") or {}).get("usable") or 0)
        for label, values, key in (
            ("at work", self.picture.at_work, "parallelism"),
            ("on the go", self.picture.on_the_go, "concurrency"),
        ):
            peak = (summary.get(key) or {}).get("max")
            scale = max([int(values.max(initial=0)), cores if key == "parallelism" else 0])
            spans = [
                (self.glyphs.unknown, DIM)
                if unknown and key == "parallelism"
                else self._number(int(value), scale)
                for value, unknown in zip(values, self.picture.unknown, strict=True)
            ]
            yield self.row(label, spans, self._peak(peak, key))

    def _peak(self, peak: float | None, key: str) -> str:
        if peak is None:
            return ""
        if self.exact or key != "parallelism":
            return f"up to {peak:,.0f}"
        return f"{'≥' if self.painter.unicode else '>='} {peak:,.0f}"

    def _number(self, value: int, scale: int) -> Span:
        """A digit, or a bar where digits do not do. Two and more stand out."""
        if value == 0:
            return self.blank, DIM
        if scale <= 9:
            return str(value), LIT if value >= 2 else None
        bars = self.glyphs.bars
        return bars[min(math.ceil(value / scale * len(bars)), len(bars)) - 1], BAR

    def _unit(self, value: float) -> str:
        text = seconds(value)
        return text if self.painter.unicode else text.replace("µ", "u")


def _round_step(span: float, ticks: int) -> float:
    """A step of 1, 2 or 5 times a power of ten that gives at most ``ticks`` ticks."""
    raw = span / ticks
    power: float = 10.0 ** math.floor(math.log10(raw))
    for factor in (1, 2, 5, 10):
        if factor * power >= raw * (1 - 1e-9):
            return factor * power
    return 10 * power


def _axis_label(value: float, step: float) -> str:
    if value == 0:
        return "0 s"
    if step < 0.9995e-3:
        return f"{value * 1e3:.{max(0, -math.floor(math.log10(step * 1e3)))}f} ms"
    if step < 0.0995:
        return f"{value * 1e3:,.0f} ms"
    return f"{value:,.{1 if step < 0.95 else 0}f} s"
