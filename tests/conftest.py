"""Options, markers, and the ledger of tests that need free cores.

A test that needs two free cores and does not get them is skipped with its reason; the skips are
counted and shown. With ``TWOCOOKS_CI`` in the environment the run fails when more than a tenth of
those tests skipped: a green run on a busy machine would prove nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.kit import cores

CORES_REASON = "cores not free"
ALLOWED_SHARE = 0.10
FEW = 10
"""With fewer tests than this in a run a share says nothing."""

# The same examples in every run, and a busy machine is no failure: what a test says must not depend
# on luck. `pytest --hypothesis-profile=hunt` looks for new ones.
SLOW = [HealthCheck.too_slow]
settings.register_profile("hunt", deadline=None, suppress_health_check=SLOW)
settings.register_profile(
    "ours", deadline=None, suppress_health_check=SLOW, derandomize=True, database=None
)
settings.load_profile("ours")

_needing: set[str] = set()
_skipped: dict[str, str] = {}
discarded: list[str] = []
"""Runs of programs that did not count because the cores were not free: one line each."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--runs",
        type=int,
        default=1,
        help="how often each known-answer program must be right in a row",
    )

    parser.addoption(
        "--polling",
        choices=("few", "all"),
        default="few",
        help="which known-answer programs are also run without the kernel's records",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cores: needs two free cores; skipped, and counted, without")


SURROUNDINGS = ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "GITHUB_ACTIONS", "TWOCOOKS_DEBUG")
"""What the place where the tests run may have set, and the command line heeds."""


@pytest.fixture(autouse=True, scope="session")
def plain_surroundings() -> Iterator[None]:
    """Tests say themselves how wide and colourful their terminal is."""
    with pytest.MonkeyPatch.context() as patch:
        for name in SURROUNDINGS:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def free_cores() -> None:
    """Skips the test unless two cores are free before it."""
    free = cores.patience.probe()
    if free < cores.NEEDED:
        pytest.skip(f"{CORES_REASON}: {free:.1f} of {cores.NEEDED} before the test")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if "cores" not in report.keywords:
        return
    _needing.add(report.nodeid)
    if report.skipped and isinstance(report.longrepr, tuple) and CORES_REASON in report.longrepr[2]:
        _skipped[report.nodeid] = report.longrepr[2].removeprefix("Skipped: ")


def too_many_skipped(needing: int, skipped: int) -> bool:
    """Whether so many of the tests that need cores skipped that the run proves nothing."""
    return needing >= FEW and skipped > ALLOWED_SHARE * needing


def pytest_sessionfinish(session: pytest.Session) -> None:
    failed = too_many_skipped(len(_needing), len(_skipped))
    if failed and os.environ.get("TWOCOOKS_CI") and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _needing:
        return
    out = terminalreporter
    out.section("free cores")
    out.line(
        f"{len(_skipped)} of {len(_needing)} tests that need two free cores were skipped; "
        f"{len(discarded)} runs discarded"
    )
    for nodeid, reason in sorted(_skipped.items()):
        out.line(f"  {nodeid.rpartition('::')[2]}: {reason}")
    for line in discarded:
        out.line(f"  discarded: {line}")
    if too_many_skipped(len(_needing), len(_skipped)):
        out.line(
            f"more than {ALLOWED_SHARE:.0%} skipped: too busy a machine to prove anything"
            + ("" if os.environ.get("TWOCOOKS_CI") else " (an error with TWOCOOKS_CI set)")
        )
