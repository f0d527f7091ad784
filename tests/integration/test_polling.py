"""Where the kernel denies its records the answer is right, or that it cannot be told; never wrong.

A few of the known-answer programs here; all of them with ``--polling all``. A busy machine makes
polling less sure, so no free cores are needed: it may only lead to cannot-tell.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.test_programs import (
    HERE,
    check_always,
    pair_of,
    placed,
    run_once,
    told,
)
from tests.kit import needs
from tests.kit.watched import ROOT, Place, lookup, make_place, twocooks
from tests.programs.answers import Answer

FEW = {"gil_threads", "lock_some", "gil_some", "two_processes", "four_processes", "two_loops",
       "sort_subprocess"}  # fmt: skip
NOT = {"load", "free-threaded"}
POLLED = [
    replace(answer, options=("--source", "schedstat"))
    for answer in HERE
    if not answer.options and not answer.needs & NOT
]


@pytest.fixture
def place() -> Iterator[Place]:
    made = make_place()
    yield made
    shutil.rmtree(made.folder, ignore_errors=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "answer" in metafunc.fixturenames:
        every = metafunc.config.getoption("--polling") == "all"
        chosen = [answer for answer in POLLED if every or answer.label in FEW]
        metafunc.parametrize("answer", chosen, ids=lambda answer: answer.label)


def test_right_or_cannot_tell(answer: Answer, place: Place) -> None:
    for need in sorted(answer.needs - {"cores"}):
        if reason := needs.missing(need):
            pytest.skip(reason)
    run = run_once(answer, place)
    check_always(answer, run)
    pair = pair_of(run)
    right = pair in answer.verdicts or pair[0] == "cannot-tell"
    assert right or (pair == ("both", None) and placed(answer, run)), told(run)
    assert lookup(run.summary, "measured.exact") is False


@pytest.mark.parametrize("code", ["EACCES", "ENOSYS", "EPERM"])
def test_a_kernel_that_denies_its_records(code: str, place: Place) -> None:
    """As in containers. The program runs all the same; who asked to be exact is told in a line."""
    deny = [sys.executable, "-m", "tests.kit.deny_perf", code]
    trace = place.folder / "run.2cooks"
    program = ["-c", "print(sum(range(100_000)))"]

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*deny, *twocooks("run", *options, "-o", str(trace), *program)],
            capture_output=True, text=True, env={**place.env, "PYTHONPATH": str(ROOT)}, cwd=ROOT,
            timeout=60,
        )  # fmt: skip

    done = run()
    assert done.returncode == 0, done.stderr
    assert done.stdout == "4999950000\n"
    dumped = subprocess.run(twocooks("dump", str(trace)), capture_output=True, text=True)
    assert '"source": "schedstat"' in dumped.stdout
    assert Path(trace).stat().st_mode & 0o777 == 0o600
    refused = run("--source", "kernel")
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert len(refused.stderr.splitlines()) == 1
    assert "refuses its switch records" in refused.stderr
