"""The polling source: accounts from /proc, where the kernel refuses its switch records.

Problem. ``/proc/PID/task/TID/schedstat`` (ns on a core, ns in line for one, times on a core) may be
read without any right, but once a thread and look. Sums are the kernel's own and exact; what
happened between two looks is not seen, and a running thread's account only moves at the kernel's
own tick. So looking more often than 50 times a second tells nothing more.

Choice. A process whose CPU clock (one cheap system call, exact while it runs) did not move has
nothing new in any of its threads: it costs that one call. In the others the threads are listed, the
accounts read through files that stay open, and only threads that ran can have started children.
The share of a core that this costs is measured, and the next look put off to keep it at 1 %.

What ended between two looks is missing in the accounts of threads but not in the process's clock:
POLL_CPU, the clock of all processes seen so far, is the total. A process that came and went between
two looks is in neither; the kernel's total at the end (rusage) has it.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from typing import Protocol

from twocooks.record.machine import read_file

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
PERIOD_NS = 20_000_000
SHARE = 0.01
"""Of one core, for looking."""
LONGEST_NS = 1_000_000_000


class Encoder(Protocol):
    """What takes the records."""

    def put(self, time_ns: int, event: str, *fields: int | str) -> None: ...


def process_clock_ns(pid: int) -> int | None:
    """CPU time of a process and its ended threads so far; None: there is no such process."""
    try:
        return time.clock_gettime_ns((~pid << 3) | 2)
    except OSError:
        return None


def stat_run_ns(stat: str) -> int | None:
    """CPU time of a thread from its ``stat`` file, in whole clock ticks; None: not one."""
    words = stat.rpartition(")")[2].split()  # its name, in parentheses, may hold anything
    if len(words) < 13 or not (words[11].isdigit() and words[12].isdigit()):
        return None
    return (int(words[11]) + int(words[12])) * TICK_NS


def numbers_in(path: str) -> list[int]:
    """The whole numbers that a file holds; none where it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        text = b""
        while part := os.read(fd, 1 << 16):
            text += part
    except OSError:
        return []
    finally:
        os.close(fd)
    return [int(word) for word in text.split() if word.isdigit()]


def comm_of(folder: str) -> str:
    """The kernel's name of the thread with this folder. OSError where there is none."""
    with open(f"{folder}/comm", "rb") as file:
        return file.read(64).rstrip(b"\n").decode("utf-8", "surrogateescape")


class _Thread:
    """The account of one thread at the last look."""

    __slots__ = ("account", "fd", "path", "tid")

    def __init__(self, tid: int, path: str, fd: int | None) -> None:
        self.tid = tid
        self.path = path
        self.fd = fd
        self.account = (0, 0, 0)

    def read(self) -> tuple[int, int, int] | None:
        """Its account now: ns on a core, ns in line, times on a core. None: the thread is gone."""
        if self.fd is None:
            words = numbers_in(self.path)
        else:
            try:
                words = [int(word) for word in os.pread(self.fd, 96, 0).split()]
            except OSError:
                return None
        if len(words) == 3:
            return words[0], words[1], words[2]
        # A kernel without schedstat still counts a thread's clock ticks, and only those.
        run = stat_run_ns(read_file(self.path.removesuffix("schedstat") + "stat") or "")
        return None if run is None else (run, 0, 0)

    def close(self) -> None:
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None


class _Process:
    """One process of the tree."""

    __slots__ = ("clock", "comm", "pid", "ppid", "threads")

    def __init__(self, pid: int, ppid: int) -> None:
        self.pid = pid
        self.ppid = ppid
        self.clock = -1
        self.comm = ""
        self.threads: dict[int, _Thread] = {}


