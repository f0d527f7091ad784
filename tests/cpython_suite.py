"""CPython's own tests, watched and not: every test must end the same.

    python -m tests.cpython_suite [--python PYTHON] [test_asyncio test_threading ...]

The suite runs twice plain, which shows the tests that are flaky or refuse this machine, and then
watched. Not part of the default test run: it takes many minutes. Exit code 1 where a test that
ended the same twice ended differently under twocooks, or was not run.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from tests.kit.watched import Place, drop_root, make_place, twocooks

DEFAULT = ("test_asyncio", "test_threading")
LIMIT_S = 3600.0


def outcomes(xml: str) -> dict[str, str]:
    """Test -> how it ended, from a JUnit file; names that occur twice get numbers."""
    found: dict[str, str] = {}
    for case in ElementTree.fromstring(xml).iter("testcase"):
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        name, again = case.get("name", "?"), 1
        while (unique := name if again == 1 else f"{name} ({again})") in found:
            again += 1
        found[unique] = min(kinds) if kinds else case.get("result", "passed")
    return found


def differences(first: dict[str, str], second: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Tests that ended differently; one that was not run ended as "missing"."""
    return {
        name: pair
        for name in sorted(first.keys() | second.keys())
        if (pair := (first.get(name, "missing"), second.get(name, "missing")))[0] != pair[1]
    }


def run(
    label: str, before: list[str], python: str, names: list[str], place: Place
) -> dict[str, str]:
    """Run the tests once; the command line before Python's is twocooks' or nothing."""
    xml = place.folder / "junit.xml"
    xml.unlink(missing_ok=True)
    command = [*before, python, "-m", "test", "--junit-xml", str(xml), "--timeout", "600", *names]
    began = time.monotonic()
    done = subprocess.run(command, env=place.env, cwd=place.folder, capture_output=True, text=True,
                          timeout=LIMIT_S)  # fmt: skip
    if not xml.exists():
        raise SystemExit(f"{label}: no result (exit code {done.returncode})\n{done.stdout[-2000:]}"
                         f"\n{done.stderr[-2000:]}")  # fmt: skip
    found = outcomes(xml.read_text())
    print(f"{label}: {len(found)} tests, exit code {done.returncode}, "
          f"{time.monotonic() - began:.0f} s", flush=True)  # fmt: skip
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", default=sys.executable, help="the Python that is watched")
    parser.add_argument("--trace", type=Path, help="keep the trace here")
    parser.add_argument("names", nargs="*", default=list(DEFAULT))
    options = parser.parse_args()
    bad = 0
    for name in options.names:
        place = make_place()
        try:
            bad += compare(name, options.python, place)
        finally:
            shutil.rmtree(place.folder, ignore_errors=True)
    return 1 if bad else 0


def compare(name: str, python: str, place: Place) -> int:
    """One module of tests, three times; how many tests ended differently when watched."""
    alone = list(drop_root())
    first = run(f"{name}, plain", alone, python, [name], place)
    second = run(f"{name}, plain again", alone, python, [name], place)
    trace = ["-o", str(place.folder / "suite.trace"), "--max-size", "1GB"]
    watched = run(f"{name}, watched", twocooks("run", "-q", *trace, "--"), python, [name], place)
    flaky = differences(first, second)
    for test, pair in flaky.items():
        print(f"  flaky without us: {test}: {pair[0]}, {pair[1]}")
    wrong = {t: pair for t, pair in differences(first, watched).items() if t not in flaky}
    for test, pair in wrong.items():
        print(f"  DIFFERENT: {test}: {pair[0]} plain, {pair[1]} watched")
    print(f"{name}: {len(first) - len(flaky)} tests compared, {len(wrong)} different")
    return len(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
