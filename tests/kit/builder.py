"""Builds synthetic traces for tests: as a ``Trace`` (no codec involved) or as a file's bytes.

    b = Builder(cpus=2)
    b.fork(0.0, tid=11)                        # thread 11 of the program (pid 10)
    b.on(cpu=0, tid=10, start=0.0, end=0.5)    # a slice; blocked at its end
    b.on(cpu=1, tid=11, start=0.0, end=0.5, preempted=True)
    b.look(0.5, 0.9, tid=10, syscall=202, where=["app.py:3:main"])
    b.step(0.0, 0.1, task=1, tid=10, then=Wait.SLEEP)
    trace = b.trace()

Times are seconds from the start of the run (``start_ns`` of the clock); calls may come in any
order. Records are sorted by time as the reader sorts them: at equal times lower CPUs come first;
on one CPU a leaving thread comes before a coming one; otherwise the order of the calls stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.kit.rows import (
    Row,
    agent_columns,
    file_columns,
    holder_columns,
    kernel_columns,
    line_columns,
    look_columns,
    meter_columns,
    peer_columns,
    poll_columns,
    run_columns,
)
from twocooks.format import spec
from twocooks.format.encode import StreamWriter, file_head, json_block
from twocooks.model import Wait
from twocooks.read.trace import (
    Trace,
)

START_NS = 1_000_000_000_000
_LEAVES_FIRST = {"OUT": 0, "OUT_PREEMPTED": 0, "EXIT": 1, "IN": 3}


@dataclass
class Builder:
    """Collects records; ``trace()`` and ``file()`` may be called at any time, more than once."""

    cpus: int = 2
    pid: int = 10
    start_ns: int = START_NS
    meta: dict[str, Any] = field(default_factory=dict)
    """Changes to the default META content."""
    end: dict[str, Any] | None = field(default_factory=dict)
    """Changes to the default END content; None = the recorder was killed."""
    rows: list[Row] = field(default_factory=list)
    """All records so far, for tests that change them."""

    def ns(self, seconds: float) -> int:
        """A time of the run on the trace's clock."""
        return self.start_ns + round(seconds * 1e9)

    # The kernel's records -----------------------------------------------------------------------

    def kernel(
        self, cpu: int, time: float, event: str, *fields: int, text: str | None = None
    ) -> None:
        """Any kernel record, fields as in the table (IN and OUT always with pid and tid)."""
        row = Row(spec.Stream.KERNEL, (cpu, 0), self.ns(time), event, fields, text)
        self.rows.append(row)

    def on(
        self,
        cpu: int,
        tid: int,
        start: float,
        end: float | None,
        preempted: bool = False,
        pid: int | None = None,
        exits: bool = False,
    ) -> None:
        """A slice of a thread on a core. It blocks at the end, or is pushed off, or ends there
        (``exits``: an EXIT instead of an OUT, as the kernel does); ``end`` None = never leaves."""
        if end is not None and not start < end:
            raise ValueError("a slice must have a length")
        pid = self.pid if pid is None else pid
        self.kernel(cpu, start, "IN", pid, tid)
        if end is not None and exits:
            self.kernel(cpu, end, "EXIT", pid, tid)
        elif end is not None:
            self.kernel(cpu, end, "OUT_PREEMPTED" if preempted else "OUT", pid, tid)

    def fork(
        self,
        time: float,
        tid: int | None = None,
        pid: int | None = None,
        ptid: int | None = None,
        ppid: int | None = None,
        cpu: int = 0,
    ) -> None:
        """A thread (``tid``) of the program, or a process (``pid`` alone), is made by ptid of ppid
        (default: the program's main thread)."""
        if tid is None and pid is None:
            raise ValueError("fork needs a tid or a pid")
        ppid = self.pid if ppid is None else ppid
        pid = ppid if pid is None else pid
        tid = pid if tid is None else tid
        self.kernel(cpu, time, "FORK", pid, tid, ppid, ppid if ptid is None else ptid)

    def exit(self, time: float, tid: int, pid: int | None = None, cpu: int = 0) -> None:
        """A thread ended (``on(exits=True)`` does this in one call)."""
        self.kernel(cpu, time, "EXIT", self.pid if pid is None else pid, tid)

    def comm(self, time: float, tid: int, name: str, pid: int | None = None, cpu: int = 0) -> None:
        """The kernel's name of a thread changed."""
        self.kernel(cpu, time, "COMM", self.pid if pid is None else pid, tid, text=name)

    def exec(self, time: float, name: str, pid: int | None = None, cpu: int = 0) -> None:
        """The process runs another program from here on."""
        pid = self.pid if pid is None else pid
        self.kernel(cpu, time, "EXEC", pid, pid, text=name)

    def lost(self, cpu: int, start: float, end: float, count: int) -> None:
        """Records of a CPU are missing between start and end."""
        self.kernel(cpu, end, "LOST", count, self.ns(end) - self.ns(start))

    # The agent's records ------------------------------------------------------------------------

    def agent(
        self,
        time: float,
        event: str,
        *fields: int,
        text: str | None = None,
        tid: int | None = None,
        pid: int | None = None,
    ) -> None:
        """Any agent record on a thread (default: the program's main thread)."""
        pid = self.pid if pid is None else pid
        key = (pid, pid if tid is None else tid)
        self.rows.append(Row(spec.Stream.AGENT, key, self.ns(time), event, fields, text))

    def step(
        self,
        start: float,
        end: float,
        task: int,
        then: str | Wait = "yield",
        tid: int | None = None,
        pid: int | None = None,
    ) -> None:
        """A step of an asyncio task. ``then``: "yield", "done", or what it waits for."""
        self.agent(start, "STEP", task, tid=tid, pid=pid)
        if isinstance(then, Wait):
            self.agent(end, "STEP_END", int(then), tid=tid, pid=pid)
        else:
            name = {"yield": "STEP_YIELD", "done": "STEP_DONE"}[then]
            self.agent(end, name, tid=tid, pid=pid)

    def task(
        self,
        time: float,
        task: int,
        name: str,
        function: str = "",
        file: str = "",
        line: int = 0,
        tid: int | None = None,
        pid: int | None = None,
    ) -> None:
        """An asyncio task is made and named at once."""
        self.agent(time, "TASK_NEW", task, tid=tid, pid=pid)
        text = parts(name, function, file, line)
        self.agent(time, "TASK_NAME", task, text=text, tid=tid, pid=pid)

    def ready(self, time: float, task: int, tid: int | None = None, pid: int | None = None) -> None:
        """The task was put in its loop's line."""
        self.agent(time, "READY", task, tid=tid, pid=pid)

    def hello(
        self,
        time: float,
        python: int = 0x030B07F0,
        flags: int = 1,
        runtime: int = 0,
        script: str = "app.py",
        pid: int | None = None,
    ) -> None:
        """The agent is in the process."""
        text = parts("cpython", script, "/usr/bin/python3")
        self.agent(time, "HELLO", python, flags, runtime, text=text, pid=pid)

    def thread(
        self,
        time: float,
        tid: int,
        name: str,
        function: str = "",
        file: str = "",
        line: int = 0,
        daemon: bool = False,
        pid: int | None = None,
    ) -> None:
        """A threading.Thread says its name at its beginning."""
        text = parts(name, function, file, line)
        self.agent(time, "THREAD", int(daemon), text=text, tid=tid, pid=pid)

    def process_name(self, time: float, pid: int, name: str, function: str = "") -> None:
        """A multiprocessing process says its name."""
        self.agent(time, "PROCESS_NAME", text=parts(name, function, "", 0), pid=pid)

    def loop(
        self,
        start: float,
        end: float,
        loop: int = 1,
        tid: int | None = None,
        pid: int | None = None,
    ) -> None:
        """An event loop runs on the thread."""
        self.agent(start, "LOOP", loop, tid=tid, pid=pid)
        self.agent(end, "LOOP_END", tid=tid, pid=pid)

    def imports(self, start: float, end: float, module: str, tid: int | None = None) -> None:
        """An import goes on."""
        self.agent(start, "IMPORT", text=module, tid=tid)
        self.agent(end, "IMPORT_END", tid=tid)

    def item_new(
        self,
        time: float,
        item: int,
        pool: int = 1,
        function: str = "work",
        file: str = "app.py",
        line: int = 1,
        tid: int | None = None,
        pid: int | None = None,
    ) -> None:
        """A piece of work is given to a pool (1 threads, 2 processes, 3 multiprocessing.Pool)."""
        text = parts(function, file, line)
        self.agent(time, "ITEM_NEW", item, pool, text=text, tid=tid, pid=pid)

    def item(self, start: float, end: float, item: int, tid: int, pid: int | None = None) -> None:
        """A worker does a piece of work."""
        self.agent(start, "ITEM", item, text="", tid=tid, pid=pid)
        self.agent(end, "ITEM_END", item, tid=tid, pid=pid)

    def block(
        self,
        start: float,
        end: float,
        block: int,
        name: str,
        tid: int | None = None,
        pid: int | None = None,
    ) -> None:
        """A ``with twocooks.task(name):`` block."""
        self.agent(start, "BLOCK", block, text=name, tid=tid, pid=pid)
        self.agent(end, "BLOCK_END", block, tid=tid, pid=pid)

    # Looks, polls, the machine ------------------------------------------------------------------

    def look(
        self,
        start: float,
        end: float,
        tid: int,
        syscall: int,
        arg: int = 0,
        kind: int = 0,
        where: Sequence[str] = (),
        pid: int | None = None,
        what: str = "",
        peers: Sequence[int] = (),
        line: float | None = None,
    ) -> None:
        """Between start and end the thread was seen waiting (on ``what``, of which ``peers`` had
        the other end), after ``line`` seconds in line for a core in all; ``where`` is innermost
        first."""
        pid = self.pid if pid is None else pid
        if what:
            self.rows.append(Row(spec.Stream.LOOK, (0, 0), self.ns(end), "FILE", (tid,), what))
        if line is not None:
            fields = (tid, round(line * 1e9))
            self.rows.append(Row(spec.Stream.LOOK, (0, 0), self.ns(end), "LINE", fields))
        for peer in peers:
            row = Row(spec.Stream.LOOK, (0, 0), self.ns(end), "PEER", (tid, 0, peer), None)
            self.rows.append(row)
        told = (pid, tid, self.ns(end) - self.ns(start), syscall, arg, kind)
        text = spec.SEPARATOR.join(where) if where else None
        self.rows.append(Row(spec.Stream.LOOK, (0, 0), self.ns(end), "LOOK", told, text))

    def run(
        self, time: float, tid: int, has_gil: int, where: Sequence[str] = (), pid: int | None = None
    ) -> None:
        """A sample of a thread on a core (has_gil: 0 no, 1 yes, 2 not known)."""
        fields = (self.pid if pid is None else pid, tid, 10_000, has_gil)
        text = spec.SEPARATOR.join(where) if where else None
        ended = self.ns(time) + 10_000
        self.rows.append(Row(spec.Stream.LOOK, (0, 0), ended, "RUN", fields, text))

    def holder(
        self,
        start: float,
        end: float,
        tid: int,
        waiter: int,
        lock: int = 0,
        turn: int = 0,
        how: int = 3,
        where: Sequence[str] = (),
        pid: int | None = None,
    ) -> None:
        """Between start and end the thread was seen to have what ``waiter`` waits for."""
        pid = self.pid if pid is None else pid
        fields = (pid, tid, self.ns(end) - self.ns(start), waiter, lock, turn, how)
        text = spec.SEPARATOR.join(where) if where else None
        self.rows.append(Row(spec.Stream.LOOK, (0, 0), self.ns(end), "HOLDER", fields, text))

    def poll(
        self,
        time: float,
        tid: int,
        run: float = 0.0,
        line: float = 0.0,
        turns: int = 0,
        pid: int | None = None,
    ) -> None:
        """Growth of a thread's account since its last POLL (seconds)."""
        pid = self.pid if pid is None else pid
        fields = (pid, tid, round(run * 1e9), round(line * 1e9), turns)
        self.rows.append(Row(spec.Stream.POLL, (0, 0), self.ns(time), "POLL", fields))

    def poll_new(
        self, time: float, tid: int, comm: str, ppid: int = 1, pid: int | None = None
    ) -> None:
        """A thread was first seen by polling."""
        fields = (self.pid if pid is None else pid, tid, ppid)
        self.rows.append(Row(spec.Stream.POLL, (0, 0), self.ns(time), "POLL_NEW", fields, comm))

    def poll_gone(self, time: float, tid: int, pid: int | None = None) -> None:
        """It was no longer there."""
        fields = (self.pid if pid is None else pid, tid)
        self.rows.append(Row(spec.Stream.POLL, (0, 0), self.ns(time), "POLL_GONE", fields))

    def poll_tick(self, time: float, took: float = 0.0) -> None:
        """A round of polls ended."""
        self.rows.append(
            Row(spec.Stream.POLL, (0, 0), self.ns(time), "POLL_TICK", (round(took * 1e9),))
        )

    def poll_cpu(self, time: float, cpu: float) -> None:
        """The CPU clock of the tree so far (seconds)."""
        self.rows.append(
            Row(spec.Stream.POLL, (0, 0), self.ns(time), "POLL_CPU", (round(cpu * 1e9),))
        )

    def meter(
        self,
        time: float,
        busy: float = 0.0,
        steal: float = 0.0,
        own: float = 0.0,
        throttled: float = 0.0,
    ) -> None:
        """The machine since the last METER (seconds over the usable CPUs)."""
        fields = tuple(round(value * 1e9) for value in (busy, steal, own, throttled))
        self.rows.append(Row(spec.Stream.METER, (0, 0), self.ns(time), "METER", fields))

    def cpus_are(self, time: float, usable: int, online: int, quota: float = 0.0) -> None:
        """The cores that there are (quota in cores, 0 = none)."""
        fields = (usable, online, round(quota * 1000))
        self.rows.append(Row(spec.Stream.METER, (0, 0), self.ns(time), "CPUS", fields))

    def task_clock(self, time: float, seconds: float) -> None:
        """The kernel's task clock of the whole tree so far."""
        self.rows.append(
            Row(spec.Stream.METER, (0, 0), self.ns(time), "TASK_CLOCK", (round(seconds * 1e9),))
        )

    # What comes out -----------------------------------------------------------------------------

    def sorted_rows(self) -> list[Row]:
        """All records in the order in which the reader gives them within each kind of stream."""
        keys = dict.fromkeys((row.stream, row.key) for row in self.rows)
        place = {key: (number, 0) for number, key in enumerate(keys)}
        place |= {key: key[1] for key in keys if key[0] == spec.Stream.KERNEL}

        def order(row: Row) -> tuple[int, tuple[int, int], int]:
            return row.time_ns, place[row.stream, row.key], _LEAVES_FIRST.get(row.event, 2)

        return sorted(self.rows, key=order)

    def meta_content(self) -> dict[str, Any]:
        """META as it goes into the trace."""
        cpus = list(range(self.cpus))
        return {
            "twocooks": "0.1.0",
            "command": ["python", "app.py"],
            "pid": self.pid,
            "source": "kernel",
            "source_why": "",
            "start_ns": self.start_ns,
            "start_time": 1.7e9,
            "cpus": {"usable": cpus, "online": self.cpus, "quota": None, "free": float(self.cpus)},
            "smt_siblings": [[cpu] for cpu in cpus],
            "kernel": "6.18.0",
            "ring_pages": 1024,
            "tick_ns": 2_000_000,
            "python": "/usr/bin/python3",
            "agent": True,
        } | self.meta

    def end_content(self) -> dict[str, Any] | None:
        """END as it goes into the trace; ``task_clock_ns`` is the sum of the slices so far."""
        if self.end is None:
            return None
        end_ns = max((row.time_ns for row in self.rows), default=self.start_ns)
        clock = self._sum_of_slices()
        return {
            "exit": {"code": 0, "signal": None},
            "why": "exited",
            "end_ns": end_ns,
            "task_clock_ns": clock,
            "rusage": {"user_s": clock / 1e9, "system_s": 0.0},
            "lost": {str(cpu): self._lost_on(cpu) for cpu in range(self.cpus)},
            "agent_lost": 0,
            "recorder_cpu_s": 0.0,
            "labels": {"looked": 0, "missed": 0},
            "notes": [],
        } | self.end

    def _lost_on(self, cpu: int) -> int:
        rows = [row for row in self.rows if row.event == "LOST" and row.key[0] == cpu]
        return sum(row.fields[0] for row in rows)

    def _sum_of_slices(self) -> int:
        since: dict[int, tuple[int, int]] = {}
        total = 0
        for row in self.sorted_rows():
            if row.stream != spec.Stream.KERNEL:
                continue
            cpu = row.key[0]
            if row.event == "IN":
                since[cpu] = (row.fields[1], row.time_ns)
            elif (
                row.event in ("OUT", "OUT_PREEMPTED", "EXIT")
                and since.get(cpu, (-1, 0))[0] == row.fields[1]
            ):
                total += row.time_ns - since.pop(cpu)[1]
        return total

    def trace(self) -> Trace:
        """The trace as the reader would give it."""
        texts: dict[str, int] = {}
        rows = self.sorted_rows()
        by_stream = {kind: [row for row in rows if row.stream == kind] for kind in spec.Stream}
        threads = list(
            dict.fromkeys(row.key for row in self.rows if row.stream == spec.Stream.AGENT)
        )
        notes = [] if self.end is not None else [KILLED]
        return Trace(
            meta=self.meta_content(),
            end=self.end_content(),
            look=look_columns(by_stream[spec.Stream.LOOK], texts),
            run=run_columns(by_stream[spec.Stream.LOOK], texts),
            file=file_columns(by_stream[spec.Stream.LOOK], texts),
            peer=peer_columns(by_stream[spec.Stream.LOOK]),
            line=line_columns(by_stream[spec.Stream.LOOK]),
            holder=holder_columns(by_stream[spec.Stream.LOOK], texts),
            kernel=kernel_columns(by_stream[spec.Stream.KERNEL], texts),
            agent=agent_columns(by_stream[spec.Stream.AGENT], threads, texts),
            agent_threads=threads,
            poll=poll_columns(by_stream[spec.Stream.POLL], texts),
            meter=meter_columns(by_stream[spec.Stream.METER]),
            texts=list(texts),
            notes=notes,
        )

    def file(self, block_records: int = 1000) -> bytes:
        """The same trace as a file's bytes; a stream's block ends after ``block_records``."""
        out = bytearray(file_head() + json_block(spec.Block.META, self.meta_content()))
        writers: dict[tuple[spec.Stream, tuple[int, int]], StreamWriter] = {}
        for row in self.rows:  # streams appear in the order of the calls
            writers.setdefault((row.stream, row.key), StreamWriter(row.stream, *row.key))
        known: set[int] = set()
        texts: dict[str, int] = {}
        for row in self.sorted_rows():
            writer = writers[row.stream, row.key]
            if writer.records >= block_records:
                out += writer.flush()
            _put(writer, row, known, texts)
        for writer in writers.values():
            out += writer.flush()
        end = self.end_content()
        return bytes(out if end is None else out + json_block(spec.Block.END, end))


