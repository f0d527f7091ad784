"""Watched runs to which something happens: the pieces that the tests of faults share.

A program says on its stdout how far it is and is told on its stdin to go on, so that nothing in
these tests depends on how fast the machine is.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kit.watched import LIMIT_S, Place, drop_root, make_place

SIDE_BY_SIDE = {"parallel", "both", "sometimes", "many-hands"}
OURS = {"run.trace", "run.json"}

# Two threads that hand one token to and fro: never at work together, on any Python, however many
# switches of theirs are lost. Without a GIL the giver of so small a token does work on for some
# microseconds beside the taker, unless both have one core. "go N" on stdin: that many more
# hand-overs, then "went".
RELAY = """
import _thread, os, sys, threading
if not getattr(sys, "_is_gil_enabled", lambda: True)():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
there, back = _thread.allocate_lock(), _thread.allocate_lock()
there.acquire(); back.acquire()
count, over, quits = 0, False, []
def one():
    global count
    while not over:
        count += 1
        there.release(); back.acquire()
    quits.append(1); there.release()
def two():
    while True:
        there.acquire()
        if quits: return
        back.release()
threads = [threading.Thread(target=f, name=f.__name__) for f in (one, two)]
for t in threads: t.start()
print("ready", flush=True)
for line in sys.stdin:
    end = count + int(line.split()[1])
    while count < end: threading.Event().wait(0.001)
    print("went", flush=True)
over = True
for t in threads: t.join()
print("done", flush=True)
"""


@dataclass(frozen=True)
class Ended:
    """A run that is over."""

    code: int
    out: str
    err: str
    summary: dict[str, Any]
    trace: Path

    @property
    def verdict(self) -> str:
        return str(self.summary["verdict"]["id"])

    @property
    def notes(self) -> str:
        return "\n".join(self.summary["measured"]["notes"])


@dataclass
class Run:
    """A run that goes on. ``process`` is twocooks itself."""

    process: subprocess.Popen[str]
    trace: Path
    numbers: Path

    def hears(self) -> str:
        """The next line that the program says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self) -> Ended:
        """Closes the program's stdin and waits for both."""
        out, err = self.process.communicate(timeout=LIMIT_S)
        summary = json.loads(self.numbers.read_text()) if self.numbers.exists() else {}
        assert "Traceback" not in err, err
        return Ended(self.process.returncode, out, err, summary, self.trace)


def begin(
    place: Place,
    code: str,
    *,
    options: tuple[str, ...] = (),
    prefix: tuple[str, ...] = (),
    hook: str = "",
    trace: Path | None = None,
) -> Run:
    """Starts ``twocooks run`` on Python code. ``hook`` is Python that is executed in twocooks
    first; there ``watch`` is the module that records."""
    trace = trace or place.folder / "run.trace"
    numbers = place.folder / (trace.stem + ".json")
    start = (
        f"import sys\nimport twocooks.record.watch as watch\n{hook}\n"
        "from twocooks.cli import main\nsys.exit(main())"
    )
    ours = ["-c", start] if hook else ["-m", "twocooks"]
    line = [*prefix, *drop_root(), sys.executable, *ours, "run", "-q", "-o", str(trace)]
    line += ["--json", str(numbers), *options, "--", sys.executable, "-c", code]
    process = subprocess.Popen(
        line,
        env=place.env,
        cwd=place.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    return Run(process, trace, numbers)


def run(place: Place, code: str, **more: Any) -> Ended:
    """A whole run."""
    return begin(place, code, **more).end()


def until(true: Callable[[], bool], what: str) -> None:
    """Waits for something that must come."""
    end = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < end, f"{what}: never"
        time.sleep(0.005)


def state(pid: int) -> str:
    """The states of all threads of a process, as letters; "" = it is gone."""
    found = ""
    for task in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            found += task.read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
    return found


def processes(place: Place) -> list[int]:
    """Living processes that were started in this place, by their environment."""
    mark = f"TMPDIR={place.folder}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if mark in variables:
            found.append(int(entry.name))
    return found


@contextmanager
def clean_place(own: tuple[str, ...] = ()) -> Iterator[Place]:
    """A place in which nothing may be left behind but the trace, the numbers and the test's
    ``own``: no file, no process, nothing in shared memory."""
    place = make_place()
    shared = {name for name in os.listdir("/dev/shm") if "twocooks" in name}
    try:
        yield place
        until(lambda: not processes(place), "the last process ended")
        assert set(os.listdir(place.folder)) <= OURS | set(own)
        assert {name for name in os.listdir("/dev/shm") if "twocooks" in name} <= shared
    finally:
        for pid in processes(place):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(place.folder, ignore_errors=True)
