"""One run as the page gets it: its words and numbers, and its columns packed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from twocooks.analyse.result import Analysis, Core
from twocooks.model import Reason, State, TaskKind
from twocooks.report import told
from twocooks.report.html import curves as curve
from twocooks.report.html.contract import GridRow, Run
from twocooks.report.html.grid import Grid, exact, hand_overs, window
from twocooks.report.html.lanes import (
    CORE_BLANK,
    MOST_EXACT,
    TASK_BLANK,
    Lanes,
    Runs,
    core_runs,
    folded,
    lanes_of,
    raw,
    with_gaps,
)
from twocooks.report.html.pack import Packer
from twocooks.report.html.rows import Tree, above, tree
from twocooks.report.html.tasks import pack_tasks
from twocooks.report.words import clean

HELD_S = 0.05
"""From how long on a step is told to have held its loop."""
MOST_ROWS = {"waits": 300, "locks": 100, "deadlocks": 20, "loops": 20, "held": 40}
MOST_LISTED = 20
LISTED = ("on", "of", "holders")
"""Lists in a row: on what was waited for, for whose results, who had the lock; those with the most
time first. Of a crowd's waits the second has a row for each task."""
TEXTS = ("sentence", "why", "so", "say", "finding")


class Prepared:
    """A run's part of the page: what does not depend on how finely its lanes are drawn is made
    once, ``packed`` as often as the page turns out too large."""

    def __init__(self, analysis: Analysis, title: str, block: str, cooks: Sequence[Core]) -> None:
        """``cooks``: further lanes, of the cooks of a kitchen."""
        if (analysis.summary.get("measured") or {}).get("source") == "schedstat":
            analysis = replace(analysis, cores=[])  # by polling nobody knows which core it was
        self._analysis = analysis
        self._cooks = cooks
        self._stretches = raw(analysis)
        self._rows = tree(analysis.tasks)
        self._still = Packer()
        unit = _curves(self._still, analysis)
        begun_unit_s = pack_tasks(self._still, analysis, self._rows)
        self._run = _told(analysis, title, block, self._rows, unit, begun_unit_s)

    def packed(self, most_runs: int) -> tuple[Run, str]:
        """The run with so many runs in its lanes, and its block of columns as text."""
        analysis = self._analysis
        drawn = lanes_of(self._stretches, analysis, min(MOST_EXACT, most_runs), most_runs)
        pack = Packer()
        _drawn(pack, analysis, drawn, self._rows)
        if self._cooks:
            lanes = core_runs(self._cooks, drawn.grid)
            _lanes(pack, "cook", lanes, len(self._cooks), CORE_BLANK)
        pack.extend(self._still)
        return {**self._run, "grid": grid_row(drawn.grid), "columns": pack.columns}, pack.text()


def _told(
    analysis: Analysis, title: str, block: str, rows: Tree, curve_unit_s: float, begun_unit_s: float
) -> Run:
    """All of a run but its lanes."""
    summary = cleaned(analysis.whole)
    headline, technical = told.headline(summary["verdict"], summary["verdict"].get("headline", ""))
    words = {key: str(summary["verdict"].get(key) or "") for key in TEXTS}
    return {
        "title": title,
        "summary": summary,
        "words": {"headline": headline, "technical": technical, **words},
        "warnings": list(told.warnings(summary)),
        "notes": [str(note) for note in summary.get("measured", {}).get("notes") or []],
        "numbers": list(told.numbers(summary)),
        "window_s": list(window(analysis)),
        "grid": {"start_s": 0.0, "unit_s": 1.0, "count": 0, "exact": True},
        "curve_unit_s": curve_unit_s,
        "begun_unit_s": begun_unit_s,
        "states": [state.name.lower() for state in State],
        "reasons": [str(reason) for reason in Reason],
        "kinds": [str(kind) for kind in TaskKind],
        "nodes": rows.nodes,
        "cpus": [core.cpu for core in analysis.cores],
        "tables": _tables(analysis),
        "columns": {},
        "block": block,
    }


def pack_drawn(pack: Packer, analysis: Analysis, drawn: Lanes, rows: Tree) -> float:
    """All that is drawn over time; gives the unit of the curves' cells (see ``Run``)."""
    _drawn(pack, analysis, drawn, rows)
    return _curves(pack, analysis)


def _drawn(pack: Packer, analysis: Analysis, drawn: Lanes, rows: Tree) -> None:
    _lanes(pack, "task", drawn.tasks, len(analysis.tasks), TASK_BLANK)
    _lanes(pack, "core", drawn.cores, len(analysis.cores), CORE_BLANK)
    _nodes(pack, drawn.tasks, rows)
    _hand_overs(pack, analysis, drawn.grid)


