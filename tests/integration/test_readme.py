"""The README's commands, each run as it stands, in a fresh copy of the tree."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"```sh\n(.*?)\n```", README, re.DOTALL)

pytestmark = [
    pytest.mark.skipif("TWOCOOKS_README_TEST" in os.environ, reason="run by the README's own test"),
    pytest.mark.skipif(
        bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="the README is about usual builds"
    ),
]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git would give, and a python3 that is this one."""
    if shutil.which("git") is None:
        pytest.skip("no git here: a fresh copy cannot be made")
    place = tmp_path_factory.mktemp("fresh")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout: a fresh copy cannot be made")
    for name in filter(None, listed.stdout.split("\0")):
        source = ROOT / name
        if source.is_file():
            (place / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place / "tree" / name)
    (place / "bin").mkdir()
    (place / "bin" / "python3").symlink_to(sys.executable)
    return place


def shell(command: str, fresh: Path, **env: str) -> subprocess.CompletedProcess[str]:
    path = f"{fresh / 'bin'}{os.pathsep}{os.environ['PATH']}"
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "TWOCOOKS_ARENA"))}
    return subprocess.run(
        ["sh", "-c", command],
        cwd=fresh / "tree",
        capture_output=True,
        text=True,
        env=keep | {"PATH": path, "XDG_STATE_HOME": str(fresh / "state")} | env,
        timeout=900,
    )


def test_there_are_three_commands() -> None:
    assert len(COMMANDS) == 3
    assert all("\n" not in command for command in COMMANDS)


def test_installing_and_running(fresh: Path) -> None:
    done = shell(COMMANDS[0], fresh)
    assert done.returncode == 0, done.stderr[-3000:]
    screen = done.stdout + done.stderr
    assert "one dinner, four ways, on your cores" in screen
    for way in ("one after another", "alone, switching", "with a friend, switching"):
        assert way in screen
    assert "hands on it" in screen


def test_your_own_program(fresh: Path) -> None:
    if not (fresh / "tree" / ".venv").exists():
        pytest.skip("installing failed")
    (fresh / "tree" / "your_program.py").write_text("print(sum(range(3_000_000)))\n")
    done = shell(COMMANDS[1], fresh)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout == "4499998500000\n"
    assert "twocooks report" in done.stderr


def test_installing_and_testing(fresh: Path) -> None:
    """Only a part of the tests, or they would run themselves for ever."""
    done = shell(
        COMMANDS[2],
        fresh,
        TWOCOOKS_README_TEST="1",
        PYTEST_ADDOPTS="tests/unit/report/test_words.py",
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert re.search(r"\d+ passed", done.stdout)


def test_pictures_and_links_are_there() -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link


def test_every_option_and_command_it_names_exists() -> None:
    from twocooks.cli import COMMANDS as KNOWN
    from twocooks.cli import run

    for name in re.findall(r"`twocooks ([a-z]+)", README):
        assert name in KNOWN
    for option in re.findall(r"`[^`]*twocooks run (--[a-z-]+)", README):
        assert option in run.VALUED | dict.fromkeys(run.FLAGS)
