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
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kit.watched import LIMIT_S, Place, drop_root, make_place

SIDE_BY_SIDE = {"parallel", "both", "sometimes", "many-hands"}
OURS = {"run.trace", "run.json"}

# Two threads that hand one token to and fro: never at work together, on any Python and any machine,
# however many switches of theirs are lost. All threads share one core, so not even the few
# microseconds in which the giver would work on beside the taker exist, which a host that halts both
# cores in such a moment would make long. Every now and then all of them move to another core, and
# only while the others sleep until the mover wakes them: the record is of two cores all the same.
# (Pipes, because locks of a Python without a GIL spin before they sleep.)
# "go N" on stdin: that many hand-overs, then "went". The main thread sleeps meanwhile and the two
# between: on one core a third that wants the GIL, too, may never get it.
RELAY = """
import os, sys, threading
places = sorted(os.sched_getaffinity(0))[:2]
os.sched_setaffinity(0, {places[0]})
go, there, back, enough = (os.pipe() for _ in range(4))
def give(pipe): os.write(pipe[1], b"x")
def take(pipe): os.read(pipe[0], 1)
wanted, moves, over = 0, 0, False
def asleep(tid):
    with open(f"/proc/self/task/{tid}/syscall") as file:
        return file.read().split()[0] == "0"  # read
def move():
    global moves
    others = [os.getpid(), threads[1].native_id]
    if all(map(asleep, others)):
        moves += 1
        for tid in (*others, 0): os.sched_setaffinity(tid, {places[moves % len(places)]})
def one():
    while True:
        take(go)
        for count in range(wanted):
            give(there); take(back)
            if count % 100 == 99: move()
        if over: break
        give(enough)
    give(there)
def two():
    while True:
        take(there)
        if over: return
        give(back)
threads = [threading.Thread(target=f, name=f.__name__) for f in (one, two)]
for t in threads: t.start()
print("ready", flush=True)
for line in sys.stdin:
    wanted = int(line.split()[1])
    give(go); take(enough)
    print("went", flush=True)
wanted, over = 0, True
give(go)
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
        """The next line that the program says; "" = it is silent for good, or hangs."""
        assert self.process.stdout is not None
        hangs = threading.Timer(LIMIT_S, os.killpg, (self.process.pid, signal.SIGKILL))
        hangs.start()
        try:
            return self.process.stdout.readline().rstrip("\n")
        finally:
            hangs.cancel()

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
