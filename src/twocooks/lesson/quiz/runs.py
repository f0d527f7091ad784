"""Made runs with random details: for each verdict the situations that programs get it by.

Each function writes one situation onto a tape; how many tasks, their names, lengths and turns are
the dice's. Pieces of work are long enough to be seen in a picture of some fifty columns.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from twocooks.lesson.quiz.tape import CHILD, FUTEX, MAIN, ON_GIL, ON_LOCK, READ, SLEEP, Tape
from twocooks.model import Verdict, Wait

NAMES = (
    ("curry", "rice", "chapati", "onions", "soup", "salad", "bread", "sauce"),
    ("fetch", "parse", "resize", "report", "index", "backup", "search", "mail"),
)
LIB = "/usr/lib/python3.12/"
JOIN = (f"{LIB}threading.py:1119:join", "app.py:9:main")
LOCK = ("app.py:4:work",)
SHARED_LOCK = (f"{LIB}multiprocessing/synchronize.py:95:__enter__", "app.py:4:work")
PIPE = (f"{LIB}multiprocessing/connection.py:379:_recv", "app.py:4:work")
POOL = f"{LIB}concurrent/futures/thread.py"
START = 0.01
"""When the program begins to do something."""
AT_WORK = 0.15
"""Share of the time in which tasks that mostly wait have work at all."""


class Made(NamedTuple):
    """One made run."""

    aim: Verdict
    situation: str
    tape: Tape


def names(dice: Random, count: int) -> list[str]:
    """So many dishes, or parts of a program."""
    return dice.sample(dice.choice(NAMES), count)


def threads(dice: Random, count: int, cores: int, end: float) -> Tape:
    """A program whose first thread makes ``count`` threads (11, 12, ...) and waits for them."""
    tape = Tape(cores)
    tape.on(0, MAIN, 0.0, START)
    for number, name in enumerate(names(dice, count)):
        tape.fork(START - 0.0005, MAIN + 1 + number)
        tape.thread(START - 0.0004, MAIN + 1 + number, name)
    tape.look(START + 0.003, MAIN, FUTEX, kind=ON_LOCK, where=JOIN)
    tape.on(0, MAIN, end + 0.001, end + 0.002, exits=True)
    return tape


def processes(dice: Random, count: int, cores: int) -> Tape:
    """A program that forks ``count`` processes (20, 21, ...)."""
    tape = Tape(cores)
    tape.on(0, MAIN, 0.0, START)
    for number, name in enumerate(names(dice, count)):
        _process(tape, START, 20 + number, name)
    tape.look(START + 0.003, MAIN, CHILD)
    return tape


def _process(tape: Tape, time: float, pid: int, name: str) -> None:
    tape.fork(time - 0.0005, pid, pid=pid)
    tape.process(time, pid, name)


def loop(dice: Random, count: int, end: float) -> Tape:
    """A program with one event loop, whose tasks 1, 2, ... are made at its beginning."""
    tape = Tape(dice.choice((2, 4)))
    tape.on(0, MAIN, 0.0, START + 0.0005)
    tape.loop(START, end + 0.002)
    for number, name in enumerate(names(dice, count)):
        tape.task(START + 0.0001, number + 1, name)
    tape.on(0, MAIN, end + 0.001, end + 0.003, exits=True)
    return tape


def lengths(dice: Random, count: int, least: float, most: float) -> list[float]:
    """So many lengths, in whole milliseconds."""
    return [round(dice.uniform(least, most), 3) for _ in range(count)]


def order(dice: Random, count: int, rounds: int) -> list[int]:
    """Who has the turn: everybody once a round, in the same order, which is random."""
    first = dice.sample(range(count), count)
    return first * rounds


# One after another ------------------------------------------------------------------------------


def processes_in_a_row(dice: Random) -> Tape:
    count = dice.randint(2, 4)
    tape = Tape(dice.choice((2, 4)))
    tape.on(0, MAIN, 0.0, START)
    tape.look(START + 0.003, MAIN, CHILD)
    time = START
    for number, (name, long) in enumerate(
        zip(names(dice, count), lengths(dice, count, 0.08, 0.25), strict=True)
    ):
        _process(tape, time, 20 + number, name)
        tape.on(dice.randrange(2), 20 + number, time, time + long, pid=20 + number, exits=True)
        time += long + 0.002
    return tape


def awaits_in_a_row(dice: Random) -> Tape:
    count = dice.randint(3, 5)
    wholes = [lengths(dice, 3, 0.02, 0.06) for _ in range(count)]
    end = START + 0.001 + sum(sum(whole) + 0.004 for whole in wholes)
    tape = loop(dice, 0, end)
    time = START + 0.001
    for number, (name, (work, wait, more)) in enumerate(
        zip(names(dice, count), wholes, strict=True), 1
    ):
        tape.task(time, number, name)
        tape.step(time + 0.0001, time + work, number, Wait.SLEEP)
        tape.ready(time + work + wait, number)
        time += work + wait + 0.0001
        tape.step(time, time + more, number, "done")
        time += more + 0.0005
    return tape


def pool_of_one(dice: Random) -> Tape:
    count = dice.randint(3, 5)
    tape = Tape(dice.choice((2, 4)))
    tape.on(0, MAIN, 0.0, START + 0.005)
    tape.fork(START, MAIN + 1)
    tape.thread(START + 0.0001, MAIN + 1, "worker", "_worker", POOL)
    tape.look(START + 0.01, MAIN, FUTEX, kind=ON_LOCK, where=JOIN)
    time = START + 0.005
    parts = zip(names(dice, count), lengths(dice, count, 0.06, 0.2), strict=True)
    for number, (name, long) in enumerate(parts, 1):
        tape.given(START + 0.001 + number * 0.0001, number, name)
        tape.on(1, MAIN + 1, time, time + long, exits=number == count)
        tape.item(time + 0.0001, time + long - 0.0001, number, MAIN + 1)
        time += long
    return tape


def lock_around_it_all(dice: Random) -> Tape:
    count = dice.randint(2, 4)
    wholes = lengths(dice, count, 0.08, 0.2)
    tape = threads(dice, count, dice.choice((2, 4)), START + 0.001 + sum(wholes))
    time = START + 0.001
    for number, whole in enumerate(wholes):
        tid = MAIN + 1 + number
        if number:
            asked = START + 0.0004 + number * 0.0001
            tape.on(1, tid, asked, asked + 0.00005)
            tape.look(START + 0.004, tid, FUTEX, kind=ON_LOCK, arg=77, where=LOCK)
        tape.on(0, tid, time, time + whole - 0.0001, exits=True)
        time += whole
    return tape


# They take turns --------------------------------------------------------------------------------


def one_loop(dice: Random) -> Tape:
    count, rounds = dice.randint(2, 4), dice.randint(3, 5)
    who = order(dice, count, rounds)
    pieces = lengths(dice, len(who), 0.02, 0.04)
    tape = loop(dice, count, START + 0.001 + sum(pieces))
    time = START + 0.001
    for turn, (task, piece) in enumerate(zip(who, pieces, strict=True)):
        last = turn >= len(who) - count
        tape.step(time, time + piece - 0.0001, task + 1, "done" if last else "yield")
        time += piece
    return tape


def one_apron(dice: Random) -> Tape:
    """Threads with a GIL: it changes hands every five milliseconds."""
    count, piece = dice.randint(2, 3), 0.005
    who = order(dice, count, dice.randint(8, 12))
    tape = threads(dice, count, dice.choice((2, 4)), START + piece * len(who))
    for turn, number in enumerate(who):
        tid, time, last = MAIN + 1 + number, START + turn * piece, turn >= len(who) - count
        tape.on(number % 2, tid, time, time + piece, exits=last)
        if not last:
            tape.look(time + piece + 0.002, tid, FUTEX, kind=ON_GIL)
        if turn < count and turn:  # asks for it at once
            asked = START - 0.0003 + turn * 0.0001
            tape.on(1, tid, asked, asked + 0.00005)
            tape.look(START + 0.002, tid, FUTEX, kind=ON_GIL)
    return tape


def one_place(dice: Random) -> Tape:
    """Processes on the one core that the program may use."""
    count = dice.randint(2, 4)
    who = order(dice, count, dice.randint(4, 6))
    tape = processes(dice, count, 1)
    time = START
    for turn, (number, piece) in enumerate(
        zip(who, lengths(dice, len(who), 0.02, 0.03), strict=True)
    ):
        pid, last = 20 + number, turn >= len(who) - count
        tape.on(0, pid, time, time + piece, pid=pid, pushed=not last, exits=last)
        time += piece
    return tape


def one_knife(dice: Random) -> Tape:
    """Processes that do each of their pieces under one lock."""
    count = dice.randint(2, 3)
    who = order(dice, count, dice.randint(5, 8))
    tape = processes(dice, count, dice.choice((2, 4)))
    time = START
    for turn, (number, piece) in enumerate(
        zip(who, lengths(dice, len(who), 0.02, 0.035), strict=True)
    ):
        pid, last = 20 + number, turn >= len(who) - count
        tape.on(number % 2, pid, time, time + piece, pid=pid, exits=last)
        if not last:
            tape.look(time + piece + 0.003, pid, FUTEX, pid=pid, kind=ON_LOCK, arg=5,
                      where=SHARED_LOCK)
        time += piece
    return tape


# They wait together -----------------------------------------------------------------------------


def timers(dice: Random) -> Tape:
    """Tasks of a loop that sleep; each has a little to do when its timers ring, never two at
    once, and next to nothing before."""
    count = dice.randint(3, 5)
    whole = dice.uniform(0.9, 1.4)
    piece = AT_WORK * whole / (2 * count)
    slots = [0.05 + whole * slot / (2 * count) for slot in range(2 * count)]
    dice.shuffle(slots)
    tape = loop(dice, count, max(slots) + piece + 0.01)
    for task in range(1, count + 1):
        begun = START + 0.001 + task * 0.0004
        tape.step(begun, begun + 0.0003, task, Wait.SLEEP)
        first, end = sorted(slots[2 * task - 2 : 2 * task])
        for at, then in ((first, Wait.SLEEP), (end, "done")):
            tape.ready(at, task)
            tape.step(at + 0.00002, at + piece * dice.uniform(0.7, 1.0), task, then)
    return tape


def threads_asleep(dice: Random) -> Tape:
    """Threads that wait for the network or the clock."""
    count = dice.randint(3, 5)
    whole = dice.uniform(0.8, 1.2)
    tape = Tape(dice.choice((2, 4)))
    tape.on(0, MAIN, 0.0, START)
    ends = [whole * (0.6 + 0.4 * slot / count) for slot in range(count)]
    dice.shuffle(ends)
    for number, (name, end) in enumerate(zip(names(dice, count), ends, strict=True)):
        tid, made = MAIN + 1 + number, START + 0.01 + number * 0.012
        tape.on(0, MAIN, made, made + 0.0005)
        tape.fork(made + 0.0004, tid)
        begun = made + 0.00045
        tape.thread(begun, tid, name)
        tape.on(1, tid, begun, begun + dice.uniform(0.005, 0.01))
        tape.look(begun + 0.02, tid, dice.choice((SLEEP, READ)))
        tape.on(1, tid, START + end, START + end + dice.uniform(0.008, 0.014), exits=True)
    tape.look(START + 0.2, MAIN, FUTEX, kind=ON_LOCK, where=JOIN)
    tape.on(0, MAIN, START + whole + 0.05, START + whole + 0.051, exits=True)
    return tape


# They hand the work to and fro ------------------------------------------------------------------


def wash_and_dry(dice: Random) -> Tape:
    """Two processes; each waits for what the other sends."""
    tape = processes(dice, 2, dice.choice((2, 4)))
    tape.on(1, 21, START, START + 0.0001, pid=21)
    tape.look(START + 0.003, 21, READ, pid=21, arg=5, where=PIPE)
    time = START + 0.0002
    rounds = dice.randint(10, 16)
    for turn, piece in enumerate(lengths(dice, rounds, 0.02, 0.04)):
        pid, last = 20 + turn % 2, turn >= rounds - 2
        tape.on(turn % 2, pid, time, time + piece, pid=pid, exits=last)
        if not last:
            tape.look(time + piece + 0.003, pid, READ, pid=pid, arg=5, where=PIPE)
        time += piece
    return tape


def queues(dice: Random) -> Tape:
    """Tasks of one loop; each is woken by the one before it, and then wakes the next."""
    count = dice.randint(2, 3)
    who = order(dice, count, dice.randint(4, 6))
    pieces = lengths(dice, len(who), 0.02, 0.04)
    tape = loop(dice, count, START + 0.002 + sum(pieces))
    time = START + 0.002
    for place, task in enumerate(who[1:count], 1):
        begun = START + 0.0006 + place * 0.0002
        tape.step(begun, begun + 0.0001, task + 1, Wait.RESULT)
    for turn, (task, piece) in enumerate(zip(who, pieces, strict=True)):
        end = time + piece - 0.0002
        if turn + 1 < len(who):
            tape.ready(end - 0.0001, who[turn + 1] + 1)
        last = turn >= len(who) - count
        tape.step(time, end, task + 1, "done" if last else Wait.RESULT)
        time += piece
    return tape


# Now and then at the same moment ----------------------------------------------------------------


def knife_now_and_then(dice: Random) -> Tape:
    """Two processes: a part of each round side by side, the rest under one lock."""
    tape = processes(dice, 2, dice.choice((2, 4)))
    time = START
    rounds = dice.randint(5, 7)
    for turn in range(rounds):
        both, locked = dice.uniform(0.022, 0.03), dice.uniform(0.034, 0.045)
        first, last = turn % 2, turn == rounds - 1
        for number in (first, 1 - first):
            pid, middle = 20 + number, time + both + locked
            if number == first:
                tape.on(number, pid, time, middle, pid=pid, exits=last)
                asked = middle
            else:
                tape.on(number, pid, time, time + both, pid=pid)
                tape.on(number, pid, middle, middle + locked, pid=pid, exits=last)
                asked = time + both
            if not (last and number == first):
                tape.look(asked + 0.003, pid, FUTEX, pid=pid, kind=ON_LOCK, arg=5, where=LOCK)
        time += both + 2 * locked
    return tape


# Really at the same moment ----------------------------------------------------------------------


def a_place_each(dice: Random) -> Tape:
    """As many processes as cores, or fewer; each with a break or two for the disk."""
    count = dice.randint(2, 3)
    tape = processes(dice, count, 2 if count == 2 else 4)
    for number in range(count):
        pid, time = 20 + number, START + number * 0.0002
        pieces = lengths(dice, dice.randint(2, 3), 0.1, 0.2)
        for turn, piece in enumerate(pieces):
            last = turn == len(pieces) - 1
            tape.on(number, pid, time, time + piece, pid=pid, exits=last)
            if not last:
                tape.look(time + piece + 0.005, pid, READ, pid=pid)
            time += piece + dice.uniform(0.02, 0.04)
    return tape


def hashes(dice: Random) -> Tape:
    """A pool of two threads with pieces in C code that needs no GIL."""
    tape = Tape(2)
    tape.on(0, MAIN, 0.0, START + 0.005)
    count, time = 2 * dice.randint(1, 3), [START + 0.005] * 2
    for number in range(2):
        tape.fork(START, MAIN + 1 + number)
        tape.thread(START + 0.0001, MAIN + 1 + number, f"worker {number}", "_worker", POOL)
    tape.look(START + 0.01, MAIN, FUTEX, kind=ON_LOCK, where=JOIN)
    for number, name in enumerate(names(dice, count)):
        worker, long = number % 2, dice.uniform(0.1, 0.14)
        begun, tid = time[worker], MAIN + 1 + worker
        tape.given(START + 0.001 + number * 0.0001, number + 1, name)
        tape.on(worker, tid, begun, begun + long, exits=number >= count - 2)
        tape.item(begun, begun + long - 0.0001, number + 1, tid)
        time[worker] += long
    return tape


# Both -------------------------------------------------------------------------------------------


def more_than_places(dice: Random) -> Tape:
    """More processes than cores: some work, the others stand behind them, and they swap."""
    count = dice.choice((3, 4))
    tape = processes(dice, count, 2)
    line = dice.sample(range(count), count)
    rounds = count * dice.randint(4, 5)
    free = [START, START + dice.uniform(0.008, 0.012)]
    left = [rounds * 2 // count] * count
    while any(left):
        core = free.index(min(free))
        ready = [number for number in line if left[number]]
        number = ready[0]
        line.remove(number)
        piece = dice.uniform(0.024, 0.03)
        pid, left[number] = 20 + number, left[number] - 1
        last = not left[number]
        tape.on(core, pid, free[core], free[core] + piece, pid=pid, pushed=not last, exits=last)
        free[core] += piece
        line.append(number)
    return tape


def two_loops(dice: Random) -> Tape:
    """Two processes, each with a loop whose tasks take turns."""
    tape = Tape(dice.choice((2, 4)))
    tape.on(0, MAIN, 0.0, START)
    tape.look(START + 0.003, MAIN, CHILD)
    count, rounds = 2, dice.randint(5, 8)
    four = names(dice, 2 * count)
    for process in range(2):
        pid = 20 + process
        _process(tape, START, pid, f"worker {process}")
        who = order(dice, count, rounds)
        pieces = lengths(dice, len(who), 0.026, 0.034)
        end = START + 0.003 + sum(pieces)
        tape.on(process, pid, START, end + 0.002, pid=pid, exits=True)
        tape.loop(START + 0.001, end, pid)
        for task in range(count):
            tape.task(START + 0.002, task + 1, four[count * process + task], pid)
        time = START + 0.003
        for turn, (task, piece) in enumerate(zip(who, pieces, strict=True)):
            then = "done" if turn >= len(who) - count else "yield"
            tape.step(time, time + piece - 0.0001, task + 1, then, pid=pid, core=None)
            time += piece
    return tape


# One task ---------------------------------------------------------------------------------------


def helpers_inside(dice: Random) -> Tape:
    """One call that native threads work for beside the one that made it."""
    helpers = dice.randint(1, 3)
    long = dice.uniform(0.3, 0.6)
    alone = dice.uniform(0.02, 0.1) * long
    tape = Tape(helpers + 1)
    tape.on(0, MAIN, 0.0, long + dice.uniform(0.01, 0.05), exits=True)
    for number in range(helpers):
        tid = MAIN + 1 + number
        tape.fork(START + alone + number * 0.0005, tid)
        ends = long - dice.uniform(0.0, 0.02)
        tape.on(1 + number, tid, START + alone + 0.002, ends, exits=True)
    return tape


def sorting(dice: Random) -> Tape:
    """Another program, with threads of its own."""
    tape = Tape(2)
    tape.on(0, MAIN, 0.0, 0.003)
    tape.look(0.01, MAIN, CHILD)
    long = dice.uniform(0.2, 0.4)
    begun = dice.uniform(0.02, 0.05)
    tape.fork(0.002, 30, pid=30)
    tape.on(1, 30, 0.003, long, pid=30)
    tape.runs(0.0035, "sort", pid=30, core=1)
    tape.fork(begun, 31, pid=30, by=30)
    tape.on(0, 31, begun + 0.001, long - dice.uniform(0.002, 0.03), pid=30, exits=True)
    tape.on(1, 30, long + 0.001, long + dice.uniform(0.005, 0.05), pid=30, exits=True)
    tape.on(0, MAIN, long + 0.06, long + 0.062, exits=True)
    return tape


def alone(dice: Random) -> Tape:
    """One thread that works, and waits for files in between."""
    tape = Tape(dice.choice((2, 4)))
    time = 0.0
    pieces = lengths(dice, dice.randint(1, 4), 0.06, 0.15)
    for turn, piece in enumerate(pieces):
        last = turn == len(pieces) - 1
        tape.on(turn % 2, MAIN, time, time + piece, exits=last)
        if not last:
            tape.look(time + piece + 0.005, MAIN, READ)
        time += piece + dice.uniform(0.03, 0.08)
    return tape


Situation = Callable[[Random], Tape]
SITUATIONS: dict[Verdict, tuple[Situation, ...]] = {
    Verdict.ONE_AFTER_ANOTHER: (
        processes_in_a_row, awaits_in_a_row, pool_of_one, lock_around_it_all,
    ),
    Verdict.TURNS: (one_loop, one_apron, one_place, one_knife),
    Verdict.WAITING_TOGETHER: (timers, threads_asleep),
    Verdict.RELAY: (wash_and_dry, queues),
    Verdict.SOMETIMES: (knife_now_and_then,),
    Verdict.PARALLEL: (a_place_each, hashes),
    Verdict.BOTH: (more_than_places, two_loops),
    Verdict.MANY_HANDS: (helpers_inside, sorting),
    Verdict.SINGLE: (alone,),
}
"""Every verdict that the quiz asks for, with the situations that show it."""
ROUND = 10
"""Pictures of one quiz: one for each verdict, and one more."""


def make(aim: Verdict, situation: Situation, seed: int | str) -> Made:
    """One run of this kind; the same seed gives the same run."""
    return Made(aim, situation.__name__, situation(Random(f"{seed} {situation.__name__}")))


def draw(seed: int | str, count: int = ROUND) -> list[Made]:
    """So many runs in random order; the first nine kinds are all different, no situation comes
    twice in one round of ten."""
    dice = Random(str(seed))
    drawn: list[tuple[Verdict, Situation]] = []
    while len(drawn) < count:
        used = {situation for _, situation in drawn}
        each = [(aim, dice.choice(ways)) for aim, ways in SITUATIONS.items()]
        more = [(aim, way) for aim, ways in SITUATIONS.items() for way in ways
                if (aim, way) not in each and way not in used]
        chosen = [*each, *dice.sample(more, 1)] if more else each
        dice.shuffle(chosen)
        drawn += chosen
    return [make(aim, way, f"{seed} {number}")
            for number, (aim, way) in enumerate(drawn[:count])]
