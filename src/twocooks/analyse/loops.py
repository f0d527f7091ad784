"""Event loops: the steps that held one, what they did there, who stood in line, and how late the
loop was over time.

A loop is one thread, and whatever runs on it keeps all its tasks waiting. So the hold of a step is
its whole length, at work or blocked. What it did is the thread's own story in that time: on a core,
in line for one, or blocked for a reason and at a line that a look saw. What a loop does outside all
steps (callbacks of protocols and timers) holds it too, as long as it does not block; a blocking
call in there, other than a sleep, looks like the loop's own wait.

Who was ready before or during the hold stood in line: that is exact. So is a timer that ran out
meanwhile, where the agent told when it was due (asyncio's own loops; ``aio``). Of other loops'
timers, and of messages that came, it is only known that the loop's first look after the hold found
them. The tasks that this look wakes are counted (``woken_after``), and nothing is said about since
when they could have been.

Lateness is the time from being ready to the step, of all tasks of the loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from twocooks.analyse.aio import due
from twocooks.analyse.book import AGENT_LOST, CALLBACKS
from twocooks.analyse.columns import (
    Bool,
    Int64,
    Pieces,
    UInt8,
    arranged,
    asof,
    no_pieces,
    overlay,
    rows_of,
    union,
)
from twocooks.analyse.places import REASON_OF, place_of
from twocooks.analyse.split import samples
from twocooks.analyse.threads import REASONS
from twocooks.analyse.timeline import Timeline
from twocooks.analyse.waits import SLEEPS, label_waits, settled
from twocooks.format.spec import BY_NAME
from twocooks.model import Reason, State
from twocooks.read.order import ranges
from twocooks.read.shape import distinct
from twocooks.read.trace import Trace

HELD_S = 0.05
"""A step that keeps the loop for so long is told, unless another time is asked for."""
MOST = 1000
"""Holds kept of one loop: the longest."""
NAMED = 3
"""Names told of those who stood in line."""
MOST_STEPS, ENOUGH = 4096, 4
"""For the verdict: steps of one loop, and those who were woken behind each, that are looked at."""
TELLS = [BY_NAME[name].number for name in ("LOOP", "TIMERS", "LOOP_END")]
FROM_OUTSIDE = [REASONS[Reason.SLEEP], REASONS[Reason.IO]]
COMPUTING, FOR_A_CORE = "computing", "in line for a core"
PARTS = 10
"""The lateness over time is told for so many equal parts of the loop's life."""


@dataclass(frozen=True)
class Doing:
    """What a hold did for a part of its time."""

    what: str
    """"computing", "in line for a core", or the reason for which it was blocked (model.Reason)."""
    seconds: float
    where: str = ""
    """``file:line function`` where it was blocked; "" = not seen. Hostile text."""
    about: bool = False
    """``where`` is of samples: where it computed."""


@dataclass(frozen=True)
class Hold:
    """One step (or stretch of callbacks) that kept the loop."""

    task: int
    """Id in the timeline's book; -1 = callbacks."""
    name: str
    where: str
    """Where its code begins; "" = not told."""
    begun_s: float
    seconds: float
    did: list[Doing]
    in_line: int
    """Tasks that stood in line meanwhile."""
    in_line_s: float
    """How long, summed over them."""
    who: list[str]
    """The names of some of them, those that stood longest first."""
    woken_after: int
    """Tasks that the loop woke when it first looked again."""

    @property
    def own_s(self) -> float:
        """Without the time in which it stood in line for a core itself."""
        return self.seconds - sum(part.seconds for part in self.did if part.what == FOR_A_CORE)

    @property
    def place(self) -> str:
        """The line that explains most: where it was blocked longest, else where its code is."""
        blocked = [part for part in self.did if part.where]
        longest = max(blocked, key=lambda part: part.seconds, default=None)
        return longest.where if longest and 2 * longest.seconds >= self.seconds else self.where

    def row(self) -> dict[str, object]:
        """As the JSON has it."""
        return {
            "task": self.name,
            "where": self.where,
            "begun_s": self.begun_s,
            "seconds": self.seconds,
            "did": [vars(part) for part in self.did],
            "in_line": {"tasks": self.in_line, "seconds": self.in_line_s, "names": self.who},
            "woken_after": self.woken_after,
        }


