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
                     'verdict.id == turns and wall_s > 1.5s' (only where the program ended with 0);
                     may be given several times. Where too few cores were free, or the numbers are
                     estimated, it is not judged, and that is said
  --strict           what could not be judged fails, too
  --junit FILE       the answers to --fail-if as JUnit XML
  --annotate github  and as annotations of the code, for GitHub (by itself in GitHub Actions);
                     none: not there either
"""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from twocooks.cli import common, store
from twocooks.cli.common import fail
from twocooks.model import TwocooksError, printable

if TYPE_CHECKING:
    from twocooks.analyse.result import Analysis
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
    "--junit": "--junit",
    "--annotate": "--annotate",
}
FLAGS = {"-q", "--quiet", "--strict"}
DEFAULT_MAX_SIZE = "1GB"
SCRIPTS = (".py", ".pyw", ".pyc", ".pyz")
JUNIT_HEAD = b"<?xml version='1.0' encoding='utf-8'?>\n<testsuites name=\"twocooks\""


@dataclass(frozen=True)
class Wanted:
    """What is to be done with a finished run."""

    quiet: bool
    json_path: str | None
    html_path: str | None
    named: bool
    """The trace has a name that the user gave."""
    by: str
    conditions: list[Condition]
    strict: bool
    junit: str | None
    github: bool

    @property
    def anything(self) -> bool:
        files = self.json_path is not None or self.html_path is not None
        return not self.quiet or files or bool(self.conditions)


def _wanted(values: dict[str, str], flags: set[str], texts: list[str]) -> Wanted:
    """Read what the options say of the end, before anything is started."""
    conditions = []
    if texts:
        from twocooks.cli.fail_if import parse

        conditions = [parse(text) for text in texts]
    for name in ("--junit", "--annotate", "--strict"):
        if not conditions and (name in values or name in flags):
            fail(f"{name} is about --fail-if; give both")
    json_path, junit = values.get("--json"), values.get("--junit")
    if json_path is not None and json_path != "-":
        common.may_write(Path(json_path), "--json", common.SUMMARY_HEAD)
    if "--html" in values:
        from twocooks.cli.report import may_write_page

        may_write_page(values["--html"])
    if junit is not None:
        common.may_write(Path(junit), "--junit", JUNIT_HEAD)
    github = "github" if os.environ.get("GITHUB_ACTIONS") == "true" else "none"
    annotate = values.get("--annotate", github)
    if annotate not in ("github", "none"):
        fail(f"--annotate {annotate!r} is not known; it is github or none")
    return Wanted(
        quiet="-q" in flags or "--quiet" in flags,
        json_path=json_path,
        html_path=values.get("--html"),
        named="-o" in values,
        by=common.level(values),
        conditions=conditions,
        strict="--strict" in flags,
        junit=junit,
        github=annotate == "github",
    )


def main(argv: list[str]) -> int:
    many: dict[str, list[str]] = {"--fail-if": []}
    values, flags, rest = common.take_options(argv, VALUED, FLAGS, many)
    command, name = command_of(rest)
    require_platform()
    source = values.get("--source", "auto")
    if source not in ("auto", "kernel", "schedstat"):
        fail(f"--source {source!r} is not known; it is auto, kernel or schedstat")
    for_s = common.duration(values["--for"], "--for") if "--for" in values else None
    max_size = common.size(values.get("--max-size", DEFAULT_MAX_SIZE), "--max-size")
    wanted = _wanted(values, flags, many["--fail-if"])
    if "-o" in values:
        trace_path = Path(values["-o"])
        common.may_write(trace_path, "-o", common.TRACE_HEAD)
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
    ours = _after(outcome, wanted) if wanted.anything else 0
    if outcome.signal is not None and code:
        die_by(outcome.signal)
    return code or ours


def _after(outcome: Outcome, wanted: Wanted) -> int:
    """Report on the finished run. The exit code for a program that ended with 0: 1 if an expression
    of --fail-if fails it, 2 if something that was asked for could not be written.

    The program has had its say: whatever goes wrong here is told, and hides no exit code.
    """
    from twocooks.cli.report import analyse_file, show

    try:
        analysis = analyse_file(outcome.trace_path, wanted.by)
        missing = not _files(analysis, wanted)
        if not wanted.quiet:
            show(analysis, sys.stderr)
            if not wanted.named:
                again = _short(outcome.trace_path)
                print(f"  Again: twocooks report {printable(again)}\n", file=sys.stderr)
        if not wanted.conditions:
            return 2 if missing else 0
        failed, told = _judge(analysis, wanted)
        return 1 if failed else 2 if missing or not told else 0
    except KeyboardInterrupt:
        return 1 if wanted.conditions else 0
    except Exception as error:
        if os.environ.get("TWOCOOKS_DEBUG"):
            raise
        what = (
            str(error) if isinstance(error, TwocooksError) else f"{type(error).__name__}: {error}"
        )
        _say(f"the report failed: {what}; the trace is {outcome.trace_path}")
        if wanted.junit is not None:
            from twocooks.cli.gates import no_answers, write_junit

            gates, junit = no_answers(wanted.conditions), wanted.junit
            _written("--junit", lambda: write_junit(gates, junit, wanted.strict, None, error=what))
        if wanted.conditions:
            return 1
        return 2 if wanted.json_path is not None or wanted.html_path is not None else 0


def _files(analysis: Analysis, wanted: Wanted) -> bool:
    """Write the numbers and the page, where they are wanted; False if one could not be written."""
    from twocooks.cli.report import write_json, write_page

    told = True
    if (numbers := wanted.json_path) is not None:
        told = _written("--json", lambda: write_json(analysis.whole, numbers))
    if (page := wanted.html_path) is not None:
        told &= _written("--html", lambda: write_page(analysis, page))
    return told


def _written(option: str, write: Callable[[], None]) -> bool:
    """Whether an output could be written; one line says so where it could not. What comes after it
    is done all the same. A reader of a pipe that went away wanted no more."""
    try:
        write()
    except BrokenPipeError:
        common.nobody_reads()
    except (OSError, TwocooksError) as error:
        _say(f"{option} {error}")
        return False
    return True


def _say(what: str) -> None:
    """One line on stderr, if that can be written."""
    with contextlib.suppress(OSError, ValueError):
        print(printable(f"twocooks: {what}"), file=sys.stderr)


def _judge(analysis: Analysis, wanted: Wanted) -> tuple[bool, bool]:
    """Answer the expressions of --fail-if wherever that was asked for: whether one fails the run,
    and whether all answers could be written."""
    from twocooks.cli import gates as cli_gates

    gates = cli_gates.judge(wanted.conditions, analysis.summary)
    lines = list(cli_gates.say(gates, wanted.strict))
    if wanted.github:
        lines += cli_gates.github(gates, analysis, wanted.strict)
    for line in lines:
        print(line, file=sys.stderr)
    told = True
    if (junit := wanted.junit) is not None:
        told = _written(
            "--junit", lambda: cli_gates.write_junit(gates, junit, wanted.strict, analysis)
        )
    return cli_gates.fails(gates, wanted.strict), told


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
        f"there is no script and no command {name}; {_meant(name)}give the path of a script, "
        "or a command on your PATH"
    )


def _meant(name: str) -> str:
    """A word that is nearly one of ours, where the program's name was looked for."""
    from difflib import get_close_matches

    from twocooks.cli import COMMANDS

    near = get_close_matches(name, COMMANDS, 1, 0.6)
    return f"did you mean twocooks {near[0]}? Else " if near else ""


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
