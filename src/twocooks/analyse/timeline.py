"""The timeline: for every task what it was doing at every instant, and for every core whom it
served.

The threads' stretches (kernel) are cut by the tiling of owners (agents). Then, in this order:
asyncio's stretches between steps are added, native threads become extra hands of the task that is
in a call, blocks take over what their hosts did in them, and parents' waits are delegated to
children on the go.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twocooks.analyse import fast
from twocooks.analyse.aio import (
    CONTINUED,
    GAPS,
    between_steps,
    delegate,
    fill_gaps,
    find_blocks,
    give_to_blocks,
)
from twocooks.analyse.book import NATIVE, NOBODY, Book
from twocooks.analyse.callbacks import callbacks
from twocooks.analyse.columns import (
    NO_REASON,
    Bool,
    Int64,
    Pieces,
    group_first,
    join,
    last_true_in,
    overlay,
    pieces,
    union,
)
from twocooks.analyse.estimate import polled_threads, steps_at_work, windows
from twocooks.analyse.owners import Owners, find_owners
from twocooks.analyse.tally import WORDS, state_sums
from twocooks.analyse.threads import REASONS, Threads, build_threads, last_seen
from twocooks.analyse.waits import label_waits
from twocooks.model import Reason, State, TaskKind
from twocooks.read.shape import distinct
from twocooks.read.trace import Trace

MS = 1_000_000
BEGUN_SHARE, BEGUN_NS = 0.01, 1 * MS
FIRST_SHARE = 0.05
MAIN_NS = 1 * MS
OUTSIDE = [REASONS[r] for r in (Reason.IO, Reason.SLEEP, Reason.RESULT, Reason.CHILD, Reason.FAULT)]
OUTSIDE_MARKS = bytes(reason in OUTSIDE for reason in range(256))
IN_A_CALL = [REASONS[r] for r in (Reason.UNKNOWN, Reason.SHORT)]


@dataclass(frozen=True)
class Timeline:
    """Everything that the account counts. Times in ns of the trace's clock."""

    start_ns: int
    end_ns: int
    threads: Threads
    owners: Owners
    book: Book
    table: Pieces
    """Stretches of tasks (``owner`` = task id), gaps filled."""
    slices: Pieces
    """Stretches on a core and UNKNOWN ones of all threads: ``owner`` = task or NOBODY,
    ``thread``."""
    begun: Int64
    done: Int64
    work: Int64
    alive: Bool
    """Tasks that were ever begun and that count as tasks."""
    merged: bool = False
    """Each "task" stands for several: only the slices know on which threads and cores it was."""
    part: bool = False
    """A window of a longer run: ``threads`` and ``owners.said`` tell of all of it."""


def build_timeline(trace: Trace) -> Timeline:
    """From a trace to the timeline of its tasks."""
    end_ns = last_seen(trace)
    polled = trace.meta.get("source") == "schedstat"
    threads = polled_threads(trace, end_ns) if polled else build_threads(trace, end_ns)
    labelled = label_waits(trace, threads)
    owners = find_owners(trace, threads)
    line = _assemble(trace, threads, labelled, owners, end_ns)
    if int(line.work[line.alive].sum()) < 5 * MS and len(threads):
        # Nothing left to judge beside imports: then the table was the dinner.
        bare = find_owners(trace, threads, with_table=False)
        again = _assemble(trace, threads, labelled, bare, end_ns)
        waited = _waited(line)
        if waited < 10 * MS and int(again.work[again.alive].sum()) >= 5 * MS:
            return again
    return line


def _waited(line: Timeline) -> int:
    waits = (line.table.state == State.WAITING) & line.alive[line.table.owner]
    return int(line.table.length[waits].sum())


