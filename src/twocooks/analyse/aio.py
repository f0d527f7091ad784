"""What tasks of event loops do between their steps, and the blocks and children that make tasks
parents.

Between two steps a task waits for what it said when its step ended, until somebody puts it in its
loop's line; from then to its next step it is in line for a turn. A wait whose object the agent did
not know was a colleague's result when another task's step ended it, else it came from outside.
A timer that ran out while the loop was held is put in line only when the loop looks; its task
stands in line since it ran out, as far as the agent told when that was (DUE).
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import Any

import numpy as np

from twocooks.analyse import fast
from twocooks.analyse.book import Book, Said
from twocooks.analyse.columns import (
    NO_REASON,
    Bool,
    Int32,
    Int64,
    Pieces,
    arranged,
    asof,
    group_first,
    join,
    last_true_in,
    overlay,
    pieces,
    union,
)
from twocooks.analyse.owners import Owners
from twocooks.analyse.threads import REASONS, Threads
from twocooks.format.spec import BY_NAME
from twocooks.model import Reason, State, TaskKind, Wait
from twocooks.read.shape import distinct

BY_WAIT: dict[Wait, tuple[State, int]] = {
    Wait.UNKNOWN: (State.WAITING, REASONS[Reason.IO]),
    Wait.TASK: (State.DELEGATED, NO_REASON),
    Wait.GATHER: (State.DELEGATED, NO_REASON),
    Wait.GROUP: (State.DELEGATED, NO_REASON),
    Wait.LOCK: (State.WANTS_TOOL, REASONS[Reason.LOCK]),
    Wait.RESULT: (State.WAITING, REASONS[Reason.RESULT]),
    Wait.SLEEP: (State.WAITING, REASONS[Reason.SLEEP]),
    Wait.IO: (State.WAITING, REASONS[Reason.IO]),
    Wait.EXECUTOR: (State.DELEGATED, NO_REASON),
}

WORDS = bytes(
    (
        *(int(state) for state, _ in BY_WAIT.values()),
        *(reason for _, reason in BY_WAIT.values()),
        State.IN_LINE,
        REASONS[Reason.TURN],
        REASONS[Reason.RESULT],
    )
)


def between_steps(owners: Owners, threads: Threads, table: Pieces | None) -> Pieces:
    """The stretches of all asyncio tasks outside their steps. ``table``: the threads' own stretches
    with their reasons; None = not known."""
    said = owners.said
    rows = fast.task_rows(said.event, owners.aio, said.time, len(owners.book))
    if rows is None:
        return _between_steps(owners, threads, table)
    if not len(rows):
        return join([])
    task = owners.aio[rows]
    ends = np.flatnonzero(np.append(task[1:] != task[:-1], True))
    del task
    last = _last_of_loop(owners, threads, rows[ends])
    stepped = owners.book.stepped()
    when = _when(owners, table, rows)
    columns = (said.event, when, said.a, owners.aio, owners.inside, said.thread)
    found = fast.between(columns, rows, last, stepped, WORDS)
    return _between_steps(owners, threads, table) if found is None else Pieces(*found)


def due(said: Said) -> tuple[Int64, Int64]:
    """The READYs of tasks whose timer ran out before the loop looked (rows), and when it did."""
    told = said.rows("DUE")
    told = told[told + 1 < len(said)]
    ready = told + 1
    good = (said.event[ready] == BY_NAME["READY"].number) & (
        said.thread[ready] == said.thread[told]
    )
    told = told[good]
    return told + 1, said.time[told] - said.a[told]


def _when(owners: Owners, table: Pieces | None, rows: Int64) -> Int64:
    """The times of all events, but of a READY by a timer when that ran out: from then on the task
    stands in line. Not before its wait began, and not while the loop slept: a loop that is awake
    late is no loop that is held. ``rows``: of tasks, by task and time."""
    said = owners.said
    ready, since = due(said)
    if not len(ready):
        return said.time
    when = said.time.copy()
    when[ready] = np.minimum(_since_awake(owners, table, ready, since), said.time[ready])
    mine = np.zeros(len(said), bool)
    mine[ready] = True
    place = np.flatnonzero(mine[rows])
    before = rows[np.maximum(place - 1, 0)]
    same = (place > 0) & (owners.aio[before] == owners.aio[rows[place]])
    first = np.where(same, said.time[before], said.time[rows[place]])
    when[rows[place]] = np.maximum(when[rows[place]], first)
    return when


def _since_awake(owners: Owners, table: Pieces | None, ready: Int64, since: Int64) -> Int64:
    """The later of ``since`` and the end of the rest that the loop had then, if it had one."""
    said, tiling = owners.said, owners.tiling
    loop = said.thread[ready]
    step = asof(loop, since, tiling.owner, tiling.start)
    outside = (step < 0) | (tiling.thread[step] < 0)
    if table is None:  # nobody knows when it slept
        return np.where(outside, said.time[ready], since)
    at = asof(loop, since, table.owner, table.start)
    rests = np.isin(table.state[at], (State.WAITING, State.UNKNOWN)) & outside & (at >= 0)
    rests &= table.reason[at] != REASONS[Reason.SLEEP]  # of a callback that blocks
    return np.where(rests, np.maximum(since, table.end[at]), since)


def _between_steps(owners: Owners, threads: Threads, table: Pieces | None) -> Pieces:
    """The twin of ``fast.between``."""
    said = owners.said
    about = said.mask("STEP", "STEP_END", "STEP_YIELD", "STEP_DONE", "READY", "TASK_NEW")
    rows = np.flatnonzero(about & (owners.aio >= 0))
    if not len(rows):
        return join([])
    order = arranged(owners.aio[rows], said.time[rows])
    rows = rows[order]
    task, event, time = owners.aio[rows], said.event[rows], _when(owners, table, rows)[rows]
    first = group_first(task)
    step, ready = event == BY_NAME["STEP"].number, event == BY_NAME["READY"].number
    end, gone = event == BY_NAME["STEP_END"].number, event == BY_NAME["STEP_DONE"].number
    over = end | gone | (event == BY_NAME["STEP_YIELD"].number)
    last_step, last_over = last_true_in(step, first), last_true_in(over, first)
    in_step = last_step > last_over
    same = np.append(task[1:] == task[:-1], False)
    until = np.where(same, np.append(time[1:], 0), _last_of_loop(owners, threads, rows))
    # Woken while it still ran: it is in line as soon as its step ends.
    woken = (
        end
        & (last_true_in(ready, first) > np.append(-1, last_step[:-1]))
        & (last_true_in(ready, first) >= 0)
        & (last_step >= 0)
    )
    state, reason = _state_after(owners, rows, end & ~woken, same)
    use = ~in_step & ~(last_true_in(gone, first) >= 0)
    return pieces(task, time, until, state, reason, -1, said.thread[rows]).take(use).ordered()


def _last_of_loop(owners: Owners, threads: Threads, rows: Int64) -> Int64:
    """For each event the time at which its thread's loop stopped, else the thread's end: a task
    that never ends waits no longer than its loop runs."""
    said = owners.said
    stops = said.rows("LOOP_END")
    thread = said.thread[rows]
    if not len(stops):
        return threads.died[thread]
    row = asof(thread, said.time[rows], said.thread[stops], said.time[stops]) + 1
    row = np.where(row > 0, row, np.searchsorted(said.thread[stops], thread))
    at = np.minimum(row, len(stops) - 1)
    found = (row < len(stops)) & (said.thread[stops][at] == thread)
    return np.where(found, said.time[stops][at], threads.died[thread])


def _state_after(owners: Owners, rows: Int64, ended: Bool, same: Bool) -> tuple[Int64, Int64]:
    """State and reason that each event begins: in line for a turn, or what the step's end said."""
    said = owners.said
    told = np.where((said.a[rows] >= 0) & (said.a[rows] <= max(Wait)), said.a[rows], Wait.UNKNOWN)
    wait = np.where(ended, told, 0)
    states = np.array([int(BY_WAIT[Wait(w)][0]) for w in range(max(Wait) + 1)])
    reasons = np.array([BY_WAIT[Wait(w)][1] for w in range(max(Wait) + 1)])
    state = np.where(ended, states[wait], int(State.IN_LINE))
    reason = np.where(ended, reasons[wait], REASONS[Reason.TURN])
    after = np.append(rows[1:], rows[-1:])
    waker = np.where(same, owners.inside[after], -1)
    kinds = owners.book.stepped()
    by_task = (
        (waker >= 0)
        & kinds[np.maximum(waker, 0)]
        & (waker != owners.aio[rows])
        & (said.event[after] == BY_NAME["READY"].number)
    )
    handed = ended & (wait == int(Wait.UNKNOWN)) & by_task
    return state, np.where(handed, REASONS[Reason.RESULT], reason)


