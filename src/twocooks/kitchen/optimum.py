"""The true optimum of a small dinner: nobody could do it faster.

Breadth first over whole minutes. A state is how many minutes of each dish are done: all else
(tools held, dishes on the go) follows from that. From one minute to the next every wait and every
piece that has begun goes on, and all choices are tried of which dishes get the free cooks and which
waits with tools begin now. Two shortcuts lose nothing: a wait that needs no new tool begins now,
and no cook idles while a dish wants him for work that takes no new tool.

``burns`` is not looked at (a mode may burn a dish and is still a way to cook), so the optimum is
never longer than any mode. Work is set down at whole minutes only where the pieces allow it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from twocooks.kitchen import truth
from twocooks.kitchen.recipe import ORDERS, Dinner, Mark, Mode, Step
from twocooks.kitchen.simulate import StuckError, simulate

MOST_DISHES = 5
MOST_STATES = 150_000
MOST_COOKS = 4


@dataclass(frozen=True)
class _Minute:
    """One minute of a dish."""

    hands: bool
    forced: bool
    """It goes on from the minute before and cannot be put off."""
    takes: frozenset[str]
    """Tools that must be free when it begins."""
    holds: frozenset[str]
    """Tools held during it."""
    after: tuple[Mark, ...]
    only: str | None


class _Problem:
    def __init__(self, dinner: Dinner, cooks: tuple[str, ...]) -> None:
        self.dinner = dinner
        self.cooks = cooks
        self.rows: list[list[_Minute]] = []
        self.ends: list[list[int]] = []
        """Of each dish's steps: minutes of the dish when the step is past."""
        for dish in dinner.dishes:
            row, ends = _minutes_of(dish.steps)
            if row and dish.after:
                first = row[0]
                row[0] = _Minute(first.hands, first.forced, first.takes, first.holds,
                                 first.after + dish.after, first.only)
            self.rows.append(row)
            self.ends.append(ends)
        self.goal = tuple(len(row) for row in self.rows)

    def ready(self, state: tuple[int, ...], dish: int, now: int) -> bool:
        minute = self.rows[dish][state[dish]]
        if state[dish] == 0 and self.dinner.dishes[dish].arrives > now:
            return False
        return all(state[mark.dish] >= self.ends[mark.dish][mark.step] for mark in minute.after)

    def held(self, state: tuple[int, ...]) -> dict[str, int]:
        """Tools that dishes hold on to at this instant: they go on with them."""
        found = dict.fromkeys(self.dinner.tools, 0)
        for row, done in zip(self.rows, state, strict=True):
            if 0 < done < len(row):
                for tool in row[done].holds - row[done].takes:
                    found[tool] += 1
        return found

    def next_states(self, state: tuple[int, ...], now: int) -> Iterator[tuple[int, ...]]:
        must: list[int] = []
        hands: list[int] = []
        waits: list[int] = []
        for dish, done in enumerate(state):
            if done == len(self.rows[dish]) or not self.ready(state, dish, now):
                continue
            minute = self.rows[dish][done]
            if minute.forced or (not minute.hands and not minute.takes and done > 0):
                must.append(dish)
            else:
                (hands if minute.hands else waits).append(dish)
        busy = sum(self.rows[d][state[d]].hands for d in must)
        held = self.held(state)
        room = len(self.cooks) - busy
        for number in range(len(waits) + 1):
            for begun in combinations(waits, number):
                for worked in self.choices(state, hands, room):
                    chosen = [*must, *begun, *worked]
                    if self.allowed(state, chosen, held):
                        new = list(state)
                        for dish in chosen:
                            new[dish] += 1
                        yield tuple(new)

    def choices(
        self, state: tuple[int, ...], hands: list[int], room: int
    ) -> Iterator[tuple[int, ...]]:
        """Which dishes get the free cooks. Fewer than could only where leaving one out may pay: it
        would take a tool or a place, or begin a piece, or only one cook may do it."""
        free = [d for d in hands if self.harmless(state, d)]
        for number in range(min(room, len(hands)) + 1):
            for worked in combinations(hands, number):
                if number < room and any(d not in worked for d in free):
                    continue
                yield worked

    def harmless(self, state: tuple[int, ...], dish: int) -> bool:
        row, done = self.rows[dish], state[dish]
        minute = row[done]
        follows = done + 1 < len(row) and row[done + 1].forced
        return not (minute.takes or minute.only or follows or self.dinner.at_once or done == 0)

    def allowed(self, state: tuple[int, ...], chosen: list[int], held: dict[str, int]) -> bool:
        need = dict(held)
        for dish in chosen:
            for tool in self.rows[dish][state[dish]].takes:
                need[tool] += 1
        if any(count > self.dinner.tools[tool] for tool, count in need.items()):
            return False
        if self.dinner.at_once:
            on_the_go = sum(
                0 < done < len(row) or (done == 0 and dish in chosen)
                for dish, (done, row) in enumerate(zip(state, self.rows, strict=True)))
            if on_the_go > self.dinner.at_once:
                return False
        only = [m.only for m in (self.rows[d][state[d]] for d in chosen) if m.hands and m.only]
        return len(only) == len(set(only)) and all(cook in self.cooks for cook in only)