KILLED = (
    "The recording is cut off: twocooks was killed, or could not write on. What it had written "
    "is kept."
)


def parts(*values: object) -> str:
    """A text made of several parts."""
    return spec.SEPARATOR.join(str(value) for value in values)


def _put(writer: StreamWriter, row: Row, known: set[int], texts: dict[str, int]) -> None:
    """Writes one record as the recorder would: short forms, texts of looks as ids."""
    if row.event == "IN":
        writer.put_in(row.time_ns, *row.fields, pid_is_known=row.fields[1] in known)
    elif row.event in ("OUT", "OUT_PREEMPTED"):
        writer.put_out(row.time_ns, *row.fields, preempted=row.event == "OUT_PREEMPTED")
    elif row.event in ("LOOK", "HOLDER", "RUN", "FILE"):
        where = 0
        if row.text is not None:
            where = texts.setdefault(row.text, len(texts) + 1)
            if where == len(texts):
                number = spec.BY_NAME["TEXT"].number
                took = row.fields[2] if len(row.fields) > 2 else 0
                writer.put(row.time_ns - took, number, (where,), row.text)
        writer.put(row.time_ns, spec.BY_NAME[row.event].number, (*row.fields, where))
    else:
        writer.put(row.time_ns, spec.BY_NAME[row.event].number, row.fields, row.text or "")
    if row.event in ("IN", "FORK"):
        known.add(row.fields[1])
