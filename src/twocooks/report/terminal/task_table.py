"""The table of tasks: who, when, hands on it, in line, and what it waited for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twocooks.analyse.result import Analysis
from twocooks.analyse.task_list import TaskRow
from twocooks.report.base import MAX_WIDTH, MIN_WIDTH, Options
from twocooks.report.terminal.paint import BOLD, DIM, Painter, Span
from twocooks.report.words import clean, count, end_of, fit, plain, seconds, width_of, wrap

MARGIN, TIME, KIND = 2, 9, 8
"""Columns of the margin, of a number, of the kind."""
NAME, WAITS = (4, 30), 22
"""Least and most columns of a name; least columns of the waits."""
WIDE = 112
"""From this width on the parent and the code's place have columns, too."""
MOST = 30
"""Rows shown; the rest is summed up."""
REASONS_SHOWN = 3
MOST_FUNCTIONS = 8


def tasks(analysis: Analysis, options: Options) -> str:
    """The table of tasks, with a final newline. Helpers of libraries come last."""
    width = max(MIN_WIDTH, min(options.width, MAX_WIDTH))
    rows = sorted(analysis.task_list, key=lambda task: task.background)
    if not rows:
        return "\n  There was no task.\n\n"
    painter = Painter(options.colour, options.unicode)
    longest = max(width_of(clean(task.name, unicode=painter.unicode)) for task in rows[:MOST])
    table = _Table(painter, width, longest)
    about = table.functions(analysis.summary.get("time") or {})
    return plain("\n".join(["", *table.rows(rows), *about, "", ""]), unicode=options.unicode)


class _Table:
    def __init__(self, painter: Painter, width: int, longest: int) -> None:
        self.painter, self.width = painter, width
        rest = width - MARGIN - KIND - 4 * TIME - 2
        self.name = max(NAME[0], min(NAME[1], longest, rest - WAITS))
        rest -= self.name
        wide = width >= WIDE
        self.parent = 12 if wide else 0
        self.waits = min(34, rest - self.parent - 1) if wide else rest
        self.place = max(0, rest - self.parent - self.waits - 2) if wide else 0
        if self.place < 12:
            self.waits, self.place = rest - self.parent - bool(self.parent), 0

    def line(self, *spans: Span) -> str:
        return self.painter.line([(" " * MARGIN, None), *spans])

    def clean(self, text: str) -> str:
        return clean(text, unicode=self.painter.unicode)

    def cell(self, text: str, columns: int, right: bool = False) -> str:
        return fit(text, columns, unicode=self.painter.unicode, right=right)

    def rows(self, rows: list[TaskRow]) -> Iterator[str]:
        head = "".join(self.cell(word, TIME, True) for word in ("begun", "ended", "hands on",
                       "in line"))  # fmt: skip
        title = self.cell("task", self.name) + " " + self.cell("kind", KIND) + head + " "
        title += self.cell("waited for", self.waits)
        if self.parent:
            title += " " + self.cell("made by", self.parent) + (" code" if self.place else "")
        yield self.line((title.rstrip(), DIM))
        for task in rows[:MOST]:
            yield self.row(task)
        more = rows[MOST:]
        if more:
            total = sum(task.hands_on_s for task in more)
            line = sum(task.in_line_s for task in more)
            yield self.line(
                (f"and {count(len(more), 'more task')}: {seconds(total)} hands on, "
                 f"{seconds(line)} in line", DIM)
            )  # fmt: skip

    def functions(self, time: dict[str, Any]) -> Iterator[str]:
        """About where the hands were, from samples."""
        if not time.get("functions"):
            return
        count, error = time["split"]["samples"], seconds(time["split"]["error_s"])
        text = (
            f"About where hands were on, from {count:,} samples: {seconds(time['python_s'])} with "
            f"the GIL (Python code), {seconds(time['native_s'])} without (native code), each give "
            f"or take {error}."
        )
        yield ""
        yield from (self.line((part, DIM)) for part in wrap(text, self.width - 2 * MARGIN))
        for function in time["functions"][:MOST_FUNCTIONS]:
            python = f"{100 * function['python_s'] / function['seconds']:.0f} % Python"
            where = self.clean(function["where"]) or "not in the program's own code"
            yield self.line(
                (f"{seconds(function['seconds']):>{TIME}} {python:>13}  ", BOLD),
                (end_of(where, self.width - MARGIN - TIME - 16), None),
            )

    def row(self, task: TaskRow) -> str:
        style = DIM if task.background else None
        numbers = (task.begun_s, task.ended_s, task.hands_on_s, task.in_line_s)
        times = "".join(f"{seconds(value):>{TIME}}" for value in numbers)
        spans: list[Span] = [
            (self.cell(self.clean(task.name), self.name) + " ", style if style else BOLD),
            (self.cell(task.kind, KIND) + times + " ", style),
            (self.cell(self.waits_of(task), self.waits), style),
        ]
        if self.parent:
            spans.append((" " + self.cell(self.clean(task.parent_name), self.parent), DIM))
        if self.place:
            spans.append((" " + end_of(self.clean(task.where), self.place), DIM))
        return self.line(*spans).rstrip()

    def waits_of(self, task: TaskRow) -> str:
        """The reasons that cost most."""
        parts = sorted(task.waiting.items(), key=lambda part: (-part[1], part[0]))
        told = [(cost, f"{reason} {seconds(cost)}") for reason, cost in parts if cost >= 0.00005]
        if task.queued_s >= 0.001:
            told.append((task.queued_s, f"queued {seconds(task.queued_s)}"))
        text = ""
        for _, part in sorted(told, key=lambda part: -part[0])[:REASONS_SHOWN]:
            longer = f"{text}, {part}" if text else part
            if text and width_of(longer) > self.waits:
                break  # whole words, or none
            text = longer
        return text
