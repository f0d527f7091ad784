"""``measure()``: a window on a recording of this very process and its children.

The recorder (``record.attached``) is started by the first window and shared by all: a window is two
times. What happened between them is read from the trace when somebody asks for the first number,
so leaving a window costs nothing; the windows that were closed by then share the reading.

After a fork a child starts anew: what it inherits belongs to its parent.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import time
import weakref
from _thread import allocate_lock
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, overload

from twocooks._also_async import AlsoAsync
from twocooks._view import NotKnownError, View, unknown, view
from twocooks.model import MeasureError

if TYPE_CHECKING:
    from types import TracebackType

    from twocooks.analyse.build import Recording
    from twocooks.analyse.result import Analysis
    from twocooks.api import Run
    from twocooks.record.attached import Attached

F = TypeVar("F", bound=Callable[..., Any])


# ---- the recording ----


class _Shared:
    """What all windows of this process share."""

    def __init__(self) -> None:
        self.lock = allocate_lock()
        self.attached: Attached | None = None
        self.known: weakref.ref[Recording] | None = None
        """The recording as it was read last, as long as some window needs it."""
        self.cost_s = 0.0
        """What it took to read it, and to make its timeline."""
        self.unread: weakref.WeakSet[Measurement] = weakref.WeakSet()
        """Windows that nobody has asked yet, open ones too."""

    def is_dear(self) -> bool:
        """The recording is large and slow to read, and nobody needs it."""
        large = self.attached is not None and self.attached.size > LARGE
        return large and self.cost_s > DEAR_S and not self.unread


_of_process: dict[int, _Shared] = {}


def _shared() -> _Shared:
    """Ours; after a fork the child's own, with a lock that nobody holds."""
    pid = os.getpid()
    found = _of_process.get(pid)
    if found is None:
        found = _of_process.setdefault(pid, _Shared())
    return found


DEAR_S, LARGE = 0.1, 1 << 18
"""A recording that takes longer to be read, and has more bytes, is begun anew when nobody needs it:
what it costs to ask about a window grows with all that was recorded before it."""


def _attach(window: Measurement) -> Attached:
    """The recording of this process, started where there is none."""
    shared = _shared()
    with shared.lock:
        if shared.attached is not None and shared.is_dear() and shared.attached.alone():
            shared.attached.stop()
            shared.attached = None
        if shared.attached is not None and not shared.attached.alive:
            shared.attached.stop()  # killed: a new one, and its windows say so
            shared.attached = None
        if shared.attached is None:
            from twocooks.record import attached

            _forget_others()
            try:
                shared.attached = attached.Attached()
            except ImportError as error:
                raise MeasureError(f"measure() does not work here: {error}") from None
            shared.cost_s = 0.0
        shared.unread.add(window)
        return shared.attached


def _forget_others() -> None:
    """What a parent had: files, and names in the environment."""
    for pid in list(_of_process):
        if pid != os.getpid() and (left := _of_process.pop(pid, None)) and left.attached:
            left.attached.stop()


def stop() -> None:
    """End the recording behind ``measure()`` and take everything back that it put into this
    process: hooks, files, names in the environment. Windows that are open then end here; those
    that were closed can be asked on. A later ``measure()`` starts a new one."""
    shared = _shared()
    with shared.lock:
        recording, shared.attached = shared.attached, None
        if recording is not None:
            recording.stop()


# ---- a window ----


