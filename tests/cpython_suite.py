"""CPython's own tests, watched and not: every test must end the same.

    python -m tests.cpython_suite [--only SUITE] [--python PYTHON] [--results FOLDER] [--budget S]
    python -m tests.cpython_suite --table docs/not-disturbed.md

Each suite runs twice plain, which shows the tests that are flaky or refuse this machine, and then
watched; ``tests/kit/suites.py`` says how it is judged. Not part of the default test run: it takes
many minutes. It can be stopped and goes on where it was; several may work in one folder of
results. Exit code 1 where a test ended differently under twocooks, 75 where the budget ended
before the work.

Some releases (3.11.7, 3.12.1) are installed without a part of these tests. A folder with a
complete ``test`` package for them is named with --tests.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from tests.kit.suites import Piece, Results, work, write_table
from tests.kit.watched import ROOT

SUITES = ("test_asyncio", "test_threading", "test_concurrent_futures", "test_subprocess",
          "test_signal", "test_multiprocessing_fork", "test_multiprocessing_spawn")  # fmt: skip
RESULTS = ROOT / "build" / "not-disturbed" / "cpython"
BY_CLASS = ("test_multiprocessing", "test_concurrent_futures")
"""Modules that wait for minutes are run class by class."""
VERSION = (
    "import sys; v = sys.version_info; import sysconfig\n"
    "print('%d.%d.%d' % v[:3] + 't' * bool(sysconfig.get_config_var('Py_GIL_DISABLED')))"
)


def ask(command: list[str], env: dict[str, str]) -> str:
    """The output of a command that must succeed."""
    full = {**os.environ, **env}
    done = subprocess.run(command, text=True, capture_output=True, env=full)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr[-500:]}")
    return done.stdout


def pieces(python: str, suites: list[str], tests: Path | None) -> list[Piece]:
    """The modules of the suites, or their classes, that this Python has."""
    base = [python, "-m", "test"]
    env = {"PYTHONPATH": str(tests.resolve())} if tests else {}
    more = tuple(env.items())
    command = (*base, "--junit-xml", "{xml}", "--timeout", "600")
    listed = ask([*base, "--list-tests"], env).split()
    found = []
    for suite in suites:
        for module in listed:
            parts = module.removeprefix("test.").split(".")
            if parts[0] != suite:
                continue
            if not module.removeprefix("test.").startswith(BY_CLASS):
                found.append(Piece(suite, parts[-1], command, module, env=more))
                continue
            cases = ask([*base, "--list-cases", module], env).split()
            for name in sorted({case.split(".")[-2] for case in cases if case.count(".") > 1}):
                match = ("-m", f"*.{name}.*")
                found.append(Piece(suite, f"{parts[-1]}.{name}", command, module, match, env=more))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", action="append", choices=SUITES, help="this suite (repeatable)")
    parser.add_argument("--python", default=sys.executable, help="the Python that is watched")
    parser.add_argument("--tests", type=Path, help="a folder with a `test` package for it")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--budget", type=float, default=float("inf"), metavar="S",
                        help="begin nothing new after so many seconds")  # fmt: skip
    parser.add_argument("--table", type=Path, metavar="PAGE",
                        help="bring the results into this page instead of running")  # fmt: skip
    options = parser.parse_args()
    if options.table:
        write_table(options.table, "cpython", options.results)
        return 0
    python = os.path.abspath(options.python)
    found = pieces(python, options.only or list(SUITES), options.tests)
    missing = set(options.only or SUITES) - {piece.suite for piece in found}
    for suite in sorted(missing):
        print(f"{suite}: this Python was installed without it")
    version = ask([python, "-c", VERSION], {}).strip()
    return work(version, found, Results(options.results), options.budget)


if __name__ == "__main__":
    raise SystemExit(main())
