"""What a reader must know to read the numbers rightly, beside what could not be seen."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import numpy as np

from twocooks.analyse.account import Account
from twocooks.analyse.coincide import HAND_OVER_NS
from twocooks.analyse.columns import keep_long, sweep, union
from twocooks.analyse.findings.base import Finding
from twocooks.analyse.timeline import Timeline
from twocooks.analyse.waits import frame_parts
from twocooks.model import State, TaskKind, printable
from twocooks.read.shape import distinct
from twocooks.read.trace import Trace

SIBLINGS_SHARE = 0.95
"""From this share of the coincidences on, "all" of them were between siblings."""
FETCHES = 3
"""A thread that waited so often at a queue lives on it."""


def remarks(trace: Trace, line: Timeline, told: Account) -> Iterator[str]:
    """Sentences for the foot of the report."""
    if _one_cutting_board(trace, line, told):
        yield (
            "What worked at the same moment was on the two hardware threads of one core: two cooks "
            "at one cutting board, which is less than two cores."
        )
    fetching = _fetching(trace, line, told)
    if fetching:
        one = fetching == 1
        yield (
            f"{'One thread fetches its' if one else f'{fetching} threads fetch their'} work from a "
            f"queue: {'it' if one else 'each'} is one task here (thread-level), with its waits for "
            "the next piece. To tell the pieces apart, name them with twocooks.task or use an "
            "executor."
        )


def how_it_ended(trace: Trace) -> str:
    """A sentence where the program ended otherwise than well; "" where it did, was ended by --for
    or Ctrl-C, or where nobody knows."""
    end = trace.end or {}
    told = end.get("exit") or {}
    code, number = told.get("code"), told.get("signal")
    if end.get("why") == "for":
        return ""
    if number and number != signal.SIGINT:
        known = {int(one): one.name for one in signal.Signals}
        return f"The program was ended by a signal: {known.get(number, f'number {number}')}."
    return f"The program ended with exit code {code}." if code else ""


def of_the_gil(trace: Trace, line: Timeline, found: list[Finding]) -> Iterator[str]:
    """An import that switched the GIL back on, where no finding says it."""
    said = line.owners.said
    rows = [int(said.text[row]) for row in said.rows("GIL_ON") if said.text[row] >= 0]
    if rows and not any(one.id == "gil-switched-on" for one in found):
        module = printable(trace.texts[rows[0]])
        yield f"Importing {module} switched the GIL of this free-threaded Python back on."


def _one_cutting_board(trace: Trace, line: Timeline, told: Account) -> bool:
    """All that coincided did so on hardware threads of one core (case 9)."""
    core_of: dict[int, int] = {}
    for group in trace.meta.get("smt_siblings") or []:
        core_of.update((int(cpu), int(group[0])) for cpu in group if len(group) > 1)
    if not core_of:
        return False
    s = line.slices
    ours = (s.state == State.WORKING) & (s.owner >= 0) & (s.core >= 0)
    ours[ours] = told.significant[s.owner[ours]]
    cores = told.cores.levels()
    together = cores.when(keep_long(cores, cores.counts["KT"] >= 2, HAND_OVER_NS))
    if not together:
        return False
    cpus, which = np.unique(s.core[ours], return_inverse=True)
    siblings = np.array([core_of.get(int(cpu), int(cpu)) for cpu in cpus], np.int64)
    _, start, end = union(siblings[which.reshape(-1)], s.start[ours], s.end[ours])
    apart = sweep(A=(start, end))
    two = apart.when(keep_long(apart, apart.counts["A"] >= 2, HAND_OVER_NS))
    return two <= (1 - SIBLINGS_SHARE) * together


def _fetching(trace: Trace, line: Timeline, told: Account) -> int:
    """How many tasks are threads that take their work from a queue of their own (case 12). What is
    in hand between two waits has no name that could be seen from outside."""
    look = trace.look
    places = distinct(look.where[look.where >= 0])
    at_queue = [
        any(
            file.endswith("/queue.py") and function == "get"
            for file, function in frame_parts(trace.texts[place])[:4]
        )
        for place in places.tolist()
    ]
    rows = np.flatnonzero(np.isin(look.where, places[np.array(at_queue, bool)]))
    if not len(rows):
        return 0
    thread = line.threads.find(look.tid[rows].astype(np.int64), look.before[rows])
    often = np.bincount(thread[thread >= 0], minlength=len(line.threads)) >= FETCHES
    book = line.book
    return sum(
        bool(often[book.thread[task]])
        for task in np.flatnonzero(told.significant).tolist()
        if book.kind[task] is TaskKind.THREAD
    )
