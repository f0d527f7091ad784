"""Tables for those who ask on: where the tasks waited, and for which locks."""

from __future__ import annotations

from collections.abc import Iterator

from twocooks.analyse.places import WaitSum
from twocooks.analyse.result import Analysis
from twocooks.model import Reason
from twocooks.report.base import MAX_WIDTH, MIN_WIDTH, Options
from twocooks.report.terminal.paint import BOLD, DIM, Painter, Span
from twocooks.report.words import clean, count, end_of, fit, seconds, wrap

MARGIN, NUMBERS, WHY = 2, 27, 21
"""Columns of the margin, of the three numbers, and of what was waited for."""
MOST = 20
"""Rows shown; the rest is summed up in one line."""
WORDS = {
    Reason.GIL: "in line for the GIL",
    Reason.CORE: "in line for a core",
    Reason.LOCK: "wants a lock",
    Reason.TURN: "in line for the loop",
    Reason.RESULT: "another's result",
    Reason.IO: "io",
    Reason.SLEEP: "sleep",
    Reason.CHILD: "a child process",
    Reason.FAULT: "page fault, stopped",
    Reason.SHORT: "too short to label",
    Reason.UNKNOWN: "unknown",
}
WHY_NO_PLACE = (
    "Waits of asyncio's tasks, short waits and waits for a core have no line of their own."
)


def waits(analysis: Analysis, options: Options, only: Reason | None = None) -> str:
    """The table of waits (``only`` those of one reason), with a final newline."""
    width = max(MIN_WIDTH, min(options.width, MAX_WIDTH))
    painter = Painter(options.colour, options.unicode)
    rows = [wait for wait in analysis.waits if only is None or wait.reason is only]
    if not rows:
        what = "waited" if only is None else f"was seen to wait: {WORDS[only]}"
        return f"\n  No task {what}.\n\n"
    return "\n".join(["", *_table(rows, painter, width, only), "", ""])


def _table(rows: list[WaitSum], painter: Painter, width: int, only: Reason | None) -> Iterator[str]:
    def line(*spans: Span) -> str:
        return painter.line([(" " * MARGIN, None), *spans])

    locks = only is Reason.LOCK
    title = "lock" if locks else "for"
    yield line(("  waited   times  longest  ", DIM), (fit(title, WHY), DIM), ("where", DIM))
    for wait in rows[:MOST]:
        what = (wait.lock or "new each time") if locks else WORDS[wait.reason]
        where = clean(wait.where or "-", unicode=painter.unicode)
        yield line(
            (f"{seconds(wait.seconds):>8} {wait.count:>7,} {seconds(wait.longest_s):>8}  ", BOLD),
            (fit(what, WHY), None),
            (end_of(where, width - MARGIN - NUMBERS - WHY), None),
        )
    rest = rows[MOST:]
    if rest:
        total = seconds(sum(wait.seconds for wait in rest))
        yield line((f"{total:>8} in {count(len(rest), 'more place')}", DIM))
    if only is None and any(not wait.where for wait in rows):
        yield ""
        yield from (line((part, DIM)) for part in wrap(WHY_NO_PLACE, width - 2 * MARGIN))