@dataclass(frozen=True)
class Late:
    """How long ready tasks stood in line before their step, in a part of the run."""

    begun_s: float
    ended_s: float
    count: int
    median_s: float
    p95_s: float
    max_s: float


@dataclass(frozen=True)
class Loop:
    """One thread with an event loop."""

    pid: int
    tid: int
    thread: str
    begun_s: float
    ended_s: float
    steps: int
    tasks: int
    busy_s: float
    """In steps and callbacks, not waiting for something to happen."""
    held_s: float
    """From this length on a step is among ``held``."""
    held: list[Hold]
    """The longest first."""
    late: Late | None
    """Over the loop's whole life; None = no task was ever in line."""
    over_time: list[Late] = field(default_factory=list)

    def row(self) -> dict[str, object]:
        """As the JSON has it."""
        story = {key: value for key, value in vars(self).items() if key not in ("held", "late",
                 "over_time")}  # fmt: skip
        late = dict(vars(self.late)) if self.late else None
        if late is not None:
            late["over_time"] = [vars(part) for part in self.over_time]
        return story | {"held": [hold.row() for hold in self.held], "lateness": late}


def loops(
    trace: Trace, line: Timeline, held_s: float = HELD_S, lateness: bool = True
) -> list[Loop]:
    """Every loop of the run, the one that was held longest first (``lateness`` False: without)."""
    story = _Story(trace, line)
    found = [_loop(story, int(thread), held_s, lateness) for thread in story.threads]
    found = [loop for loop in found if loop.ended_s > loop.begun_s or not line.part]
    return sorted(found, key=lambda loop: -sum(hold.seconds for hold in loop.held))


def may_hold(trace: Trace, line: Timeline, held_s: float = HELD_S) -> bool:
    """Whether anything may have held a loop for so long: this costs little, for the many runs in
    which nothing did."""
    stepped = line.book.stepped()
    tiling, least = line.owners.tiling, round(held_s * 1e9)
    long = tiling.length >= least
    task = tiling.thread
    steps = long & (task >= 0) & (task < len(stepped))
    if stepped[task[steps]].any():
        return True
    between = tiling.take(long & (task == CALLBACKS))
    if not len(between):
        return False
    asleep = trace.look.tid[np.isin(trace.look.syscall, list(SLEEPS))]
    if np.isin(line.threads.tid[distinct(between.owner)], asleep).any():
        return True
    table = line.threads.pieces
    own = table.take(np.isin(table.owner, distinct(between.owner)))
    start, end = _walks(own, between)
    return bool((end - start >= least).any())


def overslept(trace: Trace, line: Timeline, held_s: float) -> tuple[Int64, Int64, Int64]:
    """Tasks that a loop woke for a timer or a message only after a step of so many seconds or more:
    for each its id, the begin of that step, and when it was woken, in nanoseconds. Of the longest
    steps, and of each the first few: with one more who wanted hands there are two."""
    found: list[tuple[int, int, int]] = []
    if may_hold(trace, line, held_s):
        story = _Story(trace, line)
        for thread in story.threads.tolist():
            found += _overslept(story, thread, round(held_s * 1e9))
    out = np.array(found, np.int64).reshape(-1, 3)
    return out[:, 0], out[:, 1], out[:, 2]


