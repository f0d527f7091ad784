"""Large traces that mimic recorded ones, made fast: numpy makes the rows, the C encoder the bytes.

What is mimicked: several CPUs that each change threads thousands of times a second; threads that
wander from CPU to CPU; slices and gaps of all lengths; pushed-off threads; event loops whose steps
lie inside the slices of their thread, with tasks that come and go; long waits that were looked at;
thread numbers that are used again, in another process too; losses; blocks as the recorder writes
them, at least every tenth of a second. All of it follows from the seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from twocooks import _codec
from twocooks.format import spec
from twocooks.format.encode import StreamWriter, file_head, json_block

Int64 = NDArray[np.int64]

START_NS = 1_000_000_000_000
PID = 1000
WINDOW_NS = 100_000_000
ERA_NS = 10_000_000
"""For so long a thread stays on the CPU that it was given."""
RESERVED_NS = 300_000
"""At each window's end: threads end and are made."""
BLOCK_BYTES = 32768
WIDTH = 8
TASKS = 64
"""Tasks of one loop at a time."""
STEPS_OF_A_TASK = 400
SWITCH_NS = 3000
RENEWED = 4
"""Threads that end in each window, their numbers used again."""
LOST_EVERY = 150
"""Windows from one loss to the next."""

NUMBER = {event.name: event.number for event in spec.EVENTS}


@dataclass
class Shape:
    """What a run consists of."""

    cpus: int = 4
    threads: int = 400
    loops: int = 8
    processes: int = 4
    slices: int = 50
    """Per CPU and era."""
    steps: int = 2
    """Steps per slice of a loop's thread, on average."""
    looked: float = 0.3
    """Share of the waits above 4 ms that were looked at."""


@dataclass
class _State:
    rng: np.random.Generator
    shape: Shape
    pid_of: Int64 = field(default_factory=lambda: np.empty(0, np.int64))
    known: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, bool))
    steps_done: list[int] = field(default_factory=list)
    lost: dict[int, int] = field(default_factory=dict)
    clock: int = 0
    events: int = 0
    kernel_bytes: int = 0
    kernel_records: int = 0
    steps: int = 0
    agent_bytes: int = 0


@dataclass(frozen=True)
class Made:
    """What was written: bytes and how many records of each kind, ``steps`` counts asyncio steps."""

    events: int
    size: int
    kernel_records: int
    kernel_bytes: int
    steps: int
    agent_bytes: int


def write(path: Path, events: int, shape: Shape | None = None, seed: int = 1) -> Made:
    """Write a trace of at least so many events."""
    s = _State(np.random.default_rng(seed), shape or Shape())
    n = s.shape.threads
    s.pid_of = PID + np.arange(n) % s.shape.processes
    s.known = np.zeros(n, bool)
    s.steps_done = [0] * s.shape.loops
    with path.open("wb") as file:
        file.write(file_head() + json_block(spec.Block.META, _meta(s.shape)))
        _begin(s, file)
        window = 0
        while s.events < events:
            _window(s, file, START_NS + (window + 1) * WINDOW_NS, window)
            window += 1
        file.write(json_block(spec.Block.END, _end(s, START_NS + (window + 1) * WINDOW_NS)))
        size = file.tell()
    return Made(s.events, size, s.kernel_records, s.kernel_bytes, s.steps, s.agent_bytes)


def _meta(shape: Shape) -> dict[str, Any]:
    cpus = list(range(shape.cpus))
    return {
        "twocooks": "0.1.0", "command": ["python", "mimic.py"], "pid": PID, "source": "kernel",
        "source_why": "", "start_ns": START_NS, "start_time": 1.7e9,
        "cpus": {"usable": cpus, "online": shape.cpus, "quota": None, "free": float(shape.cpus)},
        "smt_siblings": [[cpu] for cpu in cpus], "kernel": "6.18.0", "ring_pages": 1024,
        "tick_ns": 2_000_000, "python": "/usr/bin/python3", "agent": True,
    }  # fmt: skip


def _end(s: _State, end_ns: int) -> dict[str, Any]:
    return {
        "exit": {"code": 0, "signal": None}, "why": "exited", "end_ns": end_ns,
        "task_clock_ns": s.clock, "rusage": {"user_s": s.clock / 1e9, "system_s": 0.0},
        "lost": {str(c): s.lost.get(c, 0) for c in range(s.shape.cpus)}, "agent_lost": 0,
        "still_running": s.shape.threads, "recorder_cpu_s": 0.0,
        "labels": {"looked": 0, "missed": 0}, "notes": [],
    }  # fmt: skip


