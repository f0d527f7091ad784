"""Every record of a trace file as a line of text; see ``format.text`` for the form."""

from __future__ import annotations

import os
from collections.abc import Iterator

from twocooks.format import spec, text
from twocooks.model import TraceError
from twocooks.read.reader import open_trace


def dump(path: str | os.PathLike[str]) -> Iterator[str]:
    """The file's lines, in the order in which it holds them, harmless for a terminal. Raises
    TraceError where the file is not a trace, or of a newer version."""
    name = os.fspath(path)
    try:
        with open(name, "rb") as file:
            open_trace(file, name)
            yield from text.lines(file, spec.VERSION)
    except OSError as error:
        raise TraceError(f"{name}: {error.strerror}; give the path of a trace file") from error
