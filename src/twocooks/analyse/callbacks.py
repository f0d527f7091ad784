"""Callbacks without a task: what protocols, ``call_soon`` and ``call_later`` do in an event loop.

An event loop's own time is "walking between dishes" (lesson 1.4, case 13). Where a good part of the
program's work is done there, the loop does not walk, it cooks: its callbacks are one task then.
Between two callbacks the loop only waits for the next, so the task is on the go just while one is
at it.
"""

from __future__ import annotations

import numpy as np

from twocooks.analyse import fast
from twocooks.analyse.book import CALLBACKS, NOBODY, Book
from twocooks.analyse.columns import Int64, Pieces
from twocooks.analyse.owners import Owners
from twocooks.analyse.tally import WORDS
from twocooks.analyse.threads import REASONS, Threads
from twocooks.model import STEPPED, Reason, State, TaskKind

WALK_NS = 100_000
"""What a loop needs at most from one step of a task to the next: its selector, its timers, the
transport's part of a read."""
LEAST_NS, LEAST_SHARE = 5_000_000, 0.05


def callbacks(owners: Owners, threads: Threads, cut: Pieces) -> Pieces:
    """Give each event loop's own time to a task "callbacks" where it is worth one, else to
    nobody."""
    found = fast.worked(cut.columns, WORDS, CALLBACKS, len(threads))
    cpu, worked = _worked(cut, len(threads)) if found is None else found
    steps = np.bincount(owners.said.thread[owners.said.rows("STEP")], minlength=len(threads))
    beyond = worked - steps * WALK_NS
    busy = np.flatnonzero((worked > 0) & (beyond >= max(LEAST_NS, LEAST_SHARE * cpu)))
    own = cut.owner == CALLBACKS
    owner = cut.owner.copy()
    if not len(busy):
        owner[own] = NOBODY
        return cut.with_(owner=owner)
    looping = np.flatnonzero(own)
    # What blocks in a callback is not told from the loop's own wait, but a sleep is the callback's.
    whose, state = cut.thread[looping], cut.state[looping]
    at_it = (state == State.WORKING) | (state == State.IN_LINE) | (state == State.WANTS_TOOL)
    at_it |= cut.reason[looping] == REASONS[Reason.SLEEP]
    for thread in busy.tolist():
        mine = whose == thread
        first = int(cut.start[looping[mine]].min())
        owner[looping[mine & at_it]] = _register(owners, threads, thread, first)
    owner[owner == CALLBACKS] = NOBODY
    return cut.with_(owner=owner)


def _worked(cut: Pieces, threads: int) -> tuple[int, Int64]:
    """The twin of ``fast.worked``."""
    working = np.flatnonzero(cut.state == State.WORKING)
    working = working[(cut.owner[working] >= 0) | (cut.owner[working] == CALLBACKS)]
    length = cut.end[working] - cut.start[working]
    own = cut.owner[working] == CALLBACKS
    by_thread = np.bincount(cut.thread[working[own]], length[own], threads)
    return int(length.sum()), by_thread.astype(np.int64)


def _register(owners: Owners, threads: Threads, thread: int, first: int) -> int:
    """The task of a thread's callbacks; the coroutine that the loop was started for is its
    parent."""
    book: Book = owners.book
    base = book.base.get(thread, -1)
    runs = [
        i
        for i, kind in enumerate(book.kind)
        if kind in STEPPED and book.thread[i] == thread and book.parent[i] == base
    ]
    pid = int(threads.pid[thread])
    parent = min(runs, default=base)
    kind = book.kind[parent] if runs else TaskKind.ASYNCIO
    task = book.add(kind, "callbacks", "callbacks", pid, thread, first, parent=parent)
    book.callbacks.add(task)
    return task
