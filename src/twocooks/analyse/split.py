"""Time on a core split into Python code and native code: what is proven, and what is estimated.

Python code runs with the GIL, native code mostly without it. Who has the GIL is not in the kernel's
records. Two things are known:

* **Proven.** Threads of one interpreter that are on cores at one moment cannot all have its GIL:
  all but one are in native code. That gives a least time of native code, and a most of Python.
* **Sampled.** Every 25 ms the recorder looks at one thread that is on a core: does it have the GIL?
  The share of these samples in each process, times its seconds on cores, is an estimate with an
  error, kept within what is proven. Native code that keeps the GIL counts as Python in it.

So all of it is "about". With few samples, without a GIL, or where the process cannot be read,
nothing is said. The functions are those of the program: time in a library counts for the function
that called it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from twocooks.analyse.columns import Int64, asof, union
from twocooks.analyse.places import place_of
from twocooks.analyse.threads import REASONS
from twocooks.analyse.timeline import Timeline
from twocooks.analyse.window import inside
from twocooks.model import Reason, State
from twocooks.read.shape import distinct
from twocooks.read.trace import Trace

LEAST_SAMPLES = 10
"""With fewer samples nothing is said of a run."""
PUSHED_NS = 1_000_000
"""A thread that was pushed off its core for the very look was as good as on it."""
CONFIDENCE = 1.96
"""The error covers 95 of 100 runs."""
MOST_FUNCTIONS = 50
PYTHON, UNKNOWN = 1, 2


@dataclass(frozen=True)
class Function:
    """About how long hands were on a function of the program."""

    where: str
    """``file function``; "" = none of the program's. Hostile text."""
    seconds: float
    python_s: float
    samples: int


@dataclass(frozen=True)
class TaskSamples:
    """Samples that met a task, in order of time."""

    task: Int64
    """Id of the timeline."""
    time: Int64
    python: NDArray[np.bool_]

    def by_task(self) -> dict[int, tuple[int, int]]:
        """Samples with the GIL, and all, of each task that was met."""
        count = np.bincount(self.task)
        python = np.bincount(self.task[self.python], minlength=len(count))
        return {int(i): (int(python[i]), int(count[i])) for i in np.flatnonzero(count)}


@dataclass(frozen=True)
class Split:
    """Seconds on cores, of the whole program."""

    native_least_s: float
    """Proven: threads of one GIL that were on cores beside another one of it."""
    python_s: float | None = None
    native_s: float | None = None
    error_s: float = 0.0
    samples: int = 0
    unknown_s: float = 0.0
    """On cores in processes of which no sample is known: in neither."""
    functions: list[Function] = field(default_factory=list)
    of_tasks: TaskSamples | None = None

    def row(self) -> dict[str, object]:
        """As the JSON has it in ``time``; what is not known is absent."""
        found: dict[str, object] = {"native_least_s": self.native_least_s}
        if self.python_s is not None:
            found |= {
                "python_s": self.python_s,
                "native_s": self.native_s,
                "split": {
                    "estimated": True,
                    "samples": self.samples,
                    "error_s": self.error_s,
                    "unknown_s": self.unknown_s,
                },
                "functions": [vars(function) for function in self.functions],
            }
        return found


def split(trace: Trace, line: Timeline, gil: bool | None) -> Split | None:
    """The split of a run; None where there is no GIL, or nobody said whether there is."""
    if not gil or trace.meta.get("source") == "schedstat":
        return None
    table, threads = inside(line, line.threads.pieces), line.threads
    on = table.state == State.WORKING
    process = threads.process[table.owner[on]]
    size = len(threads)
    core = np.bincount(process, weights=table.length[on], minlength=size)
    which, start, end = union(process.astype(np.int64), table.start[on], table.end[on])
    alone = np.bincount(which, weights=end - start, minlength=size)
    one_gil = np.zeros(size, bool)
    said = line.owners.said
    one_gil[threads.process[said.thread[said.rows("HELLO")]]] = True
    one_gil[threads.process[said.thread[said.rows("INTERPRETER")]]] = False
    least = np.where(one_gil, core - alone, 0.0)
    seen_on = samples(trace, line)
    thread, has_gil, where = seen_on.thread, seen_on.has_gil, seen_on.where
    known = has_gil != UNKNOWN
    if known.sum() < LEAST_SAMPLES:
        return Split(float(least.sum()) / 1e9)
    whose = threads.process[thread]
    count = np.bincount(whose[known], minlength=size)
    python = np.bincount(whose[known & (has_gil == PYTHON)], minlength=size)
    seen = count > 0
    share = np.where(seen, python / np.maximum(count, 1), 0.0)
    python_ns = np.where(seen, np.minimum(share * core, core - least), 0.0)
    # One more of each kind: no share is without an error because few samples agreed.
    spread = (python + 1) / (count + 2)
    variance = np.where(seen, core**2 * spread * (1 - spread) / np.maximum(count, 1), 0.0)
    weight = np.where(seen, core / np.maximum(count, 1), 0.0)[whose]
    return Split(
        float(least.sum()) / 1e9,
        float(python_ns.sum()) / 1e9,
        float((core - python_ns)[seen].sum()) / 1e9,
        CONFIDENCE * math.sqrt(float(variance.sum())) / 1e9,
        int(known.sum()),
        float(core[~seen].sum()) / 1e9,
        _functions(trace, has_gil[known], where[known], weight[known]),
        _of_tasks(line, seen_on),
    )


