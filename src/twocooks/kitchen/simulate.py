"""What a mode must give: the dinner cooked on paper, minute for minute.

The cooks on paper follow the same rules as the real ones:

1. Whole dishes (one after another; with a friend): a free cook takes the first dish of the list
   that may begin, does all its steps, stands through its waits and for its tools.
2. Switching: a dish that wants hands stands in line; whenever a cook is free, the one that
   ``order`` puts first gets him for one piece. A dish set down goes to the end of the line
   *before* dishes whose wait ends at the same instant: that is what a loop does, too. After the
   last piece of a step the dish goes straight on.
3. Tools are taken in alphabetical order, one by one, first come first served, before the hands are
   asked for. Places at the counter are shared evenly where there are fewer than working cooks.

Time is exact (fractions of a minute), because ties decide. Everything that happens at one instant
is settled before anybody is given new work.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import cycle, pairwise
from typing import Literal

from twocooks.kitchen.recipe import Dinner, Dish, Mode, Step
from twocooks.kitchen.tails import tails

Doing = Literal["work", "line", "tool", "wait", "after"]
WORK: Doing = "work"
LINE: Doing = "line"
TOOL: Doing = "tool"
WAIT: Doing = "wait"
AFTER: Doing = "after"


@dataclass(frozen=True)
class Stretch:
    """What one dish did for a while. ``cook`` numbers the mode's staff; -1 = nobody."""

    dish: int
    doing: Doing
    start: Fraction
    end: Fraction
    cook: int = -1


@dataclass(frozen=True)
class Burnt:
    dish: int
    do: str
    late: Fraction
    """Minutes."""


@dataclass
class Course:
    """One mode, cooked on paper. Times in minutes."""

    dinner: Dinner
    mode: Mode
    cores: int
    minutes: Fraction = Fraction(0)
    stretches: list[Stretch] = field(default_factory=list)
    burnt: list[Burnt] = field(default_factory=list)
    turns: int = 0
    """A cook goes to another dish and leaves one that is not finished."""
    idle_needlessly: Fraction = Fraction(0)
    """Minutes in which a cook was free though a dish in line could have had him. Always 0."""


class StuckError(Exception):
    """The dinner never ends in this mode. The message names who waits for what."""


class _Live:
    """One dish while it is being cooked."""

    def __init__(self, number: int, dish: Dish) -> None:
        self.number = number
        self.dish = dish
        self.step = 0
        self.piece = 0
        self.left = Fraction(0)
        self.cook = -1
        self.doing: Doing | None = None
        self.since = Fraction(0)
        self.wanted: list[str] = []
        self.deadline: Fraction | None = None
        self.told_step = -1
        self.given: bool = False
        self.done = False

    @property
    def now_at(self) -> Step:
        return self.dish.steps[self.step]


