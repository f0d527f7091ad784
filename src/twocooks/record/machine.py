"""Facts of the machine: cores that may be used, cores that are free, and what the kernel allows.

Whatever can be a pure function of file texts is one: the paths are read through a ``Reader``, so
tests bring their own machines. Nothing here raises because a file is missing; missing is None.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

Reader = Callable[[str], str | None]
"""Text of a file, None if it is not there or may not be read."""

SYS_PERF_EVENT_OPEN = 298  # x86-64
EXACT_UP_TO = 2
"""Highest ``perf_event_paranoid`` at which a user may watch the switches of his own programs."""


def read_file(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            return stream.read()
    except OSError:
        return None


# ---- cores -----------------------------------------------------------------------------------


def usable_cpus() -> list[int]:
    """CPU numbers that this process may run on, by affinity (cpusets are part of it)."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def cpu_list(text: str) -> list[int]:
    """CPU numbers of the kernel's form ``0-3,8``."""
    found: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first.isdigit() and (last or first).isdigit():
            found.extend(range(int(first), int(last or first) + 1))
    return found


def online_cpus(read: Reader = read_file) -> int:
    """How many CPUs the machine has switched on."""
    return len(cpu_list(read("/sys/devices/system/cpu/online") or "")) or os.cpu_count() or 1