class Measurement(AlsoAsync):
    """One window: ``with twocooks.measure() as m:``, ``async with`` too.

    After the window it has all names of the summary (``twocooks run --json``) as attributes:
    ``m.verdict.id``, ``m.concurrency.mean``, ``m.parallelism.max``, ``m.findings``; besides
    ``m.waits``, ``m.locks``, ``m.loop`` and ``m.task_list`` (the tables), ``m.report()``,
    ``m.summary`` (a dict), ``m.analysis`` and ``m.run``. The first question reads the recording.
    MeasureError where the window is not over, or was never begun.
    """

    def __init__(self) -> None:
        self._recording: Attached | None = None
        self._window: tuple[int, int] | None = None
        self._from_ns = 0
        self._lock = allocate_lock()
        self._run: Run | None = None

    # ---- its two ends ----

    def start(self) -> Measurement:
        """Begins the window; the same as entering it."""
        if self._recording is not None:
            raise MeasureError("this window was used before; make a new one: measure()")
        self._recording = _attach(self)
        self._from_ns = _edge(self._recording)
        return self

    def finish(self) -> None:
        """Ends the window; the same as leaving it."""
        if self._recording is None:
            raise MeasureError("this window was not begun")
        if self._window is None:
            self._window = (self._from_ns, _edge(self._recording))

    def __enter__(self) -> Measurement:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.finish()

    # ---- what it says ----

    @property
    def window_ns(self) -> tuple[int, int]:
        """Its two ends (CLOCK_MONOTONIC). MeasureError while it is open."""
        if self._recording is None:
            raise MeasureError("nothing was measured yet: with twocooks.measure() as m: ...")
        if self._window is None:
            raise MeasureError("the window is still open: ask after the with block")
        return self._window

    @property
    def run(self) -> Run:
        """The window as a ``Run``: its analysis, report and trace (the whole recording so far)."""
        window = self.window_ns
        with self._lock:
            if self._run is None:
                self._run = self._read(window)
                _shared().unread.discard(self)
        return self._run

    def _read(self, window: tuple[int, int]) -> Run:
        from twocooks.api import Run

        assert self._recording is not None
        known = _known(self._recording, window)
        return Run(known.trace, self._recording.path, window=window, recording=known)

    @property
    def analysis(self) -> Analysis:
        """Tasks, cores and step functions of the window."""
        return self.run.analysis

    def by(self, level: str) -> Analysis:
        """The window counted otherwise: by "task", "name", "thread" or "process"."""
        return self.run.by(level)

    @property
    def summary(self) -> dict[str, Any]:
        """The summary of schema "twocooks.summary/1"."""
        return self.run.summary

    def report(self, width: int = 80) -> str:
        """The terminal report, without colours."""
        return self.run.report(width)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the whole recording up to now as a trace file, for ``twocooks report``. OSError
        where it cannot be written."""
        self.window_ns  # noqa: B018 - it must be over
        assert self._recording is not None
        _save(self._recording, path)

    @property
    def waits(self) -> list[View]:
        """Where the tasks waited, by reason, line and lock, the longest sum first."""
        return [View(row.row(), "waits") for row in self.analysis.waits]

    @property
    def locks(self) -> list[View]:
        """The waits for locks by lock, with who had it meanwhile."""
        return [View(row.row(), "locks") for row in self.analysis.locks]

    @property
    def task_list(self) -> list[View]:
        """All tasks with what they did with their time."""
        return [View(row.row(), "task_list") for row in self.analysis.task_list]

    @property
    def loop(self) -> list[View]:
        """The event loops, with steps from 50 ms on as holds; ``loops`` for another length."""
        return self.loops()

    def loops(self, held_s: float = 0.05) -> list[View]:
        """The event loops; a step of ``held_s`` seconds or more held its loop."""
        return [View(row.row(), "loop") for row in self.analysis.tell_loops(held_s)]

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_"):
            raise AttributeError(key)
        summary = self.analysis.summary if key != "levels" else self.summary
        if key not in summary:
            raise NotKnownError(unknown(key))
        return view(summary[key], key)

    def __repr__(self) -> str:
        if self._recording is None:
            return "<twocooks.measure(), not begun>"
        if self._window is None:
            return "<twocooks.measure(), open>"
        seconds = (self._window[1] - self._window[0]) / 1e9
        return f"<twocooks.measure(), {seconds:.3f} s>"


def _told(recording: Attached, until_ns: int) -> dict[str, Any]:
    """What the recorder says of all up to ``until_ns``, asked where it has not said so yet; with
    the lock."""
    if not recording.mine:
        raise MeasureError("this window belongs to the process that forked this one")
    if recording.end is not None and recording.end["end_ns"] >= until_ns:
        return recording.end
    if recording.over:
        raise MeasureError("the recording was stopped before the end of this window")
    return recording.flush()


def _edge(recording: Attached) -> int:
    """This moment, as an end of a window."""
    if recording.source == "kernel":
        return time.monotonic_ns()
    with _shared().lock:
        try:
            return recording.edge()
        except MeasureError:  # the recorder is gone: said when somebody asks for numbers
            return time.monotonic_ns()


def _known(recording: Attached, window: tuple[int, int]) -> Recording:
    """The recording with all that was before the end of the window, read once for all windows that
    ended before it was read. (Polled accounts are laid out anew for each window.)"""
    from twocooks.analyse.build import Recording
    from twocooks.read import reader

    shared, until_ns = _shared(), window[1]
    with shared.lock:
        end, begin = _told(recording, until_ns), time.perf_counter()
        if recording.source == "schedstat":
            return Recording(reader.load(recording.path, end={**end, "edges": [*window]}))
        kept = shared.known() if shared.known is not None else None
        if kept is None or kept.trace.end is None or kept.trace.end["end_ns"] < until_ns:
            kept = Recording(reader.load(recording.path, end=end))
            kept.line  # noqa: B018 - made now, for all
            shared.known, shared.cost_s = weakref.ref(kept), time.perf_counter() - begin
        return kept


def _save(recording: Attached, path: str | os.PathLike[str]) -> None:
    from twocooks.format.encode import block
    from twocooks.format.spec import Block

    with _shared().lock:
        end = _told(recording, time.monotonic_ns() if not recording.over else 0)
        size = recording.size
        with open(path, "wb") as out:
            at = 0
            while at < size and (part := os.pread(recording.trace_fd, min(1 << 20, size - at), at)):
                out.write(part)
                at += len(part)
            out.write(block(Block.END, json.dumps(end).encode()))


def measure() -> Measurement:
    """A window on what this process and its children do; see ``Measurement``.

    The first one starts a recorder beside the program (some 50 ms); it goes on until ``stop`` or
    the end of the program. MeasureError (at the beginning of the window) where that is impossible.
    """
    return Measurement()


@overload
def measured(function: F) -> F: ...
@overload
def measured(*, then: Callable[[Measurement], object]) -> Callable[[F], F]: ...
def measured(function: Any = None, *, then: Callable[[Measurement], object] | None = None) -> Any:
    """Measures each call of a function, sync or async. The window of the latest call that ended is
    the attribute ``measurement`` of the function; ``then`` is called with each."""
    if function is None:
        return functools.partial(measured, then=then)
    import inspect

    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError("measured() takes functions and async functions, no generators")

    @contextlib.contextmanager
    def window() -> Iterator[None]:
        one = Measurement().start()
        try:
            yield
        finally:
            one.finish()
            wrapper.measurement = one  # type: ignore[attr-defined]
            if then is not None:
                then(one)

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            with window():
                return await function(*args, **kwargs)
    else:

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with window():
                return function(*args, **kwargs)

    return wrapper
