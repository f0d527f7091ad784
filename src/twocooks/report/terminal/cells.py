"""From seconds to cells: what each cell of the picture shows.

A cell covers many milliseconds, so several things happen in one. The rules:

1. A column shows as many hands as moved in it on average (rounded; what is cut off is carried to
   the next column), and **never more than moved at one moment inside it**. Hand-overs of the GIL
   or a lock count as one (``analyse.coincide`` tells them; of cores, coincidences shorter than
   HAND_OVER_S). The strip "at work", the lanes and the cores all follow that one number, so two
   threads that change places twenty times within one cell never look as if they had worked side by
   side.
2. The hands of a column go to tasks that really worked in it: first to the one whose lane shows
   least for its seconds. So in the long run the ink of a lane is proportional to its seconds of
   work. A task that worked at all gets at least one cell where rule 1 leaves room, else thin marks.
3. A lane's cell without hands shows the state that the task was in for longest, among unknown,
   in line, waiting and delegated. Unknown wins if it takes half of the cell. If it did nothing but
   work there, between cells that show something, or worked for nearly all of it, a thin mark:
   blank is "not on the go", and a sliver of waiting is not what it did there.
4. A core's cell shows a task that got hands in this column and worked on this core; the program
   itself (event loop, imports) if it was only that; unknown if that takes half of the cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twocooks.analyse.coincide import HAND_OVER_NS
from twocooks.analyse.result import Analysis, Core, Steps
from twocooks.model import State
from twocooks.report.terminal.lanes import Lane

Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]

HAND_OVER_S = HAND_OVER_NS / 1e9
NEAR = 0.15
"""A mean this close to a whole number is shown as that number, and nothing is carried."""

MOST_OF = 0.85
"""Of a cell: who worked for more of it was not waiting there."""

BLANK, LINE, WAIT, DELEGATED, UNKNOWN, GLIMPSE = range(6)
"""What a lane's cell shows where it shows no hands."""
IDLE, PROGRAM, LOST = -3, -1, -2
"""What a core's cell shows where it shows no lane."""
MAX_CORES = 8


class CoreRow(NamedTuple):
    cpu: int
    busy_s: float
    cells: Int32
    """Lane numbers, or IDLE, PROGRAM, LOST."""


class Picture(NamedTuple):
    """What to draw; ``hands`` and ``state`` are lanes x columns."""

    edges: Float64
    lanes: list[Lane]
    hands: Int32
    state: Int32
    cores: list[CoreRow]
    more_cores: int
    """Cores that the program used beside the ones drawn."""
    at_work: Int32
    on_the_go: Int32
    unknown: NDArray[np.bool_]
    """Columns in which records were lost for most of the time: no number is shown there."""


def picture(analysis: Analysis, lanes: list[Lane], columns: int) -> Picture:
    """Decide all cells of a picture ``columns`` wide."""
    edges = _edges(analysis, columns)
    spent = _spent(lanes, edges)
    work = spent[State.WORKING]
    most_hands = _most(analysis.hands, edges)
    shown = _diffuse(_mean(analysis.hands, edges), most_hands)
    hands = _give(work, shown, edges)
    _at_least_once(work, hands, shown, most_hands)
    state = _states(spent, edges)
    unseen = (hands.sum(axis=1) == 0)[:, None] & (work > 0)
    state[unseen] = GLIMPSE
    state[_holes(hands, state) & (work > 0)] = GLIMPSE
    alone = np.array([len(lane.tasks) == 1 for lane in lanes], dtype=np.bool_)
    state[alone[:, None] & (work > MOST_OF * float(edges[1] - edges[0]))] = GLIMPSE
    on_cores = without_hand_overs(analysis.cores_used)
    used = _diffuse(_mean(analysis.cores_used, edges), _most(on_cores, edges))
    cores = _core_rows(analysis.cores, lanes, hands, np.maximum(used, np.minimum(shown, 1)), edges)
    lost = [row.cells == LOST for row in cores] + list(state == UNKNOWN)
    unknown = np.any(np.stack(lost), axis=0) & (shown == 0) if lost else shown < 0
    return Picture(
        edges,
        lanes,
        hands,
        state,
        cores,
        max(len(analysis.cores) - len(cores), 0),
        shown,
        _level(analysis.on_the_go, edges),
        unknown,
    )


def _holes(hands: Int32, state: Int32) -> NDArray[np.bool_]:
    """Single cells between others of their lane that show nothing, as if it had not been on the
    go: it worked there, and the hands of the column went to others."""
    shows = (hands > 0) | (state != BLANK)
    holes = np.zeros(shows.shape, dtype=np.bool_)
    holes[:, 1:-1] = ~shows[:, 1:-1] & shows[:, :-2] & shows[:, 2:]
    return holes


def _edges(analysis: Analysis, columns: int) -> Float64:
    start, end = analysis.window_s
    if not end > start:
        start, end = 0.0, float(analysis.summary.get("wall_s") or 0.0)
    if not end > start:
        end = start + 1e-6
    return np.linspace(start, end, columns + 1)


