"""The recorder of ``measure()``: a process beside the program that was running before it came.

The program starts it as nobody's child (``src/core/spawn.c``), with three files: the trace, and two
pipes for questions and answers, a JSON object a line. It attaches to the program, says so, and
records as for ``twocooks run`` until the program ends or says ``stop``. The trace has no name on
any disk, so whatever ends first, nothing is left behind.

**Attaching.** The kernel's events are opened on one thread after another. A thread whose maker had
them already got them at its birth, which its FORK record proves; one that was made just before is
opened when a later walk of /proc finds it. So the walks go on until one finds nobody new. Who was
born while its maker's events were being opened may have got some of them: it is opened as well, and
the recorder counts twice-told records once.

**How a thread was found** is its first record: blocked, on a core, or in line, as its ``stat`` says
just after its events were opened; the record has the time just before. Where the thread left or
came on a core in between, that is recorded, and what contradicts it counts as unknown; where it did
not, what was read was true all the time.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from twocooks.format.spec import MAGIC, VERSION, Block
from twocooks.model import RECORDER_COMM, TwocooksError
from twocooks.record import machine, watch
from twocooks.record.meter import Meter
from twocooks.record.sources.schedstat import SchedstatSource

TRACE_FD, ASKED_FD, ANSWER_FD = 3, 4, 5
BORN_NS = 20_000_000
"""Who is born so soon after its maker's events were opened is opened as well."""
WALKS = 50
HEAD_BYTES = 16
TOO_MANY = (
    "the program has more threads than we may open files for (ulimit -n): "
    "a file for each of its threads and cores is needed"
)
BLOCKED, ON_CORE, IN_LINE = 0, 1, 2
"""How a thread was found; the numbers of ``_core.Recorder.found``."""


class Found(NamedTuple):
    """A thread as /proc shows it."""

    ppid: int
    state: str
    cpu: int
    comm: bytes


def look_at(pid: int, tid: int) -> Found | None:
    """None where it has ended."""
    try:
        stat = Path(f"/proc/{pid}/task/{tid}/stat").read_bytes()
        name, _, rest = stat.rpartition(b")")
        words = rest.split()
        found = Found(int(words[1]), words[0].decode(), int(words[36]), name.partition(b"(")[2])
    except (OSError, ValueError, IndexError):
        return None
    return None if found.state in "ZXx" else found


class Attaching:
    """Opens the kernel's events on a running process and on all below it."""

    def __init__(self, session: watch.Session, pid: int) -> None:
        self.session = session
        self.pid = pid
        self.known: dict[int, int] = {}
        """The threads that have the events, and since when."""
        self.refused: set[int] = set()
        """Processes that may not be watched: setuid programs."""
        self.taken: set[int] = set()
        """CPUs of threads that were found on them."""

    def walk(self) -> list[tuple[int, int]]:
        """All threads of the tree, (pid, tid), its first process first and first threads first."""
        pids = [self.pid, *(pid for pid in watch.descendants(self.pid) if pid != os.getpid())]
        found = []
        for pid in pids:
            with contextlib.suppress(OSError):  # it has ended
                tids = map(int, os.listdir(f"/proc/{pid}/task"))
                found += [(pid, tid) for tid in sorted(tids, key=lambda tid: (tid != pid, tid))]
        return found

    def attach(self) -> None:
        """OSError where the kernel refuses the first events, or files run out."""
        recorder = self.session.recorder
        for pid, tid in self.walk():
            now = time.monotonic_ns()
            try:
                self.session.pages = recorder.open_rings(
                    tid, watch.ring_cpus(), watch.RING_PAGES, True
                )
            except ProcessLookupError:  # a first thread may end before the others
                continue
            self._say_found(pid, tid, now)
            break
        else:
            raise ProcessLookupError(errno.ESRCH, "it has ended")
        for _ in range(WALKS):
            if not self._open(self.walk()):
                break
        recorder.forked(True)

    def _open(self, there: list[tuple[int, int]]) -> int:
        """Opens what is new; the number of those that it could open."""
        recorder, opened = self.session.recorder, 0
        born = recorder.forked()
        for pid, tid in there:
            if tid in self.known or pid in self.refused:
                continue
            maker, when = born.get(tid, (0, 0))
            if maker and when > self.known.get(maker, when) + BORN_NS:
                self.known[tid] = self.known[maker]
                continue
            now = time.monotonic_ns()
            try:
                recorder.attach(tid)
            except OSError as error:
                if error.errno in (errno.EACCES, errno.EPERM) and pid != self.pid:
                    self.refused.add(pid)
                elif error.errno != errno.ESRCH:  # it has ended
                    raise
                continue
            opened += 1
            self._say_found(pid, tid, now, tid in born)
        return opened

    def _say_found(self, pid: int, tid: int, now: int, born: bool = False) -> None:
        """The first record of a thread, unless that was its birth."""
        self.known[tid] = time.monotonic_ns()
        t = None if born else look_at(pid, tid)
        if t is None:
            return
        how = BLOCKED if t.state != "R" else IN_LINE if t.cpu in self.taken else ON_CORE
        if how == ON_CORE:
            self.taken.add(t.cpu)
        maker = t.ppid if tid == pid != self.pid else 0
        self.session.recorder.found(now, how, t.cpu, pid, tid, maker, t.comm)