def _overslept(story: _Story, thread: int, least: int) -> list[tuple[int, int, int]]:
    tiling, said = story.line.owners.tiling, story.line.owners.said
    here = tiling.rows_of(thread)
    steps = tiling.take(here).take(story.is_step[here])
    long = np.flatnonzero(steps.length >= least)
    long = long[np.argsort(-steps.length[long], kind="stable")][:MOST_STEPS]
    if not len(long):
        return []
    own = story.labelled.take(story.labelled.rows_of(thread))
    rows = np.arange(*rows_of(said.thread, thread).indices(len(said)))
    after = _Wakes(story, rows, steps, own)
    queue = _Queue(story.put_in_line(thread, story.turns(thread)))
    found = []
    first, last = after.rows(steps.end[long], queue.at(steps.start[long]))
    last = np.minimum(last, first + 2 * ENOUGH)
    for i, low, high in zip(long.tolist(), first.tolist(), last.tolist(), strict=True):
        a, who = int(steps.start[i]), int(steps.thread[i])
        rows = np.arange(low, high)
        others = rows[after.task[rows] != who][:ENOUGH]
        found += [(int(after.task[k]), a, int(after.when[k])) for k in others.tolist()]
    return found


class _Story:
    """What all loops share, computed once."""

    def __init__(self, trace: Trace, line: Timeline) -> None:
        self.trace, self.line = trace, line
        said, tiling, book = line.owners.said, line.owners.tiling, line.book
        self.stepped = book.stepped()
        task = tiling.thread
        step = (task >= 0) & (task < len(book))
        step[step] = self.stepped[task[step]]
        self.is_step: Bool = step
        self.starts, self.stops = said.rows("LOOP"), said.rows("LOOP_END")
        self.due = due(said)[0]
        self.threads = distinct(np.concatenate([said.thread[self.starts], tiling.owner[step]]))
        if not len(self.threads):
            return
        self.labelled = label_waits(trace, line.threads)
        seen, rows = settled(trace, line.threads)
        self.look = dict(zip(rows.tolist(), seen.tolist(), strict=True))
        self.samples = samples(trace, line)

    def turns(self, thread: int) -> Pieces:
        """When tasks stood in line for their turn on a thread's loop."""
        turn, home = self._turns
        return turn.take(rows_of(home, thread))

    @cached_property
    def _turns(self) -> tuple[Pieces, Int64]:
        t = self.line.table
        turn = (t.state == State.IN_LINE) & (t.reason == REASONS[Reason.TURN]) & (t.end > t.start)
        home = np.array(self.line.book.thread, np.int64)
        rows = np.flatnonzero(turn)
        rows = rows[arranged(home[t.owner[rows]])]
        return t.take(rows), home[t.owner[rows]]

    def put_in_line(self, thread: int, turn: Pieces) -> Pieces:
        """The same, from when the loop itself put them in its line: later, for timers."""
        said, aio = self.line.owners.said, self.line.owners.aio
        rows = self.due[said.thread[self.due] == thread]
        at = asof(aio[rows], said.time[rows], turn.owner, turn.start)
        good = (at >= 0) & (turn.end[at] >= said.time[rows])
        start = turn.start.copy()
        start[at[good]] = said.time[rows[good]]
        return turn.with_(start=start)

    def s(self, ns: int | float) -> float:
        """Seconds since the start of the run."""
        return (float(ns) - self.line.start_ns) / 1e9

    def place(self, row: int) -> str:
        """The program's line in the look at a stretch, or ""."""
        look = self.look.get(row)
        where = int(self.trace.look.where[look]) if look is not None else -1
        return place_of(self.trace.texts[where]) if where >= 0 else ""


