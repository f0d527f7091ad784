"""Starts a program under twocooks as an ordinary user would, also where the tests run as root.

The kernel allows root everything, so a test as root proves nothing about the rights that twocooks
needs. Where the tests run as root, the watched runs give up root: as ``nobody`` if that user can
read the tree and the Python, else as root without any capability (the same for the kernel's
checks).
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kit.cores import Meter, adopting

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "tests" / "programs"
NOBODY = 65534
PARANOID = Path("/proc/sys/kernel/perf_event_paranoid")
LIMIT_S = 90.0
"""A program of two seconds that is not done by then hangs."""


@dataclass(frozen=True)
class Watched:
    """One run under twocooks."""

    code: int
    out: str
    err: str
    summary: dict[str, Any]
    trace: Path
    free: float
    """Cores that others left free while it ran, at the worst."""


@functools.cache
def drop_root() -> tuple[str, ...]:
    """The command in front of a command that takes the rights of root away; empty for others."""
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise RuntimeError("setpriv (util-linux) is needed to run these tests as root")
    ids = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    none = ("--bounding-set=-all", "--inh-caps=-all")
    nobody = (setpriv, *ids, *none)
    # A Python may start for that user and yet find another one's library: the version decides.
    code = (
        "import os, sys, twocooks, twocooks._core\n"
        f"open({str(PROGRAMS / 'work.py')!r}); os.chdir({str(ROOT)!r}); os.stat(sys.executable)\n"
        f"sys.exit(sys.version != {sys.version!r})"
    )
    test = subprocess.run(
        [*nobody, sys.executable, "-c", code], capture_output=True, env=_clean({})
    )
    return nobody if test.returncode == 0 else (setpriv, *none)


def as_user(folder: Path) -> None:
    """Let the user of ``drop_root`` write into the folder."""
    if drop_root() and any(part.startswith("--reuid") for part in drop_root()):
        os.chown(folder, NOBODY, NOBODY)


def _clean(more: dict[str, str]) -> dict[str, str]:
    """The environment of a test run: ours, without what twocooks or Python set for themselves."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TWOCOOKS", "PYTHON", "PYTEST", "COV"))
    }
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1", "COLUMNS": "80", **more}


@dataclass(frozen=True)
class Place:
    """A folder that belongs to the user of the run, with the environment that points there."""

    folder: Path

    @property
    def env(self) -> dict[str, str]:
        return _clean(
            {
                "HOME": str(self.folder),
                "TMPDIR": str(self.folder),
                "XDG_STATE_HOME": str(self.folder / "state"),
            }
        )


def make_place() -> Place:
    """Not pytest's tmp_path: its parents are closed to other users."""
    folder = Path(tempfile.mkdtemp(prefix="twocooks-test-"))
    as_user(folder)
    return Place(folder)


def twocooks(*arguments: str) -> list[str]:
    """The command line of twocooks by the Python of the tests, without root's rights."""
    return [*drop_root(), sys.executable, "-m", "twocooks", *arguments]


UP = "up"
_WHEN_UP = f"""
import os, sys, time
import twocooks.record.watch as watch
from twocooks.cli import main
whole = watch.Session.loop
def loop(*arguments):
    end = time.monotonic() + {LIMIT_S}
    while not os.path.exists({UP!r}) and time.monotonic() < end: time.sleep(0.002)
    return whole(*arguments)
watch.Session.loop = loop
sys.exit(main())
"""


def when_up(*arguments: str) -> list[str]:
    """``twocooks``, whose time for ``--for`` begins when the program has made the file ``UP``: a
    slow start cannot use it up."""
    return [*drop_root(), sys.executable, "-c", _WHEN_UP, *arguments]


def watch(
    command: list[str],
    place: Place,
    *,
    options: tuple[str, ...] = (),
    prefix: tuple[str, ...] = (),
    stdin: str | None = None,
    by: Callable[..., list[str]] = twocooks,
) -> Watched:
    """Run ``twocooks run ... -- command`` to its end and read what it says. ``by``: ``twocooks`` or
    ``when_up``."""
    trace, js = place.folder / "run.trace", place.folder / "run.json"
    for path in (trace, js):
        path.unlink(missing_ok=True)
    line = [
        *prefix,
        *by("run", "-o", str(trace), "--json", str(js), *options, "--", *command),
    ]
    meter = Meter.start()
    with adopting():
        done = subprocess.run(
            line,
            env=place.env,
            cwd=place.folder,
            input=stdin,
            text=True,
            capture_output=True,
            timeout=LIMIT_S,
        )
    free_in = meter.stop()
    summary = json.loads(js.read_text()) if js.exists() else {}
    free = free_in(summary.get("wall_s", 0.0))
    return Watched(done.returncode, done.stdout, done.stderr, summary, trace, free)


def lookup(summary: dict[str, Any], path: str) -> Any:
    """The value under a dotted path; KeyError names the whole path."""
    value: Any = summary
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            raise KeyError(f"the summary has no {path}")
        value = value[key]
    return value
