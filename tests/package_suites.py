"""The test suites of packages that live on threads, loops and processes, watched and not.

    python -m tests.package_suites --python VENV/bin/python [--only PACKAGE] [--results FOLDER]
    python -m tests.package_suites --table docs/not-disturbed.md

The Python is that of an environment with the packages, pytest, and what their tests want (what
they lack they skip, watched and not). It must be of the version of the Python that runs this, else
the agent is not in. Tests that a package does not install are taken from its source distribution.
``tests/kit/suites.py`` says how it is judged; exit codes are those of ``tests.cpython_suite``.
"""

from __future__ import annotations

import argparse
import os
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.cpython_suite import VERSION, ask
from tests.kit.suites import Piece, Results, work, write_table
from tests.kit.watched import ROOT

RESULTS = ROOT / "build" / "not-disturbed" / "packages"
WHERE = (
    "import importlib.metadata, importlib.util, sys; name = sys.argv[1]\n"
    "found = importlib.util.find_spec(name)\n"
    "print(importlib.metadata.version(name), found.submodule_search_locations[0])"
)


@dataclass(frozen=True)
class Package:
    """Where a package keeps its tests: patterns inside the package, or its sources."""

    name: str
    patterns: tuple[str, ...]
    from_source: bool = False
    options: tuple[str, ...] = ()


PACKAGES = (
    Package("anyio", ("tests/test_*.py", "tests/streams/test_*.py"), from_source=True),
    Package("joblib", ("test/test_*.py",)),
    # Its own runner, too, silences this logger: its tests say "nothing was logged" of the rest.
    Package("tornado", ("test/*_test.py",), options=("--log-disable=tornado.access",)),
    Package("trio", ("_tests/test_*.py", "_core/_tests/test_*.py"),
            options=("-p", "trio._tests.pytest_plugin")),
)  # fmt: skip


def sources(python: str, name: str, version: str, folder: Path) -> Path:
    """The unpacked source distribution."""
    unpacked = folder / f"{name}-{version}"
    if not unpacked.exists():
        folder.mkdir(parents=True, exist_ok=True)
        ask([python, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:",
             "-d", str(folder), f"{name}=={version}"], {})  # fmt: skip
        with tarfile.open(next(folder.glob(f"{name}-{version}*.tar.gz"))) as archive:
            archive.extractall(folder, filter="data")
    return unpacked


def pieces(package: Package, python: str, folder: Path) -> list[Piece]:
    """One for each file of tests; none where the package is not installed."""
    try:
        version, where = ask([python, "-c", WHERE, package.name], {}).split()
    except SystemExit:
        print(f"{package.name}: not installed")
        return []
    top = Path(where)
    if package.from_source:
        top = sources(python, package.name, version, folder)
    command = (python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junit-xml", "{xml}",
               *package.options)  # fmt: skip
    files = sorted(file for pattern in package.patterns for file in top.glob(pattern))
    return [
        Piece(f"{package.name} {version}", str(file.relative_to(top).with_suffix("")).replace(
              os.sep, "."), command, str(file), cwd=top if package.from_source else None)
        for file in files
    ]  # fmt: skip


def main() -> int:
    names = [package.name for package in PACKAGES]
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", action="append", choices=names, help="repeatable")
    parser.add_argument("--python", default=sys.executable, help="the Python that is watched")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--budget", type=float, default=float("inf"), metavar="S",
                        help="begin nothing new after so many seconds")  # fmt: skip
    parser.add_argument("--table", type=Path, metavar="PAGE",
                        help="bring the results into this page instead of running")  # fmt: skip
    options = parser.parse_args()
    if options.table:
        write_table(options.table, "packages", options.results)
        return 0
    python, folder = os.path.abspath(options.python), options.results / "sources"
    chosen = [package for package in PACKAGES if package.name in (options.only or names)]
    found = [piece for package in chosen for piece in pieces(package, python, folder)]
    version = ask([python, "-c", VERSION], {}).strip()
    return work(version, found, Results(options.results), options.budget)


if __name__ == "__main__":
    raise SystemExit(main())
