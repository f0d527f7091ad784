"""The page: from the headline down to what could not be seen (the layout of the answer page).

Every number comes from the summary; the page only arranges and cleans. What makes the rest doubtful
(losses, estimates) stands directly under the headline, not at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.style import Style

from twocooks.analyse.result import Analysis
from twocooks.model import Verdict
from twocooks.report import told
from twocooks.report.base import MAX_WIDTH, MIN_PAGE, Options
from twocooks.report.terminal import draw
from twocooks.report.terminal.lanes import fold, shown
from twocooks.report.terminal.paint import BOLD, DIM, WARN, Painter, Span
from twocooks.report.words import clean, fit, plain, width_of, wrap

MARGIN = 2
INDENT = 8
"""Where the paragraphs behind Why, So and Say it begin, after the margin."""
MAX_TEXT = 96
"""Longer lines of text are hard to read."""

IN_THIS_RUN = "in this run"


def render(analysis: Analysis, options: Options) -> str:
    """The report as text, no line wider than ``options.width``, with a final newline."""
    width = max(MIN_PAGE, min(options.width, MAX_WIDTH))
    painter = Painter(options.colour, options.unicode)
    page = _Page(analysis.whole, painter, width)
    lanes = fold(shown(analysis))
    lines = ["", *page.head(), ""]
    if lanes and analysis.summary["verdict"]["id"] != Verdict.NOTHING:
        lines += [*draw.rows(analysis, lanes, painter, width), ""]
    lines += [*page.body(), *page.foot(), ""]
    return plain("\n".join(lines), unicode=options.unicode)


class _Page:
    """The words above and below the picture."""

    def __init__(self, summary: dict[str, Any], painter: Painter, width: int) -> None:
        self.summary = summary
        self.verdict: dict[str, Any] = summary["verdict"]
        self.by = str(summary.get("by") or "task")
        self.painter = painter
        self.text_width = min(width - 2 * MARGIN, MAX_TEXT)
        self.width = width

    def clean(self, text: Any) -> str:
        return clean(str(text or ""), unicode=self.painter.unicode)

    def line(self, *spans: Span) -> str:
        return self.painter.line([(" " * MARGIN, None), *spans])

    def head(self) -> Iterator[str]:
        headline = self.clean(self.verdict.get("headline"))
        title, technical = told.headline(self.verdict, headline)
        where = IN_THIS_RUN if self.by == "task" else f"{IN_THIS_RUN}, by {self.by}"
        gap = self.width - 2 * MARGIN - width_of(title) - 2 - width_of(technical) - len(where)
        if gap >= 2:
            yield self.line((title, BOLD), ("  " + technical + " " * gap, None), (where, DIM))
        elif gap + len(where) >= 0 and self.by == "task":
            yield self.line((title, BOLD), ("  " + technical, None))
        else:
            yield from (self.line((part, BOLD)) for part in wrap(title, self.text_width))
            yield from (self.line((part, None)) for part in wrap(technical, self.text_width))
            if self.by != "task":
                yield self.line((where, DIM))
        for warning in told.warnings(self.summary):
            yield from self.paragraph(self.painter.glyphs.warn, warning, WARN, indent=2)
        yield ""
        sentence = self.clean(self.verdict.get("sentence"))
        yield from (self.line((part, None)) for part in wrap(sentence, self.text_width))

    def body(self) -> Iterator[str]:
        for title, key in (("Why", "why"), ("So", "so")):
            if self.verdict.get(key):
                yield from self.paragraph(title, self.clean(self.verdict[key]), BOLD)
        for number, level in enumerate(self.summary.get("levels") or []):
            title = "" if number else "Levels"
            yield from self.paragraph(title, self.clean(level["sentence"]), BOLD)
        told = self.verdict.get("finding")  # Why rests on it
        found = self.summary.get("findings") or []
        also = [finding for finding in found if finding["id"] != told]
        for number, finding in enumerate(also):
            text = self.clean(finding["sentence"])
            yield from self.paragraph("" if number else "Also", text, BOLD)
        say = self.clean(self.verdict.get("say")).strip('"“”')
        if say:
            quoted = f"“{say}”" if self.painter.unicode else f'"{say}"'
            yield from self.paragraph("Say it", quoted, BOLD)

    def foot(self) -> Iterator[str]:
        yield ""
        dot = f" {self.painter.glyphs.dot} "
        line = ""
        for number in told.numbers(self.summary):  # broken between the numbers, not inside one
            if line and width_of(line + dot + number) > self.text_width:
                yield from (self.line((part, DIM)) for part in wrap(line, self.text_width))
                line = ""
            line += dot + number if line else number
        yield from (self.line((part, DIM)) for part in wrap(line, self.text_width))
        notes = [str(note) for note in (self.summary.get("measured") or {}).get("notes") or []]
        for note in notes:
            yield from self.paragraph(
                self.painter.glyphs.dot, self.clean(note), DIM, indent=2, body=DIM
            )

    def paragraph(
        self, title: str, text: str, style: Style, indent: int = INDENT, body: Style | None = None
    ) -> Iterator[str]:
        for number, part in enumerate(wrap(text, self.text_width - indent)):
            yield self.line((fit(title if number == 0 else "", indent), style), (part, body))