def _minutes_of(steps: tuple[Step, ...]) -> tuple[list[_Minute], list[int]]:
    row: list[_Minute] = []
    ends: list[int] = []
    holding: set[str] = set()
    pending: set[str] = set()
    marks: tuple[Mark, ...] = ()
    for step in steps:
        pending |= set(step.takes)
        marks += step.after
        length = int(step.minutes)
        piece = int(step.piece) if step.hands else length
        for index in range(length):
            first = index == 0
            holding |= pending
            row.append(_Minute(
                hands=bool(step.hands), forced=index % piece != 0,
                takes=frozenset(pending), holds=frozenset(holding),
                after=marks if first else (), only=step.only))
            pending = set()
            marks = ()
        holding -= set(step.returns)
        pending -= set(step.returns)
        ends.append(len(row))
    return row, ends


def fits(dinner: Dinner, cooks: int) -> bool:
    """Whether the search can do it: few dishes, whole minutes, whole pieces, plain ``after``."""
    if len(dinner.dishes) > MOST_DISHES or cooks > MOST_COOKS:
        return False
    states = 1
    for dish in dinner.dishes:
        whole = all(s.minutes.denominator == 1 and s.piece.denominator == 1 for s in dish.steps)
        # Work at no length that others wait for cannot be told from the work before it.
        if not whole or dish.arrives.denominator != 1 or not dish.minutes:
            return False
        if not dish.steps[-1].minutes and dish.steps[-1].after:
            return False
        states *= int(dish.minutes) + 1
    return states <= MOST_STATES


def optimum(dinner: Dinner, mode: Mode) -> int | None:
    """Fewest minutes in which the cooks of this mode can make the dinner; None if it is too large
    to search. The mode only says who is there: switching is allowed."""
    cooks = dinner.staff(mode)
    if not fits(dinner, len(cooks)):
        return None
    problem = _Problem(dinner, cooks)
    states = {(0,) * len(dinner.dishes)}
    most = int(sum(dish.minutes for dish in dinner.dishes)
               + max(dish.arrives for dish in dinner.dishes))
    for now in range(most + 1):
        if problem.goal in states:
            return now
        states = {new for state in states for new in problem.next_states(state, now)}
    return None


def known_optimum(dinner: Dinner, mode: Mode) -> float | None:
    """The optimum without a search where some order already reaches the bound, else by search."""
    least = truth.bounds(dinner).least(len(dinner.staff(mode)))
    same_cooks: Mode = "friend-switching" if mode.startswith("friend") else "switching"
    for order in ORDERS:
        try:
            if simulate(dinner.changed(order=order), same_cooks).minutes == least:
                return float(least)
        except StuckError:
            break
    return optimum(dinner, mode)
