"""What the subcommands share: arguments, the place that output goes to, one-line errors."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn

from twocooks.model import LEVELS, TwocooksError, printable

if TYPE_CHECKING:
    from twocooks.report.base import Colour, Options

THREADS_OF_NUMPY = "OPENBLAS_NUM_THREADS"
BAD_INPUT = 2
"""Exit code when the command line or a file cannot be used."""
TRACE_HEAD = b"twocooks"
SUMMARY_HEAD = b'{\n "schema": "twocooks.summary/'
"""What files of ours begin with: one that does not is somebody else's, and is not overwritten."""


class UsageError(TwocooksError):
    """A command line that cannot be understood."""


def fail(message: str) -> NoReturn:
    raise UsageError(message)


def take_options(
    argv: list[str],
    valued: dict[str, str],
    flags: set[str],
    many: dict[str, list[str]] | None = None,
) -> tuple[dict[str, str], set[str], list[str]]:
    """Read options up to the first word that is none (or ``--``).

    ``valued`` maps every spelling of an option with a value to its name. Returns the values by
    name, the flags that were set, and the rest. ``--name=value`` and ``-oVALUE`` are understood.
    Options that may be given more than once have a list in ``many``; of others the last counts.
    """
    values: dict[str, str] = {}
    given: set[str] = set()
    index = 0
    while index < len(argv):
        word = argv[index]
        if word == "--":
            return values, given, argv[index + 1 :]
        if not word.startswith("-") or word == "-":
            break
        index += 1
        name, equals, value = word.partition("=")
        if word in flags:
            given.add(word)
        elif name in valued and (equals or word in valued):
            if not equals:
                if index == len(argv):
                    fail(f"{name} needs a value")
                value, index = argv[index], index + 1
            if many is not None and valued[name] in many:
                many[valued[name]].append(value)
            else:
                values[valued[name]] = value
        elif word[:2] in valued and len(word) > 2 and not word.startswith("--"):
            values[valued[word[:2]]] = word[2:]
        else:
            return values, given, argv[index - 1 :]
    return values, given, argv[index:]


def level(values: dict[str, str]) -> str:
    """What --by says is to be counted; tasks where it says nothing."""
    by = values.get("--by", "task")
    if by not in LEVELS:
        fail(f"--by {by!r} is not known; it is {', '.join(LEVELS[:-1])} or {LEVELS[-1]}")
    return by


def one_trace(argv: list[str], command: str) -> Path:
    """The trace named on the command line, or the last one recorded."""
    if len(argv) > 1:
        fail(f"{command} takes one trace, not {len(argv)}; see twocooks {command} --help")
    if argv:
        if argv[0].startswith("-") and argv[0] != "-":
            fail(f"{command} has no option {argv[0]}; see twocooks {command} --help")
        path = Path(argv[0])
    else:
        from twocooks.cli import store

        path = store.last() or fail("there is no trace yet; make one with: twocooks run SCRIPT")
    if not path.exists():
        fail(f"there is no file {path}; twocooks {command} without a file takes the last trace")
    if path.is_dir():
        fail(f"{path} is a folder; give a trace file")
    return path


_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_SIZES = {
    "": 1,
    "b": 1,
    "k": 10**3,
    "kb": 10**3,
    "m": 10**6,
    "mb": 10**6,
    "g": 10**9,
    "gb": 10**9,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
}
_QUANTITY = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([a-zA-Z]*)\s*")


def duration(text: str, option: str) -> float:
    """Seconds of ``30s``, ``500ms``, ``2m``, ``1.5``."""
    match = _QUANTITY.fullmatch(text)
    if not match or match[2].lower() not in _UNITS or float(match[1]) <= 0:
        fail(f"{option} {text!r} is no length of time; write for example 30s, 500ms or 2m")
    return float(match[1]) * _UNITS[match[2].lower()]


def size(text: str, option: str) -> int:
    """Bytes of ``1GB``, ``200MB``, ``64KiB``."""
    match = _QUANTITY.fullmatch(text)
    if not match or match[2].lower() not in _SIZES or float(match[1]) <= 0:
        fail(f"{option} {text!r} is no size; write for example 1GB or 200MB")
    return int(float(match[1]) * _SIZES[match[2].lower()])


