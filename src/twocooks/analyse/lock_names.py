"""What a program calls its lock: read off the line that waits for it.

The look tells file and line, not the text. The text is read from the file itself, when the table is
made, if that file lies there and has not changed since the program ran; a name comes only from a
line of one of the plain forms ``with self.lock:`` and ``self.lock.acquire()``, so that nothing else
of a file can get into a report. A trace may come from anywhere: only small, regular ``.py`` files
are opened.
"""

from __future__ import annotations

import os
import re
import stat

MOST_BYTES = 2 << 20
NAME = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[[\w'\"]{1,40}\])*"
WITH = re.compile(rf"^\s*(?:async\s+)?with\s+({NAME})(?:\s+as\s+\w+)?\s*:")
ACQUIRE = re.compile(rf"(?<![\w.\])])({NAME})\.(?:acquire|__enter__)\s*\(")
PLACE = re.compile(r"^(.*):(\d+) [^:]*$", re.DOTALL)


def name_of(places: list[str], before: float | None = None) -> str:
    """The name that the first of these places (``file:line function``) gives to the lock; "" = none
    of them tells. ``before``: files changed after this time (seconds of the epoch) tell nothing."""
    for place in places:
        found = PLACE.match(place)
        name = _name_in(_line(found[1], int(found[2]), before)) if found else ""
        if name:
            return name
    return ""


def _name_in(text: str) -> str:
    acquired = ACQUIRE.findall(text)
    if len(acquired) == 1:
        return str(acquired[0])
    found = WITH.match(text)
    return found[1] if found else ""


def _line(path: str, number: int, before: float | None) -> str:
    if not path.endswith(".py") or not os.path.isabs(path) or number > 10_000_000:
        return ""
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError):
        return ""
    with open(fd, "rb") as file:
        about = os.fstat(fd)
        if not stat.S_ISREG(about.st_mode) or about.st_size > MOST_BYTES:
            return ""
        if before is not None and max(about.st_mtime, about.st_ctime) > before:
            return ""
        try:
            lines = file.read(MOST_BYTES).decode("utf-8").splitlines()
        except (OSError, ValueError):
            return ""
    return lines[number - 1] if 0 < number <= len(lines) else ""
