"""The same run counted by name, by thread or by process instead of by task (lesson 1.4, cases 15
and 16).

A node is all tasks of one name, all that was done on one thread, or all of one process. Only tasks
that count (the significant ones) make a node, so that no level knows more or less of the run than
another one. Where hands are is told by the slices, which know the thread; what a node does while no
hand is on it, by its tasks:

    working > unknown > in line > wants a tool > waiting > delegated

The first state that any of its tasks has is the node's. A process is in line if one of its tasks is
and none works, and it waits only if there is nothing else to be done in it. "Unknown" stands before
"in line", because a node of which a part is not known may well have worked. While a node has
nothing in hand at all (a pool's thread between two pieces of work) it is delegated, as a parent is
who only waits for others: it does not count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twocooks.analyse.book import NOBODY, Book, words
from twocooks.analyse.coincide import between
from twocooks.analyse.columns import NO_REASON, Bool, Int64, Pieces, join, overlay, pieces
from twocooks.analyse.timeline import Timeline, no_overlap
from twocooks.model import LEVELS, State, TaskKind
from twocooks.read.shape import distinct
from twocooks.read.trace import Trace

_AUTOMATIC = re.compile(r"(Task|Thread|Dummy|(\w*?)(Process|PoolWorker))-\d+(:\d+)*( \(.*\))?$")
"""Names that Python gives where the program gave none."""
_NUMBER = re.compile(r"[-_ #]*\d+([-_:]\d+)*$")
_UPWARDS = (State.WAITING, State.WANTS_TOOL, State.IN_LINE, State.UNKNOWN, State.WORKING)
_BEFORE_BEGUN = (State.WANTS_TOOL, State.IN_LINE, State.UNKNOWN)
"""What a task wants before it is begun counts, what it waits for does not."""


@dataclass(frozen=True)
class _Map:
    """Which node the tasks (by their home) and the slices (by who worked) belong to; -1 = none."""

    task: Int64
    slice: Int64
    keys: Int64
    """For each node its thread id (by name: the id of a task)."""


def at_level(trace: Trace, line: Timeline, significant: Bool, by: str) -> Timeline:
    """The timeline whose "tasks" are the nodes of a level. All of them count.

    ``significant``: the tasks of ``line`` that do. ValueError if there is no such level."""
    if by not in LEVELS[1:]:
        raise ValueError(f"there is no level {by!r}; there are {', '.join(LEVELS)}")
    where, parts = _nodes(line, significant, by)
    table = _table(parts, len(where.keys))
    book = _book(trace, line, where, by)
    begun, done = _lives(line, where, table)
    owners = line.owners
    steps = owners.tiling.thread
    named = (steps >= 0) & (steps < len(where.task))
    node_of_step = np.where(named, where.task[np.where(named, steps, 0)], NOBODY)
    working = table.state == State.WORKING
    work = np.bincount(
        table.owner[working], weights=table.length[working], minlength=len(book)
    ).astype(np.int64)
    return replace(
        line,
        owners=replace(owners, book=book, tiling=owners.tiling.with_(thread=node_of_step)),
        book=book,
        table=table,
        slices=line.slices.with_(owner=where.slice),
        begun=begun,
        done=done,
        work=work,
        alive=np.ones(len(book), bool),
        merged=True,
    )


def _nodes(line: Timeline, significant: Bool, by: str) -> tuple[_Map, Pieces]:
    """Number the nodes; and the stretches of all of them, which may overlap."""
    book, s = line.book, line.slices
    ours = (s.owner >= 0) & (s.state == State.WORKING)
    ours[ours] = significant[s.owner[ours]]
    home = np.array(book.thread, np.int64)
    if by == "name":
        ids: dict[str, int] = {}
        task = np.array([ids.setdefault(_called(book, i), i) for i in range(len(book))], np.int64)
        piece = np.where(ours, task[np.maximum(s.owner, 0)] if len(task) else NOBODY, NOBODY)
    elif by == "thread":
        task, piece = home, s.thread
    else:
        task, piece = line.threads.process[home], line.threads.process[s.thread]
    if by != "name":  # a thread that goes from one task to the next has not left its core
        ours |= between(s, ours)
    task = np.where(significant, task, NOBODY)
    parts = _parts(line, task, s.with_(owner=piece).take(ours))
    # Who only ever delegates (the home of hands that are all elsewhere) is no node.
    keys = distinct(parts.owner[parts.state != State.DELEGATED])
    where = _Map(_place(keys, task), np.where(ours, _place(keys, piece), NOBODY), keys)
    parts = parts.with_(owner=_place(keys, parts.owner))
    return where, parts.take(parts.owner >= 0)


def _place(keys: NDArray[Any], wanted: NDArray[Any]) -> Int64:
    """Positions in the sorted keys, -1 where there is none."""
    if not len(keys):
        return np.full(len(wanted), NOBODY, np.int64)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, at, NOBODY)


def _parts(line: Timeline, task: Int64, hands: Pieces) -> Pieces:
    """Hands from the slices, everything else from the tasks that are on the go or want hands."""
    t = line.table
    early = np.isin(t.state, _BEFORE_BEGUN)
    rest = t.with_(
        owner=task[t.owner],
        start=np.where(early, t.start, np.maximum(t.start, line.begun[t.owner])),
        end=np.minimum(t.end, line.done[t.owner]),
        core=np.full(len(t), -1, np.int32),
    )
    kept = (rest.owner >= 0) & (rest.state != State.WORKING) & (rest.end > rest.start)
    return join([hands, rest.take(kept)])


def _called(book: Book, task: int) -> str:
    """The name that the program gave a task, else what it runs."""
    name = book.name[task]
    return book.group[task] if not name or _AUTOMATIC.match(name) else name


def _table(parts: Pieces, nodes: int) -> Pieces:
    """The nodes' stretches: from first to last, each with the strongest state of any task in it."""
    first = np.full(nodes, np.iinfo(np.int64).max)
    last = np.full(nodes, -1, np.int64)
    thread = np.zeros(nodes, np.int64)
    np.minimum.at(first, parts.owner, parts.start)
    np.maximum.at(last, parts.owner, parts.end)
    thread[parts.owner[::-1]] = parts.thread[::-1]
    whole = pieces(np.arange(nodes), first, last, State.DELEGATED, NO_REASON, -1, thread)
    for state in _UPWARDS:
        whole = _cover(whole, no_overlap(parts.take(parts.state == state).ordered()))
    return whole.ordered()


