"""Measures the call phase of tests, judges their marks, and gathers what ``--twocooks`` shows.

Registered only if a mark, the fixture or an option asks for it. The rules of the house hold here as
in ``record``: a test that fails by itself keeps its own failure, whatever goes wrong in measuring
is no failure of the test, and what one worker of pytest-xdist measured travels to the terminal when
the worker ends, in plain values.

The window is the call phase: fixtures are set up before it and torn down after it (``setUp`` and
``tearDown`` of unittest classes belong to the call, as pytest has it). This wrapper is the
innermost one, so that what other plugins do around a test is not in it.

A mark is judged at once, because the test must fail. The rows of ``--twocooks`` are not: windows
that are asked together are read from the recording together, so they are kept for a while (``MOST``
tests). Where reading has become slow, because the recording has grown, it begins anew.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from twocooks.pytest_plugin import MARKS, SKIP_HEAD
from twocooks.pytest_plugin.place import held_ms, library, strict, width_and_unicode

if TYPE_CHECKING:
    from twocooks.gate.checks import Check, Judged
    from twocooks.pytest_plugin.probe import Probe

NAME = "twocooks-measuring"
EVERY = ("no_wait_for", "gil_released")
"""Marks of which all count, those of the class and the module too; of the others the closest."""

MOST = 100
"""Tests whose windows wait to be read together."""
SLOW_S = 2.0
"""Seconds of work for one reading, from which on the recording begins anew."""
SENT = "twocooks"
"""Where a worker's rows are in what it hands over at its end."""

_open: set[int] = set()
"""Runs of pytest in this process that measure (pytester runs one inside of another)."""


