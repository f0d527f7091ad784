"""The commands on a real run: one recording, the same numbers from everywhere."""

import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import twocooks

pytestmark = pytest.mark.skipif(
    platform.system() != "Linux" or platform.machine() != "x86_64",
    reason="recording works on Linux x86-64",
)
PROGRAM = """
import sys, threading, time
def work():
    end = time.thread_time() + 0.05
    while time.thread_time() < end:
        sum(range(500))
threads = [threading.Thread(target=work) for _ in range(2)]
for t in threads: t.start()
for t in threads: t.join()
print("out"); print("err", file=sys.stderr); sys.exit(5)
"""


def cli(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "twocooks", *words], capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    place = tmp_path_factory.mktemp("cli")
    (place / "program.py").write_text(PROGRAM)
    trace, numbers = place / "t.2cooks", place / "n.json"
    done = cli("run", "-o", str(trace), "--json", str(numbers), str(place / "program.py"))
    assert done.returncode == 5, done.stderr
    assert done.stdout == "out\n"
    assert done.stderr.startswith("err\n")
    return trace, json.loads(numbers.read_text()), done.stderr


def test_the_numbers_are_the_same_from_the_file(
    recorded: tuple[Path, dict[str, Any], str],
) -> None:
    trace, numbers, _ = recorded
    again = cli("report", str(trace), "--json", "-")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout) == numbers
    assert json.loads(json.dumps(twocooks.load(trace).summary)) == numbers


def test_the_picture_is_the_same_from_the_file(
    recorded: tuple[Path, dict[str, Any], str],
) -> None:
    trace, _, said = recorded
    again = cli("report", str(trace))
    assert again.stdout.strip() in said


def test_the_summary_has_the_promised_names(recorded: tuple[Path, dict[str, Any], str]) -> None:
    from twocooks.cli.fail_if import NAMES

    _, numbers, _ = recorded
    assert numbers["schema"] == "twocooks.summary/1"
    assert set(numbers) == NAMES
    assert numbers["verdict"]["headline"]


def test_check_and_dump(recorded: tuple[Path, dict[str, Any], str]) -> None:
    trace, _, _ = recorded
    checked = cli("check", str(trace))
    assert checked.returncode == 0, checked.stdout
    assert "is sound" in checked.stdout
    assert "looks at waits: " in checked.stdout
    dumped = cli("dump", str(trace))
    assert dumped.returncode == 0, dumped.stderr
    assert "FORK" in dumped.stdout
    assert all(char.isprintable() for line in dumped.stdout.splitlines() for char in line)


def test_a_damaged_file_is_one_line(
    recorded: tuple[Path, dict[str, Any], str], tmp_path: Path
) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(b"not a trace at all")
    for command in ("report", "check", "dump"):
        done = cli(command, str(bad))
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith("twocooks: ")


def test_dump_into_a_pipe_that_closes(recorded: tuple[Path, dict[str, Any], str]) -> None:
    trace, _, _ = recorded
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m twocooks dump "{trace}" | head -n 1'],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1


def test_run_from_python(tmp_path: Path) -> None:
    run = twocooks.run([sys.executable, "-c", PROGRAM], trace_path=tmp_path / "t.2cooks")
    assert (run.exit_code, run.signal) == (5, None)
    assert run.summary["tasks"]["count"] >= 2
    assert run.verdict["headline"].split(".")[0] in run.report()
    assert "\x1b" not in run.report(100)