def _cover(table: Pieces, over: Pieces) -> Pieces:
    """Let ``over`` stand wherever it is."""
    if not len(over):
        return table
    cut, row = overlay(table, over.owner, over.start, over.end)
    take, at = row >= 0, np.maximum(row, 0)
    columns = {
        name: np.where(take, getattr(over, name)[at], getattr(cut, name)).astype(
            getattr(cut, name).dtype
        )
        for name in ("state", "reason", "core", "thread")
    }
    return cut.with_(**columns)


def _lives(line: Timeline, where: _Map, table: Pieces) -> tuple[Int64, Int64]:
    """Begun with the first of its tasks (a native thread: with its first work), done with the
    last."""
    n = len(where.keys)
    never = np.iinfo(np.int64).max
    begun, first, done = np.full(n, never), np.full(n, never), np.full(n, -1, np.int64)
    mine = np.flatnonzero(where.task >= 0)
    np.minimum.at(begun, where.task[mine], line.begun[mine])
    hand = table.state == State.WORKING
    np.minimum.at(first, table.owner[hand], table.start[hand])
    np.maximum.at(done, table.owner, table.end)
    return np.where(begun == never, first, begun), done


def _book(trace: Trace, line: Timeline, where: _Map, by: str) -> Book:
    """Register the nodes, with the names by which a reader knows them."""
    old, threads = line.book, line.threads
    book = Book()
    parts: dict[int, list[int]] = {}
    for task in np.flatnonzero(where.task >= 0).tolist():
        parts.setdefault(int(where.task[task]), []).append(task)
    told = _told_names(trace, line)
    for node, key in enumerate(where.keys.tolist()):
        tasks = sorted(parts.get(node, []), key=lambda task: (int(line.begun[task]), task))
        if by == "name":
            kind, thread = old.kind[tasks[0]], old.thread[tasks[0]]
            name = group = _called(old, tasks[0])
        else:
            kind = TaskKind.PROCESS if by == "process" else TaskKind.THREAD
            thread, base = key, old.base.get(key, -1)
            name = old.name[base] if base >= 0 else told.get(key) or threads.name[key]
            name = name or f"{kind} {int(threads.tid[key])}"
            group = _NUMBER.sub("", name) or name
            book.base[key] = node
        book.add(
            kind,
            name,
            group,
            int(threads.pid[thread]),
            thread,
            min((old.made[task] for task in tasks), default=int(threads.born[thread])),
        )
        book.queued[node] = old.queued[tasks[0]] if tasks else 0
    for node, tasks in parts.items():
        above = [old.parent[task] for task in tasks if old.parent[task] >= 0]
        nodes = [int(where.task[task]) for task in above]
        book.parent[node] = next((p for p in nodes if p not in (node, NOBODY)), -1)
    return book


def _told_names(trace: Trace, line: Timeline) -> dict[int, str]:
    """What threads and processes without a task of their own (workers of pools) are called."""
    said = line.owners.said
    return {
        int(said.thread[row]): words(trace, int(said.text[row]))[0]
        for row in said.rows("THREAD", "PROCESS_NAME")[::-1]
    }
