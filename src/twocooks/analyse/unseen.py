"""What nobody inside a process could tell: processes without the agent, and libraries whose pieces
of work are not followed. Both are said, so that a thread is not taken for a task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from twocooks.analyse.book import words
from twocooks.analyse.owners import Owners
from twocooks.analyse.threads import EXEC, Threads
from twocooks.model import MEASURED
from twocooks.read.trace import Trace

NAMES = 4
"""Names said at most."""


def unseen(trace: Trace, threads: Threads, owners: Owners) -> Iterator[str]:
    """The notes, each one sentence."""
    if len(owners.said.rows("HELLO")):
        yield from _without_agent(trace, threads, owners)
        yield from _not_followed(trace, owners)


def _not_followed(trace: Trace, owners: Owners) -> Iterator[str]:
    """Libraries that switch between pieces of work on their own."""
    rows = owners.said.rows("NOT_FOLLOWED")
    names = {words(trace, int(text))[0] for text in owners.said.text[rows].tolist()}
    if MEASURED in names:
        yield (
            f"A process was measured by itself ({MEASURED}): meanwhile only its threads and "
            "processes are known here, not the tasks inside it."
        )
    for name in sorted(names - {"", MEASURED}):
        yield (
            f"The program uses {name}, whose tasks are not followed: they count as the threads "
            "that they run on. Name pieces yourself with twocooks.task."
        )


def _without_agent(trace: Trace, threads: Threads, owners: Owners) -> Iterator[str]:
    """A process has the agent if it greeted after the last program that it began, or if it is the
    fork of one that has it (such a one greets only when it has something to say)."""
    polled = trace.meta.get("source") == "schedstat"
    said = owners.said
    hello = _last(said.process[said.rows("HELLO")], said.time[said.rows("HELLO")])
    k = trace.rare
    execs = k.event == EXEC
    began = _last(threads.find(k.tid[execs].astype(np.int64), k.time[execs]), k.time[execs])
    lacking: dict[int, bool] = {}
    leaders = np.flatnonzero(threads.process == np.arange(len(threads)))
    for p in leaders[np.argsort(threads.born[leaders], kind="stable")].tolist():
        parent = int(threads.parent[p])
        above = int(threads.process[parent]) if parent >= 0 else -1
        another = p in began or above < 0
        if polled and above >= 0:
            another = threads.name[p] != threads.name[above]
        if p in hello and hello[p] >= began.get(p, 0):
            lacking[p] = False
        else:
            lacking[p] = another or lacking.get(above, False)
    before = {t for t, task in owners.book.base.items() if task in owners.book.launchers}
    names = Counter(
        threads.name[p] or "?" for p, without in lacking.items() if without and p not in before
    )
    if names:
        yield _sentence(names)


def _last(process: np.ndarray, time: np.ndarray) -> dict[int, int]:
    """The latest time for each process."""
    out: dict[int, int] = {}
    for p, t in zip(process.tolist(), time.tolist(), strict=True):
        out[p] = max(t, out.get(p, t))
    return out


def _sentence(names: Counter[str]) -> str:
    count = names.total()
    told = [f"{name} ({n})" if n > 1 else name for name, n in names.most_common(NAMES)]
    if len(names) > NAMES:
        told.append("others")
    if count == 1:
        return (
            f"1 process ran without the agent: {told[0]}. It is not Python, or was started without "
            "it: only its threads are known, not the tasks inside it."
        )
    return (
        f"{count} processes ran without the agent: {', '.join(told)}. They are not Python, or were "
        "started without it: only their threads are known, not the tasks inside them."
    )