def covered(start: Float64, end: Float64, edges: Float64) -> Float64:
    """Seconds of the stretches in each column; stretches that overlap count each."""

    def before(times: Float64) -> Float64:
        # Sum of max(0, edge - t) over all t, for each edge: sorted once, no loop over stretches.
        ordered = np.sort(times)
        sums = np.concatenate(([0.0], np.cumsum(ordered)))
        index = np.searchsorted(ordered, edges)
        return index * edges - sums[index]

    if len(start) == 0:
        return np.zeros(len(edges) - 1)
    start, end, edges = start - edges[0], end - edges[0], edges - edges[0]
    result = np.diff(before(start) - before(end))
    # What is left over from subtracting large sums is no work: a lane must not show hands for it.
    noise = max(1e-9, 1e-15 * float(np.abs(start).sum() + np.abs(end).sum()))
    return np.where(result > noise, result, 0.0)


def _spent(lanes: Sequence[Lane], edges: Float64) -> dict[int, Float64]:
    """Seconds in each state: state -> lanes x columns. Wanting a tool is standing in line."""
    columns = len(edges) - 1
    spent = {int(state): np.zeros((len(lanes), columns)) for state in State}
    for row, lane in enumerate(lanes):
        parts = [task.segments for task in lane.tasks]
        start = np.concatenate([part.start for part in parts])
        end = np.concatenate([part.end for part in parts])
        state = np.concatenate([part.state for part in parts])
        for value in np.flatnonzero(np.bincount(state)):
            mask = state == value
            target = State.IN_LINE if value == State.WANTS_TOOL else int(value)
            spent[int(target)][row] += covered(start[mask], end[mask], edges)
    return spent


def _mean(steps: Steps, edges: Float64) -> Float64:
    """Mean of a step function in each column."""
    if len(steps.time) < 2:
        return np.zeros(len(edges) - 1)
    area = np.concatenate(([0.0], np.cumsum(np.diff(steps.time) * steps.value[:-1])))
    result: Float64 = np.diff(np.interp(edges, steps.time, area)) / np.diff(edges)
    return result


def _most(steps: Steps, edges: Float64) -> Int32:
    """Greatest value in each column."""
    columns = len(edges) - 1
    most = np.zeros(columns, dtype=np.int32)
    if len(steps.time) < 2:
        return most
    value = steps.value
    first = np.maximum(np.searchsorted(steps.time, edges[:-1], "right") - 1, 0)
    last = np.searchsorted(steps.time, edges[1:], "left")
    for column in range(columns):
        inside = value[first[column] : max(last[column], first[column] + 1)]
        most[column] = inside.max(initial=0)
    most[edges[1:] <= steps.time[0]] = 0
    return most


def without_hand_overs(steps: Steps) -> Steps:
    """Two or more count as one where they are so for less than HAND_OVER_S."""
    value = steps.value.astype(np.int32).copy()
    high = np.concatenate(([False], value >= 2, [False]))
    change = np.flatnonzero(high[1:] != high[:-1])
    for begin, stop in zip(change[::2], change[1::2], strict=True):
        end_time = steps.time[min(stop, len(steps.time) - 1)]
        if end_time - steps.time[begin] < HAND_OVER_S:
            value[begin:stop] = 1
    return Steps(steps.time, value)


def _diffuse(mean: Float64, most: Int32) -> Int32:
    """Rule 1: whole numbers whose running sum follows that of the means, none above ``most``."""
    shown = np.zeros(len(mean), dtype=np.int32)
    carry = 0.0
    for column, value in enumerate(mean):
        near = round(value)
        if abs(value - near) <= NEAR and near >= 1:
            shown[column] = min(near, most[column])
            continue
        want = value + carry
        shown[column] = max(min(int(np.floor(want + 0.5)), int(most[column])), 0)
        carry = min(max(want - shown[column], -1.0), 1.0)
    return shown


def _level(steps: Steps, edges: Float64) -> Int32:
    """For "on the go": the rounded mean, and at least 1 where there was anything."""
    mean = _mean(steps, edges)
    rounded = np.floor(mean + 0.5).astype(np.int32)
    return np.where((rounded == 0) & (mean > 0), 1, rounded).astype(np.int32)


def _give(work: Float64, shown: Int32, edges: Float64) -> Int32:
    """Rule 2: hands of each lane in each column. A lane of many tasks may get several."""
    dt = float(edges[1] - edges[0])
    hands = np.zeros(work.shape, dtype=np.int32)
    owed = np.zeros(len(work))
    for column in range(work.shape[1]):
        done = work[:, column] / dt
        owed = np.clip(owed + done, -1.5, 1.5 + done)
        room = np.ceil(done - 1e-9).astype(np.int32)
        for _ in range(int(shown[column])):
            ready = np.flatnonzero(hands[:, column] < room)
            if len(ready) == 0:
                break
            lane = ready[np.argmax(owed[ready])]
            hands[lane, column] += 1
            owed[lane] -= 1.0
    return hands