def _valid(trace: Trace, line: Timeline) -> Int64:
    """Samples whose thread was on a core by the kernel's records, or had just been pushed off."""
    run, table = trace.run, inside(line, line.threads.pieces)
    thread = line.threads.find(run.tid.astype(np.int64), run.before)
    row = asof(np.maximum(thread, 0), run.before, table.owner, table.start)
    at = np.maximum(row, 0)
    good = (thread >= 0) & (row >= 0) & (len(table) > 0)
    if not len(table):
        return np.empty(0, np.int64)
    pushed = (table.state[at] == State.IN_LINE) & (table.reason[at] == REASONS[Reason.CORE])
    pushed &= run.before - table.start[at] <= PUSHED_NS
    good &= (run.before < table.end[at]) & ((table.state[at] == State.WORKING) | pushed)
    return np.flatnonzero(good)


@dataclass(frozen=True)
class Samples:
    """Looks at threads that were on a core, in columns, in order of time."""

    thread: Int64
    time: Int64
    has_gil: Int64
    where: Int64
    """Index of the text; -1 = not known."""

    def met(self, begin: Int64, end: Int64) -> NDArray[np.bool_]:
        """Whether any thread was met in each of these stretches."""
        first, after = (np.searchsorted(self.time, moment) for moment in (begin, end))
        found: NDArray[np.bool_] = first < after
        return found

    def place(self, trace: Trace, thread: int, begin: int, end: int) -> str:
        """The line of the program at which the thread was met most often in a stretch; "" = it was
        not met. About: it may have been anywhere in that function a moment later."""
        first, after = np.searchsorted(self.time, (begin, end)).tolist()
        mine = self.where[first:after][self.thread[first:after] == thread]
        places = [place_of(trace.texts[text]) for text in mine.tolist() if text >= 0]
        return max(sorted(set(places)), key=places.count) if places else ""


def samples(trace: Trace, line: Timeline) -> Samples:
    """The samples that the kernel's records bear out."""
    run, at = trace.run, _valid(trace, line)
    at = at[np.argsort(run.before[at], kind="stable")]
    thread = line.threads.find(run.tid[at].astype(np.int64), run.before[at])
    has_gil, where = run.has_gil[at].astype(np.int64), run.where[at].astype(np.int64)
    return Samples(thread, run.before[at], has_gil, where)


def _functions(trace: Trace, has_gil: Int64, where: Int64, weight: np.ndarray) -> list[Function]:
    names = {int(text): _function(trace.texts[int(text)]) if text >= 0 else ""
             for text in distinct(where)}  # fmt: skip
    sums: dict[str, list[float]] = {}
    for text, has, ns in zip(where.tolist(), has_gil.tolist(), weight.tolist(), strict=True):
        entry = sums.setdefault(names[text], [0.0, 0.0, 0.0])
        entry[0] += ns / 1e9
        entry[1] += ns / 1e9 if has == PYTHON else 0.0
        entry[2] += 1
    told = [Function(name, whole, python, int(n)) for name, (whole, python, n) in sums.items()]
    return sorted(told, key=lambda function: (-function.seconds, function.where))[:MOST_FUNCTIONS]


def _function(text: str) -> str:
    place, _, function = place_of(text).rpartition(" ")
    return f"{place.rpartition(':')[0]} {function}" if place else ""


def _of_tasks(line: Timeline, seen: Samples) -> TaskSamples:
    tiling = line.owners.tiling
    row = asof(seen.thread, seen.time, tiling.owner, tiling.start)
    task = np.where(row >= 0, tiling.thread[np.maximum(row, 0)], -1) if len(tiling) else row
    good = (task >= 0) & (seen.has_gil != UNKNOWN)
    return TaskSamples(task[good].astype(np.int64), seen.time[good], seen.has_gil[good] == PYTHON)
