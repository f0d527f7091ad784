"""A window: the numbers of a stretch of a run instead of the whole of it.

Whose each moment of a thread was, and why a thread waited, is settled by the whole recording: what
a thread did in the window may have been told before it. So the timeline is built of everything, and
then cut: stretches end at the window's edges, a task that was begun earlier is on the go from the
first edge on, and a task counts if it was on the go inside. All sums of a window are sums over the
cut stretches, so windows that lie end to end add up to the whole.

Without switch records (polling) only whole looks are known: such a window shrinks to the looks
inside it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import numpy as np

from twocooks.analyse.book import Book
from twocooks.analyse.columns import Int32, Int64, Pieces, UInt8
from twocooks.analyse.estimate import CPU as POLLED_CPU
from twocooks.analyse.estimate import windows as polled_windows
from twocooks.analyse.machine import METER
from twocooks.analyse.tally import state_sums
from twocooks.analyse.threads import LOST
from twocooks.analyse.timeline import Timeline
from twocooks.model import State
from twocooks.read.late import LateTrace
from twocooks.read.trace import Kept, KernelColumns, Trace, sums

Window = tuple[int, int]
"""From and to, in ns of the trace's clock (CLOCK_MONOTONIC)."""


def settled(trace: Trace, line: Timeline, window: Window) -> Window:
    """The window as far as the recording reaches; with polled accounts, from the first to the last
    look inside it (both the same where there are no two). ValueError if it ends before it
    begins."""
    begin, end = window
    if end < begin:
        raise ValueError("a window ends after it begins")
    begin, end = (min(max(edge, line.start_ns), line.end_ns) for edge in (begin, end))
    if trace.meta.get("source") == "schedstat":
        borders = polled_windows(trace, line.end_ns)
        looks = borders[(borders >= begin) & (borders <= end)]
        begin, end = (int(looks[0]), int(looks[-1])) if len(looks) else (begin, begin)
    return begin, end


def clip(table: Pieces, window: Window) -> Pieces:
    """The stretches inside the window, cut at its edges."""
    begin, end = window
    some = table.during(begin, end)
    return some.with_(start=np.maximum(some.start, begin), end=np.minimum(some.end, end))


def cut(line: Timeline, window: Window) -> Timeline:
    """The timeline of the window. Threads keep their whole stories: looks belong to whole
    waits."""
    begin, end = window
    table = clip(line.table, window)
    there = (line.begun >= 0) & (line.begun < end) & (_over(line) > begin)
    items = [
        (task, max(new, begin), began) for task, new, began in line.owners.items
        if new < end and (began < 0 or began > begin)
    ]  # fmt: skip
    book = _queued(line.book, line, window)
    owners = replace(
        line.owners, book=book, tiling=clip(line.owners.tiling, window),
        items=[(task, new, began if began < end else -1) for task, new, began in items],
    )  # fmt: skip
    return replace(
        line,
        start_ns=begin,
        end_ns=end,
        owners=owners,
        book=book,
        table=table,
        slices=clip(line.slices, window),
        begun=np.where(there, np.maximum(line.begun, begin), -1),
        done=np.where(there, np.minimum(line.done, end), -1),
        work=state_sums(table, len(book))[State.WORKING],
        alive=line.alive & there,
        part=True,
    )


def _over(line: Timeline) -> Int64:
    """When each task was over. A thread is when its function has returned and it may be joined;
    what it still does in the kernel then would put it into the window behind that join."""
    said, over = line.owners.said, line.done.copy()
    for row in said.rows("THREAD_END").tolist():
        task = line.book.base.get(int(said.thread[row]), -1)
        if task >= 0:
            over[task] = min(over[task], int(said.time[row]))
    return over


def _queued(book: Book, line: Timeline, window: Window) -> Book:
    """The tasks, with the part of their time in a queue that is inside the window."""
    begin, end = window
    queued = list(book.queued)
    for task, new, began in line.owners.items:
        if task >= 0 and began >= 0:
            queued[task] = max(0, min(began, end) - max(new, begin))
    return replace(book, queued=queued)


def inside(line: Timeline, threads: Pieces) -> Pieces:
    """The stretches of threads that belong to a timeline: all of them, or its window's."""
    return clip(threads, (line.start_ns, line.end_ns)) if line.part else threads


def counted_kernel(kernel: KernelColumns, window: Window) -> KernelColumns:
    """The kernel's records that are counted in the window."""
    begin, end = window
    # A loss that began before the window, or is only told after it, may reach into it.
    switched = (kernel.time > begin) & (kernel.time <= end)  # an OUT belongs to what it ends
    switched |= (kernel.event == LOST) & (kernel.time > begin) & (kernel.time - kernel.b < end)
    found: KernelColumns = _rows(kernel, switched)
    return found


def records(trace: Trace, window: Window, switches: Switches | None = None) -> Trace:
    """The trace with the records that are counted in the window: switches, losses, measurements of
    the machine, polled accounts. The kernel's sums over the whole run are no window's.

    ``switches``: when which of the kernel's records came, where these are not to be read again; the
    records themselves are then only read if somebody asks for them."""
    begin, end = window
    meter, poll = trace.meter, trace.poll
    # A measurement tells of the stretch that ends with it: the first one behind belongs to it.
    later = np.flatnonzero((meter.event == METER) & (meter.time >= end))[:1]
    measured = (meter.time > begin) & (meter.time < end)
    measured[later] = True
    looked = (poll.time > begin) & (poll.time <= end)
    before = poll.a[(poll.event == POLLED_CPU) & (poll.time <= begin)]
    polled = _rows(poll, looked)
    clock = polled.event == POLLED_CPU  # a count since the program's start
    polled = replace(polled, a=np.where(clock, polled.a - before.max(initial=0), polled.a))
    told = trace.end or {}
    kept = {key: told.get(key) for key in ("notes", "agent_lost", "unfollowed")}
    changed: dict[str, Any] = {
        "meta": trace.meta | {"start_ns": begin},
        "end": kept | {"end_ns": end},
        "meter": _rows(meter, measured),
        "poll": polled,
    }
    if switches is None or not isinstance(trace, LateTrace):
        return replace(trace, kernel=counted_kernel(trace.kernel, window), **changed)
    kernel = partial(counted_kernel, window=window)
    return trace.part(kernel, switches.counted(trace.rare, window), **changed)


@dataclass(frozen=True)
class Switches:
    """When which of the kernel's records came on which core: all that is asked of them once the
    timeline is built."""

    time: Int64
    event: UInt8
    cpu: Int32

    def counted(self, rare: KernelColumns, window: Window) -> Kept:
        """What a trace keeps of the records that are counted in the window (``Trace.rare``,
        ``switches``, ``last_on``)."""
        begin, end = window
        inside = slice(*np.searchsorted(self.time, (begin, end), "right").tolist())
        time, event, cpu = self.time[inside], self.event[inside], self.cpu[inside]
        few = counted_kernel(rare, window)
        late = few.time > end  # losses that are told of behind the window
        return few, *sums(
            np.append(time, few.time[late]),
            np.append(event, few.event[late]),
            np.append(cpu, few.cpu[late]),
        )


def _rows(columns: Any, which: Any) -> Any:
    return type(columns)(*(getattr(columns, f.name)[which] for f in fields(columns)))
