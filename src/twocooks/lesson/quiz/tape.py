"""Writes a made run as the recorder writes a real one: records, streams, a trace file.

Only what the quiz needs: kernel slices, looks at waits, and what the agents say of threads,
processes, tasks of event loops and pieces of pools. Times are seconds since the run's start.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from twocooks.analyse import Analysis, analyse
from twocooks.format import spec
from twocooks.format.encode import StreamWriter, file_head, json_block
from twocooks.model import Wait
from twocooks.read import reader

START_NS = 1_000_000_000_000
MAIN = 10
"""The program's process, and its first thread."""
PYTHON = 0x030C07F0
GIL_ON, FORKED = 1, 3
FUTEX, SLEEP, READ, CHILD = 202, 230, 0, 61
"""System calls that threads wait in."""
ON_GIL, ON_LOCK = 1, 3
"""Kinds of looks."""
APP = "app.py"
_LEAVES_FIRST = {"OUT_FULL": 0, "OUT_FULL_PREEMPTED": 0, "EXIT": 1, "IN_FULL": 3}
_ENDS = {"yield": "STEP_YIELD", "done": "STEP_DONE"}


class _Row(NamedTuple):
    stream: tuple[spec.Stream, int, int]
    time_ns: int
    event: str
    fields: tuple[int, ...]
    text: str = ""


def parts(*values: object) -> str:
    """A text made of several parts."""
    return spec.SEPARATOR.join(str(value) for value in values)


