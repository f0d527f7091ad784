"""A copy of a trace without names, to share it: command lines, files, functions, tasks, threads.

twocooks redact [TRACE] -o FILE      without TRACE: the last run

Each name becomes the same placeholder wherever it stands (task-1, file-2); numbers and times stay,
so the copy gives the same answer.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from twocooks.cli import common
from twocooks.model import TwocooksError, printable


def main(argv: list[str]) -> int:
    valued = {"-o": "-o", "--output": "-o"}
    values, _, rest = common.take_options(argv, valued, set())
    late, _, more = common.take_options(rest[1:], valued, set())
    values |= late
    path = common.one_trace(rest[:1] + more, "redact")
    if "-o" not in values:
        common.fail("redact needs a name for the copy: twocooks redact TRACE -o FILE")
    target = Path(values["-o"])
    common.may_write(target, "-o", b"twocooks")
    if target.exists() and target.samefile(path):
        common.fail(f"-o {target} is the trace itself; choose another name")
    from twocooks.read.redact import redact

    content = redact(path)
    try:
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as file:
            file.write(content)
    except OSError as error:
        raise TwocooksError(f"{target} cannot be written: {error.strerror}") from error
    print(printable(f"{target} has no names in it; look: twocooks dump {target}"), file=sys.stderr)
    return 0
