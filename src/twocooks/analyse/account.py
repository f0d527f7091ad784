"""The account: counts over time (C, P, D, K, Q) and the quantities of lesson 1.3, in ns and ratios.

Everything the verdict and the words need is measured here, once, as a ``Measures``. Background
tasks are dropped and only significant ones are counted in the curves.

Is D known? Waits without a reason ("short", "unknown") and lost records may hide tasks that wanted
hands. ``hidden_ns`` is the time in which they could have made D >= 2 where it is not. When the
verdict's band (sigma, and whether there was a contest at all) is the same with and without all of
the hidden time, the labels suffice; else D is unknown and omega decides. So fast turns at a lock,
whose waits are all too short for a look, never read as "no contest", and a single unlabelled wait
spoils nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from twocooks.analyse import fast
from twocooks.analyse.book import SERVICE
from twocooks.analyse.coincide import HAND_OVER_NS, Together, peak, together
from twocooks.analyse.columns import (
    Bool,
    Int32,
    Int64,
    Levels,
    Pieces,
    arranged,
    shared,
    stretches_of,
    sweep,
    sweep_sets,
)
from twocooks.analyse.tally import (
    CORE,
    GIL,
    WORDS,
    Counted,
    Measured,
    Sums,
    chosen_sums,
    curves,
    places,
    state_sums,
)
from twocooks.analyse.threads import REASONS
from twocooks.analyse.timeline import MS, Timeline
from twocooks.model import STEPPED, Reason, State, TaskKind
from twocooks.read.shape import distinct

SIGNIFICANT_NS, SIGNIFICANT_SHARE, SIGNIFICANT_WAIT_NS = 5 * MS, 0.01, 10 * MS
HOST_NS, HOST_SMALL, HOST_SHARE = 20 * MS, 0.25, 0.05
"""A host counts from so much work of its own: 20 ms (a quarter of a small run) and one
twentieth."""
MAKING_NS = {TaskKind.THREAD: 100_000, TaskKind.PROCESS: MS}
"""... and what starting and joining each other task costs it."""
CONTEST_NS, CONTEST_SHARE, CONTEST_COMPANY = 5 * MS, 0.02, 0.5
PLACED_SHARE = 0.1
FREE_CORES = 1.6
"""With less the machine is crowded."""


@dataclass
class Measures:
    """What the verdict decides on. Times in seconds."""

    cores_seen: bool = True
    tasks: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    active: float = 0.0
    busy: float = 0.0
    work: float = 0.0
    waiting: float = 0.0
    gamma: float = 0.0
    company: float = math.inf
    """Seconds for which two could have been on the go, had all come at the best moment."""
    sigma: float | None = None
    omega: float = 0.0
    wanted: float = 0.0
    """Share of the active time in which anybody worked or stood in line for a core."""
    pi: float = 0.0
    beta: float = 0.0
    phi: float = 0.0
    many: float = 0.0
    d2: float = 0.0
    p2: float = 0.0
    met: float = 0.0
    """Of ``d2`` the seconds in which two cooks were at it: ``p2``, and an event loop's short walks
    from one task to the next."""
    placed: float = 0.0
    """Of ``d2`` the seconds in which one worked, the other stood in line for a core, and a usable
    core did not work for the program."""
    hidden: float = 0.0
    asleep: float = 0.0
    """Of ``waiting`` what was for the clock alone."""
    in_line: float = 0.0
    """R: in line and wanting a tool."""
    wants_tool: float = 0.0
    wants_gil: float = 0.0
    wants_turn: float = 0.0
    """In line for a turn on an event loop."""
    line0: float = 0.0
    line0_tool: float = 0.0
    line0_queued: float = 0.0
    line0_turn: float = 0.0
    turns: int = 0
    crowded_turns: int = 0
    """Turns while all usable cores worked for the program."""
    crowded_line: float = 0.0
    """Of ``in_line`` all but the seconds in line for a core while a usable core did not work for
    the program: those were other programs' or the kernel's doing."""
    one_thread: bool = False
    loops: bool = False
    """The one thread runs an event loop."""
    one_worker: bool = False
    one_process: bool = True
    """All work was done in one process while two or more wanted hands."""
    interpreters: bool = False
    """That process has sub-interpreters, which may have a GIL each: only waits that were seen prove
    that they were for one GIL."""
    one_core: bool = False
    """All contested work was done on one core, and the line was for a core."""
    proven_p2: float = 0.0
    """Without switches: seconds in which two tasks must have been on cores at once."""
    proven_k2: float = 0.0
    """The same of threads, which may have worked for one task."""
    unseen: bool = False
    """Without switches: so much work belongs to no thread that was ever looked at that even the
    number of tasks is not known."""
    gil: bool | None = None
    usable: float = 1.0
    places: float = 0.0
    """Cores that it could be on, whatever the quota."""
    free: float | None = None
    """Mean of cores free for this program while two or more wanted one; None = not measured."""
    free_why: str = "other"
    """What took the cores: other, quota, steal."""
    stolen: float = 0.0
    """Seconds for which the host of a virtual machine took its cores away. The kernel's records do
    not know: a thread is on its core all that time."""
    c_mean: float = 0.0
    c_max: int = 0
    c2: float = 0.0
    p_mean: float = 0.0
    p_max: int = 0
    d_mean: float = 0.0
    k_mean: float = 0.0
    k_max: int = 0
    k2: float = 0.0
    q_mean: float = 0.0
    q_max: int = 0
    longest_hold: tuple[int, float] | None = None
    """The longest step (task id, seconds) while others were in line."""
    pieces_of_one: bool = False
    """At least 80 % of the tasks came from one function given to one pool (data-parallel)."""

    @property
    def contest(self) -> bool:
        """At least two wanted hands for long enough to speak of it."""
        return self._d2_of_ours >= self.least_contest

    @property
    def _d2_of_ours(self) -> float:
        """``d2`` without the moments in which the kernel let the second stand in line beside a free
        core: where they are few, on a free machine, they are no contest between tasks."""
        few = self.placed <= PLACED_SHARE * self.active and not self.one_core
        free = self.free is not None and self.free >= FREE_CORES and self.usable >= 2
        return max(0.0, self.d2 - self.placed) if few and free else self.d2

    @property
    def mostly_waits(self) -> bool:
        """Hands were hardly needed."""
        return self.waitshare >= 0.8 and self.beta < 0.2

    @property
    def hosts_contest(self) -> bool:
        """Tasks that mostly wait, and the host may have made their contest: it took the cores away
        for as long, perhaps in the microseconds in which two of them passed each other."""
        rest = self._d2_of_ours - self.stolen
        return self.contest and self.mostly_waits and rest < self.least_contest

    @property
    def least_contest(self) -> float:
        """Seconds of D >= 2 that are worth speaking of: a share of the run, but of a short task
        beside a long one no more than half of what is possible."""
        share = min(CONTEST_SHARE * self.active, CONTEST_COMPANY * self.company)
        return max(CONTEST_NS / 1e9, share)

    @property
    def d_known(self) -> bool:
        """The waits without a reason cannot change the verdict."""
        if (self._d2_of_ours + self.hidden >= self.least_contest) != self.contest:
            return False
        if not self.contest:
            return True
        met = max(self.p2, self.met)
        return band(met / (self.d2 + self.hidden)) == band(met / self.d2)

    @property
    def starved(self) -> float:
        """Of the time in which anybody worked or stood in line for a core, the share in which
        nobody worked."""
        return 1.0 - self.beta / self.wanted if self.wanted > 0 else 0.0

    @property
    def waitshare(self) -> float:
        """Waiting, of all that the tasks did on the go or in line."""
        whole = self.waiting + self.work + self.in_line
        return self.waiting / whole if whole else 0.0


def band(sigma: float) -> int:
    """0 = turns, 1 = sometimes, 2 = at the same moment."""
    return 0 if sigma < 0.1 else 1 if sigma < 0.5 else 2


@dataclass(frozen=True)
class Cores:
    """Cores over time. The curves are as large as those of the tasks, and few ask for more than the
    sum: they are counted again for each."""

    line: Timeline
    significant: Bool
    ns: int
    """Cores executing the program, times ns."""

    def levels(self) -> Levels:
        """K: cores executing the program; KT: those that execute a significant task."""
        return _cores(self.line, self.significant)


@dataclass
class Account:
    """The curves and sums of one run."""

    measures: Measures
    levels: Levels
    """Counts C, P, D of significant tasks."""
    cores: Cores
    background: Bool
    significant: Bool
    by_state: dict[str, Int64] = field(default_factory=dict)
    """Per task ns: line, wait, tool, unknown."""
    together: Bool = field(default_factory=lambda: np.empty(0, bool))
    """Over the breaks of ``levels``: two or more work, and that is no hand-over."""

    def hands(self) -> Int32:
        """P with hand-overs counted as one, over the breaks of ``levels``."""
        p = self.levels.counts["P"]
        return np.where(self.together, p, np.minimum(p, 1))


def _groups(line: Timeline) -> Int64:
    names = [f"{k}\x1f{g}" for k, g in zip(line.book.kind, line.book.group, strict=True)]
    if not names:
        return np.empty(0, np.int64)
    ids = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return np.array([ids[name] for name in names], np.int64)


def choose(line: Timeline, wait: Int64) -> tuple[Bool, Bool]:
    """Which tasks are background (case 10) and which are significant (lesson 1.5, prepare)."""
    book, work = line.book, line.work
    cpu = max(1, int(work[line.alive].sum()))
    helper = np.array(book.helper, np.int64)
    group = _groups(line)
    if not len(group):
        return line.alive, line.alive
    # A server's threads, one for each request, are made by a library, and all of them are the work.
    done = np.bincount(group[line.alive], weights=work[line.alive], minlength=group.max() + 1)
    small = (done < SIGNIFICANT_SHARE * cpu) & (done < SIGNIFICANT_NS)
    background = line.alive & (helper > 0) & small[group]
    background |= line.alive & (helper == SERVICE) & (work < host_least(cpu))
    counted = line.alive & ~background
    done = np.bincount(group[counted], weights=work[counted], minlength=group.max() + 1)
    waited = np.bincount(group[counted], weights=wait[counted], minlength=group.max() + 1)
    big = (
        (done >= SIGNIFICANT_NS)
        | (done >= SIGNIFICANT_SHARE * cpu)
        | (waited >= SIGNIFICANT_WAIT_NS)
    )
    significant = counted & big[group]
    _drop_hosts(line, significant, cpu, wait)
    return background, significant


def host_least(cpu: int) -> float:
    """ns of own work from which a host, or a service thread of the standard library, counts."""
    return max(SIGNIFICANT_NS, min(HOST_NS, HOST_SMALL * cpu), HOST_SHARE * cpu)


def _drop_hosts(line: Timeline, significant: Bool, cpu: int, wait: Int64) -> None:
    """What only starts the others and tidies up after them is not a dish: a task that hosts or made
    other tasks must do more than that takes, or wait for something else than them. (A coroutine for
    which a loop runs that works in callbacks waits for just that: for as long as it serves.)"""
    book = line.book
    parents = {p for i, p in enumerate(book.parent) if p >= 0 and significant[i]}
    base = set(book.base.values())
    main = {t for t in base if book.name[t] == "main" and book.parent[t] < 0}
    least = np.full(len(book), host_least(cpu))
    made = [i for i, p in enumerate(book.parent) if p >= 0 and book.kind[i] in MAKING_NS]
    np.add.at(least, [book.parent[i] for i in made], [MAKING_NS[book.kind[i]] for i in made])
    callers = {book.parent[t] for t in book.callbacks if significant[t]}
    for task in sorted(parents | (base & book.hosts) | main):
        idle = task in base or task in callers or wait[task] < SIGNIFICANT_WAIT_NS
        if idle and significant[task] and significant.sum() > 1 and line.work[task] < least[task]:
            significant[task] = False


def account(
    line: Timeline, usable: float, only: Bool | None = None, waits: Pieces | None = None
) -> Account:
    """Count everything, or what ``only`` these tasks do. ``waits``: the table whose sums by state
    are told of each task, where that is another one than the verdict takes."""
    by_state = state_sums(line.table if waits is None else waits, len(line.book))
    wait = by_state[State.WAITING]
    background, chosen = choose(line, wait) if only is None else (np.zeros_like(only), only)
    m = Measures(usable=usable, tasks=int(chosen.sum()))
    counted = Counted(chosen, line.begun, line.done)
    told = curves(line.table, counted, HAND_OVER_NS, usable)
    levels = told.levels
    sums = chosen_sums(line.table, counted)
    in_line, tool = sums.by_reason[State.IN_LINE], sums.by_reason[State.WANTS_TOOL]
    m.work = float(line.work[chosen].sum()) / 1e9
    m.waiting = _seconds(sums.by_reason[State.WAITING])
    m.asleep = float(sums.by_reason[State.WAITING][REASONS[Reason.SLEEP]]) / 1e9
    m.in_line = _seconds(in_line + tool)
    m.wants_tool, m.wants_gil = _seconds(tool), float(in_line[GIL]) / 1e9
    m.wants_turn = float(in_line[REASONS[Reason.TURN]]) / 1e9
    found = together(line, counted, told)
    measured = _fractions(m, line, chosen, levels, found, sums.gone[chosen])
    found = replace(found, cooks=None)  # not needed any more, and large
    cores = _on_cores(m, line, counted, levels, measured.busy)
    _before_begun(m, line, sums, chosen)
    _threads(m, line, counted, contested(levels), float(in_line[CORE]) / 1e9)
    m.placed = measured.placed / 1e9
    m.crowded_line = max(0.0, m.in_line - measured.free_line / 1e9)
    m.turns, m.crowded_turns = turns(line, counted, levels, usable)
    _queue(m, line)
    states = {
        "line": by_state[State.IN_LINE] + by_state[State.WANTS_TOOL],
        "wait": wait,
        "unknown": by_state[State.UNKNOWN],
    }
    return Account(m, levels, cores, background, chosen, states, found.rows)


def _seconds(ns: Int64) -> float:
    return float(ns.sum()) / 1e9


def _cores(line: Timeline, chosen: Bool) -> Levels:
    s = line.slices
    on = s.state == State.WORKING
    ours = on & (s.owner >= 0)
    ours[ours] = chosen[s.owner[ours]]
    return sweep_sets(s.start, s.end, K=on, KT=ours)


def _fractions(
    m: Measures,
    line: Timeline,
    chosen: Bool,
    levels: Levels,
    found: Together,
    length: Int64,
) -> Measured:
    told = found.measured
    active, busy = told.active, told.busy
    m.active, m.busy = active / 1e9, busy / 1e9
    m.p2 = told.together / 1e9
    m.d2 = max(0, told.d2 - told.handed) / 1e9
    m.hidden = told.hidden / 1e9
    m.c2 = told.c2 / 1e9
    m.gamma = _share(told.sum_c2, _company(length))
    m.company = _company(length) / 2e9
    m.omega = _share(told.sum_together, _company(line.work[chosen]))
    m.met = min(found.met / 1e9, m.d2)
    m.sigma = m.met / m.d2 if m.d2 > 0 else None
    m.pi, m.beta = _share(m.p2, m.busy), min(1.0, _share(m.busy, m.active))
    m.wanted = min(1.0, _share(told.h1, active))
    m.phi = _share(told.served, told.wanted)
    m.c_mean, m.p_mean = _share(told.sum_c, active), _share(told.sum_p, busy)
    m.d_mean = _share(told.sum_d, told.d1)
    m.c_max, m.p_max = peak(levels, "C"), peak(levels, "P", found.cooks)
    return told


def _on_cores(m: Measures, line: Timeline, counted: Counted, levels: Levels, busy: int) -> Cores:
    found = fast.cores(line.slices.columns, counted.columns, WORDS, HAND_OVER_NS)
    told, many = _count_cores(line, counted.chosen) if found is None else found
    ns, one, two, m.k_max = told
    m.k2, m.k_mean = two / 1e9, _share(ns, one)
    # Two cores or more worked for tasks while at most one task was worked on.
    m.many = _share(shared(many, stretches_of(levels, "P", 0, 1)), busy)
    return Cores(line, counted.chosen, ns)


def _count_cores(line: Timeline, chosen: Bool) -> tuple[list[int], tuple[Int64, Int64]]:
    """The twin of ``fast.cores``."""
    cores = _cores(line, chosen)
    k = cores.counts["K"]
    sums = [cores.integral("K"), cores.when(k >= 1), cores.when(k >= 2), int(k.max(initial=0))]
    return sums, stretches_of(cores, "KT", 2, least=HAND_OVER_NS)


def _company(length: Int64) -> float:
    """The company that tasks of these lengths could have had at most."""
    if len(length) < 2:
        return 0.0
    return float(min(length.sum(), 2 * (length.sum() - length.max())))


def _share(part: float, whole: float) -> float:
    return min(part / whole, 1e9) if whole > 0 else 0.0


def _before_begun(m: Measures, line: Timeline, sums: Sums, chosen: Bool) -> None:
    """Time in line, wanting a tool or queued before the tasks were begun."""
    m.line0_tool, m.line0_turn = sums.tool_before / 1e9, sums.line_before / 1e9
    queued = np.array(line.book.queued, np.int64)
    m.line0_queued = _seconds(queued[chosen]) if len(queued) else 0.0
    m.line0 = m.line0_tool + m.line0_turn + m.line0_queued


def _threads(
    m: Measures, line: Timeline, counted: Counted, contest: tuple[Int64, Int64], for_core: float
) -> None:
    """On how many threads the work was done, in how many processes while two or more wanted hands;
    which loop step held the others up. ``for_core``: seconds in line for a core."""
    threads, chosen = line.threads, counted.chosen
    tasks = np.flatnonzero(chosen)
    kinds = [line.book.kind[i] for i in tasks]
    blocks = TaskKind.BLOCK in kinds
    # A block may go on elsewhere: only the slices know on which thread.
    told = line.slices if blocks or line.merged else line.table
    if blocks:  # its host may be a task of a loop
        hosts = {line.book.parent[i] for i in tasks if line.book.kind[i] is TaskKind.BLOCK}
        kinds += [line.book.kind[i] for i in hosts if i >= 0]
    by_thread, fought, by_core = places(told, counted, contest, len(threads))
    if blocks and not line.merged:
        by_core = places(line.table, counted, contest, len(threads))[2]
    _one_core(m, by_core, for_core)
    total = by_thread.sum()
    if total <= 0:
        return
    m.one_thread = bool(by_thread.max() >= 0.98 * total)
    by_process = np.bincount(threads.process, weights=fought if fought.any() else by_thread)
    m.one_process = bool(by_process.max() >= 0.98 * by_process.sum())
    made = line.owners.said.rows("INTERPRETER")
    m.interpreters = bool((line.owners.said.process[made] == by_process.argmax()).any())
    m.loops = not STEPPED.isdisjoint(kinds)
    items = np.array([k is TaskKind.ITEM for k in line.book.kind], bool) & chosen
    if items.any():
        t = line.table
        its = (t.state == State.WORKING) & items[t.owner]
        m.one_worker = len(distinct(t.thread[its])) == 1 and items.sum() > 1
        groups: dict[str, int] = {}
        for i in np.flatnonzero(items):
            groups[line.book.group[i]] = groups.get(line.book.group[i], 0) + 1
        m.pieces_of_one = max(groups.values()) >= 0.8 * max(2, int(chosen.sum()))
    _longest(m, line, chosen)


def _one_core(m: Measures, by_core: Int64, for_core: float) -> None:
    """A program may pin itself: all its tasks' work on one core, and the line is for that core."""
    whole = by_core.sum()
    m.one_core = bool(
        whole > 0
        and by_core.max() >= 0.98 * whole
        and m.in_line > 0
        and for_core >= 0.5 * m.in_line
    )