Blocks = tuple[Int64, Int64, Int64, Int64]
"""A tiling of hosts by their innermost open block: host, start, end, the block's task."""


def give_to_blocks(table: Pieces, blocks: Blocks) -> Pieces:
    """Hand to each block what its host did while it was open."""
    host, start, end, task = blocks
    if not len(host):
        return table
    cut, row = overlay(table, host, start, end)
    return cut.with_(owner=np.where(row >= 0, task[np.maximum(row, 0)], cut.owner))


CONTINUED = -10
"""Block owners from here down are continuations of block task ``CONTINUED - owner`` elsewhere."""


def find_blocks(owners: Owners, last: int) -> Blocks:
    """Register the ``twocooks.task`` blocks as tasks; ``last`` closes those that never ended.

    A block whose number is open elsewhere already (another thread or process was given its token)
    is that block continued: no task of its own, but a mark for ``continue_blocks``."""
    said, book = owners.said, owners.book
    begins, ends = said.rows("BLOCK"), said.rows("BLOCK_END")
    closing: dict[tuple[int, int], list[int]] = {}
    for row in ends[np.argsort(said.time[ends], kind="stable")]:
        key = (int(said.thread[row]), int(said.a[row]))
        closing.setdefault(key, []).append(int(said.time[row]))
    spans: dict[int, list[tuple[int, int, int]]] = {}
    first: dict[int, tuple[int, int]] = {}
    around: dict[int, list[tuple[int, int]]] = {}
    for row in begins[np.argsort(said.time[begins], kind="stable")]:
        host = int(owners.inside[row])
        if host < 0:
            continue
        start = int(said.time[row])
        number = int(said.a[row])
        stops = closing.get((int(said.thread[row]), number), [])
        place = bisect_left(stops, start)
        stop = stops[place] if place < len(stops) else last
        if number in first and start < first[number][1]:
            spans.setdefault(host, []).append((CONTINUED - first[number][0], start, stop))
            book.hosts.add(host)  # a cook who works on other people's dishes
            continue
        text = int(said.text[row])
        name = owners.texts[text] if text >= 0 else "block"
        task = book.add(
            TaskKind.BLOCK, name, name, book.pid[host], int(said.thread[row]), start, stop, host
        )
        first[number] = task, stop
        outer = around.setdefault(host, [])
        while outer and outer[-1][1] <= start:
            outer.pop()
        if outer:
            book.parent[task] = outer[-1][0]
        outer.append((task, stop))
        spans.setdefault(host, []).append((task, start, stop))
    return _innermost(spans)


