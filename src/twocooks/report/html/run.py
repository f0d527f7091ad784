"""One run as the page gets it: its words and numbers, and its columns packed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twocooks.analyse.result import Analysis, Core, Task
from twocooks.analyse.task_list import TaskRow
from twocooks.model import Reason, State, TaskKind
from twocooks.report import told
from twocooks.report.html import curves as curve
from twocooks.report.html.contract import GridRow, Run
from twocooks.report.html.grid import Grid, exact, hand_overs, window
from twocooks.report.html.lanes import (
    CORE_BLANK,
    MOST_EXACT,
    MOST_RUNS,
    TASK_BLANK,
    Lanes,
    Runs,
    core_runs,
    folded,
    lanes,
    with_gaps,
)
from twocooks.report.html.pack import Packer
from twocooks.report.html.rows import Tree, above, short, tree
from twocooks.report.words import clean

HELD_S = 0.05
"""From how long on a step is told to have held its loop."""
MOST_ROWS = {"waits": 300, "locks": 100, "deadlocks": 20, "loops": 20, "held": 40}
MANY = 5000
"""From so many tasks on their sums are told shorter."""
TEXTS = ("sentence", "why", "so", "say", "finding")


def packed_run(
    analysis: Analysis,
    title: str,
    block: str,
    most_runs: int = MOST_RUNS,
    cooks: Sequence[Core] = (),
) -> tuple[Run, str]:
    """The run, and its block of columns as text; ``block``: the id of the element it goes to.

    ``cooks``: further lanes, of the cooks of a kitchen.
    """
    if (analysis.summary.get("measured") or {}).get("source") == "schedstat":
        analysis = replace(analysis, cores=[])  # by polling nobody knows which core it was
    pack = Packer()
    drawn = lanes(analysis, min(MOST_EXACT, most_runs), most_runs)
    rows = tree(analysis.tasks)
    unit = pack_drawn(pack, analysis, drawn, rows)
    if cooks:
        _lanes(pack, "cook", core_runs(cooks, drawn.grid), len(cooks), CORE_BLANK)
    strings = _tasks(pack, analysis, rows)
    summary = cleaned(analysis.whole)
    headline, technical = told.headline(summary["verdict"], summary["verdict"].get("headline", ""))
    words = {key: str(summary["verdict"].get(key) or "") for key in TEXTS}
    run: Run = {
        "title": title,
        "summary": summary,
        "words": {"headline": headline, "technical": technical, **words},
        "warnings": list(told.warnings(summary)),
        "notes": [str(note) for note in summary.get("measured", {}).get("notes") or []],
        "numbers": list(told.numbers(summary)),
        "window_s": list(window(analysis)),
        "grid": grid_row(drawn.grid),
        "curve_unit_s": unit,
        "states": [state.name.lower() for state in State],
        "reasons": [str(reason) for reason in Reason],
        "kinds": [str(kind) for kind in TaskKind],
        "strings": strings,
        "nodes": rows.nodes,
        "cpus": [core.cpu for core in analysis.cores],
        "tables": _tables(analysis),
        "columns": pack.columns,
        "block": block,
    }
    return run, pack.text()


def pack_drawn(pack: Packer, analysis: Analysis, drawn: Lanes, rows: Tree) -> float:
    """All that is drawn over time; gives the unit of the curves' cells (see ``Run``)."""
    _lanes(pack, "task", drawn.tasks, len(analysis.tasks), TASK_BLANK)
    _lanes(pack, "core", drawn.cores, len(analysis.cores), CORE_BLANK)
    _nodes(pack, drawn.tasks, rows)
    _hand_overs(pack, analysis, drawn.grid)
    return _curves(pack, analysis)


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


class _Strings:
    """Texts by number, each once."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        return self.known.setdefault(text, len(self.known))


def _tasks(pack: Packer, analysis: Analysis, rows: Tree) -> list[str]:
    """One row a task, in the order of their lanes; gives the texts."""
    strings, kinds = _Strings(), list(TaskKind)
    tasks = analysis.tasks
    told_of: dict[int, TaskRow] = {row.id: row for row in analysis.task_list}

    def text(name: str, values: Sequence[str]) -> None:
        numbers: dict[str, int] = {}
        for value in values:
            if value not in numbers:
                numbers[value] = strings(short(value))
        pack.add(f"task_{name}", np.array([numbers[v] for v in values], np.int64), "u32")

    text("name", [task.name for task in tasks])
    text("group", [task.group for task in tasks])
    text("where", [told_of[t.id].where if t.id in told_of else "" for t in tasks])
    whole: dict[str, list[int]] = {
        "kind": [kinds.index(task.kind) for task in tasks],
        "pid": [task.pid for task in tasks],
        "tid": [task.tid for task in tasks],
        "parent": [0 if task.parent is None else task.parent + 1 for task in tasks],
        "counted": [int(task.significant and not task.background) for task in tasks],
    }
    for name, numbers in whole.items():
        kind = "u8" if name in ("kind", "counted") else "u32"
        pack.add(f"task_{name}", np.array(numbers, np.int64), kind)
    pack.add("task_home", rows.home + 1, "u32")
    for name in ("begun_s", "done_s", "work_s", "line_s", "wait_s", "queued_s"):
        values = np.array([getattr(task, name) for task in tasks], np.float32)
        times = name in ("begun_s", "done_s")
        pack.add(f"task_{name}", values if times else _short(values), "f32")
    _reasons(pack, tasks, told_of)
    return list(strings.known)


def _reasons(pack: Packer, tasks: Sequence[Task], told_of: dict[int, TaskRow]) -> None:
    """Seconds by reason, delegated and unknown, and the samples; only what there is."""
    columns: dict[str, list[float]] = {}
    ids = [task.id for task in tasks]
    for reason in Reason:
        columns[f"for_{reason}"] = [
            told_of[i].waiting.get(str(reason), 0.0) if i in told_of else 0.0 for i in ids
        ]
    for name in ("delegated_s", "unknown_s", "python_samples", "samples"):
        columns[name] = [getattr(told_of[i], name) if i in told_of else 0.0 for i in ids]
    for name, values in columns.items():
        if any(values):
            pack.add(f"task_{name}", _short(np.array(values, np.float32)), "f32")


def _short(sums: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of many tasks the sums to a thousandth, which is more than is shown: half the bytes."""
    if len(sums) <= MANY:
        return sums
    return ((sums.view(np.uint32) + 0x1000) & 0xFFFFE000).astype(np.uint32).view(np.float32)


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
        tables[name] = cleaned(rows[: MOST_ROWS[name]])
        tables[f"more_{name}"] = max(0, len(rows) - MOST_ROWS[name])
    return tables
