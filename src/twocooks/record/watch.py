"""Starts the program, records it into a trace file, and hands its fate back.

The child is forked first and waits; the kernel's events are opened on it; then it is released to
exec the program, so that not one switch is missed. twocooks itself then only watches: it ignores
SIGINT and SIGQUIT (the terminal sends them to both), passes SIGTERM and SIGHUP on, and ends with
the program. The file is written as the program runs.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import resource
import signal
import stat
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from twocooks import _core
from twocooks.format.spec import BY_NAME, MAGIC, VERSION, Block
from twocooks.model import TwocooksError
from twocooks.record import machine
from twocooks.record.meter import Meter
from twocooks.record.sources.schedstat import SchedstatSource, numbers_in

ARENA_PAGES = 16384
"""At most 512 MiB of shared memory for what agents wrote and the recorder has not yet read."""
PAGE_BYTES = 32768
"""TC_PAGE_SIZE of src/core/arena.h."""
FEWEST_PAGES = 64
RING_PAGES = 1024
"""Data pages of a CPU's ring; halved until the kernel takes them."""
ALL_CPUS_UP_TO = 16
TICK_NS = 2_000_000
METER_NS = 100_000_000
POLLED_METER_NS = 200_000_000
POLL_NS = 20_000_000
HOLD_NS = 200_000_000
"""How long a SIGTERM to twocooks waits for the program to end by itself."""
FULL = "the trace reached its size limit; what came after is unknown"
SMALL_RING = 128
"""Data pages a CPU that every user gets when no other recorder of theirs runs."""
PAGE_KIB = 4
BLIND = (
    "why its threads waited could not be looked up: the program forbids it "
    "(PR_SET_DUMPABLE, other rights), or the machine does (Yama)"
)
PATIENCE_S = 5.0
"""How long a program may take to end after SIGINT, then after SIGTERM, once its time is up."""


class Outcome(NamedTuple):
    """How the watched program ended. Exactly one of exit_code and signal is not None."""

    exit_code: int | None
    signal: int | None
    trace_path: Path
    notes: Sequence[str] = ()
    why: str = "exited"
    """Why recording ended: ``exited``, ``for`` (its time was up, we ended it) or ``size``."""


class CannotStartError(TwocooksError):
    """The program could not be executed."""


def agent_environment(environ: Mapping[str, str], arena_fd: int | None) -> dict[str, str]:
    """The program's environment: as it was, and the two variables that bring the agent in."""
    if arena_fd is None:
        return dict(environ)
    boot = str(Path(__file__).parent / "agent" / "boot")
    old = environ.get("PYTHONPATH")
    return {
        **environ,
        "TWOCOOKS_ARENA": f"/proc/{os.getpid()}/fd/{arena_fd}",
        "PYTHONPATH": boot + os.pathsep + old if old else boot,
    }


