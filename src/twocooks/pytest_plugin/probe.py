"""Whether a call lets other threads have the GIL: a probe thread asks for it meanwhile.

The probe sleeps for half a millisecond, notes the time, and sleeps again: each note needs the GIL.
While the watched call runs, Python's own taking turns is off (the switch interval is set to
``LONG_S``), so nobody is made to give way, and a note inside the call proves that the call let go
of the GIL by itself. Two notes are asked for: the wait of the first may have begun before it.

No note in a call of ``LEAST_S`` or more means that it kept the GIL, unless the probe had no core,
or another thread of Python had the GIL: the kernel tells for how long each stood in line and
worked (schedstat), and where that is a good part of the call, nothing is said. So no verdict here
rests on a length of time being short enough.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import itertools
import math
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic_ns, sleep  # our own, whatever name is watched
from types import FrameType
from typing import Any

from twocooks.gate.checks import DemandError, Judged, failed, passed, undecided
from twocooks.report.words import count, seconds

PAUSE_S = 0.0005
LONG_S = 5.0
LEAST_S = 0.02
NOTES = 2


@dataclass(frozen=True)
class Call:
    """One watched call."""

    seconds: float
    notes: int
    longest_s: float
    """The longest stretch without a note."""
    no_core_s: float
    """For how long the probe stood in line for a core meanwhile; nan = not known."""
    others_s: float
    """For how long another thread of Python was on a core, at most."""
    where: str
    own_s: float = 0.0
    """For how long the calling thread itself stood in line for a core: no part of the call."""

    @property
    def long(self) -> bool:
        """Whether it took long enough to tell."""
        return self.seconds - self.own_s >= LEAST_S

    @property
    def sure(self) -> bool:
        """Whether nothing but the call explains that nobody else got the GIL."""
        return max(self.no_core_s, self.others_s) < self.seconds / 2  # never with nan


class Probe:
    """Watches calls of one function (``name``: where it is found), or blocks (``call``)."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.calls: list[Call] = []
        self._notes: list[int] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="twocooks-probe", daemon=True)
        self._stack = contextlib.ExitStack()
        self._lock = threading.Lock()

    def __enter__(self) -> Probe:
        self._thread.start()
        if self.name:
            owner, attribute, function = find(self.name)
            self._stack.callback(setattr, owner, attribute, function)
            setattr(owner, attribute, self._wrapped(function))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._over.is_set():
            self._notes.append(monotonic_ns())
            sleep(PAUSE_S)

    def _wrapped(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def watched(*args: Any, **options: Any) -> Any:
            __tracebackhide__ = True
            with self.call(sys._getframe(1)):
                return function(*args, **options)

        return watched

    @contextlib.contextmanager
    def call(self, caller: FrameType) -> Iterator[None]:
        """The block is one call. Of calls at the same moment only one is watched."""
        if not self._lock.acquire(blocking=False):
            yield
            return
        try:
            code = caller.f_code
            where = f"{code.co_filename}:{caller.f_lineno} {code.co_name}"
            interval, before = sys.getswitchinterval(), self._threads()
            sys.setswitchinterval(LONG_S)
            begun, first = monotonic_ns(), len(self._notes)
            try:
                yield
            finally:
                ended, last = monotonic_ns(), len(self._notes)
                sys.setswitchinterval(interval)
                inside = [t for t in self._notes[first:last] if begun < t < ended]
                edges = [begun, *inside, ended]
                longest = max(b - a for a, b in itertools.pairwise(edges))
                length = (ended - begun) / 1e9
                stood, others, own = self._since(before) if length >= LEAST_S else (0.0,) * 3
                self.calls.append(
                    Call(length, len(inside), longest / 1e9, stood, others, where, own)
                )
                del self._notes[:last]
        finally:
            self._lock.release()

    def _threads(self) -> dict[int, tuple[int, int]]:
        """Native ids of Python's threads -> ns on a core, ns in line for one."""
        found = {}
        for thread in threading.enumerate():
            tid = thread.native_id
            if tid is not None:
                with contextlib.suppress(OSError, ValueError, IndexError):
                    with open(f"/proc/self/task/{tid}/schedstat") as file:
                        words = file.read().split()
                    found[tid] = int(words[0]), int(words[1])
        return found

    def _since(self, before: dict[int, tuple[int, int]]) -> tuple[float, float, float]:
        """How long the probe stood in line, how long another thread was on a core at most, and how
        long this one stood in line."""
        now, probe, here = self._threads(), self._thread.native_id, threading.get_native_id()
        if probe is None or not {probe, here} <= before.keys() & now.keys():
            return math.nan, 0.0, 0.0
        worked = [now[tid][0] - before.get(tid, (0, 0))[0] for tid in now if tid not in
                  (probe, here)]  # fmt: skip
        stood, own = (now[tid][1] - before[tid][1] for tid in (probe, here))
        return stood / 1e9, max(worked, default=0) / 1e9, own / 1e9

    def judge(self) -> Judged:
        """What the calls showed."""
        name = self.name or "the block"
        if not getattr(sys, "_is_gil_enabled", lambda: True)():
            return undecided("this Python runs without a GIL: there is none to let go of")
        if not self.calls:
            return failed(
                f"{name} was never called by that name, so whether it lets go of the GIL is not "
                "known (a name imported with `from` before the test is not seen)"
            )
        long = [call for call in self.calls if call.long]
        kept = [call for call in long if call.notes < NOTES]
        sure = [call for call in kept if call.sure]
        if sure:
            worst = max(sure, key=lambda call: call.seconds)
            return failed(
                f"{name} kept the GIL in {len(sure)} of {count(len(long), 'call')}, the longest "
                f"{seconds(worst.seconds)}: no other thread got it meanwhile",
                tuple(dict.fromkeys(call.where for call in sure))[:3],
            )
        if kept:
            return undecided(
                "the thread that asked for the GIL had no core meanwhile, or another thread of "
                "Python was at work"
            )
        if not long:
            longest = max(call.seconds for call in self.calls)
            return undecided(
                f"the longest call of {name} took {seconds(longest)}; to tell whether it lets go "
                f"of the GIL it must take {seconds(LEAST_S)}"
            )
        return passed()


def find(name: object) -> tuple[Any, str, Callable[..., Any]]:
    """Where a dotted name lives: (module or class, attribute, function). DemandError if nowhere, or
    where it cannot be replaced for a while."""
    if not isinstance(name, str) or "." not in name:
        raise DemandError(f"gil_released(by={name!r}): give it as 'module.function'")
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            owner: Any = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for part in parts[cut:-1]:
            owner = getattr(owner, part, None)
        function = getattr(owner, "__dict__", {}).get(parts[-1])
        if not callable(function) or isinstance(function, staticmethod):
            break
        try:
            setattr(owner, parts[-1], function)
        except (TypeError, AttributeError):
            break
        return owner, parts[-1], function
    raise DemandError(
        f"gil_released(by={name!r}): there is no such function, or it cannot be watched by its "
        "name; then watch the block: with twocooks.gil_released(): ..."
    )
