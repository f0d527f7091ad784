"""Who had the lock that a thread waited for, by evidence only.

CPython does not store who has a plain lock. What is known is when each waiter began and ended to
wait, who was on a core when, and what the recorder saw (HOLDER records). One law makes proofs of
it: **while somebody waits for a lock, it cannot change hands unless a waiter is woken.** So the
time in which a lock is waited for falls into *spells* between the ends of waits, and in each spell
one thread has the lock. Who that is, four kinds of evidence say:

1. it was seen in the spell, inside a `with` over the lock or as the owner that CPython stores;
2. the waiter whose wait ended as the spell began ran on as one that got it;
3. when the spell ended with a waiter woken, one thread alone had been on a core long enough before
   to have let go: everybody else of the process was waiting or asleep;
4. the thread that was last known to have it, if no other has run since that did not end up waiting.

Two answers for one spell cancel each other. Waits with a time limit end by themselves, so their
ends prove nothing. A lock between processes has no one address: nobody is named.

A woken thread may have to stand in line for a core, so the lock was let go some time before the
end of its wait. What was seen shortly before that end may be the next holder already and counts
only together with other evidence; and where the woken thread did not get the lock, another may have
been faster, so the last such part of the spell is nobody's. How long "shortly" is the run itself
tells: the longest time that any thread stood in line for a core around then, and not less than
`LATE_NS`; or, where the kernel's account of that one thread says so, less (``woken``).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from twocooks.analyse.columns import Int64, Pieces, arranged, union
from twocooks.analyse.threads import REASONS, Threads
from twocooks.analyse.waits import OBJECT, settled
from twocooks.analyse.woken import wake_bounds
from twocooks.format.spec import SEPARATOR
from twocooks.model import Reason, State
from twocooks.read.shape import distinct
from twocooks.read.trace import Trace

LATE_NS = 10_000_000
"""On a machine that is not crowded a woken thread has a core within this."""
NEAR_NS = 250_000_000
"""Times in line count for what happens in the same such part of the run, and the two beside it."""
RAN_NS = 200_000
"""Who wakes and finds the lock taken again sleeps on after some microseconds; who ran this long got
it."""
SOON_GOT_NS = 50_000_000
"""Short waits after one for a lock are followed for so long."""
DYING_NS, SOON_NS = 1_000_000, 100_000_000
"""Who hardly runs after its wait and is gone soon was woken to die."""
AHEAD = 40
"""Stretches after a wait that are looked at for whether it got the lock."""
MOST_WAITS = 100_000
"""Waits for locks that are looked into; of more, the longest."""
MOST_ON_CORE = 64
MOST_BARE = 200
WAITED_FOR = {2, 3, OBJECT}
LOCK, SHORT, NOT_KNOWN = (REASONS[r] for r in (Reason.LOCK, Reason.SHORT, Reason.UNKNOWN))


@dataclass(frozen=True)
class Held:
    """Stretches of waits by the thread that had what was waited for. Sorted by waiter and start,
    not overlapping within a waiter; what they leave out of a wait is not known."""

    waiter: Int64
    start: Int64
    end: Int64
    holder: Int64
    where: Int64
    """Where the holder stood, as a text of the trace; -1 = not seen."""
    native: Int64
    """1 = it kept the GIL though it was asked to let go."""
    lock: Int64
    """The lock's address; 0 = the GIL."""

    def __len__(self) -> int:
        return len(self.start)


Row = tuple[int, int, int, int, int, int, int]


def held(rows: list[Row]) -> Held:
    """The table of these (waiter, start, end, holder, where, native, lock)."""
    columns = np.array(sorted(row for row in rows if row[2] > row[1]), np.int64).reshape(-1, 7)
    return Held(*columns.T)


@dataclass(frozen=True)
class _Wait:
    """One wait for the lock. ``row`` is its stretch in the table of threads."""

    start: int
    end: int
    thread: int
    row: int
    woken: bool
    """It ended by being woken: not by the end of the recording, and not by the end of the thread's
    life (a program that ends wakes all its threads to let them die)."""
    timed: bool


@dataclass(frozen=True)
class _Sight:
    """What was seen of a holder."""

    before: int
    time: int
    thread: int
    where: int


def _memory(column: Any) -> Any:
    """A column to be looked at row by row: Python's own numbers would be ten times as large."""
    return memoryview(column)