def _assemble(
    trace: Trace, threads: Threads, labelled: Pieces, owners: Owners, end_ns: int
) -> Timeline:
    book = owners.book
    tiling = owners.tiling
    cut, row = overlay(labelled, tiling.owner, tiling.start, tiling.end)
    whose = np.where(row >= 0, tiling.thread[np.maximum(row, 0)], NOBODY) if len(tiling) else row
    cut = cut.with_(owner=whose)
    if trace.meta.get("source") == "schedstat":
        cut = steps_at_work(cut, book.stepped(), windows(trace, end_ns))
    else:
        cut = callbacks(owners, threads, cut)
    del row, whose
    plain = not len(owners.said.rows("BLOCK")) and not (cut.owner == NATIVE).any()
    polled = trace.meta.get("source") == "schedstat"
    between = between_steps(owners, threads, None if polled else labelled)
    table = _gathered(cut, between, plain)
    del between
    table, cut = _native_hands(threads, book, table, cut)
    blocks = find_blocks(owners, end_ns)
    if not plain:
        table = fill_gaps(_continue_blocks(give_to_blocks(table, blocks)).ordered())
    slices = cut.take((cut.state == State.WORKING) | (cut.state == State.UNKNOWN))
    slices = give_to_blocks(slices, blocks)
    elsewhere = slices.owner <= CONTINUED
    slices = slices.with_(owner=np.where(elsewhere, CONTINUED - slices.owner, slices.owner))
    del cut  # whatever is not needed any more makes room for what comes
    work = state_sums(table, len(book))[State.WORKING]
    begun, done = _lives(book, table, work)
    given = [table]
    del table
    table = delegate(book, given, (begun, done))
    alive = _which(trace, book, table, work, begun, threads)
    start_ns = int(trace.meta.get("start_ns") or (threads.born.min() if len(threads) else 0))
    return Timeline(
        start_ns, end_ns, threads, owners, book, table, slices, begun, done, work, alive
    )


def _gathered(cut: Pieces, between: Pieces, filled: bool) -> Pieces:
    """The stretches of threads that worked for tasks, and what tasks did between their steps.
    ``filled``: with ``fill_gaps``."""
    found = fast.gather(cut.columns, between.columns, GAPS if filled else b"")
    if found is not None:
        return Pieces(*found)
    table = no_overlap(join([cut.take(cut.owner >= 0), between]).ordered())
    return fill_gaps(table) if filled else table


def no_overlap(table: Pieces) -> Pieces:
    """Where clocks of two streams disagree by a little, or records are missing, a task's next
    stretch begins when all before it have ended."""
    same = table.owner[1:] == table.owner[:-1]
    if not (same & (table.start[1:] < table.end[:-1])).any():
        return table
    later = fast.no_overlap(table.owner, table.start, table.end)
    if later is not None:
        table = table.with_(start=later)
        return table.take(table.end > table.start)
    # Ranks instead of times: the running maximum must not mix tasks.
    times = distinct(table.start, table.end)
    shift = np.cumsum(np.append(0, ~same)) * len(times)
    reach = np.maximum.accumulate(np.searchsorted(times, table.end) + shift)
    start = table.start.copy()
    ended = times[(reach - shift)[:-1]]
    start[1:] = np.where(same, np.maximum(start[1:], ended), start[1:])
    table = table.with_(start=start)
    return table.take(table.end > table.start)


def _lives(book: Book, table: Pieces, work: Int64) -> tuple[Int64, Int64]:
    """When each task was begun (lesson 1.3) and when it was done; begun = done = -1 for the
    untouched.

    Begun: one hundredth of its own work, at most 1 ms, is done; or it waits for the outside after
    its first instructions (waiting for a tool or in line is not yet cooking: a task that mostly
    waits has done one hundredth of its little work before it asks for the tool)."""
    told = fast.ends(table.columns, WORDS, OUTSIDE_MARKS, len(book))
    done, waits = _ends(table, len(book)) if told is None else told
    enough = np.maximum(np.minimum(BEGUN_NS, (work * BEGUN_SHARE).astype(np.int64)), 1)
    little = np.minimum(BEGUN_NS, (work + waits) * FIRST_SHARE)
    found = fast.begins(table.columns, WORDS, OUTSIDE_MARKS, enough, little)
    reached, away, tool = _begins(table, enough, little) if found is None else found
    begun = np.minimum(np.maximum(reached, tool), away)
    said = np.array(book.done, np.int64)
    done = np.where((said >= 0) & (said < done), said, done)
    untouched = (begun == np.iinfo(np.int64).max) | (done < 0)
    begun = np.where(untouched, -1, np.minimum(begun, np.maximum(done, 0)))
    return begun, np.where(untouched, -1, done)