def _loop(story: _Story, thread: int, held_s: float, lateness: bool) -> Loop:
    line = story.line
    threads, tiling, said = line.threads, line.owners.tiling, line.owners.said
    here = tiling.rows_of(thread)
    mine = tiling.take(here)
    steps = mine.take(story.is_step[here])
    own = story.labelled.take(story.labelled.rows_of(thread))
    walks = _walks(own, mine.take(mine.thread == CALLBACKS))
    begun, ended = _life(story, thread, steps)
    rows = np.arange(*rows_of(said.thread, thread).indices(len(said)))
    start, end = np.append(steps.start, walks[0]), np.append(steps.end, walks[1])
    task = np.append(steps.thread, np.full(len(walks[0]), -1))
    long = np.flatnonzero(end - start >= max(1, round(held_s * 1e9)))
    long = long[np.argsort((start - end)[long], kind="stable")][:MOST]
    turn = story.turns(thread) if len(long) or lateness else no_pieces()
    held = []
    if len(long):
        after = _Wakes(story, rows, steps, own)
        held = _holds(story, thread, own, turn, after, (start[long], end[long], task[long]))
    whole = _late(story, turn, begun, ended) if lateness else None
    edges = np.linspace(begun, ended, PARTS + 1).astype(np.int64)
    parts = [_late(story, turn, int(a), int(b)) for a, b in pairwise(edges) if lateness]
    return Loop(
        int(threads.pid[thread]),
        int(threads.tid[thread]),
        _thread_name(line, thread),
        story.s(begun),
        story.s(ended),
        len(steps),
        len(distinct(steps.thread)),
        float(steps.length.sum() + (walks[1] - walks[0]).sum()) / 1e9,
        held_s,
        held,
        whole,
        [part for part in parts if part is not None],
    )


def _holds(
    story: _Story,
    thread: int,
    own: Pieces,
    turn: Pieces,
    after: _Wakes,
    long: tuple[Int64, Int64, Int64],
) -> list[Hold]:
    """One for each of these stretches of a loop (start, end, task)."""
    line, (start, end, task) = story.line, long
    counts, seconds = _Queue(turn).within(start, end)
    of_loop = _Queue(story.put_in_line(thread, turn))
    woken = after.counts(end, of_loop.at(start), task)
    columns = (start, end, task, counts, seconds, woken)
    did = _did(story, own, story.labelled.rows_of(thread).start, start, end)
    held = []
    for number, (a, b, who, count, lasted, woke) in enumerate(
        zip(*(column.tolist() for column in columns), strict=True)
    ):
        held.append(
            Hold(
                who,
                line.book.name[who] if who >= 0 else "callbacks",
                line.book.where.get(who, ""),
                story.s(a),
                (b - a) / 1e9,
                did[number],
                count,
                lasted,
                _names(line, turn, a, b) if number < 2 * PARTS else [],
                woke,
            )
        )
    return held


def _thread_name(line: Timeline, thread: int) -> str:
    base = line.book.base.get(thread, -1)
    return line.book.name[base] if base >= 0 else line.threads.name[thread]


def _life(story: _Story, thread: int, steps: Pieces) -> tuple[int, int]:
    """From the loop's first start on the thread to its last end, as far as they were told."""
    said, starts, stops = story.line.owners.said, story.starts, story.stops
    begin = said.time[starts[said.thread[starts] == thread]].tolist() + steps.start[:1].tolist()
    end = said.time[stops[said.thread[stops] == thread]].tolist() + steps.end[-1:].tolist()
    first = min(begin)
    open_ended = len(starts[said.thread[starts] == thread]) > len(
        stops[said.thread[stops] == thread]
    )
    last = int(story.line.threads.died[thread]) if open_ended or not end else max(end)
    if story.line.part:
        first, last = max(first, story.line.start_ns), min(last, story.line.end_ns)
    return int(first), max(int(first), int(last))


def _walks(own: Pieces, between: Pieces) -> tuple[Int64, Int64]:
    """Unbroken stretches in which a loop did something outside all steps."""
    cut, row = overlay(own, between.owner, between.start, between.end)
    at_it = (cut.state == State.WORKING) | (cut.state == State.IN_LINE)
    at_it |= (cut.state == State.WANTS_TOOL) | (cut.reason == REASONS[Reason.SLEEP])
    at_it &= row >= 0
    _, start, end = union(cut.owner[at_it], cut.start[at_it], cut.end[at_it])
    return start, end