class Child:
    """The program, forked and waiting for its release."""

    def __init__(
        self, command: list[str], environ: dict[str, str], files: tuple[int, int]
    ) -> None:
        self.held: list[tuple[int, int]] = []
        go_read, self._go = os.pipe()
        self._error, error_write = os.pipe()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # closed before we began
                stream.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self._become(command, environ, files, go_read, error_write)
        os.close(go_read)
        os.close(error_write)
        try:
            self.pidfd = os.pidfd_open(self.pid)
        except OSError as error:  # before Linux 5.3, or a filter of system calls
            self.pidfd = -1
            self.kill()
            raise TwocooksError(f"pidfd_open failed: {error.strerror}") from None

    def _become(
        self,
        command: list[str],
        environ: dict[str, str],
        files: tuple[int, int],
        go_read: int,
        error_write: int,
    ) -> None:
        """In the child: waits for the word, then is the program. Never returns."""
        try:
            os.close(self._go)
            if os.read(go_read, 1) != b"g":
                os._exit(126)
            for name in ("SIGPIPE", "SIGXFSZ"):  # ignored by Python, not by the program
                signal.signal(getattr(signal, name), signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_NOFILE, files)
            os.execvpe(command[0], command, environ)
        except OSError as error:
            os.write(error_write, str(error.errno or errno.EIO).encode())
        finally:
            os._exit(127)

    def release(self) -> None:
        """Lets the program begin. CannotStartError where exec failed."""
        os.write(self._go, b"g")
        os.close(self._go)
        failed = os.read(self._error, 16)  # closed by a successful exec
        os.close(self._error)
        if failed:
            os.waitpid(self.pid, 0)
            self.forget()
            raise CannotStartError(os.strerror(int(failed)))

    def kill(self) -> None:
        """Ends a child that was never released."""
        os.close(self._go)
        os.close(self._error)
        os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):  # SIGCHLD is ignored
            os.waitpid(self.pid, 0)
        self.forget()

    def forget(self) -> None:
        """The child has been waited for."""
        pidfd, self.pidfd = self.pidfd, -1
        if pidfd >= 0:
            os.close(pidfd)

    def send(self, number: int) -> None:
        if self.pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, number)


    def hold(self, number: int) -> None:
        """A signal that came to twocooks. Whether it was meant for the whole process group, the
        program included, cannot be told; a program that was reached ends in a moment, and must not
        be hit a second time while it does."""
        self.held.append((time.monotonic_ns() + HOLD_NS, number))

    def pass_on(self, now: int) -> int | None:
        """Sends the held signals whose time has come. Returns when the next one is due."""
        due = [number for when, number in self.held if when <= now]
        self.held = [(when, number) for when, number in self.held if when > now]
        for number in due:
            self.send(number)
        return min((when for when, _ in self.held), default=None)

    def send_all(self, number: int) -> None:
        """To the program and to what it started in its own process group: what a terminal's Ctrl-C
        would reach, without the shell or the script around twocooks."""
        self.send(number)
        group = os.getpgrp()
        for pid in descendants(self.pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.getpgid(pid) == group:
                    os.kill(pid, number)


def descendants(pid: int) -> list[int]:
    """Processes below ``pid`` at this moment, nearest first."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += numbers_in(str(task))
    return found + [below for child in found for below in descendants(child)]


@contextlib.contextmanager
def manners(child: Child) -> Iterator[None]:
    """The recorder's signals until the trace is whole. Only the main thread has any."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old: dict[signal.Signals, Any] = {}
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:  # nothing could be waited for
        old[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number in (signal.SIGINT, signal.SIGQUIT):
        old[number] = signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        old[number] = signal.signal(number, lambda n, _frame: child.hold(n))
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


class Encoder:
    """What the Python sources write their records with."""

    def __init__(self, recorder: _core.Recorder) -> None:
        self._recorder = recorder

    def put(self, time_ns: int, event: str, *fields: int | str) -> None:
        """One record; its text, if it has one, comes last."""
        text = fields[-1] if fields and isinstance(fields[-1], str) else None
        numbers = tuple(f for f in fields if isinstance(f, int))
        if text is not None:
            text = text.replace("\0", "")
        self._recorder.put(time_ns, BY_NAME[event].number, numbers, text)


class Session:
    """One recording: the open file, the sources, the loop."""

    def __init__(self, fd: int, max_size: int) -> None:
        self.fd = fd
        self.recorder = _core.Recorder(fd, max_size)
        self.notes: list[str] = []
        self.arena_fd = self._open_arena()
        self.encoder = Encoder(self.recorder)
        self.source = "kernel"
        self.source_why = ""
        self.pages = 0
        self.poll: SchedstatSource | None = None
        self.cpus: tuple[int, ...] = ()
        self.usable = 0

    def _open_arena(self) -> int | None:
        """The agents' shared memory, or None (said): threads and processes are seen without it."""
        try:
            fd = os.memfd_create("twocooks", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        except OSError as error:
            self._say_no_arena(error)
            return None
        try:
            self.recorder.open_arena(fd, arena_pages())
            # Who shrinks the file of a mapping kills whoever reads it.
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
            return fd
        except OSError as error:
            os.close(fd)
            self._say_no_arena(error)
            return None

    def _say_no_arena(self, error: OSError) -> None:
        self.notes.append(
            f"There was no memory for the agent ({os.strerror(error.errno or 0)}), which tells "
            "tasks apart."
        )

    def close(self) -> None:
        if self.arena_fd is not None:
            os.close(self.arena_fd)
        if self.poll is not None:
            self.poll.close()

    def open_source(self, pid: int, source: str) -> None:
        """Kernel switches where they may be had, else polling; TwocooksError if asked in vain."""
        if source != "schedstat":
            try:
                self.pages = self.recorder.open_rings(pid, ring_cpus(), RING_PAGES)
                if self.pages < SMALL_RING:
                    self.notes.append(small_rings(self.pages))
                return
            except OSError as error:
                self.source_why = refusal(error.errno or 0, str(error.args[1]))
                if source == "kernel":
                    raise TwocooksError(
                        f"the kernel refuses its switch records ({self.source_why}); "
                        "see 'twocooks doctor', or use --source schedstat"
                    ) from None
        else:
            self.source_why = "polled because --source schedstat asked for it"
        self.source = "schedstat"
        self.poll = SchedstatSource(pid, self.encoder)

    def loop(self, child: Child, meter: Meter, for_s: float | None) -> str:
        """Records until the program has ended; returns why recording ended."""
        start = now = time.monotonic_ns()
        why, stop_at = "exited", start + int(for_s * 1e9) if for_s is not None else None
        asked = 0
        next_meter = start
        while True:
            if now >= next_meter:
                self.sample_meter(now, meter, child.pid)
                next_meter = now + (METER_NS if self.poll is None else POLLED_METER_NS)
            if stop_at is not None and now >= stop_at:
                why = "for"
                child.send_all((signal.SIGINT, signal.SIGTERM, signal.SIGKILL)[min(asked, 2)])
                asked += 1
                stop_at = now + int(PATIENCE_S * 1e9)
            until = min(next_meter, stop_at or next_meter, child.pass_on(now) or next_meter)
            if self.poll is not None:
                self.poll.sample(now)
                until = min(until, max(self.poll.next_ns, now + POLL_NS))
            reason = self.recorder.run(until, child.pidfd)
            if reason == "exit":
                now = time.monotonic_ns()
                if self.poll is not None:  # ended but not yet reaped: its last account
                    self.poll.sample(now, force=True)
                self.sample_meter(now, meter, child.pid)  # a short run has no other
                return why
            if reason == "size":
                if not self.recorder.stats()["error"]:  # that has a note of its own
                    self.notes.append(FULL)
                why = "size"
            now = time.monotonic_ns()

    def sample_meter(self, now: int, meter: Meter, pid: int) -> None:
        clock = self.recorder.task_clock_ns()
        tree = clock if self.poll is None else self.poll.cpu_ns
        own = tree + time.process_time_ns()
        for event, fields in meter.sample(now, own):
            self.encoder.put(now, event, *fields)
            if event == "CPUS":
                self.cpus, self.usable = fields, fields[0]
        if clock:
            self.encoder.put(now, "TASK_CLOCK", clock)
        with contextlib.suppress(OSError):  # it may be gone already
            usable = len(os.sched_getaffinity(pid))
            if usable != self.usable:  # the program has pinned itself, or let itself free
                self.usable = usable
                self.encoder.put(now, "CPUS", usable, *self.cpus[1:])

    def write_json(self, kind: Block, content: dict[str, Any]) -> None:
        self.recorder.block(int(kind), json.dumps(content).encode())


def arena_pages() -> int:
    """Pages of shared memory: fewer on a small machine, in a small container, and where the
    address space of a process is limited, for that is the program's."""
    space, _ = resource.getrlimit(resource.RLIMIT_AS)
    limits = [ARENA_PAGES, (machine.memory_bytes() or 1 << 40) // 8 // PAGE_BYTES]
    if space != resource.RLIM_INFINITY:
        limits.append(space // 16 // PAGE_BYTES)
    return max(min(limits), FEWEST_PAGES)


def ring_cpus() -> list[int]:
    """The CPUs to listen on: all of them, since a program may widen its own affinity; on large
    machines only the usable ones, because every thread of the program inherits an event a CPU."""
    online = machine.cpu_list(machine.read_file("/sys/devices/system/cpu/online") or "")
    return online if 0 < len(online) <= ALL_CPUS_UP_TO else machine.usable_cpus()


def refusal(number: int, what: str) -> str:
    """Why the kernel's records may not be had, from the errno of the call that failed."""
    if what == "mmap" and number in (errno.EPERM, errno.ENOMEM):
        return (
            "the kernel has no buffer left for this user's switch records: 'ulimit -l' is too "
            "low, or another twocooks of this user has it"
        )
    return f"{what}: {os.strerror(number)}"


def small_rings(pages: int) -> str:
    return (
        f"the kernel gave only {pages * PAGE_KIB} KiB a core to buffer its switch records in "
        "('ulimit -l', or another twocooks of this user): where many come at once, some are lost"
    )


@contextlib.contextmanager
def more_files() -> Iterator[tuple[int, int]]:
    """Lifts our soft limit on open files to the hard one: a file a CPU is needed. Gives the limits
    as they were, which are the program's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        yield soft, hard
    finally:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def size_limit(asked: int) -> int:
    """Bytes of the trace: what was asked for, or less where files may not be that large here."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    return asked if allowed == resource.RLIM_INFINITY else min(asked, allowed)


def cannot_begin(error: OSError) -> TwocooksError:
    """What the user reads where a call that every recording needs was refused."""
    why = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in (errno.EMFILE, errno.ENFILE):
        why += "; raise the limit (ulimit -n)"
    return TwocooksError(f"cannot begin to watch: {why}")


def open_trace(path: Path) -> int:
    """A new file that only its owner reads, with the head of the format."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            if stat.S_ISREG(os.fstat(fd).st_mode):
                os.fchmod(fd, 0o600)  # it may have been there
            os.write(fd, MAGIC + VERSION.to_bytes(4, "little") + bytes(4))
        except OSError:
            os.close(fd)
            raise
    except OSError as error:
        raise TwocooksError(f"cannot write the trace {path}: {error.strerror}") from None
    return fd


def watch(
    command: list[str],
    *,
    trace_path: Path,
    source: str = "auto",
    for_s: float | None = None,
    max_size: int = 1 << 30,
    meta: dict[str, Any] | None = None,
) -> Outcome:
    """Runs ``command`` (what to exec) and records it into ``trace_path``, which is replaced.

    ``source``: "auto", "kernel" or "schedstat". ``for_s``: after so many seconds the program is
    ended as Ctrl-C would end it. ``max_size``: bytes of the trace, beyond which the rest is
    unknown. ``meta``: more keys for the META block. TwocooksError where it cannot begin; nothing
    was run then, and no file is left.
    """
    with more_files() as files:
        fd = open_trace(trace_path)
        released = False
        most = size_limit(max_size)
        try:
            with contextlib.ExitStack() as stack:
                try:
                    begun = begin(stack, fd, command, source, most, meta or {}, files)
                except OSError as error:
                    raise cannot_begin(error) from None
                session, child, meter = begun
                with manners(child):
                    child.release()
                    released = True
                    why = session.loop(child, meter, for_s)
                    end_ns = session.recorder.settle()
                    _pid, status, usage = os.wait4(child.pid, 0)
                    child.forget()
                    session.recorder.finish()
                    code = os.waitstatus_to_exitcode(status)
                    finish(session, why, code, end_ns, usage)
        finally:
            close_trace(fd, None if released else trace_path)
    exited, killed = (code, None) if code >= 0 else (None, -code)
    return Outcome(exited, killed, trace_path, session.notes, why)


def begin(
    stack: contextlib.ExitStack,
    fd: int,
    command: list[str],
    source: str,
    max_size: int,
    meta: dict[str, Any],
    files: tuple[int, int],
) -> tuple[Session, Child, Meter]:
    """All that must be there before the program is released; it is killed where something fails."""
    session = Session(fd, max_size)
    stack.callback(session.close)
    cpus = machine.usable_cpus()
    meter = stack.enter_context(contextlib.closing(Meter(cpus)))
    child = Child(command, agent_environment(os.environ, session.arena_fd), files)
    try:
        session.open_source(child.pid, source)
        session.write_json(Block.META, describe(session, command, child.pid, cpus, meta))
    except BaseException:
        child.kill()
        raise
    return session, child, meter


def close_trace(fd: int, unused: Path | None) -> None:
    """Closes the file, without the disk space kept for its end; ``unused``: of a run that never
    was, so the file goes."""
    if stat.S_ISREG(os.fstat(fd).st_mode):
        with contextlib.suppress(OSError):
            os.ftruncate(fd, os.fstat(fd).st_size)
            if unused is not None:
                unused.unlink()
    os.close(fd)


def describe(
    session: Session, command: list[str], pid: int, cpus: list[int], meta: dict[str, Any]
) -> dict[str, Any]:
    """The META block."""
    from twocooks import __version__

    return {
        "twocooks": __version__,
        "command": command,
        "pid": pid,
        "source": session.source,
        "source_why": session.source_why,
        "start_ns": time.monotonic_ns(),
        "start_time": time.time(),
        "cpus": {
            "usable": cpus,
            "online": machine.online_cpus(),
            "quota": machine.cgroup_quota(),
        },
        "smt_siblings": machine.smt_siblings(cpus),
        "kernel": os.uname().release,
        "ring_pages": session.pages,
        "tick_ns": TICK_NS,
        "python": sys.executable,
        "agent": session.arena_fd is not None,
        **meta,
    }


def unfollowed(programs: int) -> str:
    many = programs > 1
    return (
        f"{programs} program{'s' if many else ''} with other rights (setuid) could not be "
        f"followed: what {'they' if many else 'it'} did is not in any account"
    )


def finish(
    session: Session, why: str, code: int, end_ns: int, usage: resource.struct_rusage
) -> None:
    """Writes the END block: how it ended, and the kernel's totals to check everything against."""
    content = {
        "exit": {
            "code": code if code >= 0 else None,
            "signal": -code if code < 0 else None,
        },
        "rusage": {"user_s": usage.ru_utime, "system_s": usage.ru_stime},
        **totals(session, why, end_ns),
    }
    session.notes = content["notes"]
    with contextlib.suppress(OSError):  # a full disk; what is there reads without it
        session.write_json(Block.END, content)


def totals(session: Session, why: str, end_ns: int) -> dict[str, Any]:
    """The rest of the END block: what was recorded and lost until ``end_ns``, and what is to be
    said of it."""
    stats = session.recorder.stats()
    notes = list(session.notes)
    said = {
        f"writing the trace failed ({os.strerror(stats['error'])}); what came after is unknown": (
            stats["error"] != 0
        ),
        FULL: stats["stopped_ns"] and not stats["error"],  # at the very end
        small_rings(session.pages): (
            any(stats["lost"].values()) and SMALL_RING <= session.pages < RING_PAGES
        ),
        BLIND: stats["denied"],
        unfollowed(stats["unfollowed"]): stats["unfollowed"],
    }
    notes += [note for note, holds in said.items() if holds and note not in notes]
    mine = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "why": why,
        "end_ns": end_ns,
        "task_clock_ns": stats["task_clock_ns"],
        "lost": stats["lost"],
        "agent_lost": stats["agent_lost"],
        "agent_damaged": stats["agent_damaged"],
        "recorder_cpu_s": mine.ru_utime + mine.ru_stime,
        "records": {"kernel": stats["kernel_records"], "agent": stats["agent_records"]},
        "labels": {key: stats[key] for key in ("looked", "missed", "denied", "torn")},
        "unfollowed": stats["unfollowed"],
        "notes": notes,
    }
