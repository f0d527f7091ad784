"""Sums over the finished table of stretches, and what is measured on the curves.

Each function has two bodies: one loop in C (``src/core/account.c``), and its numpy twin, which says
the same in plain words and stands in where the C part is not built or the input is not as it needs
it. All sums are of whole nanoseconds, so both give the same numbers to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twocooks.analyse import fast
from twocooks.analyse.columns import Bool, Int64, Levels, Pieces, covered, keep_long, sweep_sets
from twocooks.analyse.threads import REASONS
from twocooks.model import Reason, State

STATES, ALL_REASONS = 8, 256
CORE, GIL = REASONS[Reason.CORE], REASONS[Reason.GIL]
MAYBE = [REASONS[Reason.SHORT], REASONS[Reason.UNKNOWN]]
WORDS = bytes(
    (
        State.UNKNOWN,
        State.WORKING,
        State.IN_LINE,
        State.WANTS_TOOL,
        State.WAITING,
        State.DELEGATED,
        CORE,
        GIL,
        *MAYBE,
    )
)
KEPT = "CPD"
"""Curves that are kept; the others are only measured."""


@dataclass(frozen=True)
class Counted:
    """Whose stretches are counted (a mask over the tasks), and when each was begun and done."""

    chosen: Bool
    begun: Int64
    done: Int64

    @property
    def columns(self) -> tuple[Bool, Int64, Int64]:
        return self.chosen, self.begun, self.done


def state_sums(table: Pieces, tasks: int) -> Int64:
    """Nanoseconds by state (a row) and task."""
    found = fast.state_sums(table.columns, tasks)
    if found is not None:
        return found
    out = np.zeros((STATES, tasks), np.int64)
    for state in State:
        mask = table.state == state
        out[state] = np.bincount(
            table.owner[mask], weights=table.length[mask], minlength=tasks
        ).astype(np.int64)
    return out


@dataclass(frozen=True)
class Sums:
    """Of the counted tasks, in ns."""

    by_reason: Int64
    """By state (a row) and reason."""
    line_before: int
    """In line before they were begun."""
    tool_before: int
    gone: Int64
    """On the go, by task (0 for the others)."""


def chosen_sums(table: Pieces, counted: Counted) -> Sums:
    """See ``Sums``."""
    found = fast.chosen_sums(table.columns, counted.columns, WORDS)
    if found is not None:
        out, before, gone = found
        return Sums(out, int(before[0]), int(before[1]), gone)
    mine = np.flatnonzero(counted.chosen[table.owner])
    t = table.take(mine)
    key = t.state.astype(np.int64) * ALL_REASONS + t.reason
    out = np.bincount(key, weights=t.length, minlength=STATES * ALL_REASONS).astype(np.int64)
    begun, done = counted.begun[t.owner], counted.done[t.owner]
    before = np.maximum(0, np.minimum(t.end, begun) - t.start)
    going = np.maximum(0, np.minimum(t.end, done) - np.maximum(t.start, begun))
    going[t.state == State.DELEGATED] = 0
    return Sums(
        out.reshape(STATES, ALL_REASONS),
        int(before[t.state == State.IN_LINE].sum()),
        int(before[t.state == State.WANTS_TOOL].sum()),
        np.bincount(t.owner, weights=going, minlength=len(counted.chosen)).astype(np.int64),
    )


@dataclass(frozen=True)
class Measured:
    """Nanoseconds, or nanoseconds times a count, in the order of ``enum tc_measure``."""

    active: int
    busy: int
    together: int
    """Two or more at work, for no less than a hand-over takes."""
    handed: int
    """Two or more at work, but only because one handed over to the other."""
    d2: int
    d1: int
    hidden: int
    """One wanted hands, and with those who perhaps did there were two."""
    c2: int
    h1: int
    placed: int
    """Two wanted hands, one of them only stood in line for a core, and not all worked."""
    sum_c: int
    sum_p: int
    sum_d: int
    sum_c2: int
    sum_together: int
    served: int
    wanted: int
    free_line: int
    """In line for a core while not all cores worked for the tasks."""


@dataclass(frozen=True)
class Curves:
    """The counts over time, and what was measured on them."""

    levels: Levels
    """C, P and D: on the go, at work, wanting hands."""
    measured: Measured
    together: Bool
    """Over the breaks: where two or more worked together for no less than a hand-over takes."""


def curves(table: Pieces, counted: Counted, least: int, usable: float) -> Curves:
    """How many of the counted tasks are on the go (C), at work (P) and want hands (D), and what is
    measured on that. ``least``: ns that a hand-over takes at most; ``usable``: cores."""
    found = fast.curves(table.columns, counted.columns, WORDS, least, int(usable))
    if found is not None:
        time, counts, sums, rows = found
        return Curves(Levels(time, dict(zip(KEPT, counts, strict=True))), Measured(*sums), rows)
    levels = _curves(table, counted)
    measured, rows = _measure(levels, least, int(usable))
    kept = Levels(levels.time, {name: levels.counts[name] for name in KEPT})
    return Curves(kept, measured, rows)


def _curves(table: Pieces, counted: Counted) -> Levels:
    """C, P and D, and how many perhaps want hands (M), are at work or in line for a core (H), or in
    line for one (L)."""
    t = table
    mine = counted.chosen[t.owner]
    working, in_line = t.state == State.WORKING, t.state == State.IN_LINE
    go_start = np.maximum(t.start, counted.begun[t.owner])
    go_end = np.minimum(t.end, counted.done[t.owner])
    on_go = mine & (t.state != State.DELEGATED) & (go_end > go_start)
    wait = (t.state == State.WAITING) & np.isin(t.reason, MAYBE)
    wants = mine & (working | in_line | (t.state == State.WANTS_TOOL))
    for_core = mine & in_line & (t.reason == CORE)
    # The few stretches in which a task is begun or done count as on the go for a part only.
    part = np.flatnonzero(on_go & ((go_start != t.start) | (go_end != t.end)))
    whole = on_go.copy()
    whole[part] = False
    none = np.zeros(len(part), bool)
    return sweep_sets(
        np.append(t.start, go_start[part]),
        np.append(t.end, go_end[part]),
        C=np.append(whole, ~none),
        P=np.append(mine & working, none),
        D=np.append(wants, none),
        M=np.append(mine & (wait | (t.state == State.UNKNOWN)), none),
        H=np.append((mine & working) | for_core, none),
        L=np.append(for_core, none),
    )


def _measure(levels: Levels, least: int, hands: int) -> tuple[Measured, Bool]:
    """What the curves sum to, and where two or more worked together for at least ``least`` ns."""
    c, p, d, m, h, queue = (levels.counts[name] for name in "CPDMHL")
    together = keep_long(levels, p >= 2, least)
    n, width = max(1, hands), levels.width
    measured = Measured(
        active=levels.when(c >= 1),
        busy=levels.when(p >= 1),
        together=levels.when(together),
        handed=levels.when((p >= 2) & ~together),
        d2=levels.when(d >= 2),
        d1=levels.when(d >= 1),
        hidden=levels.when((d < 2) & (d >= 1) & (d + m >= 2)),
        c2=levels.when(c >= 2),
        h1=levels.when(h >= 1),
        placed=levels.when((d >= 2) & (d - queue < 2) & (p < hands)),
        sum_c=levels.integral("C"),
        sum_p=levels.integral("P"),
        sum_d=levels.integral("D"),
        sum_c2=levels.integral("C", c >= 2),
        sum_together=levels.integral("P", together),
        served=int((np.minimum(p, n) * width).sum()),
        wanted=int((np.minimum(d, n) * width).sum()),
        free_line=levels.integral("L", p < hands),
    )
    return measured, together


def places(
    table: Pieces, counted: Counted, within: tuple[Int64, Int64], threads: int
) -> tuple[Int64, Int64, Int64]:
    """Where the counted tasks worked: ns by thread, by thread within the given stretches of time,
    and by core."""
    found = fast.places(table.columns, counted.columns, WORDS, within, threads)
    if found is not None:
        return found
    on = (table.state == State.WORKING) & (table.owner >= 0)
    on[on] = counted.chosen[table.owner[on]]
    t = table.take(np.flatnonzero(on))
    fought = covered(t.start, t.end, *within)
    seen = t.core >= 0
    _, place = np.unique(t.core[seen], return_inverse=True)  # a core's number may be any
    sums = (
        np.bincount(t.thread, weights=t.length, minlength=threads),
        np.bincount(t.thread, weights=fought, minlength=threads),
        np.bincount(place.reshape(-1), weights=t.length[seen]),
    )
    by_thread, in_contest, by_core = (part.astype(np.int64) for part in sums)
    return by_thread, in_contest, by_core