def _innermost(spans: dict[int, list[tuple[int, int, int]]]) -> Blocks:
    """Cut each host's nested blocks so that every moment belongs to the innermost: (host, start,
    end, task)."""
    out: list[tuple[int, int, int, int]] = []
    for host in sorted(spans):
        borders = sorted({t for _, a, b in spans[host] for t in (a, b)})
        open_now: list[tuple[int, int]] = []
        waiting = sorted(spans[host], key=lambda s: s[1])
        place = 0
        for left, right in pairwise(borders):
            while place < len(waiting) and waiting[place][1] <= left:
                open_now.append((waiting[place][0], waiting[place][2]))
                place += 1
            while open_now and open_now[-1][1] <= left:
                open_now.pop()  # those below it that ended as well go when they come to the top
            if open_now:
                out.append((host, left, right, open_now[-1][0]))
    table = np.array(out, np.int64).reshape(-1, 4)
    return table[:, 0], table[:, 1], table[:, 2], table[:, 3]


def delegate(book: Book, given: list[Pieces], life: tuple[Int64, Int64]) -> Pieces:
    """A parent's waits do not count while a child of its is on the go (``life``: begun, done of
    all). The table is taken out of the list ``given``, so that it can be let go column by column.
    For tasks of event loops their own words have settled it already where the children are
    such tasks or items; of threads and processes they do not tell. (A library's helper is no part
    of a coroutine.)"""
    parent = np.array(book.parent, np.int64)
    slow = ~book.stepped()
    untold = np.array([k in (TaskKind.THREAD, TaskKind.PROCESS) for k in book.kind], bool)
    untold[list(book.callbacks)] = True
    untold &= np.array(book.helper, np.int64) == 0
    begun, done = life
    child = np.flatnonzero((parent >= 0) & (done > begun))
    child = child[slow[parent[child]] | untold[child]]
    table = given.pop()
    if not len(child):
        return table
    group, start, end = union(parent[child], begun[child], done[child])
    owners = distinct(group).astype(table.owner.dtype)
    first, after = _ranges(table.owner, owners)
    mine = join([table.take(slice(a, b)) for a, b in zip(first, after, strict=True)])
    cut, row = overlay(mine, group, start, end)
    idle = (row >= 0) & (cut.state == State.WAITING)
    cut = cut.with_(
        state=np.where(idle, State.DELEGATED, cut.state).astype(np.uint8),
        reason=np.where(idle, NO_REASON, cut.reason).astype(np.uint8),
    )
    places = list(zip(first, after, *_ranges(cut.owner, owners), strict=True))
    columns = list(table.columns)
    del table
    for number, new in enumerate(cut.columns):
        columns[number] = _spliced(columns[number], new, places)
    return Pieces(*columns)


