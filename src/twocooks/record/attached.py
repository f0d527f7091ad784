"""The program's side of ``measure()``: starts the recorder beside this process and asks it.

Standard library only, and little of it: this runs inside the watched program. The recorder is a
process of its own (``record.helper``); the agent is loaded into this one, and two variables in the
environment bring it into the children, as for ``twocooks run``. ``stop`` takes all of it back.

After a fork the child has copies of the files, and a parent whose recorder is not its own: whoever
asks, ``Attached.mine`` first.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import CoroutineType
from typing import Any

from twocooks.model import MEASURED, MeasureError

ARENA, PYTHONPATH = "TWOCOOKS_ARENA", "PYTHONPATH"
BOOT = str(Path(__file__).parent / "agent" / "boot")
ROOT = str(Path(__file__).parents[2])
MAX_SIZE = 1 << 30
START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from twocooks.record.helper import main; main()"
)
PATIENCE_MS = 30_000
"""So long an answer may take on a machine that has no time."""
YAMA = "/proc/sys/kernel/yama/ptrace_scope"


def private_file() -> int:
    """A file without a name, for the trace: it is gone with the last who has it open."""
    why = None
    for folder in (os.environ.get("TMPDIR"), "/tmp", "/var/tmp", "/dev/shm"):
        if not folder:
            continue
        try:
            return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:  # a file system that cannot do that
            why = error
        path = f"{folder}/twocooks-{os.getpid()}-{os.urandom(8).hex()}"
        try:
            fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            why = error
            continue
        os.unlink(path)
        return fd
    raise MeasureError(f"there is no place for the trace: {why and why.strerror}")


def asks_for_trust() -> bool:
    """Yama lets only those look into a process whom it names itself, or its parents."""
    try:
        with open(YAMA) as file:
            return file.read().strip() == "1"
    except OSError:
        return False


def script_name() -> str:
    """What this Python runs: a module's name, a script's path, "-c", or "" for a prompt."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and isinstance(getattr(spec, "name", None), str):
        name: str = spec.name
        return name.removesuffix(".__main__")
    file = getattr(main, "__file__", None)
    return file if isinstance(file, str) else "-c" if "-c" in sys.orig_argv else ""


def tell_threads(agent: Any) -> None:
    """The threads of Python that run already, for the agent sees them begin no more."""
    threading = sys.modules.get("threading")
    if threading is None:
        return
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and thread.native_id:
            agent.known_thread(thread.native_id, thread)


