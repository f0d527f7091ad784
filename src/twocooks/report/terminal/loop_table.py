"""Event loops: how late they were, and which steps held them."""

from __future__ import annotations

from collections.abc import Iterator

from twocooks.analyse.loops import PARTS, Hold, Loop
from twocooks.report.base import MAX_WIDTH, MIN_WIDTH, Options
from twocooks.report.terminal.paint import BOLD, DIM, Painter, Span
from twocooks.report.words import clean, count, end_of, fit, plain, seconds, width_of, wrap

MARGIN, INDENT = 2, 11
MOST_LOOPS, MOST_HOLDS = 8, 12
PARTS_SHOWN, MOST_PLACE = 3, 48


def loop(loops: list[Loop], options: Options) -> str:
    """What is known of each loop, with a final newline."""
    width = max(MIN_WIDTH, min(options.width, MAX_WIDTH))
    if not loops:
        return "\n  No event loop was seen in this run.\n\n"
    view = _View(Painter(options.colour, options.unicode), width)
    lines: list[str] = []
    for one in loops[:MOST_LOOPS]:
        lines += ["", *view.loop(one)]
    if len(loops) > MOST_LOOPS:
        rest = len(loops) - MOST_LOOPS
        lines += ["", view.line((f"and {count(rest, 'more loop')}, held for less", DIM))]
    return plain("\n".join([*lines, "", ""]), unicode=options.unicode)


class _View:
    def __init__(self, painter: Painter, width: int) -> None:
        self.painter, self.width = painter, width

    def line(self, *spans: Span) -> str:
        return self.painter.line([(" " * MARGIN, None), *spans])

    def clean(self, text: str) -> str:
        return clean(text, unicode=self.painter.unicode)

    def text(self, text: str, indent: int = 0) -> Iterator[str]:
        for part in wrap(text, self.width - 2 * MARGIN - indent):
            yield self.line((" " * indent + part, None))

    def loop(self, one: Loop) -> Iterator[str]:
        name = self.clean(one.thread) or f"thread {one.tid}"
        name = fit(name, min(width_of(name), self.width - 40), unicode=self.painter.unicode)
        yield self.line((f"Event loop on {name}", BOLD), (f"  (process {one.pid})", DIM))
        yield from self.text(
            f"{count(one.steps, 'step')} of {count(one.tasks, 'task')} in "
            f"{seconds(one.ended_s - one.begun_s)}; at something for {seconds(one.busy_s)} of it."
        )
        yield from self.late(one)
        if not one.held:
            yield from self.text(f"No step held it for {seconds(one.held_s)} or longer.")
            return
        total = sum(hold.seconds for hold in one.held)
        times = count(len(one.held), "time")
        yield from self.text(
            f"Held for {seconds(one.held_s)} or longer {times}, {seconds(total)} in all:"
        )
        yield ""
        for hold in one.held[:MOST_HOLDS]:
            yield from self.hold(hold)
        if len(one.held) > MOST_HOLDS:
            rest = one.held[MOST_HOLDS:]
            cost = sum(hold.seconds for hold in rest)
            yield self.line((f"and {len(rest):,} more, {seconds(cost)} in all", DIM))

    def late(self, one: Loop) -> Iterator[str]:
        if one.late is None:
            return
        late = one.late
        yield from self.text(
            f"From ready to its step a task took {seconds(late.median_s)} (median); 95 of 100 took "
            f"at most {seconds(late.p95_s)}, the last {seconds(late.max_s)}."
        )
        if len(one.over_time) > 1:
            tenths = ["-"] * PARTS
            for part in one.over_time:
                place = round(PARTS * (part.begun_s - one.begun_s) / (one.ended_s - one.begun_s))
                tenths[min(place, PARTS - 1)] = seconds(part.max_s)
            yield from self.text(f"The latest in each tenth of the run: {', '.join(tenths)}.")

    def hold(self, hold: Hold) -> Iterator[str]:
        room = min(MOST_PLACE, self.width - MARGIN - INDENT - 12)
        name = self.clean(hold.name)
        where = end_of(self.clean(hold.where), max(12, room - width_of(name) - 2))
        head = f"{seconds(hold.seconds):>8}   {name}"
        if width_of(head) > self.width - 2 * MARGIN:
            head = fit(head, self.width - 2 * MARGIN, unicode=self.painter.unicode)
        if width_of(head) + width_of(where) + 2 > self.width - 2 * MARGIN:
            where = ""
        yield self.line((head, BOLD), (f"  {where}" if where else "", DIM))
        did = []
        for part in hold.did[:PARTS_SHOWN]:
            at = " about at " if part.about else " at "
            place = at + end_of(self.clean(part.where), room) if part.where else ""
            did.append(f"{part.what} {seconds(part.seconds)}{place}")
        yield from self.text(f"from {seconds(hold.begun_s)} on: {', '.join(did)}", INDENT)
        if hold.in_line:
            who = ", ".join(self.clean(who)[:30] for who in hold.who)
            more = ", ..." if hold.in_line > len(hold.who) and who else ""
            names = f" ({who}{more})" if who else ""
            yield from self.text(
                f"in line: {count(hold.in_line, 'task')}{names}, {seconds(hold.in_line_s)} in all",
                INDENT,
            )
        if hold.woken_after:
            yield from self.text(
                f"woken only after it: {count(hold.woken_after, 'task')}", INDENT
            )