class Simulation:
    """One run. ``cores`` is how many cooks can work at one moment."""

    def __init__(self, dinner: Dinner, mode: Mode, cores: int) -> None:
        self.dinner = dinner
        self.whole = not mode.endswith("switching")
        self.course = Course(dinner, mode, cores)
        self.now = Fraction(0)
        self.lives = [_Live(number, dish) for number, dish in enumerate(dinner.dishes)]
        self.bag = list(self.lives)
        self.line: list[_Live] = []
        self.tools = dict(dinner.tools)
        self.queues: dict[str, list[_Live]] = {tool: [] for tool in dinner.tools}
        self.staff = dinner.staff(mode)
        self.free = list(range(len(self.staff)))
        self.last: list[_Live | None] = [None] * len(self.staff)
        self.timers: list[tuple[Fraction, int, _Live]] = []
        self.count = 0
        self.tails = tails(dinner)

    def run(self) -> Course:
        for live in self.lives:
            if live.dish.arrives > 0:
                self.timer(live.dish.arrives, live)
        while True:
            self.give_out()
            if all(live.done for live in self.lives):
                break
            if not self.advance():
                raise StuckError(self.why_stuck())
        self.course.minutes = max((s.end for s in self.course.stretches), default=Fraction(0))
        return self.course

    # -- time --

    def timer(self, at: Fraction, live: _Live) -> None:
        self.count += 1
        heapq.heappush(self.timers, (at, self.count, live))

    def advance(self) -> bool:
        """To the next instant at which something ends. False if nothing ever will."""
        working = [live for live in self.lives if live.doing == WORK]
        share = min(Fraction(1), Fraction(self.course.cores, len(working))) if working else None
        ends = [self.now + live.left / share for live in working] if share else []
        if self.timers:
            ends.append(self.timers[0][0])
        if not ends:
            return False
        then = min(ends)
        if share and self.free and self.could_be_served():
            self.course.idle_needlessly += then - self.now
        for live in working:
            live.left -= (then - self.now) * (share or 0)
        self.now = then
        for live in sorted((w for w in working if w.left <= 0), key=lambda w: w.cook):
            self.piece_done(live)
        while self.timers and self.timers[0][0] <= self.now:
            self.ring(heapq.heappop(self.timers)[2])
        return True

    def could_be_served(self) -> bool:
        return any(self.choose(cook) is not None for cook in self.free)

    def ring(self, live: _Live) -> None:
        """A wait is over (an arrival needs nothing: whoever gives out work looks at the clock)."""
        if live.doing == WAIT:
            step = live.now_at
            if step.burns is not None:
                live.deadline = live.since + step.burns
            self.note(live, None)
            self.step_done(live)

    # -- a dish goes on --

    def note(self, live: _Live, doing: Doing | None) -> None:
        """From now on it does this; what it did until now is written down."""
        if live.doing is not None and self.now > live.since:
            cook = live.cook if live.doing == WORK else -1
            self.course.stretches.append(
                Stretch(live.number, live.doing, live.since, self.now, cook))
        live.doing, live.since = doing, self.now

    def enter(self, live: _Live) -> None:
        """At the beginning of a step: what it is after, its tools, then hands or the wait."""
        while not live.done:
            step = live.now_at
            if not all(self.past(mark.dish, mark.step) for mark in step.after):
                self.note(live, AFTER)
                return
            if live.told_step != live.step:
                live.told_step, live.wanted = live.step, list(step.takes)
            if not self.take_tools(live):
                self.note(live, TOOL)
                return
            if step.hands:
                self.want_hands(live)
                return
            self.begins(live)
            if step.wait:
                self.note(live, WAIT)
                self.timer(self.now + step.wait, live)
                return
            self.leave_step(live)

    def begins(self, live: _Live) -> None:
        if live.deadline is not None and self.now > live.deadline:
            before = live.dish.steps[live.step - 1]
            self.course.burnt.append(Burnt(live.number, before.do, self.now - live.deadline))
        live.deadline = None

    def take_tools(self, live: _Live) -> bool:
        while live.wanted:
            tool = live.wanted[0]
            if live.given:
                live.given = False
            elif self.tools[tool] > 0:
                self.tools[tool] -= 1
            else:
                if live not in self.queues[tool]:
                    self.queues[tool].append(live)
                return False
            live.wanted.pop(0)
        return True

    def want_hands(self, live: _Live) -> None:
        if self.whole:
            self.work(live, live.cook)
        else:
            self.note(live, LINE)
            self.line.append(live)

    def work(self, live: _Live, cook: int) -> None:
        if live.piece == 0:
            self.begins(live)
        live.cook = cook
        live.left = live.now_at.piece
        self.note(live, WORK)
        before = self.last[cook]
        if before is not None and before is not live and not before.done:
            self.course.turns += 1
        self.last[cook] = live

    def piece_done(self, live: _Live) -> None:
        self.note(live, None)
        live.piece += 1
        if not self.whole:
            self.set_free(live.cook)
        if live.piece < live.now_at.pieces:
            self.want_hands(live)
        else:
            self.step_done(live)

    def set_free(self, cook: int) -> None:
        """Whoever has been free for longest gets work first."""
        self.free.append(cook)

    def step_done(self, live: _Live) -> None:
        self.leave_step(live)
        if not live.done:
            self.enter(live)

    def leave_step(self, live: _Live) -> None:
        """Gives tools back, moves on, and wakes those who waited for either."""
        step = live.now_at
        live.step += 1
        live.piece = 0
        if live.step == len(live.dish.steps):
            live.done = True
            self.note(live, None)
            if self.whole:
                self.set_free(live.cook)
        for tool in step.returns:
            if self.queues[tool]:
                heir = self.queues[tool].pop(0)
                heir.given = True
                self.enter(heir)
            else:
                self.tools[tool] += 1
        for other in self.lives:
            if other.doing == AFTER:
                self.enter(other)

    def past(self, dish: int, step: int) -> bool:
        return self.lives[dish].step > step

    # -- who gets the cooks --

    def may_begin(self, live: _Live) -> bool:
        return live.dish.arrives <= self.now and all(
            self.past(mark.dish, mark.step) for mark in live.dish.after)

    def give_out(self) -> None:
        """All free cooks get work, and dishes are begun, until nothing changes any more."""
        while self.begin_dishes() or self.serve():
            pass

    def begin_dishes(self) -> bool:
        begun = sum(1 for live in self.lives if live not in self.bag and not live.done)
        for live in self.bag:
            if not self.may_begin(live) or begun >= (self.dinner.at_once or begun + 1):
                continue
            if self.whole:
                cook = next((c for c in self.free
                             if live.dish.may_be_cooked_by(self.staff[c])), None)
                if cook is None:
                    continue
                self.free.remove(cook)
                live.cook = cook
            self.bag.remove(live)
            self.enter(live)
            return True
        return False

    def serve(self) -> bool:
        if self.whole:
            return False
        for cook in self.free:
            live = self.choose(cook)
            if live is not None:
                self.free.remove(cook)
                self.line.remove(live)
                self.work(live, cook)
                return True
        return False

    def choose(self, cook: int) -> _Live | None:
        """Whom this cook takes from the line; None if nobody there may be his."""
        able = [live for live in self.line if live.now_at.only in (None, self.staff[cook])]
        if not able:
            return None
        if self.dinner.order == "urgent":
            return min(able, key=lambda d: (d.deadline is None, d.deadline or 0))
        if self.dinner.order == "longest":
            return max(able, key=lambda d: self.tails[d.number][d.step] - d.piece * d.now_at.piece)
        return able[0]

    def why_stuck(self) -> str:
        words = []
        for live in self.lives:
            if live.doing == TOOL:
                words.append(f"{live.dish.name} waits for the {live.wanted[0]}")
            elif live.doing == AFTER:
                marks = [m for m in live.now_at.after if not self.past(m.dish, m.step)]
                dish = self.dinner.dishes[marks[0].dish]
                what = f"{dish.name}.{dish.steps[marks[0].step].do}"
                words.append(f"{live.dish.name} waits for {what}")
        return " and ".join(words[:3]) or "nobody may cook what is left"


