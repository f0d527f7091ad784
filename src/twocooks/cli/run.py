"""Watch a program run, and say whether its tasks take turns or really run at the same moment.

  twocooks run [OPTIONS] [--] SCRIPT [ARGS]      a .py file, or any command: gunicorn, pytest, make
  twocooks run [OPTIONS] -m MODULE [ARGS]        as python -m
  twocooks run [OPTIONS] -c CODE [ARGS]          as python -c

The program keeps its input, output, terminal and signals, and its exit code is passed through.
What twocooks has to say goes to stderr when the program has ended; Ctrl-C ends the program, then
comes the report.

  -o FILE            where the trace goes (else to your state folder, where the last 20 are kept)
  --json FILE        write the numbers as JSON; - is stdout
  --html FILE        write one self-contained page: the picture, to look into
  --by WHAT          what to count: task (the default), name, thread or process
  -q, --quiet        no report
  --for TIME         watch only so long: 30s, 500ms, 2m
  --max-size SIZE    do not let the trace grow beyond this (1GB)
  --source WHICH     kernel: exact switches; schedstat: estimates; auto: the best there is
  --fail-if EXPR     exit with 1 if this holds, for example 'parallelism.max < 2' or
                     'verdict.id == turns and wall_s > 1.5s' (only where the program ended with 0)
"""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from twocooks.cli import common, store
from twocooks.cli.common import fail
from twocooks.model import TwocooksError, printable

if TYPE_CHECKING:
    from twocooks.cli.fail_if import Condition
    from twocooks.record.watch import Outcome

VALUED = {
    "-o": "-o",
    "--output": "-o",
    "--json": "--json",
    "--html": "--html",
    "--for": "--for",
    "--max-size": "--max-size",
    "--source": "--source",
    "--fail-if": "--fail-if",
    "--by": "--by",
}
FLAGS = {"-q", "--quiet"}
DEFAULT_MAX_SIZE = "1GB"
SCRIPTS = (".py", ".pyw", ".pyc", ".pyz")
TRACE_HEAD = b"twocooks"
JSON_HEAD = b'{\n "schema": "twocooks.summary/'


def main(argv: list[str]) -> int:
    values, flags, rest = common.take_options(argv, VALUED, FLAGS)
    command, name = command_of(rest)
    require_platform()
    source = values.get("--source", "auto")
    if source not in ("auto", "kernel", "schedstat"):
        fail(f"--source {source!r} is not known; it is auto, kernel or schedstat")
    for_s = common.duration(values["--for"], "--for") if "--for" in values else None
    max_size = common.size(values.get("--max-size", DEFAULT_MAX_SIZE), "--max-size")
    by = common.level(values)
    condition = None
    if "--fail-if" in values:
        from twocooks.cli.fail_if import parse

        condition = parse(values["--fail-if"])
    json_path = values.get("--json")
    if json_path is not None and json_path != "-":
        common.may_write(Path(json_path), "--json", JSON_HEAD)
    if "--html" in values:
        from twocooks.cli.report import may_write_page

        may_write_page(values["--html"])
    if "-o" in values:
        trace_path = Path(values["-o"])
        common.may_write(trace_path, "-o", TRACE_HEAD)
    else:
        trace_path = store.new(name)

    from twocooks.record.watch import CannotStartError, watch

    try:
        outcome = watch(
            command,
            trace_path=trace_path,
            source=cast(Literal["auto", "kernel", "schedstat"], source),
            for_s=for_s,
            max_size=max_size,
        )
    except CannotStartError as error:
        fail(f"{command[0]} cannot be started: {error}; is it a program for this machine?")
    for note in outcome.notes:
        print(f"twocooks: {printable(note)}", file=sys.stderr)
    code = exit_code(outcome)
    html_path = values.get("--html")
    if flags and json_path is None and html_path is None and condition is None:
        failed = False
    else:
        asked = _Asked(bool(flags), json_path, html_path, condition, "-o" in values, by)
        failed = _after(outcome, asked)
    if outcome.signal is not None and code:
        die_by(outcome.signal)
    return 1 if failed and code == 0 else code


class _Asked(NamedTuple):
    """What is wanted of the finished run."""

    quiet: bool
    json_path: str | None
    html_path: str | None
    condition: Condition | None
    named: bool
    """The trace has a name that the user gave."""
    by: str