def _tid(thread: Any) -> Any:
    """Thread 0 leads the first process, 1 the second, and so on."""
    return PID + thread


def _begin(s: _State, file: BinaryIO) -> None:
    """Everybody is made, the agents greet, loops begin."""
    kernel = StreamWriter(spec.Stream.KERNEL, 0)
    for t in range(1, s.shape.threads):
        pid = int(s.pid_of[t])
        above = (PID, PID) if t < s.shape.processes else (pid, pid)
        kernel.put(START_NS + 1000 * t, NUMBER["FORK"], (pid, _tid(t), *above))
    file.write(kernel.flush())
    for t in range(s.shape.threads):
        pid = int(s.pid_of[t])
        agent = StreamWriter(spec.Stream.AGENT, pid, _tid(t))
        time = START_NS + 1_000_000 + 1000 * t
        if t < s.shape.processes:
            text = spec.SEPARATOR.join(("cpython", "mimic.py", "/usr/bin/python3"))
            agent.put(time, NUMBER["HELLO"], (0x030B07F0, 1, 0x1000), text)
        else:
            text = spec.SEPARATOR.join((f"Thread-{t}", "work", "mimic.py", "1"))
            agent.put(time, NUMBER["THREAD"], (0,), text)
        if t < s.shape.loops:
            agent.put(time + 10, NUMBER["LOOP"], (0x5000 + t,))
        file.write(agent.flush())
        s.events += 2
    looks = StreamWriter(spec.Stream.LOOK)
    for number in range(1, 9):
        text = f"app.py:{number}:f{number}" + spec.SEPARATOR + "app.py:99:main"
        looks.put(START_NS, NUMBER["TEXT"], (number,), text)
    file.write(looks.flush())


def _slices(s: _State, begin: int) -> tuple[Int64, ...]:
    """A window's slices: cpu, thread, start, end, pushed; sorted by cpu and time."""
    rng, shape = s.rng, s.shape
    eras = WINDOW_NS // ERA_NS
    n, m = shape.threads, shape.slices
    share = n // shape.cpus
    which = np.argsort(rng.random((eras, n)), axis=1).reshape(eras, n)[:, : share * shape.cpus]
    loops_at = which < shape.loops
    own = which.reshape(eras, shape.cpus, share)
    picks = min(share, 12)
    chosen = rng.integers(0, picks, (eras, shape.cpus, m))
    mine = np.take_along_axis(own, chosen, axis=2)
    # Loops are busier than others: every second slice is one's, where the CPU has one.
    has = loops_at.reshape(eras, shape.cpus, share)
    at = np.argmax(has, axis=2)
    loop = np.take_along_axis(own, at[:, :, None], axis=2)
    use = has.any(axis=2)[:, :, None] & (rng.random(mine.shape) < 0.5)
    thread = np.where(use, loop, mine)
    pushed = rng.random(mine.shape) < 0.15
    parts = rng.exponential(1.0, (eras, shape.cpus, m, 2)) + 0.02
    parts[..., 1] *= np.where(pushed, 0.02, 1.0)
    ends = np.cumsum(parts.reshape(eras, shape.cpus, 2 * m), axis=2)
    room = ERA_NS - RESERVED_NS - 10_000
    ends = (ends / ends[:, :, -1:] * room).astype(np.int64)
    ends += 2 * np.arange(1, 2 * m + 1)  # never two at one moment
    ends = ends.reshape(eras, shape.cpus, m, 2)
    base = begin + ERA_NS * np.arange(eras)[:, None, None]
    end = base + ends[..., 0]
    start = base + np.concatenate(
        [np.zeros((eras, shape.cpus, 1), np.int64), ends[:, :, :-1, 1]], axis=2
    )
    cpu = np.broadcast_to(np.arange(shape.cpus)[None, :, None], thread.shape)
    flat = [a.transpose(1, 0, 2).reshape(-1) for a in (cpu, thread, start, end, pushed)]
    return tuple(np.ascontiguousarray(a) for a in flat)


