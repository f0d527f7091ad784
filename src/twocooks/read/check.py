"""A validator, stricter than the reader: ``check(path)`` says which promises a file breaks.

The reader takes what it gets; this module asks whether it can be true. The kernel's records prove
much about each other: a core has one thread at a time, a thread one core, what comes on goes off.
The agent's records come in pairs. The sums must be the kernel's own.

Where records were lost only what is still provable is asked. Each rule is one function that gives
its problems as lines; each has a mutant test that it must catch. All work on whole columns.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twocooks.format import raw, spec
from twocooks.format.decode import INT64_MAX, Span, decode
from twocooks.read.reader import load, open_trace
from twocooks.read.shape import distinct
from twocooks.read.trace import Trace

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

NEAR = 0.01
SWITCH_NS = 3_000
"""A slice may begin up to this long before its IN: the switch itself is charged to it."""
DEAR_SWITCH_NS = 3_000
"""What a switch may take beyond that on a busy or virtual machine. The kernel's clock runs in it,
its records do not: so the two differ by so much a switch, however many there are a second."""
STAMP_NS = 300
"""So much of a slice may lie outside of the kernel's clock."""
MOST_LOOKS, FEW_LOOKS = 0.5, 20
"""With fewer looks than this a share says nothing."""
ENDING_NS = 1_000_000
"""A thread's clock runs on after its EXIT, which comes before its memory is torn down."""


def check(path: str | os.PathLike[str]) -> list[str]:
    """The file's problems, a line each; empty = it keeps all promises. Raises TraceError where the
    file cannot be read at all."""
    return check_file(path)[0]


def check_file(path: str | os.PathLike[str]) -> tuple[list[str], Trace]:
    """The same, and what was read."""
    trace = load(path)
    problems = [f"file: {note}" for note in trace.notes]
    problems += _going_back(path, _meta(trace, "attached_ns"))
    problems += check_trace(trace)
    return problems, trace


def said_of_looks(trace: Trace) -> Iterator[str]:
    """What the recorder counted of its looks at waiting threads: a line, or none in a file without
    an end."""
    labels = (trace.end or {}).get("labels") or {}
    told, missed, torn = (int(labels.get(key) or 0) for key in ("looked", "missed", "torn"))
    if labels:
        yield (
            f"looks at waits: {told:,} told, {missed:,} came too late or were refused; {torn:,} "
            "places or holders dropped, because what was read of the program's memory did not "
            "hold together"
        )


def check_trace(trace: Trace) -> list[str]:
    """The problems that the columns show, whatever file they came from."""
    rules: tuple[Callable[[_Facts], Iterator[str]], ...] = (
        _turns_on_cores, _one_core_a_thread, _lives, _looks, _sums, _losses, _pairs,
    )  # fmt: skip
    facts = _facts(trace)
    return [problem for rule in rules for problem in rule(facts)]


def _number(*names: str) -> list[int]:
    return [spec.BY_NAME[name].number for name in names]


_IN, _FORK, _EXIT, _EXEC, _LOST = _number("IN", "FORK", "EXIT", "EXEC", "LOST")
_OUTS = _number("OUT", "OUT_PREEMPTED")


@dataclass(frozen=True)
class _Facts:
    """The trace and what several rules need of it: the switches of all CPUs, CPU by CPU."""

    trace: Trace
    rows: Int64
    """Rows of IN, OUT, EXIT and LOST records, by CPU, then time."""
    first: Bool
    """The first such record of its CPU."""
    same: Bool
    """The record names the same thread as the one before it."""
    slices: Int64
    """Columns tid, start, end of slices that no loss touches."""
    raw_ns: int
    full_ns: int
    """Sums of the slices, without and with the switch before each."""