def _at_least_once(work: Float64, hands: Int32, shown: Int32, most: Int32) -> None:
    """Give lanes that worked, and show no hands yet, one cell where there is room for it."""
    for lane in np.flatnonzero((work.sum(axis=1) > 0) & (hands.sum(axis=1) == 0)):
        for column in np.argsort(-work[lane], kind="stable"):
            if work[lane, column] <= 0:
                break
            if hands[:, column].sum() < most[column]:
                hands[lane, column] = 1
                shown[column] = max(shown[column], hands[:, column].sum())
                break
            rivals = np.flatnonzero((hands[:, column] > 0) & (hands.sum(axis=1) > 1))
            if len(rivals):
                hands[rivals[0], column] -= 1
                hands[lane, column] = 1
                break


def _states(spent: dict[int, Float64], edges: Float64) -> Int32:
    """Rule 3."""
    order = (
        (BLANK, None),
        (LINE, State.IN_LINE),
        (WAIT, State.WAITING),
        (DELEGATED, State.DELEGATED),
        (UNKNOWN, State.UNKNOWN),
    )
    known = [spent[int(state)] for _, state in order if state is not None]
    unknown = known[-1]
    total = sum(known) + spent[int(State.WORKING)]
    best = np.argmax(np.stack(known), axis=0) + 1
    result = np.where(sum(known) > 0, best, BLANK)
    # A sliver at the edge of a task's life does not make the whole cell.
    dt = float(edges[1] - edges[0])
    result = np.where((sum(known) < 0.25 * dt) & (total < 0.5 * dt), BLANK, result)
    return np.where((unknown >= 0.5 * total) & (unknown > 0), UNKNOWN, result).astype(np.int32)


def _core_rows(
    cores: Sequence[Core], lanes: Sequence[Lane], hands: Int32, used: Int32, edges: Float64
) -> list[CoreRow]:
    """Rule 4, for the busiest MAX_CORES cores, in order of their numbers."""
    lane_of = {task.id: row for row, lane in enumerate(lanes) for task in lane.tasks}
    lane_of[LOST] = len(lanes) + 1
    busiest = sorted(cores, key=_busy, reverse=True)[:MAX_CORES]
    drawn = sorted(busiest, key=lambda core: core.cpu)
    columns = len(edges) - 1
    share = np.zeros((len(drawn), len(lanes) + 2, columns))  # + the program, + not known
    for row, core in enumerate(drawn):
        # Tasks that have no lane count as the program.
        ids, index = np.unique(core.task, return_inverse=True)
        rows = [lane_of.get(int(task), len(lanes)) for task in ids]
        number = np.array(rows, dtype=np.int64)[index]
        for value in np.flatnonzero(np.bincount(number)):
            mask = number == value
            share[row, value] = covered(core.start[mask], core.end[mask], edges)
    cells = np.full((len(drawn), columns), IDLE, dtype=np.int32)
    owed = np.zeros(len(drawn))
    dt = float(edges[1] - edges[0])
    for column in range(columns):
        now = share[:, :, column] / dt
        owed = np.clip(owed + now[:, :-1].sum(axis=1), -1.5, 2.5)
        _fill(cells[:, column], now, hands[:, column], int(used[column]), owed)
    return [CoreRow(core.cpu, _busy(core), cells[row]) for row, core in enumerate(drawn)]


def _fill(cell: Int32, now: Float64, hands: Int32, used: int, owed: Float64) -> None:
    """One column of all cores: first each pair of hands its core, then further cores of the same
    tasks (one task, many hands) or of the program itself."""
    program, lost = now.shape[1] - 2, now.shape[1] - 1
    for lane in np.flatnonzero(hands):
        for _ in range(int(hands[lane])):
            free = np.flatnonzero((cell == IDLE) & (now[:, lane] > 0))
            if len(free):
                core = free[np.argmax(now[free, lane] + 0.001 * owed[free])]
                cell[core] = lane
                owed[core] -= 1.0
                used -= 1
    working = np.flatnonzero(hands)
    while used > 0:
        free = np.flatnonzero((cell == IDLE) & (now[:, :-1].sum(axis=1) > 0))
        free = np.array(
            [c for c in free if now[c, program] > 0 or now[c, working].any()], dtype=int
        )
        if len(free) == 0:
            break
        core = free[np.argmax(owed[free])]
        mine = working[np.argmax(now[core, working])] if len(working) else program
        cell[core] = mine if len(working) and now[core, mine] > now[core, program] else PROGRAM
        owed[core] -= 1.0
        used -= 1
    cell[(now[:, lost] >= 0.5 * now.sum(axis=1)) & (now[:, lost] > 0)] = LOST


def _busy(core: Core) -> float:
    return float((core.end - core.start)[core.task != LOST].sum())
