"""Who works for which task: from what the agents said, a tiling of each thread by task.

A thread works for the innermost thing that is open on it: a step of an asyncio task, an item of a
pool, a running event loop (then for nobody), an import of the main thread (nobody: setting the
table), else for the thread's own task. Workers of pools have no task of their own: a cook is not a
dish. Threads that no agent knows in a process with an agent are native: they are extra hands of
their process.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twocooks.analyse import fast
from twocooks.analyse.book import (
    CALLBACKS,
    NATIVE,
    NOBODY,
    SERVICE,
    Book,
    Said,
    listen,
    opened,
    place,
    words,
)
from twocooks.analyse.columns import Bool, Int32, Int64, Pieces, asof, overlay, pieces
from twocooks.analyse.threads import EXEC, Threads
from twocooks.format.spec import BY_NAME
from twocooks.model import RECORDER_COMM, TaskKind
from twocooks.read.shape import distinct
from twocooks.read.trace import Trace

HELPER_FILES = re.compile(
    r"(^|/)(lib(64)?/python\d|site-packages/|dist-packages/|multiprocessing/|concurrent/futures/)"
    r"|(^|/)(threading|subprocess|socketserver|queue)\.py$|^<frozen "
)
SERVICE_FILES = re.compile(r"(^|/)(multiprocessing|concurrent/futures|asyncio)/[a-z_]+\.py$")
POOL_FUNCTIONS = {"_worker", "_process_worker", "worker"}
POOL_FILES = (
    "futures/thread.py",
    "futures/process.py",
    "multiprocessing/pool.py",
    "loky/process_executor.py",
)
HELPER_TASKS = re.compile(r"(^|\.)shutdown_(asyncgens|default_executor)$")
"""Tasks that asyncio.run makes to tidy up."""
HELPER_TRIO = re.compile(r"(^|/)trio/_core/_(run|entry_queue)\.py$")
"""Tasks of trio's own: the parent of all others, and the one that takes calls from threads."""
HELPER_SCRIPTS = ("resource_tracker", "forkserver", "semaphore_tracker")
BEFORE_THE_PROGRAM = ("sitecustomize", "usercustomize", "linecache")
"""What Python itself imports before a program given by ``-c`` (3.13 on: linecache)."""
IMPORT = BY_NAME["IMPORT"].number


@dataclass(frozen=True)
class Owners:
    """Tasks found and whose each stretch of a thread is."""

    book: Book
    said: Said
    tiling: Pieces
    """``owner`` = thread, ``thread`` = task, NOBODY, NATIVE or CALLBACKS."""
    aio: Int32
    """For each event of ``said`` the asyncio task that it is about, or -1."""
    inside: Int32
    """For each event the task in whose name it happened (below any event loop), or -1."""
    items: list[tuple[int, int, int]]
    """(task, given ns, begun ns or -1) of each piece of work given to a pool."""
    texts: list[str]


def find_owners(trace: Trace, threads: Threads, with_table: bool = True) -> Owners:
    """Register all tasks and tile the threads with them. ``with_table`` False: imports are the main
    program's work, too (but not those of Python's own modules)."""
    said = listen(trace, threads)
    book = Book()
    ran_item = set(said.thread[said.rows("ITEM")].tolist())
    base = _bases(trace, threads, said, book, ran_item)
    epoch = said.epochs()
    over = said.mask("STEP_END", "STEP_YIELD", "STEP_DONE")
    step, closes = opened(said, epoch, said.mask("STEP"), over)
    item, item_closes = opened(said, epoch, said.mask("ITEM"), said.mask("ITEM_END"))
    loop, _ = opened(said, epoch, said.mask("LOOP"), said.mask("LOOP_END"))
    imports = said.mask("IMPORT")
    if not with_table:
        imports &= _of_python(trace, said)
    table, _ = opened(said, epoch, imports, said.mask("IMPORT_END"))
    aio = _asyncio_tasks(trace, threads, said, book, closes)
    item_task, items = _item_tasks(trace, threads, said, book, item_closes)
    below = np.maximum(step, item)
    name = np.where(aio >= 0, aio, item_task)
    own = base[said.thread]
    within = np.flatnonzero(below >= 0)
    own[within] = name[below[within]]
    inside = own.copy()
    inside[inside == NATIVE] = NOBODY
    leads = (threads.process == np.arange(len(threads)))[said.thread]
    setting = (table > np.maximum(below, loop)) & (below < 0) & leads
    own[loop > below] = CALLBACKS
    own[setting] = NOBODY
    own[_over(said) & leads] = NOBODY
    del below, within, setting, step, loop, table, over, epoch
    _parents(threads, said, book, inside, name)
    book.hosts.update(int(base[t]) for t in set(said.thread[said.rows("LOOP")].tolist()))
    tiling = _tile(trace, threads, said, own, base)
    return Owners(book, said, tiling, aio, inside, items, trace.texts)