def _facts(trace: Trace) -> _Facts:
    k = trace.kernel
    rows = np.flatnonzero(np.isin(k.event, [_IN, *_OUTS, _EXIT, _LOST]))
    rows = rows[np.argsort(k.cpu[rows], kind="stable")]
    cpu, event, tid, time = k.cpu[rows], k.event[rows], k.tid[rows], k.time[rows]
    first = np.r_[True, cpu[1:] != cpu[:-1]][: len(rows)]
    same = np.r_[False, tid[1:] == tid[:-1]][: len(rows)] | _renamed(trace, rows)
    on_off = (event[:-1] == _IN) & np.isin(event[1:], [*_OUTS, _EXIT])
    pair = np.flatnonzero(on_off & same[1:] & ~first[1:])
    slices = np.stack([tid[pair].astype(np.int64), time[pair], time[pair + 1]])
    lead = np.minimum(time[pair] - time[np.maximum(pair - 1, 0)], SWITCH_NS)
    lead[first[pair]] = SWITCH_NS
    begin = _begin(trace, rows[first])
    raw_ns = int((slices[2] - slices[1]).sum()) + begin
    return _Facts(trace, rows, first, same, slices, raw_ns, raw_ns + int(np.maximum(lead, 0).sum()))


def _renamed(trace: Trace, rows: Int64) -> Bool:
    """Records whose thread has taken its process's number since the record before: the thread that
    calls exec is on its core under two numbers, one after the other."""
    k, size = trace.kernel, len(trace.kernel.time)
    renamed = np.zeros(len(rows), np.bool_)
    executed = np.flatnonzero((k.event == _EXEC) & (k.tid == k.pid))
    place = k.cpu[rows].astype(np.int64) * size + rows  # grows: rows lie by CPU, then time
    after = np.searchsorted(place, k.cpu[executed].astype(np.int64) * size + executed)
    executed, after = executed[after < len(rows)], after[after < len(rows)]
    same_cpu = k.cpu[rows[after]] == k.cpu[executed]
    renamed[after] = same_cpu & (k.tid[rows[after]] == k.tid[executed])
    # Its core may be taken from it between taking the number and the EXEC: then the first that is
    # heard of that number after the leader's EXIT is that it leaves.
    turn = np.lexsort((rows, k.tid[rows]))
    event, tid = k.event[rows[turn]], k.tid[rows[turn]]
    heard = (tid[1:] == tid[:-1]) & (event[:-1] == _EXIT) & np.isin(event[1:], _OUTS)
    heard &= np.isin(tid[1:], k.tid[executed])
    renamed[turn[1:][heard]] = True
    return renamed


def _begin(trace: Trace, firsts: Int64) -> int:
    """The length of the program's first slice, which has no IN: it begins on a core."""
    k, pid, start = trace.kernel, _meta(trace, "pid"), _meta(trace, "start_ns")
    executed = k.time[(k.event == _EXEC) & (k.tid == pid)]
    if len(executed):  # counting begins with the program's exec
        start = int(executed[0])
    for row in firsts.tolist():
        if k.event[row] in (*_OUTS, _EXIT) and k.tid[row] == pid:
            return max(int(k.time[row]) - start, 0)
    return 0


def _meta(trace: Trace, key: str) -> int:
    """A number of the head; -1 where it has none that makes sense."""
    return _count(trace.meta.get(key), -1)


def _count(value: Any, otherwise: int = 0) -> int:
    """A number from a JSON block, which may hold anything."""
    return value if isinstance(value, int) and 0 <= value <= INT64_MAX else otherwise


def _when(trace: Trace, time: int) -> str:
    return f"{(int(time) - max(_meta(trace, 'start_ns'), 0)) / 1e9:.6f} s"


def _said(trace: Trace, rule: str, times: Any, what: str) -> Iterator[str]:
    """One line for all cases of one problem."""
    if len(times):
        more = f" ({len(times):,} times)" if len(times) > 1 else ""
        yield f"{rule}: {what} at {_when(trace, times[0])}{more}"


