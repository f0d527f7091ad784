"""How many cores are free for a test: measured before it, and while it ran.

A verdict about parallelism on a machine that works for somebody else is a verdict about somebody
else; such runs are discarded, and counted.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

NEEDED = 1.6
TICK = os.sysconf("SC_CLK_TCK")
PR_SET_CHILD_SUBREAPER = 36

_CHILD = """
import sys, time
print("ready", flush=True)
sys.stdin.readline()
end = time.thread_time() + float(sys.argv[1])
while time.thread_time() < end:
    for _ in range(300):
        pass
print("done", flush=True)
"""


def probe(cpu_s: float = 0.1) -> float:
    """Cores that two computing processes get right now: 0 to 2."""
    command = [sys.executable, "-I", "-S", "-c", _CHILD, str(cpu_s)]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)
    ]
    try:
        for child in children:
            assert child.stdout is not None
            child.stdout.readline()
        begin = time.monotonic()
        for child in children:
            assert child.stdin is not None
            child.stdin.write(b"go\n")
            child.stdin.flush()
        for child in children:
            assert child.stdout is not None
            child.stdout.readline()
        return 2 * cpu_s / (time.monotonic() - begin)
    finally:
        for child in children:
            child.communicate()


@dataclass
class Patience:
    """Seconds that all tests together may wait for others to leave the cores. None but in CI, where
    skipping too many tests is an error: somebody else's minute of work shall not decide."""

    left_s: float
    pause_s: float = 2.0

    def probe(self) -> float:
        """``probe``, again and again until enough cores are free or patience is at its end."""
        while (free := probe()) < NEEDED and self.left_s > 0:
            begin = time.monotonic()
            time.sleep(min(self.pause_s, self.left_s))
            self.left_s -= time.monotonic() - begin
        return free


patience = Patience(240.0 if os.environ.get("TWOCOOKS_CI") else 0.0)


def machine_ticks(text: str, cpus: set[int]) -> tuple[int, int]:
    """(busy, stolen) ticks of these CPUs since boot, from the text of /proc/stat."""
    busy = stolen = 0
    for line in text.splitlines():
        name, *numbers = line.split()
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in cpus:
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, numbers[:8])
            busy += user + nice + system + irq + softirq
            stolen += steal
    return busy, stolen


def children() -> set[int]:
    """The processes whose parent is this one, ended ones that nobody has waited for, too."""
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # it ended; another has its children
            found.update(map(int, (task / "children").read_text().split()))
    return found


@contextlib.contextmanager
def adopting() -> Iterator[None]:
    """Make this process the parent of what the children started meanwhile leave behind.

    A forkserver ends after its program, and nobody waits for it: the CPU time of all its workers
    would be charged to no child of ours, and would look like other programs' work. What has ended
    when the block ends is waited for here."""
    before = children()
    _set_subreaper(1)
    try:
        yield
    finally:
        _set_subreaper(0)
        for pid in children() - before:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _set_subreaper(on: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, on, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def own_cpu_s() -> float:
    """CPU seconds of this process and of all its children that it has waited for."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (
            resource.getrusage(resource.RUSAGE_SELF),
            resource.getrusage(resource.RUSAGE_CHILDREN),
        )
    )


@dataclass
class Meter:
    """Free cores between ``start`` and ``stop``: usable ones less what others used or took away."""

    cpus: set[int]
    busy: int = 0
    stolen: int = 0
    own: float = 0.0

    @classmethod
    def start(cls) -> Meter:
        meter = cls(os.sched_getaffinity(0))
        meter.busy, meter.stolen = meter._machine()
        meter.own = own_cpu_s()
        return meter

    def stop(self) -> Callable[[float], float]:
        """Ends the measurement; the result gives the cores that were free if all that others used
        fell into so many seconds: the program's own time, which is shorter than the whole run.
        Every child that worked meanwhile must have been waited for."""
        busy, stolen = self._machine()
        foreign = max(0.0, (busy - self.busy) / TICK - (own_cpu_s() - self.own))
        away = (stolen - self.stolen) / TICK
        return lambda wall_s: free_cores(len(self.cpus), foreign, away, wall_s)

    def _machine(self) -> tuple[int, int]:
        with open("/proc/stat") as file:
            return machine_ticks(file.read(), self.cpus)


def free_cores(usable: int, foreign_s: float, stolen_s: float, wall_s: float) -> float:
    """Cores left over by others during ``wall_s`` seconds."""
    if wall_s <= 0:
        return 0.0
    return max(0.0, usable - (foreign_s + stolen_s) / wall_s)