def _ranges(column: Int32, owners: Int32) -> tuple[list[int], list[int]]:
    """Where the rows of each owner begin and end, of a table sorted by owner."""
    edges = (np.searchsorted(column, owners, side) for side in ("left", "right"))
    first, after = (edge.tolist() for edge in edges)
    return first, after


def _spliced(old: Any, new: Any, places: list[tuple[int, int, int, int]]) -> Any:
    """A column with some of its ranges replaced: (first row, row after, first new one, new one
    after), in order."""
    parts, done = [], 0
    for first, after, begin, end in places:
        parts += [old[done:first], new[begin:end]]
        done = after
    return np.concatenate([*parts, old[done:]])


GAPS = bytes((State.DELEGATED, NO_REASON))


def fill_gaps(table: Pieces) -> Pieces:
    """What a task's own stretches leave open between them, its blocks or inner tasks filled:
    delegated."""
    if len(table) < 2:
        return table
    hole = (table.owner[1:] == table.owner[:-1]) & (table.start[1:] > table.end[:-1])
    at = np.flatnonzero(hole)
    if not len(at):
        return table
    gaps = pieces(
        table.owner[at],
        table.end[at],
        table.start[at + 1],
        State.DELEGATED,
        NO_REASON,
        -1,
        table.thread[at],
    )
    return Pieces(  # each right behind its row
        *(np.insert(a, at + 1, b) for a, b in zip(table.columns, gaps.columns, strict=True))
    )
