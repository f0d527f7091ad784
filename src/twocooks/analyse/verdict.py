"""The verdict: a pure function of measured quantities, the rules of the lesson in their order.

One deviation of order, asked for by the design: where less than 1.6 cores were free,
``no-free-core`` goes before the causes that a second core could change (lock, GIL, unknown).
Causes that hold with any number of cores (one thread, one worker, one usable core) keep their
place before it.
"""

from __future__ import annotations

from dataclasses import dataclass

from twocooks.analyse.account import FREE_CORES, Measures
from twocooks.model import Cause, Verdict

STARVED = 0.2
LEAST_LINE = 0.005
"""Seconds in line before being begun that are worth a cause; less is the loop's own pace."""
"""Share of the wanted time without anybody at work from which the crowd may have made the
contest."""
MANY = 0.25
"""Share of the busy time in which one task must have had several cores to speak of many hands."""


@dataclass(frozen=True)
class Ruling:
    """What was decided, and by which rule (0 to 7)."""

    verdict: Verdict
    cause: Cause | None
    rule: int


def decide(m: Measures) -> Ruling:
    """The first rule that holds."""
    if not m.tasks or (m.work < 0.005 and m.waiting < 0.010):
        return Ruling(Verdict.CANNOT_TELL if m.unseen else Verdict.NOTHING, None, 1)
    if not m.cores_seen:
        return _without_cores(m)
    if m.tasks == 1:
        return Ruling(Verdict.MANY_HANDS if m.many >= 0.25 else Verdict.SINGLE, None, 2)
    if m.gamma < 0.10:
        if m.many >= 0.25:
            return Ruling(Verdict.MANY_HANDS, None, 3)
        return Ruling(Verdict.ONE_AFTER_ANOTHER, _why_one_after_another(m), 3)
    if m.d_known:
        if not m.contest or m.hosts_contest:
            return _no_contest(m)
        return _contest(m, m.sigma or 0.0)
    if m.mostly_waits:
        return Ruling(Verdict.WAITING_TOGETHER, None, 4)
    return _contest(m, m.omega)


def _without_cores(m: Measures) -> Ruling:
    """Rule 0: nobody saw the cores, and only what the sums prove is said. ``proven_p2`` is the
    least time in which two must have been on cores at once; it is held against all that could have
    been a contest. What lies between is not known: a lock that is free for part of the time and
    processes that mostly wait have the same sums."""
    if m.tasks == 1:
        many = m.proven_k2 >= MANY * m.busy > 0 and not m.unseen
        return Ruling(Verdict.MANY_HANDS if many else Verdict.CANNOT_TELL, None, 0)
    contest = max(m.d2 + m.hidden, m.p2)
    if m.gamma < 0.10 or m.proven_p2 < max(0.02, 0.5 * contest):
        return Ruling(Verdict.CANNOT_TELL, None, 0)
    if m.crowded_line >= 0.10 * (m.work + m.in_line):
        return Ruling(Verdict.BOTH, None, 0)
    return Ruling(Verdict.PARALLEL, None, 0)


def _no_contest(m: Measures) -> Ruling:
    """Rule 4: two never wanted hands for long enough to speak of it."""
    if m.mostly_waits:
        return Ruling(Verdict.WAITING_TOGETHER, None, 4)
    # On a crowded machine the one whose turn it is stands in line for a core: still a relay.
    if m.beta >= 0.5 or (no_free_core(m) and m.wanted >= 0.5):
        return Ruling(Verdict.RELAY, Cause.HAND_OVER, 4)
    return Ruling(Verdict.TURNS, Cause.NO_CONTEST, 4)


def _contest(m: Measures, score: float) -> Ruling:
    """Rules 5 to 7: of the time in which two wanted hands, how often two got them."""
    if score >= 0.5:
        if m.crowded_turns >= 3 or m.crowded_line >= 0.10 * (m.work + m.in_line):
            return Ruling(Verdict.BOTH, None, 5)
        return Ruling(Verdict.PARALLEL, None, 5)
    if score >= 0.1:
        return Ruling(Verdict.SOMETIMES, why_not_parallel(m), 6)
    return Ruling(Verdict.TURNS, why_not_parallel(m), 7)


def why_not_parallel(m: Measures) -> Cause:
    """What kept two from working at the same moment, first that holds (rules 6 and 7)."""
    crowded = no_free_core(m)
    if crowded and m.starved >= STARVED:
        return Cause.NO_FREE_CORE  # even one loop's tasks may stand in line only because of others
    if m.one_thread and m.loops:
        return Cause.ONE_LOOP
    if m.one_worker and m.one_thread:
        return Cause.ONE_WORKER
    if m.usable < 2:
        return _one_place(m)
    if crowded:
        return Cause.NO_FREE_CORE
    if m.one_core and m.free is not None:
        return Cause.ONE_CORE
    if m.in_line > 0 and m.wants_tool >= 0.5 * m.in_line:
        return Cause.LOCK
    if _one_gil(m) and (m.d_known or _gil_seen(m)):
        return Cause.GIL
    return Cause.UNKNOWN


def _one_gil(m: Measures) -> bool:
    """All of them need the same GIL."""
    return bool(m.gil) and m.one_process and (not m.interpreters or _gil_seen(m))


def _gil_seen(m: Measures) -> bool:
    """Waits for the GIL are most of what is known of the time in line."""
    return m.wants_gil >= 0.5 * m.in_line and m.wants_gil >= 0.02 * m.active


def _one_place(m: Measures) -> Cause:
    """Less than two cores: there is one, or the quota takes the others away for part of the
    time."""
    return Cause.NO_FREE_CORE if m.places >= 2 else Cause.ONE_CORE


def no_free_core(m: Measures) -> bool:
    """There were places at the counter, but somebody else stood at them."""
    return m.usable >= 2 and m.free is not None and m.free < FREE_CORES


def _why_one_after_another(m: Measures) -> Cause:
    """Rule 3's causes: what the tasks stood in line for before they were begun, if they did."""
    if m.line0 < max(0.2 * m.work, LEAST_LINE):
        return Cause.AWAIT_BY_AWAIT
    tool = m.line0_tool >= 0.5 * m.line0
    if m.one_thread and m.loops and not tool:
        return Cause.LOOP_HELD if m.line0_turn >= 0.5 * m.line0 else Cause.AWAIT_BY_AWAIT
    if m.one_worker and m.line0_queued >= 0.5 * m.line0:
        return Cause.ONE_WORKER
    if m.usable < 2:
        return _one_place(m)
    if not (m.one_thread and m.loops) and no_free_core(m):
        return Cause.NO_FREE_CORE
    if tool:
        return Cause.LOCK
    if _one_gil(m):
        return Cause.GIL
    return Cause.UNKNOWN
