"""Look into a run in the browser: as the page of --html, but of any size and as close as you like.

twocooks view [OPTIONS] [TRACE]        without TRACE: the last run; Ctrl-C ends it

--by WHAT          what to count: task (the default), name, thread or process
--no-browser       only print the address
--port N           listen there (default: a free port)

Only this machine can open the address, and only who knows all of it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from twocooks.cli import common
from twocooks.cli.common import fail
from twocooks.model import TwocooksError

if TYPE_CHECKING:
    from twocooks.read.trace import Trace
    from twocooks.report.html.detail import Detail

VALUED = {"--by": "--by", "--port": "--port"}
FLAGS = {"--no-browser"}


def main(argv: list[str]) -> int:
    values, given, rest = common.take_options(argv, VALUED, FLAGS)
    late, asked, more = common.take_options(rest[1:], VALUED, FLAGS)
    values |= late  # options after the file are as good
    given |= asked
    by = common.level(values)
    port = _port(values.get("--port", "0"))
    path = common.one_trace(rest[:1] + more, "view")
    return _serve(path, by, port, browser="--no-browser" not in given)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        fail(f"--port {text!r} is no port; write for example --port 8765")
    return int(text)


def _serve(path: Path, by: str, port: int, browser: bool) -> int:
    from twocooks.cli.report import of_trace

    def ask(trace: Trace) -> Detail:
        from twocooks.analyse.build import Recording
        from twocooks.analyse.shelf import Shelf
        from twocooks.read.late import LateTrace
        from twocooks.report.html.detail import Detail

        large = isinstance(trace, LateTrace)
        return Detail(Recording(trace, Shelf() if large else None), by)

    detail = of_trace(path, ask)
    from twocooks.view.server import LOOPBACK, View

    with common.progress("making the page"):
        try:
            server = View(detail, port)
        except OSError as error:
            raise TwocooksError(f"cannot listen on {LOOPBACK} port {port}: {error.strerror}; "
                                "leave --port out for a free one") from error
    with server:
        try:
            print(f"{server.url}\n(Ctrl-C ends it)", flush=True)
            if browser:
                _open(server.ticket_url)
            server.serve_forever()
        except KeyboardInterrupt:
            if sys.stdout.isatty():
                print()
    return 0


def _open(url: str) -> None:
    """Only where there is a screen: a browser for terminals would take this one."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return
    import webbrowser

    webbrowser.open(url)
