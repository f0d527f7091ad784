"""Self-checks: the identities of lesson 1.3 that any true account must satisfy.

A failed one is a bug of the recorder or of this analysis, never a property of the program. Those
that rest on complete records are judged only where nothing was lost.
"""

from __future__ import annotations

import numpy as np

from twocooks.analyse.account import Account
from twocooks.analyse.columns import arranged, sweep, union
from twocooks.analyse.timeline import Timeline
from twocooks.model import State

Check = tuple[str, bool, str]
FINE = 0.01
SWITCH_S = 3e-6
"""What lies between two threads on a core is the switch. The kernel's clock counts a part of it,
the slices another: so the two differ by up to so much a switch."""
FLOOR_S = 0.002
"""Below this, sums are compared absolutely."""


def check(
    line: Timeline, account: Account, clock_s: float | None, lost: int, switches: int
) -> list[Check]:
    """All identities that this run allows to be judged."""
    checks = [
        _conservation(line, account),
        _little(line, account),
        _pigeonhole(account),
        _longest_chain(account),
        _interleave(line, account),
        _one_place(line),
    ]
    if clock_s is not None and not lost:
        checks.insert(0, _clock(account, clock_s, switches))
    return checks


def _close(a: float, b: float, share: float) -> bool:
    return abs(a - b) <= max(FLOOR_S, share * max(abs(a), abs(b)))


def _clock(account: Account, clock_s: float, switches: int) -> Check:
    """I1: the slices sum to the kernel's task clock of the tree."""
    total = account.cores.ns / 1e9
    near = max(FLOOR_S, FINE * max(total, clock_s)) + SWITCH_S * switches
    return (
        "I1 slices = task clock",
        abs(total - clock_s) <= near,
        f"{total:.4f} s in slices, {clock_s:.4f} s by the kernel's clock",
    )


def _conservation(line: Timeline, account: Account) -> Check:
    """I2: time on the go = hands + waits + in line + unknown."""
    t = line.table
    mine = account.significant[t.owner]
    start = np.maximum(t.start, line.begun[t.owner])
    length = np.maximum(0, np.minimum(t.end, line.done[t.owner]) - start)
    parts = sum(
        int(length[mine & (t.state == s)].sum())
        for s in (State.WORKING, State.WAITING, State.IN_LINE, State.WANTS_TOOL, State.UNKNOWN)
    )
    whole = account.levels.integral("C")
    return (
        "I2 on the go = hands + waits + in line",
        _close(whole / 1e9, parts / 1e9, 1e-6),
        f"{whole / 1e9:.4f} s on the go, {parts / 1e9:.4f} s in parts",
    )


def _little(line: Timeline, account: Account) -> Check:
    """I3: mean on the go = tasks / T x mean time on the go, the times from each task's begin and
    end."""
    t = line.table
    mine = account.significant[t.owner] & (t.state == State.DELEGATED)
    away = np.maximum(
        0, np.minimum(t.end, line.done[t.owner]) - np.maximum(t.start, line.begun[t.owner])
    )[mine].sum()
    chosen = np.flatnonzero(account.significant)
    lives = float((line.done[chosen] - line.begun[chosen]).sum() - away) / 1e9
    m = account.measures
    mean = lives / m.active if m.active else 0.0
    return (
        "I3 Little's law",
        _close(m.c_mean, mean, 0.01) or abs(m.c_mean - mean) < 0.01,
        f"{m.c_mean:.3f} on the go on average, {mean:.3f} from the tasks' lives",
    )


def _pigeonhole(account: Account) -> Check:
    """I4: the excess of CPU over time with a busy core = the time beyond one core."""
    cores = account.cores.levels()
    k = cores.counts["K"]
    cpu, one = cores.integral("K"), cores.when(k >= 1)
    excess = int((np.maximum(0, k - 1) * cores.width).sum())
    two = cores.when(k >= 2)
    good = cpu - one == excess and (two > 0) == (cpu > one) and (k >= 0).all()
    return (
        "I4 more CPU than time needs two cores",
        bool(good),
        f"{cpu / 1e9:.4f} s of CPU, {one / 1e9:.4f} s with a busy core, {two / 1e9:.4f} s with two",
    )


def _longest_chain(account: Account) -> Check:
    """I5: no faster than the work divided among the cores, and never more at work than cores."""
    levels, m = account.levels, account.measures
    p, d = levels.counts["P"], levels.counts["D"]
    good = m.busy * max(1, int(p.max(initial=0))) >= m.work - 1e-6 and bool((p <= d).all())
    return (
        "I5 time >= work / hands",
        good,
        f"{m.busy:.4f} s with work, {m.work:.4f} s of work, up to {int(p.max(initial=0))}",
    )


def _interleave(line: Timeline, account: Account) -> Check:
    """I6: two tasks whose stretches from first to last work overlap (by the tasks' stories)
    interleave or coincide (by the cores' slices)."""
    t, s = line.table, line.slices
    on = (t.state == State.WORKING) & account.significant[t.owner]
    ours = (s.state == State.WORKING) & (s.owner >= 0)
    ours[ours] = account.significant[s.owner[ours]]
    if not on.any() or not ours.any():
        return ("I6 overlap = a..b..a or coincidence", True, "no work")
    n = len(line.book)
    first = np.full(n, np.iinfo(np.int64).max)
    last = np.full(n, -1, np.int64)
    np.minimum.at(first, t.owner[on], t.start[on])
    np.maximum.at(last, t.owner[on], t.end[on])
    lives = sweep(L=(first[last >= 0], last[last >= 0]))
    overlap = bool((lives.counts["L"] >= 2).any())
    owner, start, end = union(s.owner[ours], s.start[ours], s.end[ours])
    merged = union(np.zeros(len(start), np.int64), start, end)
    coincide = int((end - start).sum()) > int((merged[2] - merged[1]).sum())
    sequence = owner[np.argsort(start, kind="stable")]
    changes = int((sequence[1:] != sequence[:-1]).sum()) + 1
    interleave = changes > int((last >= 0).sum())
    return (
        "I6 overlap = a..b..a or coincidence",
        overlap == (interleave or coincide),
        f"lives overlap: {overlap}, work interleaves: {interleave}, coincides: {coincide}",
    )


def _one_place(line: Timeline) -> Check:
    """A core executes one thread at a time, and a thread is on one core at a time. (Where polling
    was the source, an asyncio step counts as work, on a core that nobody knows.)"""
    s = line.slices.take((line.slices.state == State.WORKING) & (line.slices.core >= 0))
    bad = 0
    for key in (s.core.astype(np.int64), s.thread):
        order = arranged(key, s.start)
        k, start, end = key[order], s.start[order], s.end[order]
        over = (k[1:] == k[:-1]) & (start[1:] < end[:-1])
        bad += int((end[:-1] - start[1:])[over].clip(0).sum())
    return (
        "I7 one thread a core, one core a thread",
        bad <= 1_000_000,
        f"{bad / 1e9:.6f} s of overlap",
    )
