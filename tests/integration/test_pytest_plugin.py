"""The plugin end to end: real tests, measured for real, as an ordinary user."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from tests.kit.watched import Place, as_user, drop_root, make_place

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
GIL = getattr(sys, "_is_gil_enabled", lambda: True)()


@pytest.fixture(scope="module")
def place() -> Any:
    found = make_place()
    yield found
    shutil.rmtree(found.folder, ignore_errors=True)


def run(
    place: Place, *options: str, text: str = (HERE / "marked_program.py").read_text()
) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """pytest over marked_program.py; what it printed, and the rows of its JSON by test."""
    (place.folder / "test_marked.py").write_text(text)
    numbers = place.folder / "numbers.json"
    numbers.unlink(missing_ok=True)
    (place.folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    as_user(place.folder)
    done = subprocess.run(
        [*drop_root(), sys.executable, "-m", "pytest", "-p", "twocooks.pytest_plugin", "-rA",
         "-p", "no:cacheprovider", *options, "test_marked.py"],
        cwd=place.folder, capture_output=True, text=True, timeout=300,
        env={**place.env, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "200",
             "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    rows = json.loads(numbers.read_text())["tests"] if numbers.exists() else []
    return done, {row["test"].rpartition("::")[2]: row for row in rows}


def names() -> set[str]:
    """The tests that run here."""
    found = {"concurrency", "loop", "lock"} | ({"parallelism", "in_the_middle"} if GIL else set())
    return {f"test_broken_{name}" for name in found} | {"test_kept", "test_bare", "test_fails"}


def outcomes(text: str) -> dict[str, str]:
    found = {}
    for line in text.splitlines():
        word, _, rest = line.partition(" test_marked.py::")
        if rest and word in ("PASSED", "FAILED"):
            found[rest.partition(" ")[0]] = word.lower()
    return found


def test_marks_are_judged_by_what_really_happened(place: Place) -> None:
    """What is broken by construction never passes: it fails, or on a crowded machine it is
    skipped. A test that fails by itself is left alone."""
    done, rows = run(place, "--twocooks-json", "numbers.json")
    ended = outcomes(done.stdout)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = {name: end for name, end in ended.items() if name.startswith("test_broken")}
    assert "passed" not in broken.values(), done.stdout
    assert ended["test_bare"] == "passed"
    assert ended["test_fails"] == "failed"
    assert "ValueError: by itself" in done.stdout
    assert "session.py" not in done.stdout
    told = {name: row for name, row in rows.items() if "verdict" in row}
    assert set(told) == names(), rows
    assert told["test_fails"]["outcome"] == "failed"
    assert f"{len(told)} tests measured" in done.stdout
    if told["test_broken_loop"]["exact"]:
        assert told["test_broken_loop"]["held"][0]["seconds"] >= 0.25
    if told["test_broken_concurrency"]["exact"]:
        assert told["test_broken_concurrency"]["summary"]["concurrency"]["max"] >= 2
        assert ended["test_broken_concurrency"] == "failed", "no machine makes two of one"
    if told["test_kept"]["exact"]:
        assert ended["test_kept"] == "passed", done.stdout


def test_strict_leaves_nothing_undecided(place: Place) -> None:
    done, _ = run(place, "-o", "twocooks_strict=true", "-k", "broken")
    ended = outcomes(done.stdout)
    assert set(ended.values()) == {"failed"}, done.stdout
    assert len(ended) == (5 if GIL else 3)


def test_unmarked_tests_end_as_ever(place: Place) -> None:
    plain, _ = run(place, "-k", "bare or fails")
    measured, _ = run(place, "--twocooks", "-k", "bare or fails")
    assert outcomes(plain.stdout) == outcomes(measured.stdout)
    assert plain.returncode == measured.returncode == 1


GIL_TESTS = """
import pytest

@pytest.mark.gil_stays_off
def test_stays_off():
    sum(range(100_000))

@pytest.mark.gil_stays_off
def test_switched_on():
    import oldext
"""


@pytest.mark.skipif(GIL, reason="only where the GIL is off")
@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here")
def test_an_import_that_switches_the_gil_on_is_named(place: Place) -> None:
    (place.folder / "old.c").write_text(
        "#include <Python.h>\n"
        'static struct PyModuleDef d = {PyModuleDef_HEAD_INIT, "oldext", 0, -1, 0};\n'
        "PyMODINIT_FUNC PyInit_oldext(void) { return PyModule_Create(&d); }\n"
    )
    include = sysconfig.get_paths()["include"]
    subprocess.run(["cc", "-shared", "-fPIC", f"-I{include}", "old.c", "-o", "oldext.so"],
                   cwd=place.folder, check=True)  # fmt: skip
    done, _ = run(place, "-W", "ignore", text=GIL_TESTS)
    assert outcomes(done.stdout) == {"test_stays_off": "passed", "test_switched_on": "failed"}
    assert "Importing oldext switched the GIL" in done.stdout
