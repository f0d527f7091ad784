"""A large trace, whose two large columns are let go when whoever asked for them has done with them.

The kernel's records and the agents' events are most of a trace, and the analysis goes through each
of them once: the kernel's for the stretches of threads, the agents' for the tasks. So a large trace
hands them to the first who asks and keeps the file open instead: whoever asks later has them
decoded again, from the same bytes and no byte more, though the file may grow meanwhile.

The few kernel records that tell more than a switch (``Trace.rare``) and the sums over all
(``Trace.switches``) are asked for again and again; they are kept.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from twocooks.read.trace import Kept, KernelColumns, Trace

LATE = ("kernel", "agent")


class Source:
    """A file that stays readable as it was, whatever becomes of its name. ``size``: bytes of it
    that are read; ``lock``: there is but one place in the file to read at."""

    def __init__(self, number: int, size: int) -> None:
        self.number, self.size, self.lock = os.dup(number), size, threading.Lock()
        weakref.finalize(self, os.close, self.number)


@dataclass(frozen=True)
class LateTrace(Trace):
    """A trace whose ``kernel`` and ``agent`` may be None to those who look from inside; all others
    get the columns."""

    again: Callable[[str], Any] | None = None
    """Reads one of them again."""
    first: dict[str, Any] = field(default_factory=dict, compare=False)
    """Those that nobody has asked for yet."""
    lately: dict[str, Any] = field(default_factory=dict, compare=False)
    """Those that are in use, in weak references."""

    def part(
        self, kernel: Callable[[KernelColumns], KernelColumns], kept: Kept, **changed: Any
    ) -> LateTrace:
        """The same trace with some of the kernel's records (which are read when somebody asks for
        them), what is kept of these, and some of its other columns changed."""
        own = {part.name: vars(self)[part.name] for part in fields(self)} | changed

        def again(name: str) -> Any:
            found = getattr(self, name)
            return kernel(found) if name == "kernel" else found

        own |= {"again": again, "first": {}, "lately": {}}
        some = LateTrace(**own)
        vars(some)["_kept"] = kept
        return some

    def give_back(self, name: str, columns: Any) -> None:
        """Whoever was the first to ask was not the one who goes through all of it."""
        self.first[name] = columns
        self.lately.pop(name, None)

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, name)
        if found is not None or name not in LATE or self.again is None:
            return found
        kept = self.lately.get(name)
        columns = kept() if kept is not None else None
        if columns is None:
            columns = self.first.pop(name, None) or self.again(name)
            self.lately[name] = weakref.ref(columns)
        return columns
