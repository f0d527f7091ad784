"""A recording that ``twocooks view`` serves, in a thread of the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.kit.builder import Builder
from twocooks.analyse.build import Recording
from twocooks.report.html.detail import Detail
from twocooks.view.server import View


@contextmanager
def served(recording: Builder) -> Iterator[View]:
    """The server of this recording, which answers until the block ends."""
    with View(Detail(Recording(recording.trace()))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
