"""Analyses made by hand, for the tests of reports: what would be handed over for known runs.

``build`` takes the segments of each task and derives cores and step functions from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from twocooks.analyse.result import Analysis, Core, Segments, Steps, Task
from twocooks.model import Reason, State, TaskKind
from twocooks.report.terminal.cells import without_hand_overs

REASONS = list(Reason)
Piece = tuple[float, float, State, Reason | None, int]
W, L, T, S, D, U = (
    State.WORKING,
    State.IN_LINE,
    State.WANTS_TOOL,
    State.WAITING,
    State.DELEGATED,
    State.UNKNOWN,
)


@dataclass
class Story:
    """One task: its name, its group, its pieces."""

    name: str
    pieces: list[Piece] = field(default_factory=list)
    group: str = ""
    kind: TaskKind = TaskKind.THREAD
    background: bool = False
    significant: bool = True

    def add(
        self,
        length: float,
        state: State,
        reason: Reason | None = None,
        core: int = -1,
        at: float | None = None,
    ) -> Story:
        start = at if at is not None else (self.pieces[-1][1] if self.pieces else 0.0)
        self.pieces.append((start, round(start + length, 9), state, reason, core))
        return self

    def until(self, end: float, state: State, reason: Reason | None = None) -> Story:
        start = self.pieces[-1][1]
        if end > start + 1e-12:
            self.pieces.append((start, end, state, reason, -1))
        return self


def steps(stretches: Iterable[tuple[float, float]]) -> Steps:
    change: dict[float, int] = {}
    for start, end in stretches:
        start, end = round(start, 9), round(end, 9)
        change[start] = change.get(start, 0) + 1
        change[end] = change.get(end, 0) - 1
    times = sorted(t for t, by in change.items() if by)
    return Steps(
        np.array(times, dtype=np.float64), np.cumsum([change[t] for t in times]).astype(np.int32)
    )


def _segments(pieces: list[Piece]) -> Segments:
    return Segments(
        np.array([p[0] for p in pieces], dtype=np.float64),
        np.array([p[1] for p in pieces], dtype=np.float64),
        np.array([p[2] for p in pieces], dtype=np.uint8),
        np.array([255 if p[3] is None else REASONS.index(p[3]) for p in pieces], dtype=np.uint8),
        np.array([p[4] for p in pieces], dtype=np.int32),
    )


def _sum(pieces: list[Piece], *states: State) -> float:
    return sum(p[1] - p[0] for p in pieces if p[2] in states)


def build(
    stories: list[Story],
    verdict: dict[str, Any],
    *,
    own: Iterable[tuple[int, float, float, int]] = (),
    usable: int = 2,
    **summary: Any,
) -> Analysis:
    """``own``: further (cpu, start, end, task id) of cores, such as -1 for the program itself."""
    tasks = [
        Task(
            i,
            s.kind,
            s.name,
            s.group or s.name,
            100,
            100 + i,
            None,
            s.pieces[0][0],
            s.pieces[-1][1],
            _sum(s.pieces, W),
            _sum(s.pieces, L, T),
            _sum(s.pieces, S),
            0.0,
            s.background,
            s.significant,
            _segments(s.pieces),
        )
        for i, s in enumerate(stories)
    ]
    on_core = [(p[4], p[0], p[1], i) for i, s in enumerate(stories) for p in s.pieces if p[2] == W]
    on_core += list(own)
    cores = []
    for cpu in sorted({c for c, *_ in on_core}):
        rows = sorted((a, b, t) for c, a, b, t in on_core if c == cpu)
        cores.append(
            Core(
                cpu,
                np.array([r[0] for r in rows]),
                np.array([r[1] for r in rows]),
                np.array([r[2] for r in rows], dtype=np.int32),
            )
        )
    every = [(p, s) for s in stories for p in s.pieces if not s.background]
    at_work = steps((p[0], p[1]) for p, _ in every if p[2] == W)
    on_the_go = steps((p[0], p[1]) for p, _ in every if p[2] not in (D,))
    wanted = steps((p[0], p[1]) for p, _ in every if p[2] in (W, L, T))
    used = steps((a, b) for _, a, b, t in on_core if t != -2)
    begin = min(p[0] for p, _ in every)
    end = max(p[1] for p, _ in every)
    cpu_s = sum(b - a for _, a, b, t in on_core if t != -2)
    return Analysis(
        summary=_summary(tasks, verdict, at_work, on_the_go, used, end, cpu_s, usable) | summary,
        tasks=tasks,
        cores=cores,
        at_work=at_work,
        hands=without_hand_overs(at_work),
        on_the_go=on_the_go,
        wanted=wanted,
        cores_used=used,
        window_s=(begin, end),
    )


def _level(s: Steps) -> dict[str, float]:
    length = np.diff(s.time)
    busy = float(length[s.value[:-1] >= 1].sum())
    return {
        "mean": float((length * s.value[:-1]).sum()) / busy if busy else 0.0,
        "max": int(s.value.max(initial=0)),
        "two_or_more_s": float(length[s.value[:-1] >= 2].sum()),
    }


def _summary(
    tasks: list[Task],
    verdict: dict[str, Any],
    at_work: Steps,
    on_the_go: Steps,
    used: Steps,
    wall: float,
    cpu_s: float,
    usable: int,
) -> dict[str, Any]:
    kinds: dict[str, int] = {}
    for task in tasks:
        kinds[str(task.kind)] = kinds.get(str(task.kind), 0) + 1
    return {
        "schema": "twocooks.summary/1",
        "command": ["python", "dinner.py"],
        "python": "cpython 3.11.7",
        "gil": True,
        "cores": {"usable": usable, "online": usable, "quota": None, "free": 1.97},
        "measured": {
            "source": "kernel",
            "exact": True,
            "lost_events": 0,
            "unknown_s": 0.0,
            "notes": [],
        },
        "wall_s": wall,
        "cpu_s": cpu_s,
        "tasks": {"count": len(tasks), "by_kind": kinds},
        "concurrency": _level(on_the_go),
        "parallelism": _level(at_work),
        "cores_used": _level(used),
        "in_line_s": sum(t.line_s for t in tasks),
        "switches": {"total": 812, "preempted": 12, "turns": 198},
        "verdict": verdict,
        "findings": [],
    }


def verdict(
    id: str,
    cause: str | None,
    headline: str,
    sentence: str,
    why: str = "",
    so: str = "",
    say: str = "",
) -> dict[str, Any]:
    return {
        "id": id,
        "cause": cause,
        "headline": headline,
        "sentence": sentence,
        "why": why,
        "so": so,
        "say": say,
    }


def gil_turns(threads: int = 2, seconds: float = 1.0, turn: float = 0.005) -> Analysis:
    """Threads that compute under the GIL, on both cores, never at one moment but for hand-overs."""
    stories = [Story(f"worker-{i}") for i in range(threads)]
    now, who = 0.05, 0
    for story in stories:
        story.pieces.append((now, now + 1e-5, W, None, 0))
        now += 1e-5
    while now < seconds:
        for i, story in enumerate(stories):
            if i == who:
                story.until(now, L, Reason.GIL)
                story.pieces.append((now, now + turn + 4e-6, W, None, i % 2))
        now += turn
        who = (who + 1) % threads
    return build(
        stories,
        verdict(
            "turns",
            "gil",
            "They take turns.",
            f"Both tasks were on the go together, but never two hands at the same moment: "
            f"for {seconds:.1f} s "
            "at least two wanted to work, and two did for 0.0 s.",
            "In this Python only one thread at a time may run Python code (the GIL).",
            "A second core does not help these threads; processes or a free-threaded Python would.",
            "Two tasks on the go, one pair of hands: concurrency. Parallel would need a "
            "second pair of "
            "hands at the same moment.",
        ),
    )


def two_processes(seconds: float = 0.9) -> Analysis:
    a = Story("Process-1", kind=TaskKind.PROCESS).add(seconds, W, core=0, at=0.06)
    b = Story("Process-2", kind=TaskKind.PROCESS).add(seconds, W, core=1, at=0.07)
    return build(
        [a, b],
        verdict(
            "parallel",
            None,
            "Really at the same moment.",
            "Whenever at least two wanted to work, two did: 0.88 of the 0.88 s.",
            "",
            "Both of the 2 cores were used; more tasks would have to take turns.",
            "Two hands moved at the same moment on two cores: parallelism.",
        ),
        own=[(0, 0.0, 0.05, -1)],
    )


def asyncio_turns() -> Analysis:
    """The dinner: one event loop, four tasks; curry, rice, chapati, onions."""
    plan = {
        "curry": "2W6S3L2W5S4L2W6S2L2W",
        "rice": "2W12S3L2W9S2L2W",
        "chapati": "3W1L3W5L3W",
        "onions": "2W2L2W4L2W1L2W",
    }
    unit = 0.05
    timeline: list[tuple[float, str, int]] = []
    stories = {name: Story(name, kind=TaskKind.ASYNCIO) for name in plan}
    order = ["curry", "rice", "chapati", "onions"]
    script = [
        "curry",
        "rice",
        "chapati",
        "onions",
        "chapati",
        "onions",
        "curry",
        "chapati",
        "onions",
        "rice",
        "onions",
        "curry",
        "rice",
        "chapati",
        "curry",
        "onions",
        "curry",
    ]
    now, last = 0.0, dict.fromkeys(order, None)
    for index, name in enumerate(script):
        story = stories[name]
        if last[name] is not None:
            gap = now - story.pieces[-1][1]
            rest = 0.4 if name in ("curry", "rice") else 0.0
            wait = min(gap, rest)
            if wait > 0:
                story.add(wait, S, Reason.SLEEP)
            if gap - wait > 1e-9:
                story.add(gap - wait, L, Reason.TURN)
        story.add(2 * unit, W, core=0 if index < 9 else 1, at=now)
        last[name] = index
        timeline.append((now, name, index))
        now += 2 * unit + 0.002
    assert plan
    assert timeline
    return build(
        list(stories.values()),
        verdict(
            "turns",
            "one-loop",
            "They take turns.",
            "Up to 4 of your tasks were on the go together, but never two hands at the "
            "same moment: for 1.5 s "
            "at least two wanted to work, and two did for 0.0 s.",
            "One event loop is one cook: tasks give way at each await (16 times).",
            "It took 1.7 s instead of 4.0 s one after another. A second core would not "
            "help this program.",
            "Four dishes on the go, one pair of hands: concurrency. Parallel would need a "
            "second pair of "
            "hands at the same moment.",
        ),
    )


def both(tasks: int = 6, seconds: float = 1.2) -> Analysis:
    stories = [Story(f"job({i})", kind=TaskKind.ITEM, group="job") for i in range(tasks)]
    slot = 0.03
    free = list(range(tasks))
    now = 0.04
    for story in stories:
        story.pieces.append((now, now, L, Reason.CORE, -1))
    while now < seconds:
        first, second = free[0], free[1]
        for core, index in ((0, first), (1, second)):
            stories[index].until(now, L, Reason.CORE)
            stories[index].add(slot, W, core=core, at=now)
        free = free[2:] + free[:2]
        now += slot
    for story in stories:
        story.pieces = [p for p in story.pieces if p[1] > p[0]]
    return build(
        stories,
        verdict(
            "both",
            None,
            "Both: 2 at the same moment, and turns.",
            "6 tasks, up to 6 on the go, 2 at work on 2 cores; the others stood in line for 4.6 s.",
            "There are more tasks that want to work than cores.",
            "More cores would help until about 6.",
            "Two at the same moment, six on the go: both.",
        ),
    )


def waiting_together(tasks: int = 50) -> Analysis:
    stories = []
    for i in range(tasks):
        story = Story(f"fetch-{i}", kind=TaskKind.ASYNCIO, group="fetch")
        story.add(0.0002, W, core=0, at=0.02 + i * 0.0004).add(0.9, S, Reason.IO)
        story.add(0.0003, W, core=0, at=0.95 + i * 0.0004)
        story.pieces.insert(2, (story.pieces[1][1], story.pieces[2][0], L, Reason.TURN, -1))
        stories.append(story)
    return build(
        stories,
        verdict(
            "waiting-together",
            None,
            "They wait together.",
            "All 50 were on the go, and 96 % of that time they only waited; together they "
            "needed 0.03 s of "
            "work in 0.95 s.",
            "",
            "More cores would not help. One cook is plenty.",
            "Fifty pots on the stove and nobody needed: concurrency without parallelism.",
        ),
    )


def one_after_another() -> Analysis:
    stories, now = [], 0.03
    for name in ("load", "parse", "store"):
        story = (
            Story(name, kind=TaskKind.ASYNCIO).add(0.1, W, core=0, at=now).add(0.25, S, Reason.IO)
        )
        story.add(0.05, W, core=0)
        now = story.pieces[-1][1] + 0.001
        stories.append(story)
    return build(
        stories,
        verdict(
            "one-after-another",
            "await-by-await",
            "One after another.",
            "Each of your 3 tasks was finished before the next one began.",
            "Each await waits for the end before the next begins.",
            "Start them together (gather, TaskGroup) and the waits overlap: at best 0.4 s "
            "instead of 1.2 s.",
            "One dish at a time: neither concurrency nor parallelism.",
        ),
    )


def crowd(tasks: int = 300) -> Analysis:
    """Main, a monitor, and 300 small tasks of one function on both cores."""
    stories = [Story("main").add(0.02, W, core=0, at=0.0).add(1.3, D)]
    stories.append(
        Story("monitor")
        .add(0.0005, W, core=1, at=0.01)
        .add(1.25, S, Reason.SLEEP)
        .add(0.0005, W, core=0)
    )
    for i in range(tasks):
        start = 0.03 + (i // 2) * 0.008
        stories.append(
            Story(f"handle-{i}", kind=TaskKind.ITEM, group="handle").add(
                0.0075, W, core=i % 2, at=start
            )
        )
    stories.append(
        Story("QueueFeeder", background=True, significant=False).add(0.001, W, core=0, at=0.5)
    )
    return build(
        stories,
        verdict(
            "parallel",
            None,
            "Really at the same moment.",
            "Whenever at least two wanted to work, two did: 1.1 of the 1.1 s.",
            "",
            "The two cores were busy nearly all the time.",
        ),
    )


def unknown_windows() -> Analysis:
    a = Story("left").add(0.3, W, core=0, at=0.05).add(0.25, U).add(0.4, W, core=0)
    b = Story("right").add(0.3, W, core=1, at=0.06).add(0.25, U).add(0.4, W, core=1)
    return build(
        [a, b],
        verdict(
            "parallel",
            None,
            "Really at the same moment.",
            "Whenever at least two wanted to work, two did: 0.69 of the 0.69 s.",
            "",
            "",
        ),
        own=[(0, 0.35, 0.6, -2), (1, 0.36, 0.61, -2)],
        measured={
            "source": "kernel",
            "exact": False,
            "lost_events": 48213,
            "unknown_s": 0.25,
            "notes": ["2 programs ran without the agent: their tasks are not known"],
        },
    )


def estimated() -> Analysis:
    base = two_processes()
    return build(
        [
            Story("Process-1").add(0.9, W, core=0, at=0.06),
            Story("Process-2").add(0.9, W, core=1, at=0.07),
        ],
        verdict(
            "cannot-tell",
            None,
            "I could not see the cores.",
            "They were on the go together; whether hands moved at the same moment I cannot "
            "say here.",
            "",
            "But 1.8 s of work in 0.97 s cannot be one pair of hands, so some of it was parallel.",
        ),
        measured={
            "source": "schedstat",
            "exact": False,
            "lost_events": 0,
            "unknown_s": 0.0,
            "notes": ["kernel.perf_event_paranoid is 4"],
        },
        wall_s=base.summary["wall_s"],
    )


HOSTILE = [
    "\x1b[31mred\x1b[0m\x1b]0;owned\x07",
    "日本語の長い名前のタスクがここにあります",
    "a\nb\r\tc\x00d\u202eevil",
    "e" + "\u0301" * 500,
    "[bold]markup[/bold]",
    "\udcff\udcfebytes",
    "x" * 5000,
    "",
]


def hostile() -> Analysis:
    stories = [
        Story(name).add(0.1, W, core=0, at=0.1 * i).add(0.2, S, Reason.IO)
        for i, name in enumerate(HOSTILE)
    ]
    return build(
        stories,
        verdict(
            "turns",
            "lock",
            "They take turns.",
            f"All need `{HOSTILE[0]}`.",
            f"All need {HOSTILE[2]}.",
            "",
            "",
        ),
    )


def many_hands(cores: int = 4) -> Analysis:
    story = Story("main").add(0.2, W, core=0, at=0.05).add(0.6, W, core=0).add(0.1, W, core=0)
    own = [(c, 0.25, 0.85, 0) for c in range(1, cores)]
    return build(
        [story],
        verdict(
            "many-hands",
            None,
            "One task, many hands.",
            "Only one task was on the go, yet 3.2 cores worked on it.",
            "",
            "Data-parallel: the work inside one task was split.",
        ),
        own=own,
        usable=cores,
    )


ALL = {
    "gil-turns": gil_turns,
    "two-processes": two_processes,
    "asyncio-turns": asyncio_turns,
    "both": both,
    "waiting-together": waiting_together,
    "one-after-another": one_after_another,
    "crowd": crowd,
    "unknown-windows": unknown_windows,
    "estimated": estimated,
    "hostile": hostile,
    "many-hands": many_hands,
}
