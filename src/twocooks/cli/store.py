"""The user's folder of traces: the last twenty are kept."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

KEEP = 20
SUFFIX = ".2cooks"
_OURS = re.compile(r"\d{8}-\d{6}-\d{3}-.*\.2cooks")


def folder() -> Path:
    """``$XDG_STATE_HOME/twocooks``, by default ``~/.local/state/twocooks``."""
    state = os.environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(state):  # the standard says that relative ones are to be ignored
        return Path(state) / "twocooks"
    return Path(os.path.expanduser("~")) / ".local" / "state" / "twocooks"


def new(name: str) -> Path:
    """A path for a new trace of the program ``name``; makes the folder, and room in it.

    Where there is no home to write to, the trace goes to the folder for temporary files.
    """
    place = folder()
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(place, os.W_OK):
            raise PermissionError
    except OSError:
        import tempfile

        place = Path(tempfile.mkdtemp(prefix="twocooks-"))
    _make_room(place)
    now = time.time()
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now)) + f"-{int(now * 1000) % 1000:03d}"
    word = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)[:40].strip("._") or "program"
    return place / f"{stamp}-{word}-{os.getpid()}{SUFFIX}"


def last() -> Path | None:
    """The newest trace in the folder, or None."""
    found = _traces(folder())
    return found[-1] if found else None


def _traces(place: Path) -> list[Path]:
    """Our traces, oldest first. The name begins with the time, so the names sort."""
    try:
        names = sorted(n for n in os.listdir(place) if _OURS.fullmatch(n))
    except OSError:
        return []
    return [place / name for name in names]


def _make_room(place: Path) -> None:
    """Remove the oldest traces so that with the coming one there are KEEP."""
    for path in _traces(place)[: -(KEEP - 1)]:
        try:
            path.unlink()
        except OSError:
            continue  # somebody else's, or gone already: the next run tries again