def _over(said: Said) -> Bool:
    """The end of a main program: nothing more is said on its thread, Python only clears up."""
    last = np.ones(len(said), bool)
    last[:-1] = said.thread[1:] != said.thread[:-1]
    return last & said.mask("MAIN_END")


def _of_python(trace: Trace, said: Said) -> Bool:
    """Which events name a module of the standard library."""
    own = [text.partition(".")[0] in sys.stdlib_module_names for text in trace.texts]
    mask = np.zeros(len(said), bool)
    mask[said.text.rows] = np.array(own, bool)[said.text.values]
    return mask


def _first_text(said: Said, name: str) -> dict[int, int]:
    """Thread -> row of its first event of this name."""
    return {int(said.thread[row]): int(row) for row in said.rows(name)[::-1]}


def _bases(trace: Trace, threads: Threads, said: Said, book: Book, ran_item: set[int]) -> Int32:
    """The own task of each thread (NOBODY for workers of pools, NATIVE for unknown threads)."""
    hello = _first_text(said, "HELLO")
    greeted = {int(threads.process[t]): row for t, row in hello.items()}
    launched = _launched(trace, threads, said, greeted)
    named, called = _first_text(said, "THREAD"), _first_text(said, "PROCESS_NAME")
    speaks = set(distinct(said.thread).tolist()) | _with_frames(trace, threads)
    size = np.bincount(threads.process, minlength=max(1, len(threads)))
    base = np.full(len(threads), NATIVE, np.int32)
    for t in range(len(threads)):
        p = int(threads.process[t])
        if t == p:
            if t in ran_item or (t in called and _is_pool(words(trace, said.text[called[t]]))):
                base[t] = NOBODY
            else:
                base[t] = _leader(trace, threads, book, t, greeted, called, said)
                if threads.died[t] <= launched and base[t] >= 0:
                    book.helper[base[t]] = SERVICE
                    book.launchers.add(int(base[t]))
        elif p in greeted:
            if t in ran_item or (t in named and _is_pool(words(trace, said.text[named[t]]))):
                base[t] = NOBODY
            elif t in speaks:
                base[t] = _thread_task(trace, threads, book, t, named, said)
        elif size[p] > 1 and threads.name[p].startswith(("python", "pypy")):
            base[t] = _thread_task(trace, threads, book, t, named, said)
    book.base = {t: int(base[t]) for t in range(len(threads)) if base[t] >= 0}
    return base


def _launched(trace: Trace, threads: Threads, said: Said, greeted: dict[int, int]) -> int:
    """When the program's own Python began, where that was the first of all; 0 = there is none. What
    ended before was started by whatever started Python: pyenv, for one, asks a dozen small programs
    which Python is meant."""
    own = [row for t, row in greeted.items()
           if int(threads.pid[t]) == int(trace.meta.get("pid", -1)) and threads.parent[t] < 0]
    if not own or own[0] != min(greeted.values(), key=lambda row: int(said.time[row])):
        return 0
    return int(said.time[own[0]])