def _ends(table: Pieces, tasks: int) -> tuple[Int64, Int64]:
    """The twin of ``fast.ends``."""
    done = np.full(tasks, -1, np.int64)
    np.maximum.at(done, table.owner, table.end)
    outside = (table.state == State.WAITING) & np.isin(table.reason, OUTSIDE)
    waits = np.bincount(table.owner[outside], weights=table.length[outside], minlength=tasks)
    return done, waits.astype(np.int64)


def _begins(table: Pieces, enough: Int64, little: np.ndarray) -> tuple[Int64, Int64, Int64]:
    """The twin of ``fast.begins``."""
    never = np.iinfo(np.int64).max
    reached, away = np.full(len(enough), never), np.full(len(enough), never)
    until = np.zeros(len(enough), np.int64)
    if not len(table):
        return reached, away, until
    length = np.where(table.state == State.WORKING, table.length, 0)
    total = np.cumsum(length)
    first = group_first(table.owner)
    so_far = total - (total - length)[first]
    done = (table.state == State.WORKING) & (so_far >= enough[table.owner])
    when = table.end - (so_far - enough[table.owner])
    np.minimum.at(reached, table.owner[done], when[done])
    outside = (table.state == State.WAITING) & np.isin(table.reason, OUTSIDE)
    away_at = outside & (so_far > 0)
    np.minimum.at(away, table.owner[away_at], table.start[away_at])
    fresh = last_true_in(outside, first) < 0
    tool = (table.state == State.WANTS_TOOL) & fresh & (so_far < little[table.owner])
    np.maximum.at(until, table.owner[tool], table.end[tool])
    return reached, away, until


def _which(
    trace: Trace, book: Book, table: Pieces, work: Int64, begun: Int64, threads: Threads
) -> Bool:
    """Which of the registered tasks count: begun, and for mere hosts (the main program, a thread
    with an event loop) at least 1 ms of their own work."""
    alive = begun >= 0
    parents = {p for i, p in enumerate(book.parent) if p >= 0 and alive[i]}
    others = int(alive.sum()) > 1
    root = int(trace.meta.get("pid", -1))
    for thread, task in book.base.items():
        main = book.pid[task] == root and int(threads.process[thread]) == thread
        host = task in book.hosts or task in parents or main
        if host and others and work[task] < MAIN_NS:
            alive[task] = False
        if main and others:
            book.kind[task] = TaskKind.THREAD
    return alive


def _native_hands(
    threads: Threads, book: Book, table: Pieces, cut: Pieces
) -> tuple[Pieces, Pieces]:
    """Find the task for which native threads work; it is being worked on while they are."""
    native = cut.owner == NATIVE
    if not native.any():
        return table, cut
    process = threads.process[cut.thread]
    for p in distinct(process[native & (cut.state == State.WORKING)]):
        mine = native & (process == p)
        table, cut = _hands_of(threads, book, table, cut, mine, int(p))
        native, process = cut.owner == NATIVE, threads.process[cut.thread]
    return table, cut.with_(owner=np.where(cut.owner == NATIVE, NOBODY, cut.owner))


def _hands_of(
    threads: Threads, book: Book, table: Pieces, cut: Pieces, mine: Bool, process: int
) -> tuple[Pieces, Pieces]:
    """The same for one process: exactly one task in a call gets them, several share them."""
    group, start, end, task = _in_a_call(threads, table, process)
    lone = [t for thread, t in book.base.items() if int(threads.process[thread]) == process]
    native = cut.take(mine)
    native, row = overlay(native.with_(owner=np.zeros(len(native), np.int64)), group, start, end)
    owner = np.full(len(native), lone[0] if len(lone) == 1 else -1)
    if len(task):
        owner = np.where(row >= 0, task[np.maximum(row, 0)], owner)
    at_work = native.state == State.WORKING
    if (at_work & (owner == -1)).any():
        first = int(native.start[at_work & (owner == -1)].min())
        shared = book.add(
            TaskKind.SHARED,
            "native threads",
            "native threads",
            int(threads.pid[process]),
            process,
            first,
            -1,
            lone[0] if lone else -1,
        )
        owner = np.where(owner == -1, shared, owner)
    native = native.with_(owner=owner)
    return _add_hands(table, native.take(at_work)), join([cut.take(~mine), native])


