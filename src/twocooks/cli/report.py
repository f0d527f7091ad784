"""Show the answer again, from the file of a run.

twocooks report [OPTIONS] [TRACE]      without TRACE: the last run

--by WHAT          what to count: task (the default), name, thread or process
--waits            where the tasks waited: why, how long, on which line
--locks            for which locks they waited, who had them meanwhile, and deadlocks
--loop             the event loops: how late they were, which steps held them
--held TIME        from how long on a step held the loop (50ms)
--tasks            all tasks: hands on, in line, waiting for what
--redact           placeholders instead of names (task-1, file-2), to show it to others
--json FILE        write the numbers as JSON instead; - is stdout
--html FILE        write one self-contained page instead: the picture, to look into
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

from twocooks.cli import common
from twocooks.model import TwocooksError

if TYPE_CHECKING:
    from twocooks.analyse.result import Analysis
    from twocooks.read.trace import Trace

T = TypeVar("T")

VALUED = {"--json": "--json", "--html": "--html", "--by": "--by", "--held": "--held"}
TABLES = {"--waits", "--locks", "--loop", "--tasks"}
HELD = "50ms"


def main(argv: list[str]) -> int:
    flags = TABLES | {"--redact"}
    values, tables, rest = common.take_options(argv, VALUED, flags)
    late, asked, more = common.take_options(rest[1:], VALUED, flags)
    values |= late  # options after the file are as good
    tables |= asked
    without_names = "--redact" in tables
    tables -= {"--redact"}
    by = common.level(values)
    if "--held" in values and "--loop" not in tables:
        common.fail("--held is about --loop; give both")
    held_s = common.duration(values.get("--held", HELD), "--held")
    path = common.one_trace(rest[:1] + more, "report")
    target = values.get("--json")
    if target not in (None, "-"):
        common.may_write(Path(str(target)), "--json", common.SUMMARY_HEAD)
    page = values.get("--html")
    if page is not None:
        may_write_page(page)
    analysis = _without_names(path, by) if without_names else analyse_file(path, by)
    if target is not None:
        write_json(analysis.whole | _tables(analysis, tables, held_s), target)
    if page is not None:
        write_page(analysis, page)
    if target is not None or page is not None:
        return 0
    if tables:
        show_tables(analysis, tables, held_s, sys.stdout)
    else:
        show(analysis, sys.stdout)
    return 0


def _without_names(path: Path, by: str) -> Analysis:
    """The analysis of the trace's copy without names; nothing can slip through then."""
    import tempfile

    from twocooks.read.redact import redact

    with tempfile.TemporaryDirectory(prefix="twocooks-") as folder:  # the owner's only
        copy = Path(folder) / "redacted.2cooks"
        copy.write_bytes(redact(path))
        return analyse_file(copy, by)


def analyse_file(path: Path, by: str = "task") -> Analysis:
    """Read a trace and account for it at a level; says on a terminal when that takes a while."""

    def ask(trace: Trace) -> Analysis:
        from twocooks.analyse import analyse

        return analyse(trace, by)

    return of_trace(path, ask)


def of_trace(path: Path, ask: Callable[[Trace], T]) -> T:
    """What ``ask`` makes of a trace; whatever goes wrong is one line."""
    common.load_numpy()
    with common.progress(f"reading {path.name}") as far:
        from twocooks.read import reader

        try:
            trace = reader.load(path, far)
        except OSError as error:
            raise TwocooksError(f"{path} cannot be read: {error.strerror or error}") from error
        try:
            return ask(trace)
        except TwocooksError:
            raise
        except Exception as error:  # MemoryError too: whatever a liar's file may bring about
            if os.environ.get("TWOCOOKS_DEBUG"):
                raise
            raise TwocooksError(
                f"{path}: its records contradict each other so that nothing can be said of it "
                f"({type(error).__name__}); twocooks check and twocooks dump show what it holds"
            ) from error


def _tables(analysis: Analysis, asked: set[str], held_s: float) -> dict[str, Any]:
    """The tables that were asked for, as the JSON has them."""
    found: dict[str, Any] = {}
    if "--waits" in asked:
        found["waits"] = [wait.row() for wait in analysis.waits]
    if "--locks" in asked:
        found["locks"] = [lock.row() for lock in analysis.locks]
        found["deadlocks"] = [ring.row() for ring in analysis.rings]
    if "--loop" in asked:
        found["loop"] = [loop.row() for loop in analysis.tell_loops(held_s)]
    if "--tasks" in asked:
        found["task_list"] = [task.row() for task in analysis.task_list]
    return found


def show_tables(analysis: Analysis, asked: set[str], held_s: float, stream: IO[str]) -> None:
    """Write the tables that were asked for instead of the report."""
    from twocooks.report.terminal import loop_table, tables, task_table

    options = common.place(stream)
    if "--waits" in asked:
        stream.write(tables.waits(analysis, options))
    if "--locks" in asked:
        stream.write(tables.locks(analysis, options))
    if "--loop" in asked:
        stream.write(loop_table.loop(analysis.tell_loops(held_s), options))
    if "--tasks" in asked:
        stream.write(task_table.tasks(analysis, options))
    stream.flush()


def show(analysis: Analysis, stream: IO[str]) -> None:
    """Write the terminal report, as the stream can show it."""
    from twocooks.report import terminal

    stream.write(terminal.render(analysis, common.place(stream)))
    stream.flush()


def may_write_page(target: str) -> None:
    """Refuse early what --html could not write."""
    from twocooks.report.base import PAGE_HEAD

    common.may_write(Path(target), "--html", PAGE_HEAD)


def write_page(analysis: Analysis, target: str) -> None:
    """Write the self-contained page of a run."""
    from twocooks.report import html

    with common.progress(f"writing {Path(target).name}"):
        html.write(Path(target), html.page([("", analysis)]))


def write_json(summary: dict[str, Any], target: str) -> None:
    """The summary as JSON to a file or, for ``-``, to stdout."""
    from twocooks.report.base import json_number

    text = json.dumps(summary, indent=1, ensure_ascii=True, default=json_number) + "\n"
    text = text.replace("\x7f", "\\u007f")  # the one control character that JSON lets pass
    common.write_text(target, text)
