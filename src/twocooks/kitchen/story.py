"""What the cooks say while they cook: for the live picture only, never for a number.

One short line an event, written at once to a pipe that is never waited for: if nobody reads, the
line is dropped. Lines are shorter than a pipe's atomic write, so cooks in several processes share
it.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass

WORK, LINE, TOOL, WAIT, DONE = "work", "line", "tool", "wait", "done"


@dataclass(frozen=True)
class Word:
    """One event: this dish now does that, by that cook (-1 = nobody), so long after the start."""

    at_s: float
    dish: int
    doing: str
    cook: int


class Story:
    """The cooks' end of the pipe."""

    def __init__(self, fd: int | None) -> None:
        self.fd = fd
        if fd is not None:
            os.set_blocking(fd, False)

    def say(self, at_s: float, dish: int, doing: str, cook: int = -1) -> None:
        if self.fd is not None:
            with contextlib.suppress(OSError):
                os.write(self.fd, b"%.4f %d %s %d\n" % (at_s, dish, doing.encode(), cook))


def read_word(line: str) -> Word | None:
    """The event of one line; None if it is none."""
    parts = line.split()
    try:
        at, dish, doing, cook = parts
        return Word(float(at), int(dish), doing, int(cook))
    except ValueError:
        return None