class Helper:
    """One recording of a process that runs."""

    def __init__(self, pid: int, max_size: int, source: str) -> None:
        self.pid = pid
        os.write(TRACE_FD, MAGIC + VERSION.to_bytes(4, "little") + bytes(4))
        self.pidfd = os.pidfd_open(pid)
        with contextlib.suppress(OSError):  # whoever started us may have pinned itself
            os.sched_setaffinity(0, os.sched_getaffinity(pid))
        self.max_size = watch.size_limit(max_size)
        self.session = watch.Session(TRACE_FD, self.max_size)
        self.cpus = machine.usable_cpus()
        self.meter = Meter(self.cpus)
        self.begin_ns = time.monotonic_ns()
        self._open_source(source)
        self.attached_ns = time.monotonic_ns()
        """What was recorded before it may be how a thread was found."""
        self.session.write_json(Block.META, self._head())
        self.next_meter = self.begin_ns
        self.ready = select.epoll()
        self.ready.register(self.pidfd, select.EPOLLIN)
        self.ready.register(ASKED_FD, select.EPOLLIN)
        self.asked = b""
        self.over = False

    def _open_source(self, source: str) -> None:
        session = self.session
        if source != "schedstat":
            try:
                Attaching(session, self.pid).attach()
                if session.pages < watch.SMALL_RING:
                    session.notes.append(watch.small_rings(session.pages))
                return
            except OSError as error:
                session.source_why = watch.refusal(error.errno or 0, str(error.args[1]))
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    session.source_why = TOO_MANY
            if source == "kernel":
                raise TwocooksError(
                    f"the kernel refuses its switch records ({session.source_why}); "
                    "see 'twocooks doctor'"
                )
            session.close()
            os.ftruncate(TRACE_FD, HEAD_BYTES)
            os.lseek(TRACE_FD, HEAD_BYTES, os.SEEK_SET)
            self.session, why = watch.Session(TRACE_FD, self.max_size), session.source_why
            session = self.session
            session.source_why = why
        session.source = "schedstat"
        session.poll = SchedstatSource(self.pid, session.encoder)

    def _head(self) -> dict[str, Any]:
        words = Path(f"/proc/{self.pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        command = [os.fsdecode(word) for word in words]
        more = {"attached_ns": self.attached_ns, "start_ns": self.begin_ns}
        return watch.describe(self.session, command, self.pid, self.cpus, more)

    def hello(self) -> dict[str, Any]:
        """What the program is told at the start."""
        arena = self.session.arena_fd
        return {
            "arena": None if arena is None else f"/proc/{os.getpid()}/fd/{arena}",
            "source": self.session.source,
            "why": self.session.source_why,
        }

    def serve(self) -> None:
        """Records until the program has ended or says that it is enough."""
        session = self.session
        while not self.over:
            now = time.monotonic_ns()
            if now >= self.next_meter:
                session.sample_meter(now, self.meter, self.pid)
                step = watch.METER_NS if session.poll is None else watch.POLLED_METER_NS
                self.next_meter = now + step
            until = self.next_meter
            if session.poll is not None:
                session.poll.sample(now)
                until = min(until, max(session.poll.next_ns, now + watch.POLL_NS))
            if session.recorder.run(until, self.ready.fileno()) == "exit":
                self._hear()

    def _hear(self) -> None:
        for fd, _ in self.ready.poll(0):
            if fd == self.pidfd:
                self.over = True
                continue
            part = os.read(ASKED_FD, 4096)
            *lines, self.asked = (self.asked + part).split(b"\n")
            for line in lines:
                answer(self._asked_for(json.loads(line)))
            if not part:
                self.over = True

    def _asked_for(self, question: dict[str, Any]) -> dict[str, Any]:
        """``look`` (where accounts are polled): one now, and when that was. ``flush``: what was
        recorded up to now is in the file; its totals. ``stop``: the same, for the last time."""
        session = self.session
        now = time.monotonic_ns()
        if session.poll is not None:
            session.poll.sample(now, force=True)
        if question["do"] == "look":
            return {"at": now}
        session.sample_meter(now, self.meter, self.pid)
        if question["do"] == "stop":
            end_ns = session.recorder.settle()
            session.recorder.finish()
            self.over = True
        else:
            session.recorder.flush()
            end_ns = time.monotonic_ns()
        size = os.lseek(TRACE_FD, 0, os.SEEK_CUR)
        end = watch.totals(session, "attached", end_ns)
        del end["task_clock_ns"]  # of each thread it began at another moment than its slices
        return {"end": end, "size": size}


def answer(content: dict[str, Any]) -> None:
    data = json.dumps(content).encode() + b"\n"
    while data:
        data = data[os.write(ANSWER_FD, data) :]


def main() -> None:
    """``helper PID MAX_SIZE SOURCE``, by ``record.attached``."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.chdir("/")
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(RECORDER_COMM)
    with contextlib.suppress(BrokenPipeError), watch.more_files():
        try:
            helper = Helper(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
            answer(helper.hello())
        except (OSError, TwocooksError) as error:
            why = error if isinstance(error, TwocooksError) else watch.cannot_begin(error)
            answer({"error": str(why)})
            return
        helper.serve()
    os._exit(0)  # at once: the program may be waiting for us to be gone