def cleaned(value: Any) -> Any:
    """The value with all texts in it fit to be shown."""
    if isinstance(value, str):
        return value if value.isascii() and value.isprintable() else clean(value)
    if isinstance(value, dict):
        return {cleaned(key): cleaned(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [cleaned(part) for part in value]
    return value


def grid_row(grid: Grid) -> GridRow:
    return {
        "start_s": grid.start_s,
        "unit_s": grid.unit_s,
        "count": grid.size,
        "exact": grid.moments is None,
    }


def _lanes(pack: Packer, name: str, runs: Runs, count: int, blank: int) -> None:
    length, code, each = with_gaps(runs, count, blank)
    pack.add(f"{name}_runs", each, "u32")
    pack.add(f"{name}_length", length, "u32")
    pack.add(f"{name}_code", code, "u8" if name == "task" else "u32")


def _nodes(pack: Packer, tasks: Runs, rows: Tree) -> None:
    """The lanes of folding rows, each level of them from the tasks themselves."""
    up = above(rows.nodes)
    parts = [folded(tasks, rows.home, len(rows.nodes))]
    for level in up:
        node = np.where(rows.home >= 0, level[np.maximum(rows.home, 0)], -1)
        parts.append(folded(tasks, node, len(rows.nodes)))
    runs = Runs(*(np.concatenate(column) for column in zip(*(p[0] for p in parts), strict=True)))
    hands = np.concatenate([part[1] for part in parts])
    # A row may have tasks of its own and others of rows inside it: the latter know them all.
    deepest = np.repeat(np.arange(len(parts)), [len(part[1]) for part in parts])
    best = np.full(len(rows.nodes) + 1, -1, np.int64)
    np.maximum.at(best, runs.lane, deepest)
    keep = best[runs.lane] == deepest
    runs, hands = runs.take(keep), hands[keep]
    order = np.lexsort((runs.start, runs.lane))
    runs, hands = Runs(*(column[order] for column in runs)), hands[order]
    wide = runs._replace(code=runs.code + 256 * hands)
    length, code, each = with_gaps(wide, len(rows.nodes), TASK_BLANK)
    pack.add("node_runs", each, "u32")
    pack.add("node_length", length, "u32")
    pack.add("node_code", code % 256, "u8")
    pack.add("node_hands", code // 256, "u16")


def _hand_overs(pack: Packer, analysis: Analysis, grid: Grid) -> None:
    """Of an exact axis; a sampled one has no moment in them."""
    low = high = np.empty(0, np.int64)
    if grid.moments is None:
        spans = hand_overs(analysis)
        low, high = grid.cut(spans.start, spans.end)
        low, high = low[high > low], high[high > low]
    pack.add("over_start", np.diff(low, prepend=0), "u32")
    pack.add("over_length", high - low, "u16")


def _curves(pack: Packer, analysis: Analysis) -> float:
    """The counts; gives the unit of their cells' lengths, 0 = equal cells."""
    found = curve.curves(analysis)
    if found.values is None:
        for name, sums in found.sums.items():
            pack.add(f"sum_{name}", sums, "f32")
        for name, most in found.most.items():
            pack.add(f"most_{name}", most, "u32")
        return 0.0
    grid = exact(analysis)
    pack.add("cell_length", np.diff(grid.cut(found.edges, found.edges)[0]), "u32")
    for name, values in found.values.items():
        pack.add(name, values, "u32")
    return grid.unit_s


def _tables(analysis: Analysis) -> dict[str, Any]:
    """The tables below the picture, each with the rows that cost most."""
    loops: list[dict[str, Any]] = [dict(loop.row()) for loop in analysis.tell_loops(HELD_S)]
    loops.sort(key=lambda loop: -loop["busy_s"])
    for loop in loops:
        loop["more_held"] = max(0, len(loop["held"]) - MOST_ROWS["held"])
        loop["held"] = loop["held"][: MOST_ROWS["held"]]
    found: dict[str, list[Any]] = {
        "waits": [wait.row() for wait in analysis.waits],
        "locks": [lock.row() for lock in analysis.locks],
        "deadlocks": [ring.row() for ring in analysis.rings],
        "loops": loops,
    }
    tables: dict[str, Any] = {}
    for name, rows in found.items():
        tables[name] = [_row(row) for row in rows[: MOST_ROWS[name]]]
        tables[f"more_{name}"] = max(0, len(rows) - MOST_ROWS[name])
    return tables


def _row(row: dict[str, Any]) -> Any:
    short = {name: row[name][:MOST_LISTED] for name in LISTED if name in row}
    return cleaned({**row, **short})
