"""The polling source: accounts from /proc, where the kernel refuses its switch records.

Problem. ``/proc/PID/task/TID/schedstat`` (ns on a core, ns in line for one, times on a core) may be
read without any right, but once a thread and look. Sums are the kernel's own and exact; what
happened between two looks is not seen, and a running thread's account only moves at the kernel's
own tick. So looking more often than 50 times a second tells nothing more.

Choice. A process whose CPU clock (one cheap system call, exact while it runs) did not move has
nothing new in any of its threads: it costs that one call. In the others the accounts are read
through files that stay open (in C). Threads and child processes are listed only while the kernel's
last process number says that somewhere one was made: that number moves for the threads and
processes of all, so it may be seen to move in vain, but not to stand still while the program makes
one. A thread that made a child ran, but its account may say so up to a tick later: so listing goes
on for two ticks. And once a second all is listed in any case.
The time on a core that looks cost is measured, and the next one put off to keep it below a third
of a percent (twice that at the start): the recorder's other work needs as much again. For the same
reason looks are rarer while nothing is made: what is new is what might end before the next look.
Meeting a thread costs ten times a look at it, once; a crowd that comes at the start shall not blind
the looks that follow.

What ended between two looks is missing in the accounts of threads but not in the process's clock:
POLL_CPU, the clock of all processes seen so far, is the total. A process that came and went between
two looks is in neither; the kernel's total at the end (rusage) has it.
"""

from __future__ import annotations

import os
import resource
import time
from array import array
from collections.abc import Callable
from typing import Protocol

from twocooks._core import read_accounts
from twocooks.record.machine import read_file
from twocooks.record.meter import KeptFile

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
PERIOD_NS = 20_000_000
QUIET_NS = 40_000_000
"""Between looks while no thread or process is made anywhere."""
SHARE = 0.003
"""Of one core, for looking."""
YOUNG_NS = 2_000_000_000
"""So long it is twice that: of a short run, what ended unseen would be a larger part."""
LONGEST_NS = 5_000_000_000
CREDIT_NS = 200_000_000
"""Time on a core that meeting threads may cost before looks are put off for it too."""
WHOLE_NS = 1_000_000_000
"""Between looks that list everything, whatever the kernel's numbers say."""
LAST_PID = "/proc/sys/kernel/ns_last_pid"
"""The last number given to a thread or process of our namespace or one below it."""
MADE_NS = 2 * 10_000_000
"""Two ticks of the slowest kernel."""


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
    """A thread that is known. ``fd``: its open account, else it is read by its path."""

    __slots__ = ("account", "fd", "path", "tid")

    def __init__(self, tid: int, path: str, fd: int | None) -> None:
        self.tid = tid
        self.path = path
        self.fd = fd
        self.account = (0, 0, 0)

    def growth(self) -> tuple[int, int, int] | None:
        """Of one without an open file since the last time: ns on a core, ns in line, times on a
        core. None: the thread is gone."""
        words = numbers_in(self.path)
        if len(words) != 3:
            # A kernel without schedstat still counts a thread's clock ticks, and only those.
            run = stat_run_ns(read_file(self.path.removesuffix("schedstat") + "stat") or "")
            if run is None:
                return None
            words = [run, 0, 0]
        before, self.account = self.account, (words[0], words[1], words[2])
        run, line, turns = (max(a - b, 0) for a, b in zip(self.account, before, strict=True))
        return run, line, turns

    def close(self) -> None:
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None


