"""The machine around the program: who else works on its cores, and what holds it back.

Three readings of files that are kept open: ``/proc/stat`` (time busy and stolen, in clock ticks of
usually 10 ms) and ``cpu.stat`` of each control group from ours to the root (time held back by a
quota). A cgroup's time is taken from the group where it grew most: a quota on an outer group holds
back the inner ones, and the same wait is then written in several.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable

from twocooks.record.machine import cgroup_quota, online_cpus, read_file, ticks

Sample = tuple[str, tuple[int, ...]]
"""The name of an event of the METER stream, and its fields."""

ROOM = 1 << 16
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


class KeptFile:
    """A small file of /proc or /sys, read again and again. Gone or not allowed = empty."""

    def __init__(self, path: str) -> None:
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._fd = -1

    def text(self) -> str:
        if self._fd < 0:
            return ""
        parts = []
        at = 0
        try:
            while part := os.pread(self._fd, ROOM, at):
                parts.append(part)
                at += len(part)
                if len(part) < ROOM // 2:  # the kernel writes these files in one go
                    break
        except OSError:
            return ""
        return b"".join(parts).decode("ascii", "replace")

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def quota_files(groups: str) -> list[str]:
    """Where ``cpu.stat`` may lie, from ``/proc/self/cgroup``: our group and those around it."""
    found: list[str] = []
    for line in groups.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
        elif "cpu" in controllers.split(","):
            roots = ["/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu"]
        else:
            continue
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for root in roots:
            found += ["/".join([root, *parts[:n], "cpu.stat"]) for n in range(len(parts) + 1)]
    return list(dict.fromkeys(found))


def throttled_ns(cpu_stat: str) -> int | None:
    """How long a ``cpu.stat`` says its group was held back (v2: us, v1: ns); None = not said."""
    for line in cpu_stat.splitlines():
        name, _, value = line.partition(" ")
        if value.isdigit() and name in ("throttled_usec", "throttled_time"):
            return int(value) * (1000 if name == "throttled_usec" else 1)
    return None


class Meter:
    """Samples the machine over ``usable_cpus`` (CPU numbers)."""

    def __init__(
        self,
        usable_cpus: Iterable[int],
        read: Callable[[str], str | None] = read_file,
        keep: Callable[[str], KeptFile] = KeptFile,
    ) -> None:
        self._cpus = sorted(usable_cpus)
        self._read = read
        self._stat = keep("/proc/stat")
        self._groups: list[KeptFile] = []
        for path in quota_files(read("/proc/self/cgroup") or ""):
            file = keep(path)
            if throttled_ns(file.text()) is None:
                file.close()
            else:
                self._groups.append(file)
        self._before: tuple[int, int, int, list[int]] | None = None

    def _look(self, own_cpu_ns: int) -> tuple[int, int, int, list[int]]:
        now = ticks(self._stat.text(), self._cpus)
        busy, steal = (now.busy * TICK_NS, now.steal * TICK_NS) if now else (0, 0)
        throttled = [throttled_ns(file.text()) or 0 for file in self._groups]
        return busy, steal, own_cpu_ns, throttled

    def sample(self, now_ns: int, own_cpu_ns: int) -> list[Sample]:
        """The records of this moment: CPUS at the first call, METER at each later one.

        ``own_cpu_ns``: CPU time that the program and its recorder have used so far. A count that
        steps back (a CPU went off line) counts as no growth.
        """
        now = self._look(own_cpu_ns)
        before, self._before = self._before, now
        if before is None:
            quota = cgroup_quota(self._read)
            milli = round(quota * 1000) if quota else 0
            return [("CPUS", (len(self._cpus), online_cpus(self._read), milli))]
        growth = [max(a - b, 0) for a, b in zip(now[:3], before[:3], strict=True)]
        held = [max(a - b, 0) for a, b in zip(now[3], before[3], strict=True)]
        return [("METER", (*growth, max(held, default=0)))]

    def close(self) -> None:
        """Closes its files."""
        for file in (self._stat, *self._groups):
            file.close()


def own_cpu_ns(tree_cpu_ns: int) -> int:
    """The program's CPU time and ours together, as ``Meter.sample`` wants it."""
    return tree_cpu_ns + time.process_time_ns()
