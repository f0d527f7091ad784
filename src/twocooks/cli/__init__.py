"""twocooks: does a Python program take turns, or do things really happen at the same moment?

twocooks run SCRIPT [ARGS]     watch a program; the answer comes when it ends (or on Ctrl-C)
twocooks SCRIPT [ARGS]         the same
twocooks report [TRACE]        the answer again, from the file of a run (the last one)
twocooks view [TRACE]          the picture in your browser, at any size, as close as you like
twocooks check [TRACE]         is the file sound and do its numbers agree?
twocooks dump [TRACE]          every record of the file, a line each
twocooks redact [TRACE] -o F   a copy without names, to share it
twocooks doctor                what this machine lets twocooks see, and what to change
twocooks kitchen [DINNER]      cook a dinner for real, four ways, and see the difference
                               (also twocooks alone, on a terminal)
twocooks explain               concurrency and parallelism in ten and in thirty seconds
twocooks learn                 the course: eight steps, each run on your machine
twocooks prove [N | WORDS]     what is said about them, proven here by small programs
twocooks quiz                  pictures of runs without their verdict: name it
twocooks interview             the questions, your words, then what to say, with the proof

twocooks COMMAND --help        more about one of them
twocooks --version
"""

from __future__ import annotations

import importlib
import os
import sys

from twocooks.model import TwocooksError, printable

COMMANDS = {"run": "run", "report": "report", "check": "check", "dump": "dump",
            "redact": "redact", "view": "view", "doctor": "doctor",
            "kitchen": "kitchen", "explain": "explain", "prove": "prove", "quiz": "quiz",
            "interview": "interview", "learn": "learn"}
"""Subcommand -> its module in this package, which has ``main(argv) -> exit code`` and its help as
docstring. Modules are loaded only when they are asked for: a run pays for what it needs."""


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit code. Errors of the user are one line on stderr."""
    words = sys.argv[1:] if argv is None else argv
    _open_what_is_closed()
    try:
        code = _dispatch(words)
        sys.stdout.flush()  # a short answer is only written now, and that may fail as well
        return code
    except TwocooksError as error:
        print(f"twocooks: {printable(str(error))}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader of a pipe (head, less) went away: nobody is left to tell.
        _let_go_of_stdout()
        return 0
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        if os.environ.get("TWOCOOKS_DEBUG"):
            raise
        why = f"{error.filename}: {error.strerror or error}; choose another file or mend this"
        if error.filename is None:
            _let_go_of_stdout()
            why = f"the answer cannot be written: {error.strerror or error}"
        print(f"twocooks: {printable(why)}", file=sys.stderr)
        return 2
    except ImportError as error:
        if os.environ.get("TWOCOOKS_DEBUG"):
            raise
        why = printable(str(error).strip().partition("\n")[0])
        print(f"twocooks: {error.name or 'a library'} cannot be loaded ({why}); "
              "install twocooks again", file=sys.stderr)  # fmt: skip
        return 2


def _let_go_of_stdout() -> None:
    """What is left in its buffer would be tried, and fail, once more at the very end."""
    from twocooks.cli.common import nobody_reads

    nobody_reads()


def _open_what_is_closed() -> None:
    """A stream that was closed when we came (``>&-``) is None in Python, and its number would go to
    the next file that we open: what is said there goes nowhere instead. The watched program finds
    it closed as ever, for no file of ours outlives an exec."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _at_a_terminal() -> bool:
    """Somebody looks and can answer: twocooks alone shows what it is about."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _dispatch(words: list[str]) -> int:
    if not words and _at_a_terminal():
        words = ["kitchen"]
    if not words or words[0] in ("-h", "--help", "help"):
        print((__doc__ or "").strip())
        return 0 if words else 2
    if words[0] in ("-V", "--version"):
        from twocooks import __version__

        print(f"twocooks {__version__}")
        return 0
    name, rest = (words[0], words[1:]) if words[0] in COMMANDS else ("run", words)
    module = importlib.import_module(f"twocooks.cli.{COMMANDS[name]}")
    if rest and rest[0] in ("-h", "--help"):
        print((module.__doc__ or "").strip())
        return 0
    from twocooks.read.room import rooms

    with rooms():
        code: int = module.main(rest)
    return code