class _Process:
    """One process of the tree. ``kept``, ``fds`` and ``told`` (three numbers each) are side by
    side: its threads with an open account, and what these said at the last look."""

    __slots__ = ("clock", "comm", "fds", "kept", "pid", "ppid", "threads", "told")

    def __init__(self, pid: int, ppid: int) -> None:
        self.pid = pid
        self.ppid = ppid
        self.clock = -1
        self.comm = ""
        self.threads: dict[int, _Thread] = {}
        self.kept: list[_Thread] = []
        self.fds = array("i")
        self.told = array("q")

    def add(self, thread: _Thread) -> None:
        self.threads[thread.tid] = thread
        if thread.fd is not None:
            self.kept.append(thread)
            self.fds.append(thread.fd)
            self.told.extend((0, 0, 0))

    def drop(self, place: int) -> None:
        """The thread at this place has ended: the last one takes it."""
        thread, fd, told = self.kept.pop(), self.fds.pop(), self.told[-3:]
        del self.told[-3:]
        if place < len(self.kept):
            self.kept[place], self.fds[place] = thread, fd
            self.told[3 * place : 3 * place + 3] = told


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
        self._met_ns, self._credit_ns, self._first_ns = 0, CREDIT_NS, 0
        self._last_pid = KeptFile(LAST_PID)
        self._pid_text = ""
        self._list_until_ns = self._listed_ns = self._whole_ns = 0
        self._whole = True
        """This look lists threads even where their number is as known."""
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
        began, self._met_ns = self._cost(), 0
        listing = self._made_any(now_ns, force)
        line = list(self._processes.values())
        while line:
            line.extend(self._look(line.pop(), now_ns, listing))
        self._encoder.put(now_ns, "POLL_CPU", self.cpu_ns)
        end_ns = max(self._clock(), now_ns)
        self._encoder.put(end_ns, "POLL_TICK", end_ns - now_ns)
        forgiven = min(self._met_ns, self._credit_ns)
        self._credit_ns -= forgiven
        spent = self._cost() - began - forgiven
        # An average over a few looks: one slow one does not slow down those that follow.
        self._spent_ns = spent if not self._spent_ns else 0.75 * self._spent_ns + 0.25 * spent
        self._first_ns = self._first_ns or now_ns
        young = now_ns - self._first_ns < YOUNG_NS
        soonest = PERIOD_NS if young or (listing and not self._whole) else QUIET_NS
        share = 2 * SHARE if young else SHARE
        self.next_ns = now_ns + min(max(soonest, round(self._spent_ns / share)), LONGEST_NS)
        return True

    def close(self) -> None:
        """Closes all files. No look is possible afterwards."""
        for process in self._processes.values():
            for thread in process.threads.values():
                thread.close()
        self._processes.clear()
        self._last_pid.close()

    def _made_any(self, now_ns: int, force: bool) -> bool:
        """Whether a thread or process may be new, or one that made a child may be told to have run
        only now."""
        before, self._pid_text = self._pid_text, self._last_pid.text()
        if self._pid_text != before or not self._pid_text:
            self._list_until_ns = now_ns + MADE_NS
        self._whole = force or now_ns - self._whole_ns >= WHOLE_NS
        if self._whole:
            self._whole_ns = now_ns
        elif min(now_ns, self._listed_ns) >= self._list_until_ns:
            return False
        self._listed_ns = now_ns
        return True

    def _look(self, process: _Process, now_ns: int, listing: bool) -> list[_Process]:
        """Reads one process if it ran. Returns the processes that it was found to have started."""
        clock = process_clock_ns(process.pid)
        if clock is None:
            self._end(process, now_ns)
            return []
        if clock == process.clock:
            return []
        process.clock = clock
        known = len(process.threads)
        ran = self._read(process, now_ns)
        ended = len(process.threads) < known
        if not (listing or ended or not known):
            return []
        ran += self._list_threads(process, now_ns)
        if ended:  # the children of a thread that ended belong to another one of its process now
            ran = list(process.threads)
        return [child for tid in ran for child in self._find_children(process, tid)]

    def _list_threads(self, process: _Process, now_ns: int) -> list[int]:
        """Meets the threads that are new, and reads them. Returns those that ran."""
        folder = f"/proc/{process.pid}/task"
        try:
            as_known = os.stat(folder).st_nlink == len(process.threads) + 2  # a link for each
            if as_known and not self._whole:
                return []
            names = os.listdir(folder)
        except OSError:
            return []
        first, slow = len(process.kept), []
        began = self._cost()
        for name in names:
            tid = int(name)
            if tid not in process.threads:
                self._begin(process, tid, now_ns)
                if tid in process.threads and process.threads[tid].fd is None:
                    slow.append(process.threads[tid])
        self._met_ns += self._cost() - began
        return self._read_kept(process, now_ns, first) + self._read_slow(process, now_ns, slow)

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
        process.add(_Thread(tid, path, fd))
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

    def _read(self, process: _Process, now_ns: int) -> list[int]:
        """Reads the threads that are known. Returns those that ran."""
        ran = self._read_kept(process, now_ns, 0)
        if len(process.kept) < len(process.threads):
            slow = [thread for thread in process.threads.values() if thread.fd is None]
            ran += self._read_slow(process, now_ns, slow)
        return ran

    def _read_kept(self, process: _Process, now_ns: int, first: int) -> list[int]:
        put, pid, kept = self._encoder.put, process.pid, process.kept
        ran, gone = [], []
        for place, run, line, turns in read_accounts(process.fds, process.told, first):
            if run < 0:
                gone.append(place)
                continue
            tid = kept[place].tid
            put(now_ns, "POLL", pid, tid, run, line, turns)
            if run:
                ran.append(tid)
        for place in reversed(gone):
            thread = kept[place]
            process.drop(place)
            self._forget(process, thread, now_ns)
        return ran

    def _read_slow(self, process: _Process, now_ns: int, threads: list[_Thread]) -> list[int]:
        ran = []
        for thread in threads:
            growth = thread.growth()
            if growth is None:
                self._forget(process, thread, now_ns)
                continue
            if any(growth):
                self._encoder.put(now_ns, "POLL", process.pid, thread.tid, *growth)
            if growth[0]:
                ran.append(thread.tid)
        return ran

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
