"""Deadlocks: threads of which each waits for a lock that the next one has."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from twocooks.analyse.held import all_held
from twocooks.analyse.holders import LOCK, SOON_NS, Held
from twocooks.analyse.lock_names import name_of
from twocooks.analyse.places import place_of
from twocooks.analyse.timeline import Timeline
from twocooks.analyse.waits import label_waits, settled
from twocooks.read.trace import Trace

LEAST_NS = 1_000_000
MOST = 10
"""Rings told; the longest."""
MOST_LINKS = 1000


@dataclass(frozen=True)
class Link:
    """One wait in the ring. Texts of the program: hostile."""

    task: str
    where: str
    """The line that waits."""
    lock: str
    """Address, hexadecimal."""
    name: str
    """What the program calls the lock; "" = not known."""
    held_by: str
    """The task that has it: the next link's."""


@dataclass(frozen=True)
class Ring:
    """A deadlock, and for how long it was seen."""

    links: tuple[Link, ...]
    seconds: float
    to_the_end: bool
    """It lasted to the end of the recording, or of its threads."""

    def row(self) -> dict[str, object]:
        """As the JSON has it."""
        return {
            "seconds": self.seconds,
            "to_the_end": self.to_the_end,
            "links": [
                {"task": link.task, "where": link.where, "lock": link.lock, "name": link.name,
                 "held_by": link.held_by}
                for link in self.links
            ],
        }  # fmt: skip


def rings(trace: Trace, line: Timeline) -> list[Ring]:
    """All rings of waits that the evidence shows, the longest first."""
    labelled = label_waits(trace, line.threads)
    held = all_held(trace, line, labelled, LOCK)
    if held is None or not len(held):
        return []
    found = _cycles(held)
    seen, stretch = settled(trace, line.threads)
    look = dict(zip(stretch.tolist(), trace.look.where[seen].tolist(), strict=True))
    before = trace.meta.get("start_time")

    def link(row: int) -> Link:
        waiter, holder = int(held.waiter[row]), int(held.holder[row])
        at = labelled.rows_of(int(waiter)).start
        at += bisect_right(labelled.start[labelled.owner == waiter].tolist(), held.start[row]) - 1
        text = look.get(at, -1)
        where = place_of(trace.texts[text]) if text >= 0 else ""
        address = int(held.lock[row]) & 2**64 - 1
        names = [_name(line, thread) for thread in (waiter, holder)]
        return Link(names[0], where, f"{address:#x}", name_of([where], before), names[1])

    told = []
    longest = sorted(found.items(), key=lambda item: item[0][0] - item[0][1])
    for (start, end), rows in longest[:MOST]:
        died = min(int(line.threads.died[held.waiter[row]]) for row in rows)
        told.append(Ring(tuple(map(link, rows)), (end - start) / 1e9, died - end < SOON_NS))
    return told


def _name(line: Timeline, thread: int) -> str:
    task = line.book.base.get(thread, -1)
    return line.book.name[task] if task >= 0 else line.threads.name[thread]


def _cycles(held: Held) -> dict[tuple[int, int], list[int]]:
    """Rows of ``held`` that make rings, by the time that they have in common. A thread waits for
    one lock at a time, so from each wait one way leads on."""
    bounds: dict[int, tuple[int, int]] = {}
    for row, waiter in enumerate(held.waiter.tolist()):
        first, _ = bounds.get(waiter, (row, row))
        bounds[waiter] = first, row + 1
    starts, ends, holders = held.start.tolist(), held.end.tolist(), held.holder.tolist()
    found: dict[tuple[int, int], list[int]] = {}
    for row, waiter in enumerate(held.waiter.tolist()):
        rows, time, now = [row], starts[row], holders[row]
        while now != waiter and now in bounds and len(rows) < MOST_LINKS:
            first, last = bounds[now]
            at = bisect_right(starts, time, first, last) - 1
            if at < first or ends[at] <= time or at in rows:
                break
            rows.append(at)
            now = holders[at]
        begin, end = max(starts[r] for r in rows), min(ends[r] for r in rows)
        if now == waiter and begin == time and end - begin >= LEAST_NS:
            found.setdefault((begin, end), rows)
    return found
