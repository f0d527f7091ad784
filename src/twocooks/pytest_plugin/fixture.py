"""The fixture ``twocooks``: measured parts of a test, and demands on them."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

import pytest

from twocooks._also_async import AlsoAsync
from twocooks.model import printable
from twocooks.pytest_plugin import SKIP_HEAD
from twocooks.pytest_plugin.place import library, strict, width_and_unicode

if TYPE_CHECKING:
    from types import TracebackType

    from twocooks.gate.checks import Check, Judged


class Cooks:
    """What the fixture gives. Everything that it has not itself it takes from the module
    ``twocooks`` (``task``, ``run``, ``load``)."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def measure(self) -> Measured:
        """A stretch of the test to be measured: ``with twocooks.measure() as m:``, or ``async
        with``. Nested and overlapping stretches are allowed."""
        return Measured(self._config)

    def gil_released(self) -> Released:
        """The block must let other threads have the GIL by itself: ``with twocooks.gil_released():
        zlib.compress(data)``. It must take some 20 ms or more, and work on this thread."""
        return Released(self._config)

    def __getattr__(self, name: str) -> Any:
        return getattr(library(), name)


class Released:
    """A block that must let go of the GIL. (A class, so that no frame of ours is in a failure.)"""

    def __init__(self, config: pytest.Config) -> None:
        from twocooks.pytest_plugin.probe import Probe

        self._config = config
        self._probe = Probe()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> None:
        self._stack.enter_context(self._probe)
        self._stack.enter_context(self._probe.call(sys._getframe(1)))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        __tracebackhide__ = True
        self._stack.close()
        if kind is None:
            _settle(self._config, self._probe.judge(), None)


class Measured(AlsoAsync):
    """A measured stretch. Has all of what ``twocooks.measure()`` gives (``verdict``,
    ``parallelism.mean``, ``waits``, ``findings``, ``report()``...), and the demands.

    A demand that this machine can neither prove nor disprove (too few free cores, numbers that are
    estimated) skips the test with the reason; with the ini option ``twocooks_strict`` it fails.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._inner: Any = None
        self._why = ""

    def __enter__(self) -> Measured:
        twocooks = library()
        try:
            inner = twocooks.measure()
            inner.__enter__()
            self._inner = inner
        except twocooks.MeasureError as error:  # said when something is asked
            self._why = printable(str(error))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._inner is not None:
            self._inner.__exit__(kind, error, traceback)

    def __getattr__(self, name: str) -> Any:
        __tracebackhide__ = True
        if name.startswith("__"):
            raise AttributeError(name)
        if self._inner is None:
            _undecided(self._config, self._why)
        return getattr(self._inner, name)

    def assert_parallelism(self, *, min: float | None = None, max: float | None = None) -> None:
        """``parallelism.mean`` is at least ``min``, ``parallelism.max`` at most ``max``."""
        __tracebackhide__ = True
        self._demand("parallelism", min=min, max=max)

    def assert_concurrency(self, *, min: float | None = None, max: float | None = None) -> None:
        """``concurrency.mean`` is at least ``min``, ``concurrency.max`` at most ``max``."""
        __tracebackhide__ = True
        self._demand("concurrency", min=min, max=max)

    def assert_verdict(self, *ids: str) -> None:
        """The verdict is one of these ids."""
        __tracebackhide__ = True
        self._demand("verdict", *ids)

    def assert_loop_never_held(self, ms: float = 50) -> None:
        """No step kept an event loop for so many milliseconds."""
        __tracebackhide__ = True
        self._demand("loop_never_held", ms)

    def assert_gil_stays_off(self) -> None:
        """The GIL of this free-threaded Python was off all the time."""
        __tracebackhide__ = True
        self._demand("gil_stays_off")

    def assert_gil_released(self) -> None:
        """No native call kept the GIL after another thread had asked for it."""
        __tracebackhide__ = True
        self._demand("gil_released")

    def assert_no_wait_for(self, reason: str, over: str | float = 0.0) -> None:
        """The tasks waited for this reason no longer than ``over``, all together."""
        __tracebackhide__ = True
        self._demand("no_wait_for", reason, over=over)

    def _demand(self, name: str, *args: Any, **options: Any) -> None:
        __tracebackhide__ = True
        from twocooks.gate.demands import demand

        check: Check = demand(name, args, options)
        if self._inner is None:
            _undecided(self._config, self._why)
        _settle(self._config, check.judge(self._inner.analysis), self._inner.analysis)


def _settle(config: pytest.Config, judged: Judged, analysis: Any) -> None:
    """Go on, fail or skip, as the demand came out."""
    __tracebackhide__ = True
    from twocooks.gate.checks import Outcome

    if judged.outcome is Outcome.FAILED:
        raise AssertionError(_text(config, judged, analysis))
    if judged.outcome is Outcome.UNDECIDED:
        _undecided(config, judged.said)


def _text(config: pytest.Config, judged: Judged, analysis: Any) -> str:
    if analysis is None:
        return "\n".join([judged.said, *judged.where])
    from twocooks.gate.story import tell

    width, unicode = width_and_unicode(config)
    return tell(judged, analysis, width=width, unicode=unicode)


def _undecided(config: pytest.Config, why: str) -> None:
    __tracebackhide__ = True
    if strict(config):
        raise AssertionError(f"{SKIP_HEAD}{why} (twocooks_strict)")
    raise pytest.skip.Exception(f"{SKIP_HEAD}{why}", _use_item_location=True)