def _turns_on_cores(f: _Facts) -> Iterator[str]:
    """On each CPU IN and OUT alternate, and who goes off is who came on."""
    k = f.trace.kernel
    event, tid, time, cpu = k.event[f.rows], k.tid[f.rows], k.time[f.rows], k.cpu[f.rows]
    off = np.isin(event, [*_OUTS, _EXIT])
    before = np.r_[0, event[:-1]][: len(event)]
    before[f.first] = 0
    found = time <= _meta(f.trace, "attached_ns")  # how threads were found is no turn
    before[np.r_[False, found[:-1]][: len(found)]] = 0
    after_off = np.r_[False, off[:-1]][: len(off)] & ~f.first
    cases = (
        ((event == _IN) & (before == _IN), "a thread came on before the other had left"),
        (off & (before == _IN) & ~f.same, "another thread left than the one that was on"),
        (off & after_off & (before != 0), "a thread left, but none was on"),
        (off & (before == 0) & ~_may_begin(f, event, tid, off), "a thread left, but none was on"),
    )
    for odd, what in cases:
        wrong = odd & ~found
        for number in distinct(cpu[wrong]).tolist():
            yield from _said(
                f.trace, "turns", time[wrong & (cpu == number)], f"cpu {number}: {what}"
            )


def _may_begin(f: _Facts, event: Any, tid: Any, off: Bool) -> Bool:
    """The program's first thread begins on a core: its first record is an OUT. Where we attached to
    a program, any thread may have been on one."""
    if _meta(f.trace, "attached_ns") >= 0:
        return np.ones(len(event), np.bool_)
    allowed = np.zeros(len(event), np.bool_)
    mine = np.flatnonzero((tid == _meta(f.trace, "pid")) & (off | (event == _IN)))
    if len(mine):
        time = f.trace.kernel.time[f.rows[mine]]
        allowed[mine[np.argmin(time)]] = True
    return allowed


def _one_core_a_thread(f: _Facts) -> Iterator[str]:
    """A thread is never on two CPUs at once."""
    tid, start, end = f.slices[:, np.lexsort((f.slices[1], f.slices[0]))]
    wrong = (tid[1:] == tid[:-1]) & (start[1:] < end[:-1])
    times = np.sort(start[1:][wrong])
    if len(times):
        who = tid[1:][wrong][np.argmin(start[1:][wrong])]
        yield from _said(f.trace, "cores", times, f"thread {who} was on two cores at once")


def _lives(f: _Facts) -> Iterator[str]:
    """FORK, then records of a thread, then EXIT; a number may be used again after that."""
    k = f.trace.kernel
    if (k.event == _LOST).any():
        return
    executed = k.pid[k.event == _EXEC]  # an exec gives the process's number to another thread
    rows = np.flatnonzero(np.isin(k.event, [_IN, *_OUTS, _FORK, _EXIT]))
    rows = rows[~np.isin(k.tid[rows], executed) & (k.tid[rows] != _meta(f.trace, "pid"))]
    rows = rows[np.argsort(k.tid[rows], kind="stable")]
    event, tid, time = k.event[rows], k.tid[rows], k.time[rows]
    first = np.r_[True, tid[1:] != tid[:-1]][: len(rows)]
    before = np.r_[0, event[:-1]][: len(rows)]
    before[first] = 0
    found = time <= _meta(f.trace, "attached_ns")
    cases = (
        ((before == 0) & (event != _FORK) & ~found, "a thread of which no FORK tells"),
        ((before == _EXIT) & (event != _FORK), "records of a thread after its EXIT"),
        ((before != 0) & (before != _EXIT) & (event == _FORK), "a FORK of a thread that lives"),
    )
    for wrong, what in cases:
        yield from _said(f.trace, "lives", np.sort(time[wrong]), what)


def _looks(f: _Facts) -> Iterator[str]:
    """A thread that was looked at as waiting was off its core at some moment of the look. It may
    have run before or after that moment, which the recorder cannot know: such looks are void, the
    analysis leaves them out, and on a busy machine there are some. But none may lie within one
    slice, and if most are void, the two clocks disagree. A thread's last slice ends with its EXIT:
    it may yet wait while it ends, and of that the kernel tells no more."""
    k, look = f.trace.kernel, f.trace.look
    rows = np.flatnonzero(np.isin(k.event, [_IN, *_OUTS, _EXIT]))
    if not len(rows) or not len(look.time) or (k.event == _LOST).any():
        return
    begun = _last(k.tid[rows], k.time[rows], look.tid, look.before, True)
    ended = _last(k.tid[rows], k.time[rows], look.tid, look.time, False)
    on = (begun >= 0) & (k.event[rows][begun] == _IN)
    wrong = (on & (ended == begun)) | (look.before > look.time)
    yield from _said(
        f.trace, "looks", look.time[wrong], "a thread ran while it was looked at as waiting"
    )
    void = on | (ended > begun)
    if len(void) >= FEW_LOOKS and np.count_nonzero(void) > MOST_LOOKS * len(void):
        what = "most of the threads looked at were not waiting all the time"
        yield from _said(f.trace, "looks", look.time[void], what)


