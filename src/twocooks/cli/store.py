"""The user's folder of traces: the last twenty are kept."""

from __future__ import annotations

import os
import re
import stat
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

    Where there is no home to write to, the trace goes to a folder among the temporary files, the
    same each time.
    """
    place = folder()
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(place, os.W_OK):
            raise PermissionError
    except OSError:
        place = _temporary_folder()
    _make_room(place)
    now = time.time()
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now)) + f"-{int(now * 1000) % 1000:03d}"
    word = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)[:40].strip("._") or "program"
    return place / f"{stamp}-{word}-{os.getpid()}{SUFFIX}"


def last() -> Path | None:
    """The newest trace in the folder, or in the one that is used where there is no home to write
    to; None if there is none."""
    found = [*_traces(folder()), *_traces(_among_temporary_files())]
    return max(found, key=lambda path: path.name, default=None)


def _among_temporary_files() -> Path:
    """The user's own folder there, whether it exists or not. Its name can be guessed, so others may
    have made it: see ``_is_ours``."""
    import tempfile

    return Path(tempfile.gettempdir()) / f"twocooks-{os.getuid()}"


def _temporary_folder() -> Path:
    """Make that folder; where somebody else was there first, one with a name of its own."""
    import tempfile

    place = _among_temporary_files()
    try:
        place.mkdir(mode=0o700, exist_ok=True)
    except OSError:  # a file, or a link to nowhere
        return Path(tempfile.mkdtemp(prefix="twocooks-"))
    return place if _is_ours(place) else Path(tempfile.mkdtemp(prefix="twocooks-"))


def _is_ours(place: Path) -> bool:
    """Whether the folder is this user's, and nobody else may change what is in it."""
    try:
        found = os.lstat(place)
    except OSError:
        return False
    return (stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
            and not found.st_mode & 0o022)


def _traces(place: Path) -> list[Path]:
    """Our traces, oldest first. The name begins with the time, so the names sort. In a folder that
    somebody else could write to there are none of ours."""
    if place == _among_temporary_files() and not _is_ours(place):
        return []
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