def _in_a_call(threads: Threads, table: Pieces, process: int) -> tuple[Int64, Int64, Int64, Int64]:
    """When which task of a process is in a call: a tiling (group 0, start, end, task; -1 =
    several)."""
    here = threads.process[table.thread] == process
    busy = here & (
        (table.state == State.WORKING)
        | ((table.state == State.WAITING) & np.isin(table.reason, IN_A_CALL))
    )
    some = table.take(busy)
    _, start, end = union(some.owner, some.start, some.end)
    owner, _, _ = union(some.owner, some.start, some.end)
    time = distinct(start, end)
    n = len(time)
    begin, stop = np.searchsorted(time, start), np.searchsorted(time, end)
    count = np.cumsum(np.bincount(begin, minlength=n) - np.bincount(stop, minlength=n))
    # The sum of the ids is the id where just one is in a call.
    ids = np.cumsum(
        np.bincount(begin, weights=owner, minlength=n)
        - np.bincount(stop, weights=owner, minlength=n)
    ).astype(np.int64)
    use = np.flatnonzero(count[:-1] > 0) if n else np.empty(0, np.int64)
    task = np.where(count[use] == 1, ids[use], -1)
    return np.zeros(len(use), np.int64), time[use], time[use + 1], task


def _continue_blocks(table: Pieces) -> Pieces:
    """A block that goes on in another thread or process (lesson: a dish that another cook takes
    over): it is worked on where any of its parts is, in line where the part that moves is, and
    otherwise what its first part says."""
    parts = table.take(table.owner <= CONTINUED)
    if not len(parts):
        return table
    parts = parts.with_(owner=CONTINUED - parts.owner)
    table = table.take(table.owner > CONTINUED).ordered()
    for state in (State.WANTS_TOOL, State.IN_LINE):
        over = parts.take(parts.state == state).ordered()
        table = _overrule(table, no_overlap(over))
    hands = parts.take(parts.state == State.WORKING)
    return _add_hands(table, hands) if len(hands) else table


def _overrule(table: Pieces, over: Pieces) -> Pieces:
    """Where a task does not work, the state of ``over`` (of the same owners) replaces its own."""
    if not len(over):
        return table
    cut, row = overlay(table, over.owner, over.start, over.end)
    take = (row >= 0) & (cut.state != State.WORKING)
    at = np.maximum(row, 0)
    return cut.with_(
        state=np.where(take, over.state[at], cut.state).astype(np.uint8),
        reason=np.where(take, over.reason[at], cut.reason).astype(np.uint8),
    )


def _add_hands(table: Pieces, hands: Pieces) -> Pieces:
    """Make tasks WORKING wherever one of their native threads is, whatever their own thread
    does."""
    owner, start, end = union(hands.owner, hands.start, hands.end)
    cut, row = overlay(table, owner, start, end)
    helped = (row >= 0) & (cut.state != State.WORKING)
    core = np.full(len(owner), -1, np.int32)
    order = np.lexsort((hands.start, hands.owner))
    core[:] = hands.core[order][np.searchsorted(hands.start[order], start).clip(0, len(hands) - 1)]
    cut = cut.with_(
        state=np.where(helped, State.WORKING, cut.state).astype(np.uint8),
        reason=np.where(helped, NO_REASON, cut.reason).astype(np.uint8),
        core=np.where(helped, core[np.maximum(row, 0)], cut.core).astype(np.int32),
    )
    known = distinct(table.owner)
    fresh = ~np.isin(owner, known)
    new = pieces(
        owner[fresh],
        start[fresh],
        end[fresh],
        State.WORKING,
        NO_REASON,
        core[fresh],
        hands.thread[0] if len(hands) else 0,
    )
    return join([cut, new]).ordered()
