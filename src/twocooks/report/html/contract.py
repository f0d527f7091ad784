"""What the page is given: the contract between the Python side and ``web/src/data.ts``.

A page holds a list of runs: one of a report, four of a kitchen. Of each run it gets the words and
numbers as JSON, and columns of numbers as one compressed block (``pack``). ``docs/page.md`` says
what each column means; both sides keep to it.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

SCHEMA = "twocooks.page/1"

BLANK = 7
"""The state of a lane where there is none: before a task's begin and after its end."""
NO_REASON = 15
"""In a lane's code: the state says all."""
REASON_STEP = 8
"""A lane's code is the state + 8 times the reason."""
SEEN_PYTHON, SEEN_NATIVE = 13, 14
"""In the place of a reason, of work: a look met Python code there, or native code."""
CORE_IDLE, CORE_UNKNOWN, CORE_PROGRAM, CORE_TASK = 0, 1, 2, 3
"""The code of a core's lane; from ``CORE_TASK`` on it is ``CORE_TASK`` + the number of a task."""


class Column(TypedDict):
    """Where a column lies in the block: ``count`` numbers of ``type`` from byte ``at`` on."""

    type: str
    """u8, u16, u32, f32 or f64; u16 and u32 have their bytes in planes (see ``pack``)."""
    at: int
    count: int


class GridRow(TypedDict):
    """The coordinate of all lanes: number u stands for ``start_s + u * unit_s``."""

    start_s: float
    unit_s: float
    count: int
    exact: bool
    """False: each number stands for one moment inside its stretch, and what happened between two
    of these moments is not in the page."""


class NodeRow(TypedDict):
    """A row that others fold into."""

    label: str
    kind: str
    """process, thread, group, or "small" (tasks too small to count, and helpers)."""
    parent: int
    """Number of a node, -1 = none."""
    tasks: int


class Run(TypedDict):
    """One run."""

    title: str
    """What a page with several runs calls it; "" = nothing."""
    summary: dict[str, Any]
    """As ``--json`` has it, names cleaned."""
    words: dict[str, str]
    """Ready texts: headline, technical, sentence, why, so, say."""
    warnings: list[str]
    notes: list[str]
    numbers: list[str]
    window_s: list[float]
    grid: GridRow
    states: list[str]
    reasons: list[str]
    kinds: list[str]
    begun_unit_s: float
    """Of ``task_begun``."""
    nodes: list[NodeRow]
    cpus: list[int]
    """The CPU number of each core's lane."""
    curve_unit_s: float
    """Of the lengths of the curves' cells (``cell_length``); 0 = the cells are equal, and the page
    has their sums (``sum_*``) instead of their values."""
    tables: dict[str, Any]
    """waits, locks, deadlocks, loops: rows as ``--json`` has them, the most seconds first."""
    columns: dict[str, Column]
    block: str
    """Id of the element that holds the columns."""


class PlateRow(TypedDict):
    """One way of cooking the dinner; the run at the same place of the list is what was recorded."""

    mode: str
    title: str
    word: str
    """The verdict in a word."""
    minutes: float
    minutes_text: str
    numbers: str
    """How many were on the go and at work."""
    span_s: list[float]
    """From the first dish's beginning to the last one's end."""
    staff: list[str]
    """Who stands behind each of the run's ``cook_*`` lanes."""
    lanes: list[list[int]]
    """Number of a task, number of its dish."""
    table: list[list[str]]
    """Predicted and measured, a pair for each of the kitchen's ``columns``."""


class Kitchen(TypedDict):
    """What stands on the page of a dinner besides its runs."""

    headline: str
    measured: str
    """When, and how long a kitchen minute was."""
    minute_s: float
    dishes: list[str]
    """Names in the order, and so the colours, that all runs share."""
    warnings: list[str]
    changed: list[str]
    refused: list[str]
    lessons: list[str]
    burnt: list[str]
    say: list[str]
    columns: list[str]
    commands: list[str]
    plates: list[PlateRow]


class Page(TypedDict):
    schema: str
    title: str
    runs: list[Run]
    kitchen: NotRequired[Kitchen]
    live: NotRequired[bool]
    """The page may ask where it came from for ``data`` and ``numbers`` of a window."""