class Measuring:
    """The hooks of one pytest run."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.json = config.getoption("--twocooks-json")
        self.all = bool(config.getoption("--twocooks") or self.json)
        self.held_s = held_ms(config) / 1000
        folder = os.path.dirname(os.path.abspath(self.json or ""))
        if self.json and not os.path.isdir(folder):  # said before the tests, not after them
            raise pytest.UsageError(f"--twocooks-json {self.json}: there is no folder {folder}")
        self.rows: list[dict[str, Any]] = []
        self.waiting: list[tuple[dict[str, Any], _Stretch]] = []
        """Tests whose rows are not made yet, with what is known of them without reading."""
        self.stretch = pytest.StashKey[_Stretch]()
        self.checks = pytest.StashKey[list[tuple[pytest.Mark, Any]]]()
        _open.add(id(self))

    def pytest_unconfigure(self) -> None:
        _open.discard(id(self))
        if not _open:
            with contextlib.suppress(Exception):  # pytest ends in any case
                library().stop()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Read the marks: a demand that makes no sense is an error before the test runs."""
        marks = _marks(item)
        item.stash[self.checks] = []
        if not marks:
            return
        from twocooks.gate.checks import DemandError

        wrong = ""
        try:
            item.stash[self.checks] = [(mark, _demand(mark)) for mark in marks]
        except DemandError as error:
            wrong = str(error)
        if wrong:  # out here, or pytest would print the DemandError above it
            pytest.fail(f"@pytest.mark.{wrong}", pytrace=False)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        checks = item.stash.get(self.checks, [])
        if not checks and not self.all:
            return (yield)
        stretch = item.stash[self.stretch] = _Stretch([check for _, check in checks])
        with stretch:
            result = yield
        failed = getattr(item, "_excinfo", None)  # where unittest keeps a test's own failure
        if checks and not failed:
            self._judge(stretch, [check for _, check in checks])
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        stretch = item.stash.get(self.stretch, None) if call.when == "call" else None
        if stretch is not None:
            del item.stash[self.stretch]
            if self.all:
                self.waiting.append(({"test": item.nodeid, "outcome": report.outcome}, stretch))
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Generator[None, Any, Any]:
        """Read when the test is quite over: what watches its time must not count the reading."""
        result = yield
        if len(self.waiting) >= MOST:
            self._read()
        return result

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._read()
        sent = getattr(session.config, "workeroutput", None)
        if sent is not None:  # a worker of xdist
            sent[SENT] = self.rows
        elif self.json:
            from twocooks.pytest_plugin import table

            table.write(self.rows, self.json)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker of xdist has ended."""
        self.rows += getattr(node, "workeroutput", {}).get(SENT, [])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.all:
            from twocooks.pytest_plugin import table

            width, unicode = width_and_unicode(self.config)
            terminalreporter.section("twocooks")
            for line in table.lines(self.rows, self.held_s, width, unicode=unicode):
                terminalreporter.write_line(line)
            if self.json:
                terminalreporter.write_line(f"The numbers of each test are in {self.json}")

    def _read(self) -> None:
        """Make the rows of the tests that wait. The first one's reading serves them all, as long as
        it is kept."""
        waiting, self.waiting = self.waiting, []
        before = time.process_time()
        for told, stretch in waiting:
            self.rows.append(told | self._row(stretch))
        if time.process_time() - before > SLOW_S:
            library().stop()

    def _row(self, stretch: _Stretch) -> dict[str, Any]:
        from twocooks.pytest_plugin import table

        try:
            analysis = stretch.analysis()
            return table.row(analysis, self.held_s, whole=bool(self.json))
        except Exception as error:  # measuring is no matter of the test
            return {"not_measured": _why(error)}

    def _judge(self, stretch: _Stretch, checks: list[Any]) -> None:
        from twocooks.gate.checks import Outcome, undecided

        unsure = ""
        before = time.process_time()
        for check in checks:
            analysis = None
            try:
                judged, analysis = stretch.judge(check)
            except Exception as error:  # nor is it here: what cannot be judged is undecided
                judged = undecided(_why(error))
            if judged.outcome is Outcome.FAILED:
                pytest.fail(self._text(judged, analysis), pytrace=False)
            if judged.outcome is Outcome.UNDECIDED:
                unsure = unsure or judged.said
        if time.process_time() - before > SLOW_S and not self.waiting:
            library().stop()
        if unsure and strict(self.config):
            pytest.fail(f"{SKIP_HEAD}{unsure} (twocooks_strict)", pytrace=False)
        if unsure:
            raise pytest.skip.Exception(SKIP_HEAD + unsure, _use_item_location=True)

    def _text(self, judged: Judged, analysis: Any) -> str:
        if analysis is None:
            return "\n".join([judged.said, *judged.where])
        from twocooks.gate.story import tell

        width, unicode = width_and_unicode(self.config)
        return tell(judged, analysis, width=width, unicode=unicode)


class _Stretch:
    """The measured stretch around one test, with the probes that its marks need."""

    def __init__(self, checks: list[Any]) -> None:
        self._names = [check.by for check in checks if isinstance(check, _By)]
        self._stack = contextlib.ExitStack()
        self._measured: Any = None
        self._error: Exception | None = None
        self._probes: dict[str, Probe] = {}

    def __enter__(self) -> None:
        for name in self._names:
            from twocooks.pytest_plugin.probe import Probe

            self._probes[name] = self._stack.enter_context(Probe(name))
        try:
            measured = library().measure()
            self._stack.enter_context(measured)
            self._measured = measured
        except Exception as error:  # the test runs, measured or not
            self._error = error

    def __exit__(self, *_: object) -> None:
        try:
            self._stack.close()
        except Exception as error:
            self._error, self._measured = error, None

    def analysis(self) -> Any:
        if self._measured is None:
            raise self._error or RuntimeError("it was not measured")
        return self._measured.analysis

    def judge(self, check: Any) -> tuple[Judged, Any]:
        if isinstance(check, _By):
            return self._probes[check.by].judge(), None
        analysis = self.analysis()
        return check.judge(analysis), analysis


class _By:
    """``gil_released(by="module.function")``: judged by a probe, not by the records."""

    def __init__(self, by: str) -> None:
        self.by = by


def _marks(item: pytest.Item) -> list[pytest.Mark]:
    """The marks that count, the outermost first."""
    found: list[pytest.Mark] = []
    seen = set()
    for mark in item.iter_markers():
        if mark.name in MARKS and (mark.name in EVERY or mark.name not in seen):
            seen.add(mark.name)
            found.append(mark)
    return found[::-1]


def _demand(mark: pytest.Mark) -> Check | _By:
    """DemandError if it makes no sense."""
    from twocooks.gate.demands import demand

    if mark.name == "gil_released" and "by" in mark.kwargs and len(mark.kwargs) == 1:
        from twocooks.pytest_plugin.probe import find

        find(mark.kwargs["by"])
        return _By(mark.kwargs["by"])
    return demand(mark.name, mark.args, mark.kwargs)


def _why(error: BaseException) -> str:
    from twocooks.model import TwocooksError, printable

    name = "" if isinstance(error, TwocooksError) else f"{type(error).__name__}: "
    return printable(f"it could not be measured: {name}{error}")