class OnCores:
    """Who of which process was on a core when, and which waits are without a reason."""

    def __init__(self, trace: Trace, threads: Threads, table: Pieces) -> None:
        on = np.flatnonzero(table.state == State.WORKING)
        on = on[arranged(table.core[on], table.start[on])]
        core = table.core[on]
        bounds = [*np.searchsorted(core, distinct(core)).tolist(), len(on)]
        self.cores = [
            (_memory(table.start[part]), _memory(table.end[part]), _memory(table.owner[part]))
            for part in (on[bounds[i] : bounds[i + 1]] for i in range(len(bounds) - 1))
        ]
        self.process = threads.process.tolist()
        dark = np.flatnonzero(table.state == State.UNKNOWN)
        _, start, end = union(np.zeros(len(dark), np.int64), table.start[dark], table.end[dark])
        self.dark = start.tolist(), end.tolist()
        line = np.flatnonzero(table.reason == REASONS[Reason.CORE])
        line = line[table.start[line] > threads.born[table.owner[line]]]  # births take longer
        self.in_line: dict[int, int] = {}
        for times in (table.start[line], table.end[line]):
            for part, length in zip(
                (times // NEAR_NS).tolist(), table.length[line].tolist(), strict=True
            ):
                self.in_line[part] = max(length, self.in_line.get(part, 0))
        bare = (table.state == State.WAITING) & np.isin(table.reason, [SHORT, NOT_KNOWN])
        bare_rows = np.flatnonzero(bare)
        self.bare_rows = bare_rows[np.argsort(table.start[bare_rows], kind="stable")]
        self.table, self.leader = table, threads.process
        self.bare: dict[int, tuple[Any, Any, int]] = {}
        self.bounds = wake_bounds(trace, threads, table)

    def late(self, time: int, rows: Iterable[int] = ()) -> int:
        """How long before this time a thread may have been woken that came on a core then. Rows:
        the waits that ended then, where they are known."""
        part = time // NEAR_NS
        most = max(LATE_NS, *(self.in_line.get(part + step, 0) for step in (-1, 0, 1)))
        return min(most, max((self.bounds.get(row, most) for row in rows), default=most))

    def between(self, start: int, end: int, process: int) -> set[int] | None:
        """The threads of the process that were on a core at any moment of this window; None = not
        known, or too many stretches to look at."""
        starts, ends = self.dark
        if bisect_right(ends, start) < bisect_left(starts, end):
            return None
        found: set[int] = set()
        for starts, ends, owners in self.cores:
            low, high = bisect_right(ends, start), bisect_left(starts, end)
            if high - low > MOST_ON_CORE:
                return None
            found.update(t for t in owners[low:high] if self.process[t] == process)
        return found

    def unlabelled_ends(self, process: int, start: int, end: int) -> list[int]:
        """Ends in this window of waits without a reason that had begun before it."""
        if process not in self.bare:
            rows = self.bare_rows
            rows = rows[self.leader[self.table.owner[rows]] == process]
            longest = int(self.table.length[rows].max(initial=0))
            begins, ends = _memory(self.table.start[rows]), _memory(self.table.end[rows])
            self.bare[process] = begins, ends, longest
        begins, ends, longest = self.bare[process]
        low, high = bisect_left(begins, start - longest), bisect_left(begins, start)
        return [e for e in ends[max(low, high - MOST_BARE) : high] if start < e < end]


def lock_holders(trace: Trace, threads: Threads, labelled: Pieces) -> Held:
    """Who had the locks that threads waited for. ``labelled``: the threads' stretches with their
    reasons."""
    look = trace.look
    seen, rows = settled(trace, threads)
    mine = np.isin(look.kind[seen], list(WAITED_FOR)) & (labelled.reason[rows] != NOT_KNOWN)
    seen, rows = seen[mine], rows[mine]
    if len(rows) > MOST_WAITS:
        longest = np.sort(np.argsort(-labelled.length[rows], kind="stable")[:MOST_WAITS])
        seen, rows = seen[longest], rows[longest]
    process = threads.process[labelled.owner[rows]]
    keys = np.stack([process, look.arg[seen]], axis=1) if len(rows) else np.empty((0, 2), np.int64)
    locks, which = np.unique(keys, axis=0, return_inverse=True)
    order = np.argsort(which.reshape(-1), kind="stable")
    bounds = np.searchsorted(which.reshape(-1)[order], np.arange(len(locks) + 1))
    sights = _sights(trace, threads)
    cores: OnCores | None = None
    found: list[Row] = []
    for number, (leader, address) in enumerate(locks.tolist()):
        part = order[bounds[number] : bounds[number + 1]]
        if not (labelled.reason[rows[part]] == LOCK).any() or _shared(trace, seen[part]):
            continue
        cores = cores or OnCores(trace, threads, labelled)
        waits = _waits(threads, labelled, rows[part], look.timed[seen[part]])
        story = _Story(labelled, cores, leader, waits, sights.get((leader, address), []))
        found += ((*row, address) for row in story.rows())
    return held(found)


def is_shared(text: str) -> bool:
    """A lock between processes: who waits for it stands in multiprocessing's own code."""
    return "/synchronize.py:" in text.split(SEPARATOR)[0].replace("\\", "/")


def _shared(trace: Trace, seen: Int64) -> bool:
    where = distinct(trace.look.where[seen])
    return any(is_shared(trace.texts[w]) for w in where.tolist() if w >= 0)


def _sights(trace: Trace, threads: Threads) -> dict[tuple[int, int], list[_Sight]]:
    """What was seen of holders of locks, by process and lock."""
    h = trace.holder
    found: dict[tuple[int, int], list[_Sight]] = {}
    rows = np.flatnonzero(h.how >= 2)
    thread = threads.find(h.tid[rows].astype(np.int64), h.before[rows])
    for row, who in zip(rows.tolist(), thread.tolist(), strict=True):
        if who >= 0:
            key = int(threads.process[who]), int(h.lock[row])
            sight = _Sight(int(h.before[row]), int(h.time[row]), who, int(h.where[row]))
            found.setdefault(key, []).append(sight)
    return found


def _waits(threads: Threads, table: Pieces, rows: Int64, timed: Int64) -> list[_Wait]:
    after = np.minimum(rows + 1, len(table) - 1)
    follows = (table.owner[after] == table.owner[rows]) & (table.start[after] == table.end[rows])
    woken = follows & (after > rows) & (table.state[after] == State.WORKING)
    soon = woken & (threads.died[table.owner[rows]] - table.end[rows] < SOON_NS)
    for place in np.flatnonzero(soon).tolist():
        woken[place] = not _dies(table, int(rows[place]))
    columns = (table.start[rows], table.end[rows], table.owner[rows], rows, woken, timed)
    return sorted(
        (_Wait(*values) for values in zip(*(c.tolist() for c in columns), strict=True)),
        key=lambda wait: (wait.start, wait.end),
    )


def _dies(table: Pieces, row: int) -> bool:
    """After this wait the thread hardly ran any more."""
    on_core = 0
    for after in range(row + 1, min(row + AHEAD, len(table))):
        if table.owner[after] != table.owner[row]:
            break
        if table.state[after] == State.WORKING:
            on_core += int(table.end[after] - table.start[after])
    return on_core < DYING_NS


class _Story:
    """One lock: its waits, its spells, and who had it in each."""

    def __init__(
        self, table: Pieces, cores: OnCores, process: int, waits: list[_Wait], sights: list[_Sight]
    ) -> None:
        self.table, self.cores, self.process, self.all = table, cores, process, waits
        self.sights = sorted(sights, key=lambda sight: sight.before)
        self.sight_starts = [sight.before for sight in self.sights]
        self.rows_of_lock = {wait.row for wait in waits}
        self.ended: dict[int, list[_Wait]] = {}
        self.got: dict[int, list[_Wait]] = {}
        for wait in waits:
            if wait.woken:
                self.ended.setdefault(wait.end, []).append(wait)
                time = None if wait.timed else self._gets(wait)
                if time is not None:
                    self.got.setdefault(time, []).append(wait)

    def rows(self) -> Iterator[tuple[int, int, int, int, int, int]]:
        """The parts of all waits whose holder is known."""
        last: tuple[int, int] | None = None  # who had it, and when that was so
        open_waits: list[_Wait] = []
        place = 0
        for start, end in self._spells():
            while place < len(self.all) and self.all[place].start < end:
                open_waits.append(self.all[place])
                place += 1
            open_waits = [wait for wait in open_waits if wait.end > start]
            last = self._got(start) or last
            holder, where = self._holder(start, end, open_waits, last)
            last = self._got(end)
            until = end if last else self._until(start, end, holder, open_waits)
            for wait in open_waits if holder >= 0 else ():
                if wait.thread != holder:  # else it has let go, and wants it again
                    stop = min(until, wait.end)
                    yield wait.thread, max(start, wait.start), stop, holder, where, 0

    def _until(self, start: int, end: int, holder: int, waits: list[_Wait]) -> int:
        """Until when in a spell its holder has it, if none of the woken got the lock then: another
        thread that ran since they may have been woken may have taken it."""
        if end not in self.ended:
            return end
        since = max(start, end - self._late(end))
        ran = self.cores.between(since, end, self.process)
        waiting = {wait.thread for wait in waits if wait.start <= since}
        return end if ran is not None and ran <= waiting | {holder} else since

    def _spells(self) -> Iterator[tuple[int, int]]:
        """The time in which somebody waits, cut where waits end. Ends of waits that no look
        labelled cut, too: they may have been for this lock. (It serves who waits longest, so only
        waits matter that began before those that are known.)"""
        begin = until = -1
        ends: set[int] = set()
        later = {wait.row: time for time, waits in self.got.items() for wait in waits}
        for wait in self.all:
            if wait.start > until:
                yield from _cut(begin, until, ends)
                begin, ends = wait.start, set()
            until = max(until, wait.end)
            ends.update((wait.end, later.get(wait.row, wait.end)))
            ends.update(self.cores.unlabelled_ends(self.process, wait.start, wait.end))
        yield from _cut(begin, until, ends)

    def _got(self, time: int) -> tuple[int, int] | None:
        """The waiter that got the lock at this time. (Where nobody ran before who could have let
        go of it, a signal woke it.)"""
        for wait in self.got.get(time, []):
            woken = {other.thread for other in self.ended.get(wait.end, [])}
            since = wait.end - self._late(wait.end)
            ran = self.cores.between(since, wait.end, self.process)
            if ran is None or ran - woken:
                return wait.thread, time
        return None

    def _late(self, time: int) -> int:
        """How long before this end of a spell who woke then may have been woken."""
        return self.cores.late(time, [wait.row for wait in self.ended.get(time, [])])

    def _gets(self, wait: _Wait) -> int | None:
        """When it had the lock after its wait, by what it did next: it ran on, or waited for
        something else. None = it went back to wait for the same lock, or nobody knows.

        A short wait without a reason may be one for the same lock again, or for the GIL: whichever
        it was, who then runs on has the lock by its end."""
        t, on_core, time = self.table, 0, wait.end
        for row in range(wait.row + 1, min(wait.row + AHEAD, len(t))):
            if t.owner[row] != wait.thread or t.state[row] == State.UNKNOWN:
                return None
            if t.state[row] == State.WORKING:
                on_core += int(t.end[row] - t.start[row])
                if on_core >= RAN_NS:
                    return time
            elif t.reason[row] in (SHORT, NOT_KNOWN):
                on_core, time = 0, int(t.end[row])
                if time - wait.end > SOON_GOT_NS:
                    return None
            elif t.reason[row] != REASONS[Reason.CORE]:
                return time if row not in self.rows_of_lock else None
        return None

    def _holder(
        self, start: int, end: int, waits: list[_Wait], last: tuple[int, int] | None
    ) -> tuple[int, int]:
        """The one thread that all evidence names (-1 = none), and where it was seen."""
        # Whoever waits cannot have it; who had it may wait again while the one it woke stands in
        # line for a core.
        late_ns = self._late(end)
        others = {wait.thread for wait in waits if wait.start < max(end - late_ns, start + 1)}
        claims, late, where = self._seen(start, end)
        if last is not None and self._still(last, start, {wait.thread for wait in waits}):
            claims.add(last[0])
        releaser = self._let_go(start, end, waits)
        if releaser is not None:
            claims.add(releaser)
        if len(claims) != 1 or claims & others or late - claims:
            return -1, -1
        (holder,) = claims
        return holder, where.get(holder, -1)

    def _seen(self, start: int, end: int) -> tuple[set[int], set[int], dict[int, int]]:
        """Threads seen to have the lock in the spell: surely, or too shortly before its end; and
        where they stood."""
        sure: set[int] = set()
        late: set[int] = set()
        where: dict[int, int] = {}
        soon = self._late(end) if end in self.ended else 0
        for place in range(bisect_left(self.sight_starts, start), len(self.sights)):
            sight = self.sights[place]
            if sight.before >= end:
                break
            if sight.time >= end:
                continue
            (late if end - sight.time < soon else sure).add(sight.thread)
            if sight.where >= 0:
                where[sight.thread] = sight.where
        return sure, late - sure, where

    def _still(self, last: tuple[int, int], start: int, waiting: set[int]) -> bool:
        """It has the lock yet: nobody else ran since then who is not waiting for it now."""
        thread, since = last
        if since == start:
            return True
        ran = self.cores.between(since, start, self.process)
        return thread not in waiting and ran is not None and ran <= {thread} | waiting

    def _let_go(self, start: int, end: int, waits: list[_Wait]) -> int | None:
        """The only thread that can have let go of the lock as the spell ended: that ran, and did
        not wait, since it may have woken the waiter. That was not before this one began to wait;
        nor before the spell began, unless it stood in line longer than anybody around then."""
        woken = self.ended.get(end)
        if not woken or any(wait.timed for wait in woken):
            return None
        late = self._late(end)
        since = max(end - late, min(wait.start for wait in woken))
        if end - start >= late:
            since = max(since, start)
        ran = self.cores.between(since, end, self.process)
        if ran is None:
            return None
        ran -= {wait.thread for wait in waits if wait.start <= since + RAN_NS}
        return next(iter(ran)) if len(ran) == 1 else None


def _cut(begin: int, until: int, ends: set[int]) -> Iterator[tuple[int, int]]:
    """The parts of a time between the ends in it."""
    start = begin
    for end in sorted(ends):
        if start < end <= until:
            yield start, end
            start = end