def _last(tid: Any, time: Any, who: Any, when: Any, inclusive: bool) -> Int64:
    """For each (who, when), the last of the events of that thread before it, -1 = none. The events'
    numbers grow with time within a thread."""
    asked = np.r_[np.zeros(len(tid), np.int8), np.full(len(who), 1 if inclusive else -1, np.int8)]
    all_tids = np.r_[tid, who].astype(np.int64)
    turn = np.lexsort((asked, np.r_[time, when], all_tids))
    event = np.where(asked[turn] == 0, turn, -1)
    seen = np.maximum.accumulate(np.where(event >= 0, np.arange(len(turn)), -1))
    last = np.where(seen >= 0, turn[np.maximum(seen, 0)], -1)
    last[(last >= 0) & (all_tids[np.maximum(last, 0)] != all_tids[turn])] = -1
    found = np.full(len(turn), -1, np.int64)
    found[turn] = last
    return found[len(tid) :]


def _sums(f: _Facts) -> Iterator[str]:
    """The slices sum to the kernel's own clock of the whole tree."""
    end, k = f.trace.end or {}, f.trace.kernel
    clock = _count(end.get("task_clock_ns"))
    unknown = _lost_in_all(end) or (k.event == _LOST).any()
    if not clock or unknown or not len(k.time):
        return
    switches = int(np.count_nonzero(k.event == _IN))
    ending = ENDING_NS * int(np.count_nonzero(k.event == _EXIT))
    most = f.full_ns * (1 + NEAR) + DEAR_SWITCH_NS * switches + ending
    least = f.raw_ns * (1 - NEAR) - STAMP_NS * switches
    if clock < least or (clock > most and not _goes_on(f)):
        yield (
            f"sums: slices make {f.raw_ns / 1e9:.6f} to {f.full_ns / 1e9:.6f} s, "
            f"the kernel's clock says {clock / 1e9:.6f} s"
        )


def _goes_on(f: _Facts) -> bool:
    """A process that outlived the program was on a core when the recording ended: its last slice
    has no end."""
    k, root = f.trace.kernel, _meta(f.trace, "pid")
    last = f.rows[np.append(f.first[1:], True)]
    on = k.tid[last[k.event[last] == _IN]]
    forks = np.flatnonzero((k.event == _FORK) & np.isin(k.tid, on) & (k.pid != root))
    return bool(len(forks))


def _lost_in_all(end: dict[str, Any]) -> int:
    lost = end.get("lost")
    counts = lost.values() if isinstance(lost, dict) else ()
    return sum(_count(count) for count in counts)


def _losses(f: _Facts) -> Iterator[str]:
    """What the kernel counted as lost is what the LOST records say, CPU by CPU."""
    end, k = f.trace.end or {}, f.trace.kernel
    lost = end.get("lost")
    rows = np.flatnonzero(k.event == _LOST)
    if isinstance(lost, dict):
        named = {cpu: _count(n) for cpu, n in lost.items() if cpu.isascii() and cpu.isdigit()}
        counted = {cpu: count for cpu, count in named.items() if count}
        said: dict[str, int] = {}
        for cpu, count in zip(k.cpu[rows].tolist(), k.a[rows].tolist(), strict=True):
            said[str(cpu)] = said.get(str(cpu), 0) + count
        for cpu in sorted({*counted, *(cpu for cpu, count in said.items() if count)}):
            if counted.get(cpu, 0) != said.get(cpu, 0):
                yield (
                    f"losses: cpu {cpu}: the records say {said.get(cpu, 0):,} lost, "
                    f"the kernel counted {counted.get(cpu, 0):,}"
                )
    agent = f.trace.agent
    total = int(agent.a[agent.event == _number("AGENT_LOST")[0]].sum())
    agent_lost = _count(end.get("agent_lost"), total)
    if total > agent_lost:
        yield f"losses: the agents' records say {total:,} lost, their memory counted {agent_lost:,}"