def tell_tasks(agent: Any) -> None:
    """The loop of asyncio that runs on this thread, its tasks, and the names of others'. Since
    3.14 the agent asks for the latter itself, on the thread of each loop."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return
    loop = asyncio._get_running_loop()
    mine = asyncio.all_tasks(loop) if loop is not None else set()
    current = asyncio.current_task(loop) if loop is not None else None
    tasks = []
    for task in mine:
        coro = task.get_coro()
        suspended = type(coro) is CoroutineType and coro.cr_suspended
        tasks.append((task, task is current, suspended))
    for name in ("_all_tasks", "_scheduled_tasks", "_eager_tasks"):  # 3.11; 3.12 and 3.13
        others = set(getattr(asyncio.tasks, name, ())) - mine
        tasks += [(task, False, False) for task in others]
    agent.known_loop(loop, tasks)
    if current is not None:
        loop.call_soon(agent.step_over)


def tell_trio(agent: Any) -> None:
    """The run of trio that goes on on this thread, and its tasks."""
    trio = sys.modules.get("trio")
    if trio is None or not trio.lowlevel.in_trio_task():
        return
    current, tasks = trio.lowlevel.current_task(), [trio.lowlevel.current_root_task()]
    for task in tasks:  # it grows
        tasks += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    others = [task for task in tasks if task is not current]
    agent.known_trio(trio.lowlevel.add_instrument, current, others)


class Attached:
    """A recording of this process. One at a time; not for several threads at once."""

    def __init__(self, source: str = "auto") -> None:
        self.pid = os.getpid()
        self.agent: Any = None
        self._arena, self._boot = "", False
        """What we put into the environment: the shared memory, and the folder that brings it."""
        self._outer: str | None = None
        """The shared memory of a recorder that was here before."""
        self.end: dict[str, Any] | None = None
        self.size = 0
        """What the recorder said last: its totals, and the length of the trace that they are of."""
        self.over = False
        self._buffer = b""
        from twocooks import _core

        self.trace_fd = private_file()
        asked, self._ask = os.pipe()
        self._answer, answered = os.pipe()
        try:
            self.helper = _core.spawn(*self._command(source), (self.trace_fd, asked, answered))
        except OSError as error:
            os.close(asked)
            os.close(answered)
            self._close()
            why = f"the recorder could not be started: {error.strerror}"
            raise MeasureError(why) from None
        os.close(asked)
        os.close(answered)
        self._trusts = asks_for_trust() and _core.trust(self.helper)
        try:
            hello = self._hear()
            self._install(hello.get("arena"))
        except MeasureError:
            self._close()
            raise
        self.source: str = hello["source"]

    def _command(self, source: str) -> tuple[list[bytes], list[bytes]]:
        argv = [sys.executable or "python3", "-I", "-S"]
        if sys.dont_write_bytecode:
            argv.append("-B")
        argv += ["-c", START, ROOT, str(self.pid), str(MAX_SIZE), source]
        environ = [
            name + b"=" + value
            for name, value in os.environb.items()
            if not name.startswith((b"TWOCOOKS", b"PYTHON"))
        ]
        return [os.fsencode(word) for word in argv], environ

    @property
    def path(self) -> Path:
        """Where this process can read the trace."""
        return Path(f"/proc/{self.pid}/fd/{self.trace_fd}")

    @property
    def alive(self) -> bool:
        """The recorder is there."""
        poll = select.poll()
        poll.register(self._answer, 0)
        return not poll.poll(0)  # it would have hung up

    def alone(self) -> bool:
        """This process has no children now: those that there are have the agent of this recording,
        and would not get that of the next one."""
        try:
            for task in os.listdir("/proc/self/task"):
                if Path(f"/proc/self/task/{task}/children").read_text():
                    return False
        except OSError:
            return False
        return True

    @property
    def mine(self) -> bool:
        """It is this process that is recorded (not one that forked this one)."""
        return self.pid == os.getpid()

    def ask(self, what: str) -> dict[str, Any]:
        """Sends one question and waits for its answer. MeasureError where the recorder is gone."""
        try:
            os.write(self._ask, json.dumps({"do": what}).encode() + b"\n")
        except OSError:
            raise MeasureError(GONE) from None
        return self._hear()

    def _hear(self) -> dict[str, Any]:
        poll = select.poll()
        poll.register(self._answer, select.POLLIN)
        while b"\n" not in self._buffer:
            if not poll.poll(PATIENCE_MS):
                raise MeasureError("the recorder does not answer")
            part = os.read(self._answer, 1 << 16)
            if not part:
                raise MeasureError(GONE)
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\n")
        said: dict[str, Any] = json.loads(line)
        if "error" in said:
            raise MeasureError(str(said["error"]))
        self.end, self.size = said.get("end", self.end), said.get("size", self.size)
        return said

    def edge(self) -> int:
        """This moment, as the end of a window: polled accounts are known at looks only, so there
        the moment of one that is made now."""
        if self.source == "schedstat" and not self.over:
            return int(self.ask("look")["at"])
        return time.monotonic_ns()

    def flush(self) -> dict[str, Any]:
        """All that happened until now is in the file; the recorder's totals of it."""
        self.ask("flush")
        return self.end or {}

    # ---- what is in this process ----

    def _install(self, arena: str | None) -> None:
        if arena is None:
            return
        from twocooks.record.agent import _agent

        outer = _agent.stop(MEASURED)  # it is told that it sees less from here on
        self._outer = os.environ.get(ARENA) if outer else None
        if not _agent.start(arena, script_name(), sys.modules["_frozen_importlib"]):
            return
        self.agent, self._arena = _agent, arena
        os.environ[ARENA] = arena
        old = os.environ.get(PYTHONPATH)
        if old is None or BOOT not in old.split(os.pathsep):
            self._boot = True
            os.environ[PYTHONPATH] = BOOT + os.pathsep + old if old else BOOT

        for tell in (tell_threads, tell_tasks, tell_trio):
            with contextlib.suppress(Exception):  # less is known then
                tell(_agent)

    def _clean(self) -> None:
        """Takes the hooks out, and the environment back; what the program has changed since stays
        its own. A recorder around this one gets the agent again."""
        if self.agent is None:
            return
        self.agent.stop()
        if os.environ.get(ARENA) == self._arena:
            del os.environ[ARENA]
            if self._outer is not None:
                os.environ[ARENA] = self._outer
        path = os.environ.get(PYTHONPATH)
        if self._boot and path is not None:
            rest = os.pathsep.join(part for part in path.split(os.pathsep) if part != BOOT)
            if rest:
                os.environ[PYTHONPATH] = rest
            else:
                del os.environ[PYTHONPATH]
        if self._outer is not None:
            self.agent.start(self._outer, script_name(), sys.modules["_frozen_importlib"])
        self.agent = None

    def stop(self) -> None:
        """Ends the recording. The trace stays open as long as somebody may read it."""
        if self.over:
            return
        self.over = True
        if self.mine:
            with contextlib.suppress(MeasureError, OSError):  # then what it said last counts
                ended = os.pidfd_open(self.helper)
                try:
                    self.ask("stop")
                    poll = select.poll()
                    poll.register(ended, select.POLLIN)
                    poll.poll(PATIENCE_MS)
                finally:
                    os.close(ended)
            self._clean()
            if self._trusts:
                from twocooks import _core

                _core.trust(0)
            with contextlib.suppress(OSError):  # ours where this process adopts orphans
                os.waitpid(self.helper, os.WNOHANG)
        for fd in (self._ask, self._answer):
            os.close(fd)

    def _close(self) -> None:
        for fd in (self._ask, self._answer):
            os.close(fd)

    def __del__(self, close: Callable[[int], None] = os.close) -> None:  # os may be gone by then
        fd, self.trace_fd = getattr(self, "trace_fd", -1), -1
        if fd >= 0:
            close(fd)


GONE = "the recorder has ended (killed?): what it had not yet told is lost"