def may_write(path: Path, option: str, ours: bytes) -> None:
    """Refuse early what would fail or destroy something later: a missing folder, somebody's file.

    A file is replaced only if it is empty or begins as one that twocooks wrote (``ours``).
    """
    folder = path.parent
    if not folder.is_dir():
        fail(f"{option} {path}: there is no folder {folder}; make it first")
    if path.is_dir():
        fail(f"{option} {path} is a folder; give a file name")
    if path.exists():
        if not path.is_file():
            return  # a pipe or a device: nothing is lost by writing
        try:
            with path.open("rb") as stream:
                head = stream.read(len(ours))
        except OSError as error:
            fail(f"{option} {path} cannot be read: {error.strerror}; choose another name")
        if head and head != ours:
            fail(f"{option} {path} exists and was not made by twocooks; choose another name")
        if not os.access(path, os.W_OK):
            fail(f"{option} {path} cannot be written; choose another name")
    elif not os.access(folder, os.W_OK):
        fail(f"{option} {path}: the folder {folder} cannot be written; choose another one")


def place(stream: IO[str]) -> Options:
    """What the stream can show: width, colours, characters."""
    from twocooks.report.base import Options

    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
    terminal = _is_terminal(stream)
    return Options(
        width=_width(stream), colour=_colour(terminal), unicode=encoding.startswith("utf")
    )


def _is_terminal(stream: IO[str]) -> bool:
    try:
        return stream.isatty()
    except (ValueError, AttributeError):
        return False


def _width(stream: IO[str]) -> int:
    text = os.environ.get("COLUMNS", "")
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError, AttributeError):
        return 80


def _colour(terminal: bool) -> Colour:
    """NO_COLOR (set and not empty) wins, FORCE_COLOR colours files too."""
    env = os.environ
    if env.get("NO_COLOR"):
        return "none"
    if not terminal and env.get("FORCE_COLOR", "") in ("", "0"):
        return "none"
    term = env.get("TERM", "")
    if term == "dumb":
        return "none"
    if env.get("COLORTERM", "").lower() in ("truecolor", "24bit") or "direct" in term:
        return "full"
    return "256" if "256" in term or "kitty" in term else "16"


@contextmanager
def progress(message: str, after_s: float = 0.5) -> Iterator[Callable[[int, int], None]]:
    """Say on stderr, on a terminal only, that something takes a while; the line goes away again.

    Gives a function to be called with (done, total), which adds how far it is.
    """
    if not _is_terminal(sys.stderr) or os.environ.get("TERM") == "dumb":
        yield lambda done, total: None
        return
    import threading

    message = printable(message)[: _width(sys.stderr) - 10]
    over = threading.Event()
    far = ""
    shown = False

    def say(done: int, total: int) -> None:
        nonlocal far
        far = f": {min(100 * done // total, 100)} %" if total else ""

    def show() -> None:
        nonlocal shown
        wait_s = after_s
        while not over.wait(wait_s):
            sys.stderr.write(f"\r\x1b[K{message}{far}")
            sys.stderr.flush()
            shown, wait_s = True, 0.25

    thread = threading.Thread(target=show, name="twocooks-progress", daemon=True)
    thread.start()
    try:
        yield say
    finally:
        over.set()
        thread.join()
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def write_text(target: str, text: str) -> None:
    """Write what was asked for to a file or, for ``-``, to stdout. TwocooksError if that cannot be
    done; a reader of stdout who went away is a BrokenPipeError as ever."""
    try:
        if target == "-":
            sys.stdout.write(text)
            sys.stdout.flush()
        else:
            Path(target).write_text(text, encoding="utf-8")
    except BrokenPipeError:
        raise
    except OSError as error:
        if target == "-":
            nobody_reads()  # what is left of it would be tried again at the end
        raise TwocooksError(f"{target} cannot be written: {error.strerror or error}") from error


def nobody_reads() -> None:
    """Let what is still to be written to stdout go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def load_numpy() -> None:
    """Load numpy; Ctrl-C waits until it is there. Numpy's C code, which takes a tenth of a second
    to load, would make "numpy is broken" of it."""
    import signal

    # numpy's algebra library starts a thread for each core, which no report needs. Programs that
    # are watched later must not inherit this.
    told = os.environ.get(THREADS_OF_NUMPY)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        os.environ.setdefault(THREADS_OF_NUMPY, "1")
        import numpy  # noqa: F401
    finally:
        if told is None:
            del os.environ[THREADS_OF_NUMPY]
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def on_path(name: str) -> str | None:
    """Where a command lives: PATH, then beside this Python (a venv that is not active)."""
    import shutil

    return shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
