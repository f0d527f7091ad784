"""Traces, the agents' shared memory and the folders belong to their owner alone, whatever the umask
is; another user can read none of them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.kit.watched import NOBODY

LOOK = """
import os, stat
path = os.environ["TWOCOOKS_ARENA"]
print(path, oct(stat.S_IMODE(os.stat(path).st_mode)))
other = os.fork()
if other == 0:
    try:
        if os.geteuid() == 0:
            os.setgroups([]); os.setgid(65534); os.setuid(65534)
            os.open(path, os.O_RDWR)
            os._exit(1)
    except PermissionError:
        pass
    os._exit(0)
print("closed" if os.waitpid(other, 0)[1] == 0 else "open")
"""


def test_everything_is_the_owners_only(tmp_path: Path) -> None:
    state = tmp_path / "state"
    environ = {**os.environ, "XDG_STATE_HOME": str(state), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "twocooks", "run", "-q", "-c", LOOK]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environ, umask=0, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "closed", done.stdout
    folder = state / "twocooks"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    traces = list(folder.iterdir())
    assert len(traces) == 1
    assert stat.S_IMODE(traces[0].stat().st_mode) == 0o600


def test_an_open_file_is_closed_before_it_is_written(tmp_path: Path) -> None:
    trace = tmp_path / "run.2cooks"
    trace.touch()
    trace.chmod(0o666)
    command = [sys.executable, "-m", "twocooks", "run", "-q", "-o", str(trace), "-c", "0"]
    subprocess.run(command, check=True, umask=0, timeout=60)
    assert stat.S_IMODE(trace.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_reads_no_trace() -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's are closed to others anyway
        Path(folder).chmod(0o755)
        trace = Path(folder) / "run.2cooks"
        command = [sys.executable, "-m", "twocooks", "run", "-q", "-o", str(trace), "-c", "0"]
        subprocess.run(command, check=True, umask=0, timeout=60)
        done = subprocess.run(
            ["/bin/cat", str(trace)],
            user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True,
        )  # fmt: skip
    assert done.returncode != 0
    assert b"Permission denied" in done.stderr
