"""The summary of schema "twocooks.summary/1": the numbers by the names that all reports use."""

from __future__ import annotations

from typing import Any

import numpy as np

from twocooks.analyse.account import Account, Measures
from twocooks.analyse.estimate import polled_cpu_s
from twocooks.analyse.machine import Machine
from twocooks.analyse.tally import Counted, chosen_sums
from twocooks.analyse.threads import EXIT, LOST, OUT, PUSHED, loss_windows
from twocooks.analyse.timeline import Timeline
from twocooks.analyse.verdict import Ruling
from twocooks.model import Reason, State
from twocooks.read.trace import Trace

SCHEMA = "twocooks.summary/1"


def summarise(
    trace: Trace,
    line: Timeline,
    account: Account,
    ruling: Ruling,
    texts: dict[str, str],
    around: Machine,
    python: tuple[str | None, bool | None],
    notes: list[str],
) -> dict[str, Any]:
    """The whole summary as plain JSON values; what could not be known is absent."""
    m = account.measures
    kernel = trace.meta.get("source") != "schedstat"
    lost = lost_events(trace)
    unknown = float(account.by_state["unknown"].sum()) / 1e9 or _dark_s(trace, line.end_ns)
    # The tasks that everything else in here is about: hosts, helpers and crumbs are none.
    kinds = [str(line.book.kind[i]) for i in np.flatnonzero(account.significant)]
    left = trace.switches
    whole: dict[str, Any] = {
        "schema": SCHEMA,
        "command": list(trace.meta.get("command") or []),
        "python": python[0],
        "gil": python[1],
        "cores": {
            "usable": around.usable,
            "online": around.online,
            "quota": around.quota,
            "free": m.free,
        },
        "measured": {
            "source": "kernel" if kernel else "schedstat",
            "exact": kernel
            and lost == 0
            and unknown == 0.0
            and not (trace.end or {}).get("unfollowed"),
            "lost_events": lost,
            "unknown_s": unknown,
            "notes": notes,
        },
        "wall_s": m.wall,
        "cpu_s": m.cpu,
        "tasks": {
            "count": len(kinds),
            "by_kind": {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
        },
        **curves(m),
        "switches": {
            "total": sum(left.get(event, 0) for event in (OUT, PUSHED, EXIT)) if kernel else None,
            "preempted": left.get(PUSHED, 0) if kernel else None,
            "turns": m.turns,
        },
        "time": times(trace, line, account),
        "verdict": {
            "id": str(ruling.verdict),
            "cause": str(ruling.cause) if ruling.cause else None,
            **texts,
        },
        "findings": [],
    }
    told: dict[str, Any] = without_none(whole)
    return told


def curves(m: Measures) -> dict[str, Any]:
    """What the curves sum to, and the scores."""
    return {
        "concurrency": {"mean": m.c_mean, "max": m.c_max, "two_or_more_s": m.c2},
        "parallelism": {"mean": m.p_mean, "max": m.p_max, "two_or_more_s": m.p2},
        "cores_used": {"mean": m.k_mean, "max": m.k_max, "two_or_more_s": m.k2},
        "wanted": {"two_or_more_s": m.d2, "served_s": m.met},
        "scores": {
            "contests_won": m.sigma if m.d_known else None,
            "overlap": m.omega,
            "company": m.gamma,
            "busy_share": m.beta,
            "together_share": m.pi,
            "hands_served": m.phi,
        },
        "queued": {"mean": m.q_mean, "max": m.q_max},
        "in_line_s": m.in_line,
    }


def without_none(value: Any) -> Any:
    """Absent = could not be known. (A verdict without a cause keeps its null.)"""
    if not isinstance(value, dict):
        return value
    return {
        key: without_none(part)
        for key, part in value.items()
        if part is not None or key in ("cause", "quota")
    }


def times(trace: Trace, line: Timeline, account: Account) -> dict[str, Any]:
    """Where the tasks' time went, by reason; what the kernel charged beyond the slices, by name."""
    counted = Counted(line.alive & ~account.background, line.begun, line.done)
    sums = chosen_sums(line.table, counted).by_reason
    of_reason = sums.sum(axis=0) - sums[State.DELEGATED]
    waiting = {str(reason): float(of_reason[i]) / 1e9 for i, reason in enumerate(Reason)}
    on_core = account.cores.ns / 1e9
    return {"on_core_s": on_core, "waiting": waiting, **beyond(trace, line)}


def beyond(trace: Trace, line: Timeline) -> dict[str, float]:
    """CPU time in the kernel's books (rusage) beyond its task clock: switching (waking idle cores)
    and ending (giving memory back after a process's last record)."""
    end = trace.end or {}
    usage, clock = end.get("rusage"), end.get("task_clock_ns")
    if not usage or not clock or end.get("unfollowed"):
        return {}  # what programs with other rights did is in the books too
    rest = max(0.0, float(usage["user_s"]) + float(usage["system_s"]) - clock / 1e9)
    root = np.flatnonzero(line.threads.pid == int(trace.meta.get("pid", -1)))
    ended = line.threads.ended[root]
    after = 0.0
    if len(root) and ended.all():
        after = max(0.0, (line.end_ns - int(line.threads.died[root].max())) / 1e9)
    ending = min(rest, after)
    return {"switching_s": rest - ending, "ending_s": ending}


def _dark_s(trace: Trace, end_ns: int) -> float:
    """The longest window of loss: where nothing is known of a task, it may be of all that began in
    there."""
    windows = loss_windows(trace, end_ns).values()
    return max((int((end - start).max(initial=0)) for start, end in windows), default=0) / 1e9


def lost_events(trace: Trace) -> int:
    """Records that the kernel or the agents could not keep."""
    end = trace.end or {}
    told = sum(int(n) for n in (end.get("lost") or {}).values())
    from_ring = int(trace.rare.a[trace.rare.event == LOST].sum())
    return max(told, from_ring) + int(end.get("agent_lost") or 0)


def fill_run(m: Measures, trace: Trace, line: Timeline, account: Account) -> None:
    """Wall and CPU seconds of the whole run: the kernel's total where it was read."""
    m.wall = max(0, line.end_ns - line.start_ns) / 1e9
    clock = (trace.end or {}).get("task_clock_ns")
    if trace.meta.get("source") == "schedstat":
        m.cpu = polled_cpu_s(trace) or 0.0
        return
    m.cpu = clock / 1e9 if clock else account.cores.ns / 1e9