def _after(outcome: Outcome, asked: _Asked) -> bool:
    """Report on the finished run; True if the condition of --fail-if holds.

    The program has had its say: whatever goes wrong here is told, and hides no exit code.
    """
    from twocooks.cli.report import analyse_file, show, write_json, write_page

    condition = asked.condition
    try:
        analysis = analyse_file(outcome.trace_path, asked.by)
        if asked.json_path is not None:
            write_json(analysis.whole, asked.json_path)
        if asked.html_path is not None:
            write_page(analysis, asked.html_path)
        if not asked.quiet:
            show(analysis, sys.stderr)
            if not asked.named:
                again = _short(outcome.trace_path)
                print(f"  Again: twocooks report {printable(again)}\n", file=sys.stderr)
        if condition is None:
            return False
        holds, why = condition.judge(analysis.summary)
        if holds:
            print(
                printable(f"twocooks: --fail-if {condition.text}: {why}"), file=sys.stderr
            )
        return holds
    except KeyboardInterrupt:
        return condition is not None
    except Exception as error:
        if os.environ.get("TWOCOOKS_DEBUG"):
            raise
        what = (
            str(error) if isinstance(error, TwocooksError) else f"{type(error).__name__}: {error}"
        )
        with contextlib.suppress(OSError, ValueError):
            told = f"twocooks: the report failed: {what}; the trace is {outcome.trace_path}"
            print(printable(told), file=sys.stderr)
        return condition is not None


def command_of(words: list[str]) -> tuple[list[str], str]:
    """The argv to execute for what stands after the options, and a short name for the trace."""
    if not words:
        fail("run needs a program; for example: twocooks run my_program.py")
    first, rest = words[0], words[1:]
    for flag, what in (("-m", "a module"), ("-c", "code")):
        if first == flag or (first.startswith(flag) and not first.startswith("--")):
            value = [first[2:], *rest] if first != flag else rest
            if not value:
                fail(f"{flag} needs {what}")
            return [sys.executable, flag, *value], value[0] if flag == "-m" else "c"
    if first.startswith("-"):
        fail(
            f"run has no option {first}; see twocooks run --help "
            "(a program whose name begins with - stands after --)"
        )
    return program(first, rest), Path(first).stem


def program(name: str, args: list[str]) -> list[str]:
    """The argv for a script or a command. Python's own kinds of files, and a folder with a
    ``__main__.py``, run under this Python; so does a text that cannot be executed."""
    path = Path(name)
    python = [sys.executable, name, *args]
    nothing = f"there is no file {name}; give the path of a script, or a command on your PATH"
    if (path / "__main__.py").is_file():
        return python
    if name.endswith(SCRIPTS):
        if not path.is_file():
            fail(nothing)
        if not os.access(path, os.R_OK):
            fail(f"{name} cannot be read; check its permissions")
        return python
    if os.sep in name:
        if path.is_dir():
            fail(f"{name} is a folder without a __main__.py; give a script")
        if not path.exists():
            fail(nothing)
        return [name, *args] if os.access(path, os.X_OK) else python
    found = common.on_path(name)
    if found is not None:
        return [found, *args]
    if path.is_file():
        return python
    fail(
        f"there is no script and no command {name}; give the path of a script, "
        "or a command on your PATH"
    )


def require_platform() -> None:
    """Recording needs Linux on x86-64; everything else works anywhere."""
    system, machine = platform.system(), platform.machine()
    if system != "Linux" or machine not in ("x86_64", "AMD64"):
        fail(
            f"recording works on Linux x86-64, and this is {system} {machine}; "
            "reports of traces from there work here too (twocooks report TRACE)"
        )


def exit_code(outcome: Outcome) -> int:
    """The program's own. A program that --for ended did nothing wrong: 0, however it went."""
    if outcome.why == "for":
        return 0
    if outcome.signal is not None:
        return 128 + outcome.signal
    return outcome.exit_code or 0


def die_by(number: int) -> None:
    """End as the program ended, so that a shell or a supervisor sees the same. Returns only if the
    signal does not end us."""
    import resource

    sys.stdout.flush()
    sys.stderr.flush()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the program's core is the one that matters
    with contextlib.suppress(OSError, ValueError):  # SIGKILL cannot be set, and need not be
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)


def _short(path: Path) -> str:
    home = os.path.expanduser("~")
    text = str(path)
    return "~" + text[len(home) :] if home != "/" and text.startswith(home + os.sep) else text
