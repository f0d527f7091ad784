"""The kitchen's last screen: four pictures with measured numbers, and the sentences to keep.

Everything above "predicted" comes from the traces. What the plan foretold only stands beside it in
the table, and what burnt is the cooks' own word.
"""

from __future__ import annotations

from collections.abc import Iterator

from twocooks.kitchen import told
from twocooks.kitchen.panel import Frame, Line, beside, panel, span_of
from twocooks.kitchen.recipe import TITLES, Dinner, Mode
from twocooks.kitchen.serve import Plate, Variant
from twocooks.report.base import MIN_WIDTH, Options
from twocooks.report.terminal.paint import BOLD, DIM, WARN, Painter, Span
from twocooks.report.words import clean, fit, width_of, wrap

MARGIN, GAP = 2, 4
MAX_WIDTH = 130
TWO_COLUMNS = 76
"""Below this width the panels stand under each other."""
MAX_TEXT = 92


def render(
    dinner: Dinner, variant: Variant, done: list[Plate], changed: list[str], options: Options
) -> str:
    """The whole screen, with a final newline."""
    width = max(MIN_WIDTH, min(options.width, MAX_WIDTH))
    page = _Screen(dinner, variant, done, Painter(options.colour, options.unicode), width)
    lines = [*page.head(changed), *page.pictures(), "", *page.legend(), "", *page.lessons(), "",
             *page.table(), *page.notes()]
    return "\n".join(lines) + "\n"


class _Screen:
    def __init__(
        self, dinner: Dinner, variant: Variant, done: list[Plate], painter: Painter, width: int
    ) -> None:
        self.dinner = dinner
        self.variant = variant
        self.done = [plate for plate in done if plate.analysis and plate.measured]
        self.painter = painter
        self.width = width
        self.text = min(width - 2 * MARGIN, MAX_TEXT)

    def line(self, *spans: Span) -> str:
        return self.painter.line([(" " * MARGIN, None), *spans])

    def say(self, text: str, *, style: object = None, first: str = "", indent: int = 0
            ) -> Iterator[str]:
        clean_text = clean(text, unicode=self.painter.unicode)
        for index, part in enumerate(wrap(clean_text, self.text - indent)):
            front = fit(first if index == 0 else "", indent)
            yield self.line((front, BOLD), (part, style))  # type: ignore[arg-type]

    def head(self, changed: list[str]) -> Iterator[str]:
        title = told.headline(self.dinner, self.variant, len(self.done))
        yield ""
        yield self.line((clean(title, unicode=self.painter.unicode), BOLD))
        yield from self.say(told.measured_when(self.dinner), style=DIM)
        for sentence in changed:
            yield from self.say(sentence)
        for warning in told.warnings(self.dinner, self.variant, self.done):
            yield from self.say(warning, style=WARN, first=self.painter.glyphs.warn, indent=2)
        yield ""

    def pictures(self) -> Iterator[str]:
        whole = self.width - 2 * MARGIN
        stacked = self.width < TWO_COLUMNS
        half = whole if stacked else (whole - GAP) // 2
        spans = [span_of(p.analysis) for p in self.done if p.analysis]
        longest = max(end - start for start, end in spans)
        names = tuple(dish.name for dish in self.dinner.dishes)
        panels: dict[Mode, list[Line]] = {}
        for plate in self.done:
            assert plate.analysis is not None
            assert plate.measured is not None
            frame = Frame(self.painter, half, max(longest, 1e-6), self.dinner.minute_s,
                          self.dinner.staff(plate.mode), names)
            panels[plate.mode] = panel(plate.mode, plate.analysis, plate.measured, frame)
        pairs: list[tuple[Mode, Mode]] = [("sequential", "switching"),
                                          ("friend", "friend-switching")]
        first = True
        for left, right in pairs:
            if left not in panels and right not in panels:
                continue
            if not first:
                yield ""
            first = False
            if left in panels and right in panels and stacked:
                both = [*panels[left], [], *panels[right]]
            elif left in panels and right in panels:
                both = beside(panels[left], panels[right], half, GAP)
            else:
                both = panels[left] if left in panels else panels[right]
            yield from (self.line(*spans) for spans in both)

    def legend(self) -> Iterator[str]:
        g = self.painter.glyphs
        yield self.line((g.hands * 2, None), (" hands on it   ", DIM), (g.wait * 2, None),
                        (" on the stove   ", DIM), (g.line * 2, None), (" standing in line", DIM))

    def lessons(self) -> Iterator[str]:
        """The sentences to keep, with this run's numbers."""
        for text in told.lessons(self.dinner, self.variant, self.done):
            yield from self.say(text)
        for text in told.one_place(self.variant, self.done):
            yield from self.say(text)
        for text in told.strictly(self.done):
            yield from self.say(text, style=DIM)
        for text in told.burnt(self.done):
            yield from self.say(text, style=WARN)

    def table(self) -> Iterator[str]:
        """Predicted beside measured."""
        arrow = "→" if self.painter.unicode else ">"
        name = max(width_of(TITLES[p.mode]) for p in self.done)
        name = max(name, width_of("predicted > measured"))
        head: list[Span] = [(fit(f"predicted {arrow} measured", name), DIM)]
        columns = list(told.COLUMNS)
        while name + sum(wide for _, wide, _, _ in columns) > self.width - 2 * MARGIN:
            columns.pop()
        head += [(fit(title, wide, right=True), DIM) for title, wide, _, _ in columns]
        yield self.line(*head)
        for plate in self.done:
            assert plate.measured is not None
            spans: list[Span] = [(fit(TITLES[plate.mode], name), None)]
            for _, wide, key, digits in columns:
                before = told.value(getattr(plate.predicted.numbers, key), digits)
                after = told.value(getattr(plate.measured.numbers, key), digits)
                spans.append((fit(f"{before} {arrow} {after}", wide, right=True), None))
            yield self.line(*spans)
        if columns == list(told.COLUMNS):
            yield from self.say(told.TWO_GOT_THEM, style=DIM)
        for plate in self.done:
            if plate.predicted.tie:
                yield from self.say(f"{TITLES[plate.mode]}: {plate.predicted.tie}", style=DIM)

    def notes(self) -> Iterator[str]:
        yield ""
        yield from self.say("Try: twocooks kitchen --one-core, --no-breaks, --tool burner=1, "
                            "--cooks threads, --list; and twocooks explain for the words.",
                            style=DIM)
