"""Where the kernel denies its records the answer is right, or that it cannot be told; never wrong.

They run under a filter that refuses ``perf_event_open``, as in containers: a few of the
known-answer programs here, all of them with ``--polling all``. A busy machine makes polling less
sure, so no free cores are needed: it may only lead to cannot-tell.
"""

from __future__ import annotations

import math
import subprocess
import sys
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
from tests.kit.watched import ROOT, Place, lookup, twocooks
from tests.programs.answers import Answer

FEW = {"gil_threads", "lock_some", "gil_some", "two_processes", "four_processes", "two_loops",
       "sort_subprocess"}  # fmt: skip
POLLED = [answer for answer in HERE if "--source" not in answer.options]
FILTER = (sys.executable, "-I", str(ROOT / "tests" / "kit" / "deny_perf.py"), "EACCES")
"""As containers have it: not only twocooks, the program too lives under the filter."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "answer" in metafunc.fixturenames:
        every = metafunc.config.getoption("--polling") == "all"
        chosen = [answer for answer in POLLED if every or answer.label in FEW]
        metafunc.parametrize("answer", chosen, ids=lambda answer: answer.label)


def test_right_or_cannot_tell(answer: Answer, place: Place) -> None:
    for need in sorted(answer.needs - {"cores"}):
        if reason := needs.missing(need):
            pytest.skip(reason)
    run = run_once(answer, place, FILTER)
    check_always(answer, run, "schedstat")
    assert lookup(run.summary, "measured.exact") is False
    pair = pair_of(run)
    right = pair in answer.verdicts or pair[0] == "cannot-tell"
    assert right or (pair == ("both", None) and placed(answer, run)), told(run)
    # What is said to have been at work at the same moment is proved, whatever the verdict is.
    most = answer.bounds.get("parallelism.two_or_more_s", (0.0, math.inf))[1]
    assert lookup(run.summary, "parallelism.two_or_more_s") <= most, told(run)
    found = {finding["id"] for finding in lookup(run.summary, "findings")}
    assert not answer.quiet or found <= {"no-free-core"}, told(run)


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
