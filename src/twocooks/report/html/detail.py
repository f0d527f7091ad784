"""A run that is there while somebody looks: any window of it as finely as a page can show it.

A page that is a file holds the whole run in as much detail as its size allows. Where the trace is
at hand (``twocooks view``) the page asks for the window that it shows. That gets an axis of its
own: exact where few enough stretches lie in it, else as many moments as a whole run would get.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from twocooks.analyse.build import Recording
from twocooks.analyse.result import Analysis, Core, Segments, Steps
from twocooks.report import html, told
from twocooks.report.html.curves import COUNTS
from twocooks.report.html.grid import window as shown
from twocooks.report.html.lanes import MOST_EXACT, MOST_RUNS, lanes_within
from twocooks.report.html.looks import Met, met_in
from twocooks.report.html.pack import Packer
from twocooks.report.html.rows import Tree, tree
from twocooks.report.html.run import cleaned, grid_row, pack_drawn

LEAST_S = 1e-7
"""No window is narrower."""
NO_TIME, NO_CODE, NO_ID = np.empty(0, np.float64), np.empty(0, np.uint8), np.empty(0, np.int32)
NOTHING = Segments(NO_TIME, NO_TIME, NO_CODE, NO_CODE, NO_ID)


class Detail:
    """A recording, asked window by window. Not for two threads at once."""

    def __init__(self, recording: Recording, by: str = "task") -> None:
        self.recording = recording
        self.by = by
        self.analysis: Analysis = recording.analyse(by)

    def page(self) -> str:
        """The page of the whole run. What only that needs is let go of: then the windows need no
        more memory than there are tasks, as long as the recording has a shelf."""
        text = html.page([("", self.analysis)], live=True)
        self._let_go()
        return text

    def _let_go(self) -> None:
        whole, shelf, picture = self.analysis, self.recording.shelf, self.analysis.picture
        if shelf is None or picture is None:
            return
        steps: dict[str, Any] = {}
        for name in COUNTS:
            curve: Steps = getattr(whole, name)
            steps[name] = Steps(shelf.put(curve.time), shelf.put(curve.value))
        shelf.settle()
        tasks = [replace(task, segments=NOTHING) for task in whole.tasks]
        cores = [Core(core.cpu, NO_TIME, NO_TIME, NO_ID) for core in whole.cores]
        self.analysis = Analysis(
            whole.summary, tasks, cores, window_s=whole.window_s, looks=whole.looks,
            picture=picture, **steps,
        )  # fmt: skip
        picture.of = tasks
        shelf.rest()

    def _rest(self) -> None:
        if self.recording.shelf is not None:
            self.recording.shelf.rest()

    @cached_property
    def _met(self) -> Met:
        picture = self.analysis.picture
        assert picture is not None  # that of a recording
        return met_in(picture, self.analysis.looks)

    @cached_property
    def _rows(self) -> Tree:
        return tree(self.analysis.tasks)

    def settled(self, from_s: float, to_s: float) -> tuple[float, float]:
        """The window as far as the picture reaches, and not empty. ValueError if it is none."""
        start, end = shown(self.analysis)
        low, high = max(from_s, start), min(to_s, end)
        if not high > low:  # not a number is no window either
            raise ValueError("this is no window of the run")
        middle = (low + high) / 2
        return min(low, middle - LEAST_S / 2), max(high, middle + LEAST_S / 2)

    def window(
        self, from_s: float, to_s: float,
        most_exact: int = MOST_EXACT, most_runs: int = MOST_RUNS,
    ) -> dict[str, Any]:
        """What is drawn of a window, as a run of the page has it: its axis and its columns."""
        span = self.settled(from_s, to_s)
        steps: dict[str, Any] = {
            name: _cut(getattr(self.analysis, name), span) for name in COUNTS
        }
        inside = replace(self.analysis, window_s=span, **steps)
        drawn = lanes_within(inside, self._met, most_exact, most_runs)
        pack = Packer()
        unit = pack_drawn(pack, inside, drawn, self._rows)
        self._rest()
        return {
            "window_s": list(span),
            "grid": grid_row(drawn.grid),
            "curve_unit_s": unit,
            "columns": pack.columns,
            "block": pack.text(),
        }

    def numbers(self, from_s: float, to_s: float) -> dict[str, Any]:
        """What is true of a window alone: its verdict, counted and judged as a run of its own."""
        span = self.settled(from_s, to_s)
        begin = self.recording.line.start_ns
        edges = (begin + round(span[0] * 1e9), begin + round(span[1] * 1e9))
        summary = cleaned(self.recording.analyse(self.by, edges).summary)
        self._rest()
        verdict = summary["verdict"]
        headline, technical = told.headline(verdict, verdict.get("headline", ""))
        known = summary["window"]
        return {
            "from_s": known["from_s"],
            "to_s": known["to_s"],
            "headline": headline,
            "technical": technical,
            "sentence": str(verdict.get("sentence") or ""),
            "why": str(verdict.get("why") or ""),
            "warnings": list(told.warnings(summary)),
            "concurrency": summary["concurrency"],
            "parallelism": summary["parallelism"],
            "wanted": summary["wanted"],
            "cpu_s": summary.get("cpu_s"),
            "tasks": summary["tasks"]["count"],
        }


def _cut(steps: Steps, span: tuple[float, float]) -> Steps:
    """A step function inside a window, with the value that it has at the window's begin."""
    time, value = steps.time, steps.value
    if len(time) == 0:
        return Steps(time, value)
    first, last = np.searchsorted(time, span[0], "right"), np.searchsorted(time, span[1], "left")
    before = value[first - 1 : first] if first else np.zeros(1, value.dtype)
    return Steps(
        np.concatenate([[span[0]], time[first:last], [span[1]]]),
        np.concatenate([before, value[first:last], np.zeros(1, value.dtype)]),
    )