_PAIRS = (
    ("steps", ("STEP",), ("STEP_END", "STEP_YIELD", "STEP_DONE"), False),
    ("items", ("ITEM",), ("ITEM_END",), True),
    ("imports", ("IMPORT",), ("IMPORT_END",), False),
)


def _pairs(f: _Facts) -> Iterator[str]:
    """Steps, items and imports begin and end in pairs on each thread. Only steps may lie inside
    each other (a task that begins eagerly), and none outlives its loop."""
    a = f.trace.agent
    broken = np.isin(a.event, _number("AGENT_LOST"))
    hello = np.isin(a.event, _number("HELLO"))
    broken |= hello & ((a.b & 2) != 0)  # after a fork the child ends what its parent began
    spoke = np.bincount(a.thread[hello], minlength=len(f.trace.agent_threads))
    broken |= spoke[a.thread] > 1  # another program by exec, which ends nothing
    whole = ~np.isin(a.thread, distinct(a.thread[broken]))
    for what, begins, ends, same in _PAIRS:
        loop_end = _number("LOOP", "LOOP_END") if what == "steps" else []
        kinds = [*_number(*begins, *ends), *loop_end]
        rows = np.flatnonzero(whole & np.isin(a.event, kinds))
        rows = rows[np.argsort(a.thread[rows], kind="stable")]
        event, thread, time, number = a.event[rows], a.thread[rows], a.time[rows], a.a[rows]
        begin = np.isin(event, _number(*begins))
        change = np.where(begin, 1, np.where(np.isin(event, loop_end), 0, -1))
        depth = np.cumsum(change)
        first = np.r_[True, thread[1:] != thread[:-1]][: len(rows)]
        start = np.maximum.accumulate(np.where(first, np.arange(len(rows)), 0))
        depth -= depth[start] - change[start]
        yield from _said(f.trace, what, time[depth < 0], "an end without a beginning")
        if what == "steps":
            wrong = (event == _number("LOOP_END")[0]) & (depth > 0)
            yield from _said(f.trace, what, time[wrong], "a loop ended inside a step")
            continue
        yield from _said(f.trace, what, time[depth > 1], "one began inside another")
        if same:
            end = np.flatnonzero(~begin & ~first)
            wrong = end[begin[end - 1] & (number[end] != number[end - 1])]
            yield from _said(f.trace, what, time[wrong], "another one ended than had begun")


def _going_back(path: str | os.PathLike[str], found_ns: int) -> Iterator[str]:
    """Within one stream, time never goes back, in the order in which the file holds it (until
    ``found_ns``, while threads were found, it does)."""
    last: dict[tuple[int, int, int], int] = {}
    wrong: dict[tuple[int, int, int], list[int]] = {}
    name = os.fspath(path)
    with open(name, "rb") as file:
        open_trace(file, name)
        for block in raw.blocks(file):
            head = raw.stream_head(block.payload) if block.kind == spec.Block.EVENTS else None
            if block.damage or head is None or head.base_ns > INT64_MAX:
                continue
            span = Span(head.start, len(block.payload) - head.start, 0, head.base_ns)
            time = decode(block.payload, [span], head.kind).time
            if not len(time):
                continue
            key = head.kind, head.key_a, head.key_b
            steps = np.diff(time, prepend=last.get(key, int(time[0])))
            back = -steps[(steps < 0) & (time > found_ns)]
            if len(back):
                wrong.setdefault(key, [0, 0])
                wrong[key][0] += len(back)
                wrong[key][1] = max(wrong[key][1], int(back.max()))
            last[key] = int(time[-1])
    for (kind, key_a, key_b), (count, most) in wrong.items():
        stream = f"{spec.Stream(kind).name} {key_a} {key_b}"
        yield f"time: stream {stream} goes back {count:,} times, by up to {most:,} ns"