def simulate(dinner: Dinner, mode: Mode, cores: int | None = None) -> Course:
    """Cook a dinner on paper. ``cores``: places at the counter (None = one for each cook).

    StuckError if it never ends: dishes wait for each other in this mode.
    """
    return Simulation(dinner, mode, cores or len(dinner.staff(mode))).run()


def stretched(dinner: Dinner, *factors: Fraction) -> Dinner:
    """The same dinner with all waits longer or shorter (``burns`` stays): those of the first dish
    by the first factor, of the next by the next, and round again."""
    def one(step: Step, factor: Fraction) -> Step:
        return replace(step, wait=step.wait * factor)

    return replace(dinner, dishes=tuple(
        replace(dish, steps=tuple(one(step, factor) for step in dish.steps))
        for dish, factor in zip(dinner.dishes, cycle(factors), strict=False)))


def levels(course: Course) -> Iterator[tuple[Fraction, int, int, int, int]]:
    """(length, on the go, at work, wanted, begun and in line), while nothing changes."""
    begun: dict[int, Fraction] = {}
    done: dict[int, Fraction] = {}
    for s in course.stretches:
        if s.doing in (WORK, WAIT):
            begun[s.dish] = min(begun.get(s.dish, s.start), s.start)
        done[s.dish] = max(done.get(s.dish, s.end), s.end)
    edges = sorted({s.start for s in course.stretches} | {s.end for s in course.stretches})
    starts: dict[Fraction, list[Stretch]] = {}
    for s in course.stretches:
        starts.setdefault(s.start, []).append(s)
    active: list[Stretch] = []
    for start, end in pairwise(edges):
        active = [s for s in active if s.end > start] + starts.get(start, [])
        at_hand = sum(s.doing == WORK for s in active)
        work = min(at_hand, course.cores)  # the others stand at the counter and wait for a place
        wanted = at_hand + sum(s.doing in (LINE, TOOL) for s in active)
        on_the_go = sum(start >= begun[d] and start < done[d] for d in begun)
        queued = sum(s.doing in (LINE, TOOL) and start >= begun.get(s.dish, end) for s in active)
        yield end - start, on_the_go, work, wanted, queued