class SchedstatSource:
    """Polls the process tree that begins with ``pid`` and puts POLL* records into ``encoder``."""

    def __init__(
        self,
        pid: int,
        encoder: Encoder,
        clock: Callable[[], int] = time.monotonic_ns,
        cost: Callable[[], int] = time.thread_time_ns,
    ) -> None:
        self._encoder = encoder
        self._clock = clock
        self._cost = cost
        self._processes = {pid: _Process(pid, 0)}
        self._ended_ns = 0
        self._open = 0
        self._most_open = resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2
        self._spent_ns: float = 0.0
        self.next_ns = 0
        """Not before then is the next look worth its cost."""

    @property
    def cpu_ns(self) -> int:
        """CPU time of all processes that were seen, until the last look."""
        return self._ended_ns + sum(max(p.clock, 0) for p in self._processes.values())

    def sample(self, now_ns: int, force: bool = False) -> bool:
        """One round of looks, if it is time for one (or ``force``). Returns whether it took place.

        The records carry ``now_ns``, the closing POLL_TICK the time at its end.
        """
        if now_ns < self.next_ns and not force:
            return False
        began = self._cost()
        line = list(self._processes.values())
        while line:
            line.extend(self._look(line.pop(), now_ns))
        self._encoder.put(now_ns, "POLL_CPU", self.cpu_ns)
        end_ns = max(self._clock(), now_ns)
        self._encoder.put(end_ns, "POLL_TICK", end_ns - now_ns)
        spent = self._cost() - began
        # An average over a few looks: one slow one does not slow down those that follow.
        self._spent_ns = spent if not self._spent_ns else 0.75 * self._spent_ns + 0.25 * spent
        self.next_ns = now_ns + min(max(PERIOD_NS, round(self._spent_ns / SHARE)), LONGEST_NS)
        return True

    def close(self) -> None:
        """Closes all files. No look is possible afterwards."""
        for process in self._processes.values():
            for thread in process.threads.values():
                thread.close()
        self._processes.clear()

    def _look(self, process: _Process, now_ns: int) -> list[_Process]:
        """Reads one process if it ran. Returns the processes that it was found to have started."""
        clock = process_clock_ns(process.pid)
        if clock is None:
            self._end(process, now_ns)
            return []
        if clock == process.clock:
            return []
        process.clock = clock
        self._list_threads(process, now_ns)
        threads = list(process.threads.values())
        ran = [thread for thread in threads if self._read(process, thread, now_ns)]
        if any(thread.tid not in process.threads for thread in threads):
            # The children of a thread that ended now belong to another one of its process.
            ran = list(process.threads.values())
        return [child for thread in ran for child in self._find_children(process, thread.tid)]

    def _list_threads(self, process: _Process, now_ns: int) -> None:
        try:
            names = os.listdir(f"/proc/{process.pid}/task")
        except OSError:
            return
        for name in names:
            tid = int(name)
            if tid not in process.threads:
                self._begin(process, tid, now_ns)

    def _begin(self, process: _Process, tid: int, now_ns: int) -> None:
        folder = f"/proc/{process.pid}/task/{tid}"
        path, fd = f"{folder}/schedstat", None
        try:
            comm = comm_of(folder)
            if self._open < self._most_open:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                self._open += 1
        except FileNotFoundError:
            if not os.path.isdir(folder):
                return
        except OSError:
            return
        process.threads[tid] = _Thread(tid, path, fd)
        if tid != process.pid and process.pid in process.threads:
            self._rename(process, now_ns)
        elif tid == process.pid:
            process.comm = comm
        self._encoder.put(now_ns, "POLL_NEW", process.pid, tid, process.ppid, comm)

    def _rename(self, process: _Process, now_ns: int) -> None:
        """A process may have been met between its fork and its exec. What its threads are depends
        on what it runs, so its name is read again when one of them is met."""
        try:
            comm = comm_of(f"/proc/{process.pid}/task/{process.pid}")
        except OSError:
            return
        if comm != process.comm:
            process.comm = comm
            self._encoder.put(now_ns, "POLL_NEW", process.pid, process.pid, process.ppid, comm)

    def _read(self, process: _Process, thread: _Thread, now_ns: int) -> bool:
        account = thread.read()
        if account is None:
            self._forget(process, thread, now_ns)
            return False
        before, thread.account = thread.account, account
        run, line, turns = (max(a - b, 0) for a, b in zip(account, before, strict=True))
        if run or line or turns:
            self._encoder.put(now_ns, "POLL", process.pid, thread.tid, run, line, turns)
        return run > 0

    def _find_children(self, process: _Process, tid: int) -> list[_Process]:
        pids = numbers_in(f"/proc/{process.pid}/task/{tid}/children")
        started = [_Process(pid, process.pid) for pid in pids if pid not in self._processes]
        self._processes.update((child.pid, child) for child in started)
        return started

    def _forget(self, process: _Process, thread: _Thread, now_ns: int) -> None:
        if thread.fd is not None:
            self._open -= 1
        thread.close()
        del process.threads[thread.tid]
        self._encoder.put(now_ns, "POLL_GONE", process.pid, thread.tid)

    def _end(self, process: _Process, now_ns: int) -> None:
        for thread in list(process.threads.values()):
            self._forget(process, thread, now_ns)
        self._ended_ns += max(process.clock, 0)
        del self._processes[process.pid]