class _Queue:
    """How many tasks stood in line within a stretch, and for how long in all."""

    def __init__(self, turn: Pieces) -> None:
        self.zero = int(turn.start.min()) if len(turn) else 0
        # Stable: each task's are in order already, which makes it many times faster.
        self.start, self.end = (np.sort(time, kind="stable") for time in (turn.start, turn.end))
        self.sums = [
            np.concatenate([[0.0], np.cumsum((time - self.zero).astype(float))])
            for time in (self.start, self.end)
        ]

    def within(self, a: Int64, b: Int64) -> tuple[Int64, NDArray[np.float64]]:
        """For each stretch from a to b how many, and their seconds in line in it."""
        count = np.searchsorted(self.start, b, "left") - np.searchsorted(self.end, a, "right")
        return np.maximum(count, 0), np.maximum((self._until(b) - self._until(a)) / 1e9, 0.0)

    def at(self, t: Int64) -> Int64:
        """How many stood in line at each moment."""
        begun, over = (np.searchsorted(time, t, "right") for time in (self.start, self.end))
        found: Int64 = np.maximum(begun - over, 0)
        return found

    def _until(self, t: Int64) -> NDArray[np.float64]:
        """Nanoseconds in line before each moment, summed over all."""
        begun, over = np.searchsorted(self.start, t), np.searchsorted(self.end, t)
        span = (t - self.zero).astype(float)
        told: NDArray[np.float64] = (begun * span - self.sums[0][begun]) - (
            over * span - self.sums[1][over]
        )
        return told


class _Wakes:
    """The tasks that a loop woke at its first look after a moment, for a message, or for a timer of
    which nobody told when it was due. (Who waited for what the hold did was not kept from
    anything.)"""

    def __init__(self, story: _Story, rows: Int64, steps: Pieces, own: Pieces) -> None:
        said = story.line.owners.said
        event, time = said.event[rows], said.time[rows]
        begins = event == BY_NAME["STEP"].number
        self.begins = np.sort(time[begins], kind="stable")
        ready = np.flatnonzero(event == BY_NAME["READY"].number)
        row = np.searchsorted(steps.start, time[ready], "right") - 1
        if len(steps):
            ready = ready[(row < 0) | (time[ready] >= steps.end[np.maximum(row, 0)])]
        t, task = story.line.table, story.line.owners.aio[rows[ready]]
        before = asof(task, time[ready] - 1, t.owner, t.start)
        at = np.maximum(before, 0)
        outside = (t.state[at] == State.WAITING) & np.isin(t.reason[at], FROM_OUTSIDE)
        outside &= before >= 0
        outside &= ~(_told(event, ready) & (t.reason[at] == REASONS[Reason.SLEEP]))
        self.round = np.cumsum(begins)[ready[outside]]
        self.when, self.task = time[ready[outside]], task[outside]
        self.rests = own.start[own.state == State.WAITING]

    def counts(self, moment: Int64, in_line: Int64, holder: Int64) -> Int64:
        """For each moment how many it woke but the holder. ``in_line``: those who were ready before
        the hold."""
        first, last = self.rows(moment, in_line)
        found = np.zeros(len(moment), np.int64)
        for i in np.flatnonzero(last > first).tolist():
            found[i] = len(set(self.task[first[i] : last[i]].tolist()) - {int(holder[i])})
        return found

    def rows(self, moment: Int64, in_line: Int64) -> tuple[Int64, Int64]:
        """Those who were ready before the hold come first; then the loop looks. So what it wakes
        after more steps than that, or after a rest, is another look's. For each moment the first
        row and that behind the last."""
        first = np.searchsorted(self.when, moment, "left")
        none = np.zeros(len(moment), np.int64)
        if not len(self.when):
            return none, none
        never = np.iinfo(np.int64).max
        until = np.append(self.rests, never)[np.searchsorted(self.rests, moment, "left")]
        at = np.minimum(first, len(self.when) - 1)
        begun = np.searchsorted(self.begins, moment, "left")
        good = (first < len(self.when)) & (self.when[at] <= until)
        good &= self.round[at] <= begun + in_line
        last = np.searchsorted(self.round, self.round[at], "right")
        return np.where(good, first, 0), np.where(good, last, 0)


