"""One mode as a small picture: dishes above, cooks below, on a time axis that all modes share.

Switching is then one row of changing colours, and parallelism two rows filled at once. The cells
are decided by the report's own rules (``report.terminal.cells``): no column shows more hands than
moved in it at one moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from rich.style import Style

from twocooks.analyse.result import Analysis, Task
from twocooks.kitchen import told
from twocooks.kitchen.measure import Measured, cooks
from twocooks.kitchen.minutes import number
from twocooks.kitchen.recipe import TITLES, Mode
from twocooks.model import TaskKind, Verdict
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
)
from twocooks.report.terminal.lanes import Lane, fold
from twocooks.report.terminal.paint import BOLD, DIM, LETTERS, Painter, Span
from twocooks.report.words import clean, fit, width_of

WORDS: dict[str, str] = {
    Verdict.ONE_AFTER_ANOTHER: "Neither",
    Verdict.TURNS: "Concurrent",
    Verdict.WAITING_TOGETHER: "Concurrent",
    Verdict.RELAY: "Concurrent",
    Verdict.SOMETIMES: "Now and then parallel",
    Verdict.PARALLEL: "Parallel",
    Verdict.BOTH: "Both",
    Verdict.MANY_HANDS: "Many hands",
    Verdict.CANNOT_TELL: "Cannot tell",
}
MOST_DISHES = 8
LABEL = 8
"""Columns of a name, at most 12 where there is room."""
WIDE = 50
"""Columns from which a panel has room for longer lines."""


Line = list[Span]


@dataclass(frozen=True)
class Frame:
    """What all panels of a screen share."""

    painter: Painter
    width: int
    longest_s: float
    """The longest mode fills the width."""
    minute_s: float
    staff: tuple[str, ...]
    dishes: tuple[str, ...]
    """Names in the order, and so the colours, that all panels share."""


def dishes_of(analysis: Analysis) -> list[Task]:
    return [task for task in analysis.tasks if task.kind is TaskKind.BLOCK]


def span_of(analysis: Analysis) -> tuple[float, float]:
    """From the first dish's beginning to the last one's end, in seconds of the run."""
    dishes = dishes_of(analysis)
    if not dishes:
        return analysis.window_s
    return min(d.begun_s for d in dishes), max(d.done_s for d in dishes)


def panel(mode: Mode, analysis: Analysis, measured: Measured, frame: Frame) -> list[Line]:
    """The lines of one mode, each at most ``frame.width`` wide."""
    verdict = WORDS.get(measured.verdict, measured.verdict)
    title = TITLES[mode]
    gap = frame.width - width_of(title) - width_of(verdict)
    lines: list[Line] = [[(title, DIM)], *_numbers(measured, frame)]
    # Beside the title, or where both are long beside the minutes.
    beside_it = lines[0] if gap >= 1 else lines[1]
    room = frame.width - width_of(verdict) - sum(width_of(text) for text, _ in beside_it)
    beside_it += [(" " * max(room, 1), None), (verdict, BOLD)]
    rows = cooks(analysis, frame.minute_s)
    known = {name: place for place, name in enumerate(frame.dishes)}
    lanes = sorted(fold(dishes_of(analysis), MOST_DISHES),
                   key=lambda lane: known.get(lane.tasks[0].name, len(known)))
    if not lanes:
        return lines
    keys = not frame.painter.coloured or len(lanes) > len(frame.painter.palette)
    label = LABEL if frame.width < WIDE else 12
    room = frame.width - label - (3 if keys else 1)
    shown = replace(analysis, cores=rows, window_s=span_of(analysis))
    span = shown.window_s[1] - shown.window_s[0]
    columns = max(4, min(room, round(room * span / frame.longest_s)))
    drawn = cells.picture(shown, lanes, columns)
    for index, lane in enumerate(lanes):
        lines.append(_front(_name(lane, frame), label, keys, index, frame)
                     + _lane(drawn, index, frame))
    lines.append([(fit("cooks", label, right=True), DIM)])
    for row, core in enumerate(drawn.cores):
        name = frame.staff[row] if row < len(frame.staff) else f"cook {row + 1}"
        lines.append(_front(name, label, keys, None, frame) + _cook(core.cells, keys, frame))
    return lines


def _numbers(measured: Measured, frame: Frame) -> list[Line]:
    """Minutes, and how many were on the go and at work: beside or below."""
    n, dot = measured.numbers, frame.painter.glyphs.dot
    words = told.in_short(n, up_to=frame.width >= WIDE, dot=dot)
    minutes: Span = (f"{number(n.minutes)} min", BOLD)
    if frame.width < WIDE:
        return [[minutes], [(fit(words, frame.width).rstrip(), None)]]
    return [[minutes, ("  " + words, None)]]


def _name(lane: Lane, frame: Frame) -> str:
    name = clean(lane.label, unicode=frame.painter.unicode)
    return f"{lane.more} more" if lane.more and lane.rest else name


def _front(name: str, label: int, keys: bool, index: int | None, frame: Frame) -> Line:
    spans: Line = [(fit(fit(name, min(label, width_of(name)), unicode=frame.painter.unicode), label,
                        right=True) + " ", None)]
    if keys:
        spans.append(((LETTERS[index % 26] if index is not None else " ") + " ", BOLD))
    return spans


def _lane(drawn: cells.Picture, index: int, frame: Frame) -> Line:
    painter, glyphs = frame.painter, frame.painter.glyphs
    looks: dict[int, tuple[str, Style | None]] = {
        LINE: (glyphs.line, painter.lane(index)), WAIT: (glyphs.wait, painter.faint(index)),
        DELEGATED: (glyphs.delegated, DIM), UNKNOWN: (glyphs.unknown, DIM),
        GLIMPSE: (glyphs.glimpse, painter.lane(index))}
    spans: Line = []
    for hands, state in zip(drawn.hands[index], drawn.state[index], strict=True):
        if hands:
            digit = glyphs.hands if hands == 1 else str(min(int(hands), 9))
            spans.append((digit, painter.lane(index)))
        else:
            spans.append(looks.get(int(state), (" ", None)))
    return spans


def _cook(row: Iterable[int], keys: bool, frame: Frame) -> Line:
    painter, glyphs = frame.painter, frame.painter.glyphs
    spans: Line = []
    for value in map(int, row):
        if value in (IDLE, PROGRAM):
            spans.append((glyphs.nothing, DIM))
        elif value == LOST:
            spans.append((glyphs.unknown, DIM))
        elif keys:
            spans.append((LETTERS[value % 26], painter.block(value)))
        else:
            spans.append((glyphs.hands, painter.lane(value)))
    return spans


def beside(left: list[Line], right: list[Line], width: int, gap: int) -> list[Line]:
    """Two panels next to each other."""
    lines = []
    for index in range(max(len(left), len(right))):
        first = left[index] if index < len(left) else []
        second = right[index] if index < len(right) else []
        missing = width - sum(width_of(text) for text, _ in first)
        lines.append([*first, (" " * (missing + gap if second else 0), None), *second])
    return lines