def _with_frames(trace: Trace, threads: Threads) -> set[int]:
    """Threads that were seen waiting in Python code."""
    look = trace.look
    at = look.where >= 0
    found = threads.find(look.tid[at].astype(np.int64), look.before[at])
    return set(found[found >= 0].tolist())


def _is_pool(parts: list[str]) -> bool:
    """A worker of a pool, by the function that the thread or process runs."""
    file = parts[2].replace("\\", "/")
    return parts[1].rpartition(".")[2] in POOL_FUNCTIONS and (
        not file or file.endswith(POOL_FILES)
    )


def _leader(
    trace: Trace,
    threads: Threads,
    book: Book,
    t: int,
    greeted: dict[int, int],
    called: dict[int, int],
    said: Said,
) -> int:
    """The task of a process's main thread."""
    root = int(threads.pid[t]) == int(trace.meta.get("pid", -1)) and threads.parent[t] < 0
    script = words(trace, said.text[greeted[t]])[1] if t in greeted else ""
    if script == "-c":
        script = _first_import(trace, said, t, greeted[t]) or f"{threads.name[t] or 'python'} -c"
    recorder = threads.name[t] == RECORDER_COMM and t not in greeted
    helper = SERVICE if recorder or any(mark in script for mark in HELPER_SCRIPTS) else 0
    if t in called:
        name, function, file = words(trace, said.text[called[t]])[:3]
        helper = SERVICE if SERVICE_FILES.search(file.replace("\\", "/")) else helper
    elif root:
        name, function = "main", "main"
    else:
        name = function = (
            script.rpartition("/")[2] or threads.name[t] or f"process {threads.pid[t]}"
        )
    done = int(threads.died[t])
    task = book.add(
        TaskKind.PROCESS,
        name,
        function,
        int(threads.pid[t]),
        t,
        int(threads.born[t]),
        done,
        helper=helper,
    )
    if recorder:
        book.launchers.add(task)
    if t in called:
        book.where[task] = place(words(trace, said.text[called[t]]))
    return task


def _first_import(trace: Trace, said: Said, t: int, greeted: int) -> str:
    """What a helper of the standard library that is started with -c imports first: that tells it
    ("" = this is none)."""
    for row in range(greeted, len(said)):
        if said.thread[row] != t:
            break
        text = trace.texts[said.text[row]] if said.event[row] == IMPORT else ""
        if text and text not in BEFORE_THE_PROGRAM:
            return text if text.endswith(HELPER_SCRIPTS) else ""
    return ""


def _thread_task(
    trace: Trace, threads: Threads, book: Book, t: int, named: dict[int, int], said: Said
) -> int:
    """The task of a thread that runs Python."""
    name = function = threads.name[t] or f"thread {threads.tid[t]}"
    helper = 0
    told = words(trace, said.text[named[t]]) if t in named else []
    if told:
        name, function, file, _ = told[:4]
        file = file.replace("\\", "/")
        helper = bool(HELPER_FILES.search(file)) + bool(SERVICE_FILES.search(file))
    task = book.add(
        TaskKind.THREAD,
        name,
        function,
        int(threads.pid[t]),
        t,
        int(threads.born[t]),
        int(threads.died[t]),
        helper=helper,
    )
    if told:
        book.where[task] = place(told)
    return task


