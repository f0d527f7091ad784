"""``analyse``: puts the parts together and turns the account into what reports and exports show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from twocooks.analyse import (
    data,
    identities,
    loops,
    machine,
    places,
    remarks,
    split,
    summary,
    task_list,
    tree,
    words,
)
from twocooks.analyse.account import Account, account, contested
from twocooks.analyse.book import NATIVE
from twocooks.analyse.columns import Int32, Int64, Pieces
from twocooks.analyse.estimate import not_seen, proven_together_s
from twocooks.analyse.findings.base import Facts
from twocooks.analyse.findings.find import find, ground
from twocooks.analyse.levels import at_level
from twocooks.analyse.likely import Likely, behind_steps, likely, unlabelled_s
from twocooks.analyse.pictures import LateSegments, LateSteps, Stock, Stretches, cores
from twocooks.analyse.result import Analysis, Looks, Task, no_looks
from twocooks.analyse.rings import rings
from twocooks.analyse.shelf import Shelf, aside
from twocooks.analyse.threads import LOST
from twocooks.analyse.timeline import Timeline, build_timeline
from twocooks.analyse.unseen import unseen
from twocooks.analyse.verdict import Ruling, decide
from twocooks.analyse.waits import long_ns
from twocooks.analyse.window import Switches, Window, clip, cut, records, settled
from twocooks.model import Cause, State, Verdict
from twocooks.read.late import LateTrace
from twocooks.read.trace import Trace


def analyse(trace: Trace, by: str = "task", window: Window | None = None) -> Analysis:
    """All that is known of one run. Never raises on a damaged trace: what is missing is said.

    ``by``: what is counted: "task" (leaves), "name", "thread" or "process"; ValueError if there is
    no such level. ``window``: only what was between these two moments (ns of CLOCK_MONOTONIC)."""
    return Recording(trace).analyse(by, window)


class Recording:
    """A trace with its timeline, which is built once for any number of questions."""

    def __init__(self, trace: Trace, shelf: Shelf | None = None) -> None:
        """``shelf``: where the timeline is put aside for whoever asks for many windows."""
        self.trace = trace
        self.shelf = shelf
        self._switches: Switches | None = None

    @cached_property
    def line(self) -> Timeline:
        """The timeline of the whole recording."""
        if self.shelf is None:
            return build_timeline(self.trace)
        if isinstance(self.trace, LateTrace):
            k = self.trace.kernel
            put = self.shelf.put
            self._switches = Switches(put(k.time), put(k.event), put(k.cpu))
            self.shelf.settle()
            self.trace.give_back("kernel", k)
            del k
        return aside(build_timeline(self.trace), self.shelf)

    @cached_property
    def _guess(self) -> tuple[Pieces, Likely]:
        behind = behind_steps(self.trace, self.line)
        guess = likely(behind, self.line.book, long_ns(self.trace))
        if self.shelf is not None:
            behind = self.shelf.table(behind)
            guess = replace(guess, table=self.shelf.table(guess.table))
            self.shelf.settle()
        return behind, guess

    def analyse(self, by: str = "task", window: Window | None = None) -> Analysis:
        """As the function ``analyse``."""
        line, (behind, guess) = self.line, self._guess
        if window is None:
            return _analysis(self.trace, self.trace, line, guess, by, self.shelf)
        span = settled(self.trace, line, window)
        judged = clip(guess.table, span)
        seconds = max(0.0, unlabelled_s(clip(behind, span)) - unlabelled_s(judged))
        guess = Likely(judged, seconds, guess.looked_at)
        counted = records(self.trace, span, self._switches)
        found = _analysis(self.trace, counted, cut(line, span), guess, by)
        begin, end = ((edge - line.start_ns) / 1e9 for edge in span)
        found.summary["window"] = {"from_s": begin, "to_s": end}
        return replace(found, check=list)  # a window alone proves nothing of the file


def _analysis(
    trace: Trace,
    counted: Trace,
    line: Timeline,
    guess: Likely,
    by: str,
    shelf: Shelf | None = None,
) -> Analysis:
    """``counted``: the trace with the records that are counted (those of a window); ``shelf``: for
    large tables that stay."""
    around = machine.machine(trace)
    python, gil = machine.python_and_gil(trace, line.owners.said)
    same = guess.table is line.table
    judged = replace(line, table=guess.table)
    told = _kept(account(judged, around.usable, waits=line.table), shelf)
    helpers = int(told.background.sum()) - int(told.background[[*line.book.launchers]].sum())
    judge = _Judge(counted, around, gil)
    ruling = judge(judged, told)
    levels = partial(tree.levels, trace, judged, told, judge) if by == "task" else list
    tasks = line.alive & ~told.background
    bare = partial(places.waits, trace, line, tasks, with_holders=False)
    facts = Facts(trace, line, told, ruling, bare)
    found = find(facts)
    if by != "task":
        line = at_level(trace, line, told.significant, by)
        judged = line if same else at_level(trace, judged, told.significant, by)
        told = _kept(account(judged, around.usable, judged.alive, waits=line.table), shelf)
        if shelf is not None:
            line = aside(line, shelf)
        ruling = judge(judged, told)
    m = told.measures
    waits = partial(places.waits, trace, line, line.alive & ~told.background)
    lock = ""
    if ruling.cause is Cause.LOCK:
        lock = places.main_lock(facts.waits if by == "task" else waits(with_holders=False))
    names = words.Names(
        longest=line.book.name[m.longest_hold[0]] if m.longest_hold else "",
        lock=lock,
    )
    texts = words.say(m, ruling, names, m.cores_seen, words.UNITS[by])
    texts = ground(texts, ruling, found, m.d2 - m.met)
    notes = _notes(trace, counted, line, told, ruling, helpers, guess)
    ended = remarks.how_it_ended(trace) if counted is trace else ""
    if ended and ruling.verdict is Verdict.NOTHING:
        texts |= {"why": ended, "so": ""}
    elif ended:
        notes.append(ended)
    notes += remarks.remarks(trace, line, told)
    whole = summary.summarise(counted, line, told, ruling, texts, around, (python, gil), notes)
    whole["by"] = by
    whole["findings"] = [one.row() for one in found]
    part = split.split(trace, facts.line, gil)
    whole["time"] |= part.row() if part else {}
    notes += remarks.of_the_gil(trace, facts.line, found)
    clock = (counted.end or {}).get("task_clock_ns")
    checks = partial(
        identities.check,
        line,
        told,
        clock / 1e9 if clock and m.cores_seen else None,
        summary.lost_events(counted) or counted.switches.get(LOST, 0),
        whole["switches"].get("total", 0),
    )
    return replace(
        _pictures(line, told, whole, checks), looks=_looks(line, part, by),
        tell_levels=levels,
        tell_waits=waits,
        tell_locks=partial(places.locks, before=trace.meta.get("start_time")),
        tell_rings=partial(rings, trace, line),
        tell_loops=partial(loops.loops, trace, facts.line),
        tell_tasks=partial(_task_list, line, told, part if by == "task" else None),
        tell_data=lambda: data.Data(trace, counted, facts.line, facts.told, _order(facts.line)),
    )


def _kept(told: Account, shelf: Shelf | None) -> Account:
    """The account, with its curves on the shelf."""
    if shelf is not None:
        told.levels, told.together = shelf.levels(told.levels), shelf.put(told.together)
        shelf.settle()
    return told


def _task_list(
    line: Timeline, told: Account, part: split.Split | None
) -> list[task_list.TaskRow]:
    ids = _order(line)
    number = np.full(len(line.book) + 1, -1, np.int64)
    number[ids] = np.arange(len(ids))
    met = part.of_tasks if part else None
    return task_list.task_list(line, told, ids, number, met.by_task() if met else {})


def _looks(line: Timeline, part: split.Split | None, by: str) -> Looks:
    """Where Python and where native code was met, in the tasks that are reported."""
    met = part.of_tasks if part and by == "task" else None
    if met is None:
        return no_looks()
    ids = _order(line)
    number = np.full(len(line.book) + 1, -1, np.int64)
    number[ids] = np.arange(len(ids))
    told = number[met.task] >= 0
    time = (met.time[told] - line.start_ns) / 1e9
    return Looks(number[met.task[told]], time, ~met.python[told])


@dataclass(frozen=True)
class _Judge:
    """What the verdict needs to know of the whole run, whichever tasks of it are counted."""

    trace: Trace
    around: machine.Machine
    gil: bool | None

    def __call__(self, line: Timeline, told: Account) -> Ruling:
        """Complete the measures of an account, and decide."""
        m, trace = told.measures, self.trace
        m.gil, m.places = self.gil, self.around.places
        free = machine.free_cores(trace, self.around.usable, *contested(told.levels))
        m.free, m.free_why = free.cores, "quota" if m.usable < 2 <= m.places else free.why
        m.stolen = machine.stolen_s(trace)
        summary.fill_run(m, trace, line, told)
        m.cores_seen = trace.meta.get("source") != "schedstat"
        if not m.cores_seen:
            tiling = line.owners.tiling
            native = tiling.owner[tiling.thread == NATIVE]
            m.proven_k2, m.proven_p2 = proven_together_s(trace, line.threads, line.end_ns, native)
            m.unseen = not_seen(trace)
        return decide(m)


def _notes(
    trace: Trace,
    counted: Trace,
    line: Timeline,
    told: Account,
    ruling: Ruling,
    helpers: int,
    guess: Likely,
) -> list[str]:
    """What could not be seen, in plain words."""
    notes = list(trace.notes)
    m = told.measures
    lost = summary.lost_events(counted)
    if lost:
        notes.append(f"{lost} records were lost; what happened there counts as unknown.")
    if trace.meta.get("source_why"):
        notes.append(str(trace.meta["source_why"]))
    notes += [str(note) for note in (trace.end or {}).get("notes") or []]
    if counted is trace:
        notes += _left_behind(trace, line, lost)
    if not len(line.owners.said.rows("HELLO")):
        notes.append(
            "No agent was inside the program: only threads and processes are known, "
            "not asyncio tasks or pieces of work in pools."
        )
    notes += unseen(trace, line.threads, line.owners)
    if line.owners.said.unseen:
        notes.append(
            f"{line.owners.said.unseen} events came from threads that the kernel's "
            "records do not show."
        )
    if not m.d_known and m.tasks > 1:
        notes.append(
            "Since when some tasks wanted hands is not known (waits too short for a look, or over "
            "while a step held the loop); the overlap of work decided."
        )
    if guess.judged_s >= m.least_contest and m.tasks > 1:
        notes.append(
            f"{words.seconds(guess.judged_s)} of waits had no look of their own; the verdict takes "
            f"them for what {guess.looked_at} looks at waits of the same threads told."
        )
    judged = ruling.verdict is not Verdict.NOTHING
    if m.d_known and m.tasks > 1 and m.sigma is None and m.cores_seen and judged:
        notes.append(
            "Two never wanted hands at the same moment: whether two could have had them, this run "
            "does not show."
        )
    if m.hosts_contest and m.d_known:
        notes.append(
            f"Two wanted hands for {words.seconds(m.d2)}, but the host took the cores away for "
            f"{words.seconds(m.stolen)}: that is no contest between tasks that mostly wait."
        )
    if m.free is None:
        notes.append("How many cores were free was not measured: the run was too short.")
    if helpers:
        notes.append(
            f"Also present: {helpers} helper{'s' if helpers > 1 else ''} (threads or "
            "processes of libraries that hardly worked)."
        )
    if m.free is not None and m.usable >= 2 and m.free < 1.6 and ruling.cause is None:
        notes.append(
            f"Only about {words.number(m.free)} of {words.number(m.usable)} cores were "
            "free for the program."
        )
    return notes


def _left_behind(trace: Trace, line: Timeline, lost: int) -> Iterator[str]:
    """Processes that outlived the program: those that the records show to begin, and not to end. (A
    library's helper ends when its owner has gone, and needs no word.)"""
    if trace.end is None or lost:
        return  # it may have ended unseen
    threads, book = line.threads, line.book
    root = int(trace.meta.get("pid", -1))
    alive = set(threads.process[~threads.ended & (threads.pid != root)].tolist())
    own = [book.base.get(leader, -1) for leader in alive]
    count = sum(task < 0 or not book.helper[task] for task in own)
    if not count:
        return
    who = f"{count} process{'es' if count > 1 else ''}"
    if trace.meta.get("source") == "schedstat":
        yield f"{who} had not been seen to end when the recording ended."
    else:
        yield (
            f"{who} {'were' if count > 1 else 'was'} still running when the recording ended, with "
            "the main program; what came later is not in it."
        )


def _pictures(
    line: Timeline,
    told: Account,
    whole: dict[str, object],
    checks: Callable[[], list[identities.Check]],
) -> Analysis:
    """Tasks, cores and curves in seconds since the start of the run."""
    ids = _order(line)
    number = np.full(len(line.book) + 1, -1, np.int64)
    number[ids] = np.arange(len(ids))
    levels = told.levels
    on, tasks = cores(line, number), _tasks(line, told, ids, number)
    return Analysis(
        summary=whole,
        tasks=tasks,
        cores=on,
        at_work=LateSteps(line, lambda: levels.curve("P")),
        hands=LateSteps(line, lambda: (levels.time, told.hands())),
        on_the_go=LateSteps(line, lambda: levels.curve("C")),
        wanted=LateSteps(line, lambda: levels.curve("D")),
        cores_used=LateSteps(line, lambda: told.cores.levels().curve("K")),
        window_s=_window(line, ids),
        check=checks,
        picture=Stock(line, ids, [core.cpu for core in on], tasks),
    )


def _order(line: Timeline) -> Int64:
    """Tasks that count, in order of first touch."""
    ids = np.flatnonzero(line.alive)
    table = line.table
    work = np.flatnonzero(table.state == State.WORKING)
    first = _first_start(table.owner, table.start, ids)
    touched = _first_start(table.owner[work], table.start[work], ids)
    return ids[np.lexsort((ids, first, touched))]


def _first_start(owner: Int32, start: Int64, ids: Int64) -> Int64:
    """When the first stretch of each task begins (int64's largest = it has none), of a table sorted
    by owner and start."""
    if not len(owner):
        return np.full(len(ids), np.iinfo(np.int64).max)
    row = np.searchsorted(owner, ids.astype(owner.dtype))
    at = np.minimum(row, len(owner) - 1)
    return np.where(owner[at] == ids, start[at], np.iinfo(np.int64).max)


def _tasks(line: Timeline, told: Account, ids: Int64, number: Int64) -> list[Task]:
    book, table = line.book, line.table
    stretches = Stretches(line, table)
    first = np.searchsorted(table.owner, ids.astype(table.owner.dtype), "left")
    after = np.searchsorted(table.owner, ids.astype(table.owner.dtype), "right")
    tids, numbers = line.threads.tid.tolist(), number.tolist()
    background, significant = told.background[ids].tolist(), told.significant[ids].tolist()
    lives = (line.begun[ids] - line.start_ns, line.done[ids] - line.start_ns)
    sums = (line.work[ids], told.by_state["line"][ids], told.by_state["wait"][ids])
    begun, done, work, in_line, waited = ((ns / 1e9).tolist() for ns in (*lives, *sums))
    out = []
    for place, (i, a, b) in enumerate(
        zip(ids.tolist(), first.tolist(), after.tolist(), strict=True)
    ):
        parent = numbers[book.parent[i]] if book.parent[i] >= 0 else -1
        out.append(
            Task(
                id=place,
                kind=book.kind[i],
                name=book.name[i],
                group=book.group[i],
                pid=book.pid[i],
                tid=tids[book.thread[i]],
                parent=parent if parent >= 0 else None,
                begun_s=begun[place],
                done_s=done[place],
                work_s=work[place],
                line_s=in_line[place],
                wait_s=waited[place],
                queued_s=book.queued[i] / 1e9,
                background=background[place],
                significant=significant[place],
                segments=LateSegments(stretches, slice(a, b)),
            )
        )
    return out


def _window(line: Timeline, ids: Int64) -> tuple[float, float]:
    t = line.table
    work = (t.state == State.WORKING) & line.alive[t.owner]
    if not work.any():
        return 0.0, max(0, line.end_ns - line.start_ns) / 1e9
    return (
        float(t.start[work].min() - line.start_ns) / 1e9,
        float(t.end[work].max() - line.start_ns) / 1e9,
    )