def _longest(m: Measures, line: Timeline, chosen: Bool) -> None:
    """The longest step of an asyncio task while another was in line for its turn."""
    t, steps = line.table, line.owners.tiling
    aio = line.book.stepped() & chosen
    turn = (t.state == State.IN_LINE) & (t.reason == REASONS[Reason.TURN]) & aio[t.owner]
    at = np.flatnonzero((steps.thread >= 0) & (steps.thread < len(aio)))
    at = at[aio[steps.thread[at]]]
    if not turn.any() or not len(at):
        return
    row = at[np.argmax(steps.length[at])]
    if (turn & (t.start < steps.end[row]) & (t.end > steps.start[row])).any():
        m.longest_hold = (int(steps.thread[row]), float(steps.length[row]) / 1e9)


def turns(
    line: Timeline, counted: Counted, levels: Levels, usable: float
) -> tuple[int, int]:
    """Changes of task on one thread of an event loop, and hand-overs between threads in which the
    displaced task still wanted hands (pushed off its core by one of ours, or lost the GIL).

    The second number leaves out those that happened while another usable core did not work for the
    program: there the kernel let two share one place although another was there, for the few
    milliseconds until it moved one. That is no reason to say that tasks had to take turns."""
    t, chosen = line.table, counted.chosen
    aio = line.book.stepped() & chosen
    block = _block_turns(line, chosen)
    curve, limits = (levels.time, levels.counts["P"]), (HAND_OVER_NS, int(usable))
    found = fast.turns(t.columns, counted.columns, WORDS, aio, curve, limits)
    if found is not None:
        steps, gil, pushed, crowded = found
        return block + steps + gil + pushed, block + steps + gil + crowded
    count, crowded = _turns(t, chosen, aio, levels, int(usable))
    return block + count, block + crowded