def _asyncio_tasks(
    trace: Trace, threads: Threads, said: Said, book: Book, closes: NDArray[Any]
) -> Int32:
    """Register the tasks of event loops; returns for each event the task that it is about."""
    about = said.mask("STEP", "READY", "TASK_NEW", "TASK_NAME", "TASK_LATE")
    aio = np.full(len(said), -1, np.int32)
    rows = np.flatnonzero(about)
    if not len(rows):
        return aio
    which, head = _distinct_tasks(said.process[rows], said.a[rows])
    first = rows[head]
    order = np.lexsort((said.a[first], said.process[first], said.time[first]))
    rank = np.empty(len(head), np.int64)
    rank[order] = np.arange(len(head))
    first_id = len(book)
    aio[rows] = (first_id + rank).astype(np.int32)[which]
    closing = np.flatnonzero(closes >= 0)
    aio[closing] = aio[closes[closing]]
    count = len(head)
    made = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(made, aio[rows] - first_id, said.time[rows])
    ends = said.rows("STEP_DONE")
    done = np.full(count, -1, np.int64)
    done[aio[ends[aio[ends] >= 0]] - first_id] = said.time[ends[aio[ends] >= 0]]
    stepped = rows[said.mask("STEP")[rows]][::-1]
    thread = np.full(count, -1, np.int64)
    thread[aio[rows[::-1]] - first_id] = said.thread[rows[::-1]]
    thread[aio[stepped] - first_id] = said.thread[stepped]
    named = said.rows("TASK_NAME")
    names = dict(zip(aio[named].tolist(), said.text[named].tolist(), strict=True))
    pids = threads.pid[thread].tolist()
    threads_of, made_at, done_at = thread.tolist(), made.tolist(), done.tolist()
    for i in range(count):
        text = names.get(first_id + i, -1)
        parts = words(trace, text, 5)
        name, function = parts[:2] if text >= 0 else (f"task {i + 1}", "task")
        trio = parts[4] == "trio"
        book.where[len(book)] = place(parts)
        book.add(
            TaskKind.TRIO if trio else TaskKind.ASYNCIO,
            name,
            function,
            pids[i],
            threads_of[i],
            made_at[i],
            done_at[i],
            helper=SERVICE * bool(HELPER_TRIO.search(parts[2]))
            if trio
            else bool(HELPER_TASKS.search(function)),
        )
    return aio


def _distinct_tasks(process: NDArray[Any], ref: Int64) -> tuple[Int64, Int64]:
    """A number for each distinct task, and the row in which each first appears."""
    found = fast.pairs(process, ref)
    if found is not None:
        return found
    refs, place = np.unique(ref, return_inverse=True)
    key = process.astype(np.int64) * len(refs) + place.reshape(-1)
    _, head, which = np.unique(key, return_index=True, return_inverse=True)
    return which.reshape(-1), head


def _item_tasks(
    trace: Trace, threads: Threads, said: Said, book: Book, closes: NDArray[Any]
) -> tuple[NDArray[Any], list[tuple[int, int, int]]]:
    """Register the pools' items; returns for each event the item's task (-1 = none) and the
    queue."""
    if not said.mask("ITEM", "ITEM_NEW").any():
        return np.broadcast_to(np.int32(-1), len(said)), []
    task = np.full(len(said), -1, np.int32)
    given = {(int(said.process[r]), int(said.a[r])): int(r) for r in said.rows("ITEM_NEW")}
    up = {
        p: int(threads.process[threads.parent[p]])
        for p in set(threads.process.tolist())
        if threads.parent[p] >= 0 and threads.process[threads.parent[p]] != p
    }
    ends = {int(closes[r]): int(said.time[r]) for r in said.rows("ITEM_END") if closes[r] >= 0}
    items: list[tuple[int, int, int]] = []
    taken = set()
    for row in said.rows("ITEM"):
        process, number = int(said.process[row]), int(said.a[row])
        while process >= 0 and (process, number) not in given:
            process = up.get(process, -1)
        new = given.get((process, number), -1)
        text = said.text[row]
        if new >= 0 and (text < 0 or not trace.texts[text]):
            text = said.text[new]
        function = words(trace, text)[0] or "item"
        thread, begun = int(said.thread[row]), int(said.time[row])
        book.where[len(book)] = place(["", *words(trace, text, 3)])
        task[row] = book.add(
            TaskKind.ITEM,
            function,
            function,
            int(threads.pid[thread]),
            thread,
            int(said.time[new]) if new >= 0 else begun,
            ends.get(int(row), int(threads.died[thread])),
        )
        if new >= 0:
            task[new] = task[row]
            taken.add(new)
            book.queued[int(task[row])] = max(0, begun - int(said.time[new]))
            items.append((int(task[row]), int(said.time[new]), begun))
    items += [(-1, int(said.time[row]), -1) for row in given.values() if row not in taken]
    return task, items


