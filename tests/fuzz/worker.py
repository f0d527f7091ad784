"""A process that reads hostile traces with all of the command line, under limits.

Started by ``tests.fuzz.whole``: takes a path a line, answers with a JSON line. What it may use is
bounded from the outside (address space) and measured (CPU seconds); a crash of it is the finding.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import json
import resource
import sys
import time
import traceback
from pathlib import Path

COMMANDS = (["report"], ["report", "--json", "-"], ["check"], ["dump"])


class _Out(io.StringIO):
    """A stdout whose encoding is known."""

    encoding = "utf-8"  # type: ignore[assignment]


def one(arguments: list[str]) -> dict[str, object]:
    """One command: its exit code, what it wrote, and a traceback where it raised."""
    from twocooks.cli import main

    out, err, raised, code = _Out(), _Out(), "", -1
    begin = time.process_time()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except BaseException:
            raised = traceback.format_exc()
    cpu_s = time.process_time() - begin
    return {
        "command": arguments[0], "code": code, "out": out.getvalue(), "err": err.getvalue(),
        "raised": raised, "cpu_s": cpu_s,
    }  # fmt: skip


def main() -> None:
    space, cpu_s = int(sys.argv[1]), float(sys.argv[2])
    import numpy  # noqa: F401 - what every report loads counts before the limit

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    if space:
        resource.setrlimit(resource.RLIMIT_AS, (used + space, used + space))
    for line in sys.stdin:
        faulthandler.dump_traceback_later(cpu_s * 30, exit=True)
        path = json.loads(line)
        answers = [one([*command, path]) for command in COMMANDS]
        faulthandler.cancel_dump_traceback_later()
        sys.__stdout__.write(json.dumps(answers) + "\n")
        sys.__stdout__.flush()


if __name__ == "__main__":
    main()
