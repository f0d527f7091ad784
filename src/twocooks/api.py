"""What ``import twocooks`` gives: ``load``, ``run``, ``measure`` and ``task``.

run = twocooks.load("trace.2cooks")
run.verdict.id, run.parallelism.max
print(run.report())
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from twocooks._task import task as task
from twocooks._view import NotKnownError, View, unknown, view

if TYPE_CHECKING:
    from twocooks.analyse.build import Recording
    from twocooks.analyse.data import Columns
    from twocooks.analyse.result import Analysis
    from twocooks.export.table import Table
    from twocooks.read.trace import Trace

__all__ = ["Run", "load", "run", "task"]


@dataclass(frozen=True, repr=False)
class Run:
    """One recorded run: the same numbers as the command line, by the same names, each part of the
    summary as an attribute (``run.parallelism.mean``, ``run.wall_s``); AttributeError for one that
    could not be known. ``tasks`` and ``waits`` are the data: all rows, as columns."""

    trace: Trace
    path: Path
    exit_code: int | None = None
    """Of the program, where ``run`` started it and it ended by itself."""
    signal: int | None = None
    """The signal that ended it."""
    window: tuple[int, int] | None = None
    """Of ``measure``: the stretch of the trace that is told of, in ns of its clock."""
    recording: Recording | None = field(default=None, compare=False)
    """The timeline of ``trace``, where somebody has it already."""

    @cached_property
    def analysis(self) -> Analysis:
        """Tasks, cores and step functions; computed once."""
        return self.by("task")

    def by(self, level: str) -> Analysis:
        """The same run counted otherwise: by "task" (as ``analysis``), "name", "thread" or
        "process". ValueError if there is no such level."""
        from twocooks.analyse.build import Recording

        return (self.recording or Recording(self.trace)).analyse(level, self.window)

    @property
    def summary(self) -> dict[str, Any]:
        """The summary of schema "twocooks.summary/1"."""
        return self.analysis.whole

    @property
    def verdict(self) -> View:
        """id, cause, headline, sentence, why, so, say."""
        return View(self.analysis.summary["verdict"], "verdict")

    def __getattr__(self, key: str) -> Any:
        if hasattr(Run, key):  # a property of ours failed: its own error, not "not in the summary"
            return object.__getattribute__(self, key)
        ours = key.startswith("_") or key in Run.__dataclass_fields__  # of a copy not yet filled
        if ours or key not in (summary := self.summary):
            raise NotKnownError(unknown(key))
        return view(summary[key], key)

    def __repr__(self) -> str:
        return f"<twocooks.Run {str(self.path)!r}>"

    @property
    def start_ns(self) -> int:
        """When the run began: nanoseconds of CLOCK_MONOTONIC, as all times of the tables."""
        return self.analysis.data.start_ns

    @property
    def end_ns(self) -> int:
        """When the recording ended, on the same clock."""
        return self.analysis.data.end_ns

    @cached_property
    def tasks(self) -> Table:
        """A row for each task. (docs/data.md says what the columns of all tables mean.)"""
        return _table(self.analysis.data.tasks)

    @cached_property
    def intervals(self) -> Table:
        """What each task did when: a row for each stretch."""
        return _table(self.analysis.data.intervals)

    @cached_property
    def waits(self) -> Table:
        """Each wait, with its line, its lock and who had that, as far as they were seen."""
        return _table(self.analysis.data.waits)

    @cached_property
    def switches(self) -> Table:
        """The kernel's own records."""
        return _table(self.analysis.data.switches)

    @cached_property
    def slices(self) -> Table:
        """Which thread was on which core when."""
        return _table(self.analysis.data.slices)

    @cached_property
    def steps(self) -> Table:
        """Each step of the event loops."""
        return _table(self.analysis.data.steps)

    def report(self, width: int = 80) -> str:
        """The terminal report, without colours."""
        from twocooks.report import terminal
        from twocooks.report.base import Options

        return terminal.render(self.analysis, Options(width=width))


def _table(columns: Columns) -> Table:
    from twocooks.export.table import Table

    return Table(columns)


def load(path: str | os.PathLike[str]) -> Run:
    """Read a trace file. TraceError if it is none, OSError if it cannot be read."""
    from twocooks.read import reader

    return Run(reader.load(Path(path)), Path(path))


def run(
    command: Sequence[str],
    *,
    trace_path: str | os.PathLike[str] | None = None,
    source: Literal["auto", "kernel", "schedstat"] = "auto",
    for_s: float | None = None,
    max_size: int = 10**9,
) -> Run:
    """Watch a command (``["script.py", "arg"]``, or any program) and return the run.

    Without ``trace_path`` the trace goes to the user's state folder. ``for_s``: watch only so many
    seconds. ``max_size``: bytes that the trace may grow to. TwocooksError if it cannot be started.
    """
    from twocooks.cli import run as cli
    from twocooks.cli import store
    from twocooks.record.watch import watch

    argv, name = cli.command_of(list(command))
    cli.require_platform()
    path = Path(trace_path) if trace_path is not None else store.new(name)
    outcome = watch(argv, trace_path=path, source=source, for_s=for_s, max_size=max_size)
    found = load(outcome.trace_path)
    return Run(found.trace, found.path, outcome.exit_code, outcome.signal)