def _told(event: UInt8, rows: Int64) -> Bool:
    """Whether the agent tells of late timers where these events are (of one thread's, in order)."""
    last = np.maximum.accumulate(
        np.where(np.isin(event, TELLS), np.arange(len(event)), -1), dtype=np.int64
    )
    good: Bool = last[rows] >= 0
    good &= event[np.maximum(last[rows], 0)] == BY_NAME["TIMERS"].number
    # What is lost just before may have been it.
    good &= event[np.maximum(rows - 1, 0)] != AGENT_LOST
    return good


def _did(
    story: _Story, own: Pieces, first_row: int, start: Int64, end: Int64
) -> list[list[Doing]]:
    """The thread's own story in each stretch, summed by what and where."""
    first = np.searchsorted(own.end, start, "right")
    count = np.maximum(np.searchsorted(own.start, end, "left") - first, 0)
    rows, which = ranges(first, count), np.repeat(np.arange(len(start)), count)
    length = np.minimum(own.end[rows], end[which]) - np.maximum(own.start[rows], start[which])
    sums: list[dict[tuple[str, str], int]] = [{} for _ in range(len(start))]
    columns = (which, rows, own.state[rows], own.reason[rows], length)
    for number, row, state, reason, ns in zip(*(c.tolist() for c in columns), strict=True):
        where = ""
        if state == State.WORKING:
            what = COMPUTING
        elif state == State.IN_LINE and reason == REASONS[Reason.CORE]:
            what = FOR_A_CORE
        else:
            what = str(REASON_OF.get(reason, Reason.UNKNOWN))
            where = story.place(first_row + row)
        mine = sums[number]
        mine[what, where] = mine.get((what, where), 0) + ns
    met = story.samples.met(start, end).tolist() if len(own) else [False] * len(start)
    thread = int(own.owner[0]) if len(own) else -1
    found = []
    for mine, sampled, a, b in zip(sums, met, start.tolist(), end.tolist(), strict=True):
        told = [Doing(what, ns / 1e9, where) for (what, where), ns in mine.items() if ns > 0]
        about = story.samples.place(story.trace, thread, a, b) if sampled else ""
        if about:
            told = [replace(part, where=about, about=True) if part.what == COMPUTING else part
                    for part in told]  # fmt: skip
        found.append(sorted(told, key=lambda part: -part.seconds))
    return found


def _names(line: Timeline, turn: Pieces, a: int, b: int) -> list[str]:
    over = np.flatnonzero((turn.start < b) & (turn.end > a))
    length = np.minimum(turn.end[over], b) - np.maximum(turn.start[over], a)
    order = over[np.argsort(-length, kind="stable")]
    names = dict.fromkeys(line.book.name[int(task)] for task in turn.owner[order][: 8 * NAMED])
    return list(names)[:NAMED]


def _late(story: _Story, turn: Pieces, a: int, b: int) -> Late | None:
    """Of the steps that began in a stretch."""
    length = turn.length[(turn.end >= a) & (turn.end <= b)]
    if not len(length):
        return None
    median, high, most = (float(x) / 1e9 for x in np.quantile(length, (0.5, 0.95, 1.0)))
    return Late(story.s(a), story.s(b), len(length), median, high, most)


def held_others(found: list[Loop], least_s: float) -> list[Hold]:
    """Holds that kept others in line, or kept the loop from looking who else there was, for so long
    by their own doing; the longest first."""
    holds = [
        hold
        for loop in found
        for hold in loop.held
        if hold.own_s >= least_s
        and (2 * hold.in_line_s >= hold.own_s or hold.woken_after)
    ]
    return sorted(holds, key=lambda hold: -hold.own_s)


def lasted_s(holds: list[Hold]) -> float:
    """Seconds of the run in which one of them lasted (two loops may be held at one moment)."""
    spans = [(hold.begun_s, hold.begun_s + hold.own_s) for hold in holds]
    if not spans:
        return 0.0
    table = (np.array(spans) * 1e9).astype(np.int64)
    _, start, end = union(np.zeros(len(table), np.int64), table[:, 0], table[:, 1])
    return float((end - start).sum()) / 1e9