def _turns(
    t: Pieces, chosen: Bool, aio: Bool, levels: Levels, hands: int
) -> tuple[int, int]:
    """The twin of ``fast.turns``."""
    on = np.flatnonzero((t.state == State.WORKING) & chosen[t.owner])
    steps = on[aio[t.owner[on]]]
    steps = steps[arranged(t.thread[steps], t.start[steps])]
    owner, thread = t.owner[steps], t.thread[steps]
    count = int(((owner[1:] != owner[:-1]) & (thread[1:] == thread[:-1])).sum())
    same = np.append(t.owner[1:] == t.owner[:-1], False)
    goes = (t.state == State.WORKING) & same & chosen[t.owner]
    after, why = np.append(t.state[1:], 0), np.append(t.reason[1:], 0)
    lost_gil = (
        goes & (after == State.IN_LINE) & (why == REASONS[Reason.GIL]) & (t.length >= HAND_OVER_NS)
    )
    count += int(lost_gil.sum())
    pushed = np.flatnonzero(goes & (after == State.IN_LINE) & (why == REASONS[Reason.CORE]))
    crowded = count
    if len(pushed):
        order = on[arranged(t.core[on], t.start[on])]
        place = np.empty(len(t), np.int64)
        place[order] = np.arange(len(order))
        here = place[pushed]
        here = here[here + 1 < len(order)]
        left, right = order[here], order[here + 1]
        gave = (
            (t.core[left] == t.core[right])
            & (t.owner[left] != t.owner[right])
            & (t.start[right] - t.end[left] < HAND_OVER_NS)
        )
        count += int(gave.sum())
        before = np.searchsorted(levels.time, t.end[left], "left") - 1
        crowded += int((gave & (levels.counts["P"][before] >= hands)).sum())
    return count, crowded