def _parents(threads: Threads, said: Said, book: Book, inside: Int32, about: Int32) -> None:
    """Enter who made each task: the task in whose name the thread then worked."""
    for row in said.rows("TASK_NEW", "ITEM_NEW"):
        if about[row] >= 0 and inside[row] != about[row]:
            book.parent[about[row]] = int(inside[row])
    base = set(book.base.values())
    for task, name in enumerate(book.name):
        # uvloop's own coroutines have no other name; run by no task they are its tidying up.
        if name and book.group[task].endswith("iterable_coroutine") and book.parent[task] in base:
            book.helper[task] = True
    forked = np.array([t for t in book.base if threads.parent[t] >= 0], np.int64)
    if not len(forked):
        return
    maker, when = threads.parent[forked], threads.born[forked]
    row = asof(maker, when, said.thread, said.time)
    for t, m, r in zip(forked.tolist(), maker.tolist(), row.tolist(), strict=True):
        task = book.base[t]
        chosen = int(inside[r]) if r >= 0 else book.base.get(m, -1)
        leader = int(threads.process[m])
        while chosen < 0 and leader >= 0:
            chosen = book.base.get(leader, -1)
            above = int(threads.parent[leader])
            leader = int(threads.process[above]) if above >= 0 else -1
        book.parent[task] = chosen if chosen != task else -1


def _tile(trace: Trace, threads: Threads, said: Said, own: Int32, base: Int32) -> Pieces:
    """Each thread's life, cut by task. Before an agent is in, a process sets the table."""
    n = len(threads)
    whole = pieces(np.arange(n), threads.born, threads.died, 0, 0, 0, base).ordered()
    group, start, end = _table_setting(trace, threads, said)
    order = np.lexsort((start, group))
    whole, row = overlay(whole, group[order], start[order], end[order])
    setting = (row >= 0) & (whole.thread >= 0)
    whole = whole.with_(thread=np.where(setting, NOBODY, whole.thread))
    if not len(said):
        return whole
    new = np.ones(len(said), bool)
    new[1:] = (own[1:] != own[:-1]) | (said.thread[1:] != said.thread[:-1])
    at = np.flatnonzero(new)
    last = np.append(said.thread[at][1:] != said.thread[at][:-1], True)
    until = np.where(last, threads.died[said.thread[at]], np.append(said.time[at][1:], 0))
    keep = (until > said.time[at]) & (own[at] != base[said.thread[at]])
    at, until = at[keep], until[keep]
    whole, row = overlay(whole, said.thread[at], said.time[at], until)
    return whole.with_(
        thread=np.where(row >= 0, own[at][np.maximum(row, 0)], whole.thread)
        if len(at)
        else whole.thread
    )


def _table_setting(trace: Trace, threads: Threads, said: Said) -> tuple[Int64, Int64, Int64]:
    """From each start of a program to its agent's HELLO."""
    hello = said.rows("HELLO")
    thread, end = said.process[hello].astype(np.int64), said.time[hello]
    k = trace.rare
    execs = k.event == EXEC
    ran = threads.find(k.tid[execs].astype(np.int64), k.time[execs])
    order = np.lexsort((k.time[execs], ran))
    ran, when = ran[order], k.time[execs][order]
    row = asof(thread, end, ran, when)
    start = np.where(
        row >= 0,
        when[np.maximum(row, 0)] if len(when) else 0,
        threads.born[thread] if len(thread) else 0,
    )
    # Only the first HELLO after each start sets a table.
    order = np.lexsort((end, thread))
    thread, start, end = thread[order], start[order], end[order]
    first = np.ones(len(thread), bool)
    first[1:] = (thread[1:] != thread[:-1]) | (start[1:] > end[:-1])
    keep = first & (end > start)
    return thread[keep], start[keep], end[keep]