def _window(s: _State, file: BinaryIO, begin: int, window: int) -> None:
    cpu, thread, start, end, pushed = _slices(s, begin)
    s.clock += _clock(cpu, start, end)
    tid, pid = _tid(thread), s.pid_of[thread]
    known = s.known[thread]
    fresh = np.flatnonzero(~known)
    _, first = np.unique(thread[fresh], return_index=True)
    known[fresh] = True
    known[fresh[first]] = False
    s.known[thread] = True
    for c in range(s.shape.cpus):
        here = slice(c * len(cpu) // s.shape.cpus, (c + 1) * len(cpu) // s.shape.cpus)
        rows = _kernel_rows(start[here], end[here], pid[here], tid[here], known[here], pushed[here])
        extra = _renew(s, file, begin, window) if c == 0 else []
        if window % LOST_EVERY == LOST_EVERY - 1 and c == window // LOST_EVERY % s.shape.cpus:
            time = begin + WINDOW_NS - 1000
            extra.append((time, NUMBER["LOST"], (7, 5000)))
            s.lost[c] = s.lost.get(c, 0) + 7
        _put(s, file, spec.Stream.KERNEL, (c, 0), _with(rows, extra))
    _agents(s, file, thread, start, end)
    _looks(s, file, thread, start, end, begin + WINDOW_NS)


def _clock(cpu: Int64, start: Int64, end: Int64) -> int:
    """The kernel's clock: a slice begins before its record, at the earliest when the core was
    left."""
    free = np.full(len(start), 0, np.int64)
    free[1:] = np.where(cpu[1:] == cpu[:-1], end[:-1], 0)
    return int((end - np.maximum(start - SWITCH_NS, free)).sum())


Rows = tuple[Int64, NDArray[np.uint8], Int64]


def _kernel_rows(start: Int64, end: Int64, pid: Int64, tid: Int64, known: Any, pushed: Any) -> Rows:
    n = len(start)
    numbers = np.zeros((n, 2, WIDTH), np.int64)
    numbers[:, :, 0], numbers[:, :, 1] = pid[:, None], tid[:, None]
    numbers[:, 0, 2] = known
    event = np.empty((n, 2), np.uint8)
    event[:, 0] = NUMBER["IN"]
    event[:, 1] = np.where(pushed, NUMBER["OUT_PREEMPTED"], NUMBER["OUT"])
    time = np.stack([start, end], axis=1)
    return time.reshape(-1), event.reshape(-1), numbers.reshape(-1, WIDTH)


def _with(rows: Rows, extra: list[tuple[int, int, tuple[int, ...]]]) -> Rows:
    if not extra:
        return rows
    numbers = np.zeros((len(extra), WIDTH), np.int64)
    for row, (_, _, fields) in zip(numbers, extra, strict=True):
        row[: len(fields)] = fields
    return (
        np.append(rows[0], [time for time, _, _ in extra]),
        np.append(rows[1], np.array([event for _, event, _ in extra], np.uint8)),
        np.concatenate([rows[2], numbers]),
    )


def _renew(
    s: _State, file: BinaryIO, begin: int, window: int
) -> list[tuple[int, int, tuple[int, ...]]]:
    """Some threads end; their numbers are given out again, sometimes in another process."""
    out: list[tuple[int, int, tuple[int, ...]]] = []
    first = s.shape.loops + s.shape.processes
    if s.shape.threads <= first + RENEWED:
        return out
    time = begin + WINDOW_NS - RESERVED_NS
    for i in range(RENEWED):
        t = first + (window * RENEWED + i) % (s.shape.threads - first)
        pid, tid = int(s.pid_of[t]), _tid(t)
        time += 5000
        s.clock += 5000 + (SWITCH_NS if i == 0 else 0)
        out.append((time, NUMBER["IN"], (pid, tid, 0)))
        time += 5000
        out.append((time, NUMBER["EXIT"], (pid, tid)))
        s.pid_of[t] = PID + (pid - PID + 1) % s.shape.processes
        pid = int(s.pid_of[t])
        time += 5000
        out.append((time, NUMBER["FORK"], (pid, tid, pid, pid)))
        s.known[t] = True
        agent = StreamWriter(spec.Stream.AGENT, pid, tid)
        text = spec.SEPARATOR.join((f"Thread-{window}-{i}", "work", "mimic.py", "1"))
        agent.put(begin + WINDOW_NS + 1000, NUMBER["THREAD"], (0,), text)
        file.write(agent.flush())
        s.events += 1
    return out


def _put(s: _State, file: BinaryIO, kind: int, key: tuple[int, int], rows: Rows) -> None:
    time, event, numbers = (np.ascontiguousarray(part) for part in rows)
    if not len(time):
        return
    data = _codec.encode_rows(kind, *key, time, event.tobytes(), numbers, BLOCK_BYTES)
    file.write(data)
    s.events += len(time)
    if kind == spec.Stream.KERNEL:
        s.kernel_bytes += len(data)
        s.kernel_records += len(time)
    elif kind == spec.Stream.AGENT:
        s.agent_bytes += len(data)


def _agents(s: _State, file: BinaryIO, thread: Int64, start: Int64, end: Int64) -> None:
    """Steps inside the slices of each loop's thread: STEP, READY of another task, STEP_END."""
    for loop in range(s.shape.loops):
        at = np.flatnonzero(thread == loop)
        at = at[np.argsort(start[at], kind="stable")]
        count = s.rng.poisson(s.shape.steps, len(at))
        total = int(count.sum())
        if not total:
            continue
        room = (end[at] - start[at]) // (count + 1)
        place = np.arange(total) - np.repeat(np.cumsum(count) - count, count)
        begin = np.repeat(start[at], count) + place * np.repeat(room, count) + 100
        length = np.maximum(np.repeat(room, count) * s.rng.random(total) * 0.9, 3).astype(np.int64)
        number = s.steps_done[loop] + np.arange(total)
        s.steps_done[loop] += total
        s.steps += total
        texts = _names(s, loop, number, begin)
        _put(s, file, spec.Stream.AGENT, _key(s, loop), _step_rows(number, begin, length))
        file.write(texts)


def _key(s: _State, loop: int) -> tuple[int, int]:
    return int(s.pid_of[loop]), _tid(loop)


def _task(number: Any) -> Any:
    """The task of a loop's step: TASKS slots take turns, each gets a new task now and then."""
    slot = number % TASKS
    return slot + TASKS * ((number // TASKS + slot * 5) // STEPS_OF_A_TASK) + 1


def _step_rows(number: Int64, begin: Int64, length: Int64) -> Rows:
    n = len(number)
    time = np.stack([begin, begin + length // 2, begin + length], axis=1)
    event = np.empty((n, 3), np.uint8)
    event[:, 0], event[:, 1] = NUMBER["STEP"], NUMBER["READY"]
    last = _task(number) != _task(number + TASKS)
    event[:, 2] = np.where(last, NUMBER["STEP_DONE"], NUMBER["STEP_END"])
    numbers = np.zeros((n, 3, WIDTH), np.int64)
    numbers[:, 0, 0], numbers[:, 1, 0] = _task(number), _task(number + 3)
    numbers[:, 2, 0] = number * 7 % 9
    return time.reshape(-1), event.reshape(-1), numbers.reshape(-1, WIDTH)


def _names(s: _State, loop: int, number: Int64, begin: Int64) -> bytes:
    """TASK_NAME of the tasks that begin with these steps, in a block of their own."""
    fresh = np.flatnonzero((number < TASKS) | (_task(number) != _task(number - TASKS)))
    writer = StreamWriter(spec.Stream.AGENT, *_key(s, loop))
    for row in fresh.tolist():
        task = int(_task(number[row]))
        text = spec.SEPARATOR.join((f"Task-{loop}-{task}", "serve", "mimic.py", "20"))
        writer.put(int(begin[row]), NUMBER["TASK_NAME"], (task,), text)
    s.events += len(fresh)
    return writer.flush()


def _looks(s: _State, file: BinaryIO, thread: Int64, start: Int64, end: Int64, until: int) -> None:
    order = np.lexsort((start, thread))
    t, begin, after = thread[order], end[order][:-1], start[order][1:]
    waits = (t[1:] == t[:-1]) & (after - begin > 4_000_000)
    waits &= s.rng.random(len(waits)) < s.shape.looked
    at = np.flatnonzero(waits)
    time = begin[at] + 2_100_000
    at, time = at[np.argsort(time)], np.sort(time)
    numbers = np.zeros((len(at), WIDTH), np.int64)
    numbers[:, 0], numbers[:, 1] = s.pid_of[t[at]], _tid(t[at])
    numbers[:, 2] = 20_000
    kind = s.rng.integers(0, 3, len(at))
    numbers[:, 3] = np.array([202, 202, 232])[kind]
    numbers[:, 4] = 0x7F0000000000 + 64 * kind
    numbers[:, 5] = np.array([1, 3, 0])[kind]
    numbers[:, 6] = s.rng.integers(0, 9, len(at))
    event = np.full(len(at), NUMBER["LOOK"], np.uint8)
    _put(s, file, spec.Stream.LOOK, (0, 0), (time, event, numbers))
