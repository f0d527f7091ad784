"""The kitchen's last screen: four pictures with measured numbers, and the sentences to keep.

Everything above "predicted" comes from the traces. What the plan foretold only stands beside it in
the table, and what burnt is the cooks' own word.
"""

from __future__ import annotations

from collections.abc import Iterator

from twocooks.kitchen.measure import bound_broken
from twocooks.kitchen.minutes import number
from twocooks.kitchen.panel import Frame, Line, beside, panel, span_of
from twocooks.kitchen.recipe import TITLES, Dinner, Mode
from twocooks.kitchen.serve import Plate, Variant
from twocooks.kitchen.truth import Numbers, bounds
from twocooks.report.base import MIN_WIDTH, Options
from twocooks.report.terminal.paint import BOLD, DIM, WARN, Painter, Span
from twocooks.report.words import clean, fit, width_of, wrap

MARGIN, GAP = 2, 4
MAX_WIDTH = 130
TWO_COLUMNS = 76
"""Below this width the panels stand under each other."""
MAX_TEXT = 92
COLUMNS = (("minutes", 11, "minutes", 1), ("on the go", 11, "concurrency", 1),
           ("at work", 11, "parallelism", 1), ("turns", 9, "turns", 0),
           ("hands won", 10, "contests_won", 1))
"""Of the table: title, width, which number, digits behind the point. "Hands won": when at least two
dishes wanted hands, how often two got them."""


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
        ways = {1: "one way", 2: "two ways", 3: "three ways"}.get(len(self.done), "four ways")
        yield ""
        where = "on one core" if self.variant.one_core else "on your cores"
        yield self.line((clean(f"{self.dinner.name}: one dinner, {ways}, {where}.",
                               unicode=self.painter.unicode), BOLD))
        minute = f"one kitchen minute was {self.dinner.minute_s:g} s"
        yield from self.say(f"Measured just now; {minute}.", style=DIM)
        for sentence in changed:
            yield from self.say(sentence)
        for warning in self.warnings():
            yield from self.say(warning, style=WARN, first=self.painter.glyphs.warn, indent=2)
        yield ""

    def warnings(self) -> Iterator[str]:
        """What makes the numbers doubtful stands above them."""
        for plate in self.done:
            assert plate.measured is not None
            cooks = min(len(self.dinner.staff(plate.mode)), self.variant.places())
            broken = bound_broken(plate.measured, bounds(self.dinner), cooks, self.dinner.minute_s)
            if broken:
                yield (f"{TITLES[plate.mode]}: {broken}. This is a mistake in twocooks; "
                       "please tell us.")
        if any(not p.measured.exact for p in self.done if p.measured):
            yield ("Estimated: the kernel did not tell its switches, so two at work is a lower "
                   "bound. See twocooks doctor.")
        busy = [plate for plate in self.done if plate.crowded]
        if busy:
            names = " and ".join(TITLES[plate.mode] for plate in busy)
            free = min(p.measured.free for p in busy if p.measured and p.measured.free is not None)
            yield (f"Other programs stood at the counter ({names}: {free:.1f} cores were free), so "
                   "these took longer than they need. Run it again when the machine is quiet.")

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
        by = {p.mode: p.measured.numbers for p in self.done if p.measured}
        yield from self.say("Columns are concurrency: how many dishes are on the go. "
                            "Rows are parallelism: how many pairs of hands move at one moment.")
        if self.dinner.teaches:
            yield from self.say(self.dinner.teaches)
        yield from self.one_place(by)
        if "friend" in by and by["friend"].most_at_work >= 2:
            yield from self.say(
                "Two cooks at work means two dishes on the go: real parallelism between tasks "
                "always brings concurrency along. What the friend's picture lacks is switching.",
                style=DIM)
        burnt = [(plate, entry) for plate in self.done for entry in plate.burnt]
        for mode in dict.fromkeys(plate.mode for plate, _ in burnt):
            entries = [entry for plate, entry in burnt if plate.mode == mode]
            names = list(dict.fromkeys(name for name, _, _ in entries))
            told = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if names[4:] else "")
            worst = max(late for _, _, late in entries)
            yield from self.say(f"Burnt, {TITLES[mode]}: {told} (up to {number(worst)} minutes too "
                                "late, by the cooks' own clocks).", style=WARN)

    def one_place(self, by: dict[Mode, Numbers]) -> Iterator[str]:
        """What a second place at the counter is worth, as far as this run shows it."""
        if self.variant.one_core or "friend" not in by or "switching" not in by:
            return
        two = by["friend"].at_work_two
        if two >= 1:
            yield from self.say(
                f"Take one place at the counter away: with a friend, the {number(two)} minutes "
                "with two at work are at stake; alone and switching, nothing is lost. "
                "Try it: twocooks kitchen --one-core")

    def table(self) -> Iterator[str]:
        """Predicted beside measured."""
        arrow = "→" if self.painter.unicode else ">"
        name = max(width_of(TITLES[p.mode]) for p in self.done)
        name = max(name, width_of("predicted > measured"))
        head: list[Span] = [(fit(f"predicted {arrow} measured", name), DIM)]
        columns = list(COLUMNS)
        while name + sum(wide for _, wide, _, _ in columns) > self.width - 2 * MARGIN:
            columns.pop()
        head += [(fit(title, wide, right=True), DIM) for title, wide, _, _ in columns]
        yield self.line(*head)
        for plate in self.done:
            assert plate.measured is not None
            spans: list[Span] = [(fit(TITLES[plate.mode], name), None)]
            for _, wide, key, digits in columns:
                before = _value(getattr(plate.predicted.numbers, key), digits)
                after = _value(getattr(plate.measured.numbers, key), digits)
                spans.append((fit(f"{before} {arrow} {after}", wide, right=True), None))
            yield self.line(*spans)

    def notes(self) -> Iterator[str]:
        yield ""
        yield from self.say("Try: twocooks kitchen --one-core, --no-breaks, --tool burner=1, "
                            "--cooks threads, --list; and twocooks explain for the words.",
                            style=DIM)


def _value(value: float | None, digits: int) -> str:
    if value is None:
        return "-"
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if digits and "." in text else text