def _block_turns(line: Timeline, chosen: Bool) -> int:
    """Changes between blocks on one thread, in which the block that is left was not finished. A
    block around another one, and a stretch that is only a hand-over, are no turns."""
    s, book = line.slices, line.book
    block = np.array([k is TaskKind.BLOCK for k in book.kind], bool) & chosen
    if not block.any():
        return 0
    mine = (s.owner >= 0) & (s.state == State.WORKING) & (s.length >= HAND_OVER_NS)
    at = np.flatnonzero(mine & block[np.maximum(s.owner, 0)])
    at = at[arranged(s.thread[at], s.start[at])]
    left, right = s.owner[at][:-1], s.owner[at][1:]
    parent = np.array(book.parent, np.int64)
    moved = (left != right) & (s.thread[at][1:] == s.thread[at][:-1])
    moved &= (parent[left] != right) & (parent[right] != left)
    return int((moved & (line.done[left] > s.start[at][1:])).sum())


def _queue(m: Measures, line: Timeline) -> None:
    """Q: given to a pool and not begun."""
    items = [(new, begun if begun >= 0 else line.end_ns) for _, new, begun in line.owners.items]
    if not items:
        return
    table = np.array(items, np.int64)
    queue = sweep(Q=(table[:, 0], table[:, 1]))
    m.q_max = int(queue.counts["Q"].max(initial=0))
    m.q_mean = _share(queue.integral("Q") / 1e9, m.active)


def contested(levels: Levels) -> tuple[Int64, Int64]:
    """Stretches in which two or more wanted hands."""
    return stretches_of(levels, "D", 2)
