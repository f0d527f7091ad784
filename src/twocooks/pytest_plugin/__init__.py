"""The pytest plugin: demands on concurrency and parallelism as marks, a fixture and two options.

    @pytest.mark.parallelism(min=1.8)
    def test_the_pool_uses_both_cores(): ...

This module is imported by every pytest run of an environment in which twocooks is installed, so it
does next to nothing: it names its options and marks, and looks through the collected tests once.
Everything else is imported when a mark, the fixture or an option asks for it.
docs/testing.md is the user's page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from twocooks.pytest_plugin.fixture import Cooks

MARKS = {
    "parallelism": "parallelism(min=None, max=None): on average at least min tasks must be worked "
    "on at the same moment (while anybody works), and never more than max",
    "concurrency": "concurrency(min=None, max=None): on average at least min tasks must be in "
    "progress together, and never more than max",
    "verdict": "verdict(*ids): the verdict on the test must be one of these, such as 'parallel', "
    "'both'",
    "loop_never_held": "loop_never_held(ms=50): no step may keep an event loop so long",
    "gil_stays_off": "gil_stays_off(): nothing may switch the GIL of a free-threaded Python on",
    "gil_released": "gil_released(by='module.function'): calls of it must let other threads have "
    "the GIL; without by, nobody may keep it after another thread has asked",
    "no_wait_for": "no_wait_for(reason, over='0s'): the tasks must not wait for this reason (lock, "
    "gil, core, io, ...) any longer, all together",
}
SKIP_HEAD = "twocooks: "
"""How the reasons of our skips begin."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("twocooks", "concurrency and parallelism, exactly")
    group.addoption(
        "--twocooks",
        action="store_true",
        help="measure every test; close with the most serial ones and those that held a loop",
    )
    group.addoption(
        "--twocooks-json",
        metavar="FILE",
        help="measure every test, and write the numbers of each to this file",
    )
    parser.addini(
        "twocooks_strict",
        "fail, instead of skip, a test whose demand could not be judged on this machine",
        type="bool",
        default=False,
    )
    parser.addini(
        "twocooks_held_ms",
        "from how many milliseconds on --twocooks tells a step that held an event loop",
        default="50",
    )


def pytest_configure(config: pytest.Config) -> None:
    for line in MARKS.values():
        config.addinivalue_line("markers", line)
    if config.getoption("--twocooks") or config.getoption("--twocooks-json"):
        _measure(config)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Take part in the run only if a test asks for it."""
    if _wanted(session.items):
        _measure(session.config)


def _wanted(items: list[pytest.Item]) -> bool:
    seen: set[pytest.Item | pytest.Collector] = set()
    for item in items:
        if "twocooks" in getattr(item, "fixturenames", ()):
            return True
        node: pytest.Item | pytest.Collector | None = item
        while node is not None and node not in seen:
            seen.add(node)
            if any(mark.name in MARKS for mark in node.own_markers):
                return True
            parent = node.parent
            node = parent if isinstance(parent, pytest.Collector | pytest.Item) else None
    return False


def _measure(config: pytest.Config) -> None:
    from twocooks.pytest_plugin.session import NAME, Measuring

    if not config.pluginmanager.hasplugin(NAME):
        config.pluginmanager.register(Measuring(config), NAME)


@pytest.fixture
def twocooks(request: pytest.FixtureRequest) -> Cooks:
    """Measure a part of a test, and demand of it: ``with twocooks.measure() as m: ...``, then
    ``m.assert_parallelism(min=1.8)``. Gives all of the module ``twocooks``, too."""
    from twocooks.pytest_plugin.fixture import Cooks

    return Cooks(request.config)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many demands could not be judged: a gate that skips must be seen to skip."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = [
        report.longrepr[2].removeprefix("Skipped: ")
        for report in skipped
        if isinstance(getattr(report, "longrepr", None), tuple)
    ]
    count = sum(reason.startswith(SKIP_HEAD) for reason in reasons)
    if count:
        terminalreporter.write_line(
            f"twocooks: {count} {'test' if count == 1 else 'tests'} skipped, because they could "
            "not be judged here (-rs says why; twocooks_strict = true makes them fail)"
        )