def cgroup_quota(read: Reader = read_file) -> float | None:
    """Cores that the cgroup's quota allows (1.5 = 150 % of one), None = no limit.

    The tightest on the way from our group to the root counts. In a container the path in
    ``/proc/self/cgroup`` may be the host's and not exist here; then the mount's root is ours.
    """
    best: float | None = None
    for line in (read("/proc/self/cgroup") or "").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            found = _tightest(path, ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"), _quota_v2, read)
        elif "cpu" in controllers.split(","):
            found = _tightest(
                path, ("/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu"), _quota_v1, read
            )
        else:
            continue
        if found is not None:
            best = found if best is None else min(best, found)
    return best


def _tightest(
    path: str, roots: Iterable[str], quota: Callable[[str, Reader], float | None], read: Reader
) -> float | None:
    parts = [part for part in path.split("/") if part not in ("", "..")]
    found = [
        quota("/".join([root, *parts[:depth]]), read)
        for root in roots
        for depth in range(len(parts) + 1)
    ]
    return min((q for q in found if q is not None), default=None)


def _quota_v2(folder: str, read: Reader) -> float | None:
    words = (read(f"{folder}/cpu.max") or "").split()
    if len(words) == 2 and words[0].isdigit() and words[1].isdigit() and int(words[1]):
        return int(words[0]) / int(words[1])
    return None


def _quota_v1(folder: str, read: Reader) -> float | None:
    quota = (read(f"{folder}/cpu.cfs_quota_us") or "").strip()
    period = (read(f"{folder}/cpu.cfs_period_us") or "").strip()
    if quota.isdigit() and period.isdigit() and int(quota) and int(period):
        return int(quota) / int(period)
    return None


def memory_bytes(read: Reader = read_file) -> int | None:
    """Memory that we may use at most: the machine's, or the cgroup's limit where that is less."""
    found: list[float] = []
    roots: tuple[str, ...]
    for line in (read("/proc/meminfo") or "").splitlines():
        words = line.split()
        if words[:1] == ["MemTotal:"] and words[1].isdigit():
            found.append(int(words[1]) * 1024)
    for line in (read("/proc/self/cgroup") or "").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            roots, name = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"), "memory.max"
        elif "memory" in controllers.split(","):
            roots, name = ("/sys/fs/cgroup/memory",), "memory.limit_in_bytes"
        else:
            continue
        limit = _tightest(path, roots, partial(_limit, name), read)
        if limit is not None:
            found.append(limit)
    return int(min(found)) if found else None


def _limit(name: str, folder: str, read: Reader) -> float | None:
    word = (read(f"{folder}/{name}") or "").strip()
    return int(word) if word.isdigit() else None


def smt_siblings(cpus: Iterable[int], read: Reader = read_file) -> list[list[int]]:
    """Groups of CPUs that share one core; groups of one are left out."""
    groups: set[tuple[int, ...]] = set()
    for cpu in cpus:
        text = read(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") or ""
        group = tuple(cpu_list(text))
        if len(group) > 1:
            groups.add(group)
    return [list(group) for group in sorted(groups)]


# ---- how busy it is --------------------------------------------------------------------------


class Ticks(NamedTuple):
    """Of some CPUs together, in the kernel's clock ticks since boot."""

    idle: int
    busy: int
    steal: int
    """Taken away by the hypervisor."""


def ticks(stat: str, cpus: Iterable[int]) -> Ticks | None:
    """Sum the lines of ``/proc/stat`` that belong to ``cpus``; None if it has none of them."""
    wanted = {f"cpu{cpu}" for cpu in cpus}
    idle = busy = steal = found = 0
    for line in stat.splitlines():
        words = line.split()
        if not words or words[0] not in wanted or len(words) < 5:
            continue
        numbers = [int(word) for word in words[1:9] if word.isdigit()]
        numbers += [0] * (8 - len(numbers))
        user, nice, system, idle_, iowait, irq, softirq, steal_ = numbers
        found += 1
        idle += idle_ + iowait
        busy += user + nice + system + irq + softirq
        steal += steal_
    return Ticks(idle, busy, steal) if found else None


def free_between(before: Ticks, after: Ticks, cores: int) -> tuple[float, float] | None:
    """Cores free and cores stolen, on average between two readings; None if no tick passed."""
    idle = max(after.idle - before.idle, 0)
    busy = max(after.busy - before.busy, 0)
    steal = max(after.steal - before.steal, 0)
    total = idle + busy + steal
    if total == 0:
        return None
    return cores * idle / total, cores * steal / total


def free_cores(
    cpus: list[int] | None = None, over_s: float = 0.1, read: Reader = read_file
) -> tuple[float, float] | None:
    """Measure (free, stolen) cores among ``cpus`` over ``over_s`` seconds; sleeps so long."""
    cpus = usable_cpus() if cpus is None else cpus
    before = ticks(read("/proc/stat") or "", cpus)
    time.sleep(over_s)
    after = ticks(read("/proc/stat") or "", cpus)
    return free_between(before, after, len(cpus)) if before and after else None


# ---- what the kernel allows ------------------------------------------------------------------


class Surroundings(NamedTuple):
    """What decides whether switches can be seen."""

    paranoid: int | None
    """``kernel.perf_event_paranoid``; None = this kernel has no such events."""
    seccomp: bool
    """A system call filter is set on us."""
    container: str | None
    """``kubernetes``, ``docker``, ``podman``, ``container``; None = none noticed."""
    yama: int | None
    """``kernel.yama.ptrace_scope``; None = no Yama."""


def surroundings(read: Reader = read_file, env: dict[str, str] | None = None) -> Surroundings:
    status = read("/proc/self/status") or ""
    seccomp = any(
        line.split()[1:] == ["2"] for line in status.splitlines() if line.startswith("Seccomp:")
    )
    return Surroundings(
        paranoid=_number(read("/proc/sys/kernel/perf_event_paranoid")),
        seccomp=seccomp,
        container=container(read, dict(os.environ) if env is None else env),
        yama=_number(read("/proc/sys/kernel/yama/ptrace_scope")),
    )


def container(read: Reader, env: dict[str, str]) -> str | None:
    """Hints, not proofs: marker files, variables, names of control groups."""
    groups = read("/proc/1/cgroup") or ""
    if env.get("KUBERNETES_SERVICE_HOST") or "kubepods" in groups:
        return "kubernetes"
    if read("/run/.containerenv") is not None:
        return "podman"
    if read("/.dockerenv") is not None or "/docker" in groups:
        return "docker"
    if env.get("container") or "/lxc" in groups or "containerd" in groups:
        return "container"
    return None


def _number(text: str | None) -> int | None:
    try:
        return int((text or "").strip())
    except ValueError:
        return None


def try_kernel() -> int:
    """Open, and close again, the event that the kernel source uses, on ourselves.

    Returns 0 if the kernel allows it, else the errno.
    """
    import platform

    if platform.system() != "Linux" or platform.machine() not in ("x86_64", "AMD64"):
        return errno.ENOSYS
    import ctypes

    # type SOFTWARE, size 112, config DUMMY, sample_type TID|TIME|CPU; then the flag bits.
    disabled, inherit, exclude_kernel, exclude_hv = 1 << 0, 1 << 1, 1 << 5, 1 << 6
    context_switch, sample_id_all = 1 << 26, 1 << 18
    flags = disabled | inherit | exclude_kernel | exclude_hv | sample_id_all | context_switch
    attr = struct.pack("=IIQQQQQ", 1, 112, 9, 0, 2 | 4 | 128, 0, flags).ljust(112, b"\0")
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(attr, 112)
    fd = libc.syscall(
        ctypes.c_long(SYS_PERF_EVENT_OPEN),
        buffer,
        ctypes.c_int(0),
        ctypes.c_int(-1),
        ctypes.c_int(-1),
        ctypes.c_ulong(8),  # 8 = close on exec
    )
    if fd < 0:
        return ctypes.get_errno()
    os.close(fd)
    return 0


def why_not(code: int, around: Surroundings) -> tuple[str, list[str]]:
    """Why the kernel refused its switches, and the exact settings that would change it."""
    if code == 0:
        return "", []
    if code == errno.ENOSYS or (around.paranoid is None and code in (errno.ENOENT, errno.EINVAL)):
        return (
            "this kernel has no perf events (a sandbox such as gVisor, or not Linux x86-64)",
            [
                "run it on a Linux x86-64 kernel: a machine, a virtual machine, or plain Docker",
            ],
        )
    if code == errno.EACCES and (around.paranoid or 0) > EXACT_UP_TO:
        return (
            f"kernel.perf_event_paranoid is {around.paranoid}, and {EXACT_UP_TO} is the highest "
            "that lets users watch their own programs",
            _sysctl(around.container),
        )
    if code in (errno.EPERM, errno.EACCES):
        if around.container or around.seccomp:
            return (
                "the container's filter of system calls forbids perf_event_open",
                _in_container(around),
            )
        return (
            "a security policy of this machine forbids perf_event_open",
            ["ask its administrator to allow the system call perf_event_open for your user"],
        )
    if code in (errno.EMFILE, errno.ENFILE):
        return "too many files are open", ["raise the limit: ulimit -n 4096"]
    return f"perf_event_open failed: {os.strerror(code)}", []


def _sysctl(where: str | None) -> list[str]:
    host = "on the host: " if where else ""
    return [
        f"{host}sudo sysctl kernel.perf_event_paranoid={EXACT_UP_TO}",
        f"{host}for good: echo kernel.perf_event_paranoid={EXACT_UP_TO} "
        "| sudo tee /etc/sysctl.d/50-twocooks.conf",
    ]


def _in_container(around: Surroundings) -> list[str]:
    lines: list[str] = []
    if around.container == "kubernetes":
        lines.append('in the pod\'s container: securityContext: {capabilities: {add: ["PERFMON"]}}')
        lines.append(
            "or, if that is not enough: securityContext: {seccompProfile: {type: Unconfined}}"
        )
    else:
        tool = "podman" if around.container == "podman" else "docker"
        lines.append(f"{tool} run --cap-add PERFMON ...")
        lines.append(f"or, with an old {tool}: {tool} run --security-opt seccomp=unconfined ...")
    if (around.paranoid or 0) > EXACT_UP_TO:
        lines.extend(_sysctl(around.container))
    return lines


# ---- this Python -----------------------------------------------------------------------------


def gil() -> tuple[bool, bool]:
    """(this build can run without the GIL, the GIL is on now)."""
    enabled = getattr(sys, "_is_gil_enabled", None)
    import sysconfig

    free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    return free_threaded, bool(enabled()) if enabled else True