class Tape:
    """Collects records in any order; ``analysis`` reads them as a file."""

    def __init__(self, cores: int) -> None:
        self.cores = cores
        self._rows: list[_Row] = []
        self.hello()

    def _put(self, stream: tuple[spec.Stream, int, int], time: float, event: str,
             fields: tuple[int, ...] = (), text: str = "") -> None:
        self._rows.append(_Row(stream, START_NS + round(time * 1e9), event, fields, text))

    def _kernel(self, core: int, time: float, event: str, *fields: int, text: str = "") -> None:
        self._put((spec.Stream.KERNEL, core, 0), time, event, fields, text)

    def _agent(self, time: float, event: str, *fields: int, text: str = "", tid: int = MAIN,
               pid: int = MAIN) -> None:
        self._put((spec.Stream.AGENT, pid, tid), time, event, fields, text)

    # What the kernel says -----------------------------------------------------------------------

    def on(self, core: int, tid: int, start: float, end: float, *, pid: int = MAIN,
           pushed: bool = False, exits: bool = False) -> None:
        """A slice on a core; at its end the thread blocks, is pushed off, or ends."""
        self._kernel(core, start, "IN_FULL", pid, tid)
        event = "EXIT" if exits else "OUT_FULL_PREEMPTED" if pushed else "OUT_FULL"
        self._kernel(core, end, event, pid, tid)

    def fork(self, time: float, tid: int, *, pid: int = MAIN, by: int = MAIN) -> None:
        """A thread of the program (a process, if ``tid`` is ``pid``) is made by process ``by``."""
        self._kernel(0, time, "FORK", pid, tid, by, by)

    def runs(self, time: float, name: str, *, pid: int, core: int) -> None:
        """The process runs another program from here on."""
        self._kernel(core, time, "EXEC", pid, pid, text=name)

    def look(self, time: float, tid: int, syscall: int, *, pid: int = MAIN, kind: int = 0,
             arg: int = 0, where: tuple[str, ...] = ()) -> None:
        """The recorder looked at a waiting thread; ``where``: its frames, innermost first."""
        fields = (pid, tid, 100_000, syscall, arg, kind)
        self._put((spec.Stream.LOOK, 0, 0), time + 0.0001, "LOOK", fields, parts(*where))

    # What the agents say ------------------------------------------------------------------------

    def hello(self, time: float = 0.0, pid: int = MAIN, flags: int = GIL_ON) -> None:
        """The agent is in the process."""
        text = parts("cpython", APP, "/usr/bin/python3")
        self._agent(time, "HELLO", PYTHON, flags, 0, text=text, pid=pid, tid=pid)

    def thread(self, time: float, tid: int, name: str, function: str = "work",
               file: str = APP) -> None:
        """A threading.Thread says its name."""
        self._agent(time, "THREAD", 0, text=parts(name, function, file, 3), tid=tid)

    def process(self, time: float, pid: int, name: str) -> None:
        """A multiprocessing process says its name."""
        self.hello(time, pid, FORKED)
        self._agent(time, "PROCESS_NAME", text=parts(name, "work", APP, 3), pid=pid, tid=pid)

    def loop(self, start: float, end: float, pid: int = MAIN) -> None:
        """An event loop runs on the process's first thread."""
        self._agent(start, "LOOP", 1, pid=pid, tid=pid)
        self._agent(end, "LOOP_END", pid=pid, tid=pid)

    def task(self, time: float, task: int, name: str, pid: int = MAIN) -> None:
        """A task of the loop is made, named, and ready."""
        self._agent(time, "TASK_NEW", task, pid=pid, tid=pid)
        self._agent(time, "TASK_NAME", task, text=parts(name, name, APP, 3), pid=pid, tid=pid)
        self.ready(time, task, pid)

    def ready(self, time: float, task: int, pid: int = MAIN) -> None:
        """The task stands in its loop's line."""
        self._agent(time, "READY", task, pid=pid, tid=pid)

    def step(self, start: float, end: float, task: int, then: str | Wait, *, pid: int = MAIN,
             core: int | None = 0) -> None:
        """A step of a task; ``then``: "yield", "done", or what it waits for. ``core`` None: the
        thread's slice is told elsewhere."""
        if core is not None:
            self.on(core, pid, start, end, pid=pid)
        self._agent(start, "STEP", task, pid=pid, tid=pid)
        if isinstance(then, Wait):
            self._agent(end, "STEP_END", int(then), pid=pid, tid=pid)
        else:
            self._agent(end, _ENDS[then], pid=pid, tid=pid)

    def given(self, time: float, item: int, name: str) -> None:
        """A piece of work is given to a pool of threads."""
        self._agent(time, "ITEM_NEW", item, 1, text=parts(name, APP, 3))

    def item(self, start: float, end: float, item: int, tid: int) -> None:
        """A worker does the piece."""
        self._agent(start, "ITEM", item, tid=tid)
        self._agent(end, "ITEM_END", item, tid=tid)

    # What comes out -----------------------------------------------------------------------------

    def file(self) -> bytes:
        """The run as a trace file's bytes."""
        rows = sorted(self._rows, key=lambda row: (row.time_ns, _LEAVES_FIRST.get(row.event, 2)))
        writers: dict[tuple[spec.Stream, int, int], StreamWriter] = {}
        texts: dict[str, int] = {}
        for row in rows:
            writer = writers.setdefault(row.stream, StreamWriter(*row.stream))
            if row.event == "LOOK":
                _put_look(writer, row, texts)
            else:
                writer.put(row.time_ns, spec.BY_NAME[row.event].number, row.fields, row.text)
        blocks = b"".join(writer.flush() for writer in writers.values())
        meta = json_block(spec.Block.META, self._meta())
        return file_head() + meta + blocks + json_block(spec.Block.END, self._end(rows))

    def analysis(self) -> Analysis:
        """The run, read and judged like any other."""
        with tempfile.TemporaryDirectory(prefix="twocooks-quiz-") as folder:
            path = Path(folder, "made.2cooks")
            path.write_bytes(self.file())
            return analyse(reader.load(path))

    def _meta(self) -> dict[str, Any]:
        cores = list(range(self.cores))
        return {
            "twocooks": "0", "command": ["python", APP], "pid": MAIN, "source": "kernel",
            "source_why": "", "start_ns": START_NS, "start_time": 0.0,
            "cpus": {"usable": cores, "online": self.cores, "quota": None,
                     "free": float(self.cores)},
            "smt_siblings": [[core] for core in cores], "tick_ns": 2_000_000, "agent": True,
        }

    def _end(self, rows: list[_Row]) -> dict[str, Any]:
        on: dict[tuple[spec.Stream, int, int], int] = {}
        clock = 0
        for row in rows:
            if row.event == "IN_FULL":
                on[row.stream] = row.time_ns
            elif row.event in _LEAVES_FIRST:
                clock += row.time_ns - on.pop(row.stream)
        return {
            "exit": {"code": 0, "signal": None}, "why": "exited", "end_ns": rows[-1].time_ns,
            "task_clock_ns": clock, "rusage": {"user_s": clock / 1e9, "system_s": 0.0},
            "lost": {str(core): 0 for core in range(self.cores)}, "agent_lost": 0,
            "recorder_cpu_s": 0.0, "labels": {"looked": 0, "missed": 0}, "notes": [],
        }


def _put_look(writer: StreamWriter, row: _Row, texts: dict[str, int]) -> None:
    """A look, and the name of its place before it, where it is new."""
    where = 0
    if row.text:
        where = texts.setdefault(row.text, len(texts) + 1)
        if where == len(texts):
            writer.put(row.time_ns, spec.BY_NAME["TEXT"].number, (where,), row.text)
    writer.put(row.time_ns, spec.BY_NAME["LOOK"].number, (*row.fields, where))
