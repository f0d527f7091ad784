"""Cooking whole dishes: one after another, or with a friend.

A free cook takes the first dish of the list that may begin and does all of it: stands by its pots
(a real sleep) and waits for its tools. With a friend the cooks are processes, which share the list
and the tools (semaphores); or threads, which share one GIL where there is one. The same code runs
in both: ``threading`` and ``multiprocessing`` have the same Condition and Semaphore.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, MutableSequence
from typing import Any

from twocooks._task import task
from twocooks.kitchen.burn import Hands
from twocooks.kitchen.recipe import Mark, Step
from twocooks.kitchen.story import DONE, TOOL, WAIT, WORK
from twocooks.kitchen.stove import Stove, Watchful

BAG = -1
"""A dish that nobody has begun."""


class Shared:
    """What the cooks share: the list, how far each dish is, the tools."""

    def __init__(self, stove: Stove, processes: bool) -> None:
        self.stove = stove
        dinner = stove.dinner
        kit: Any = multiprocessing.get_context("fork") if processes else threading
        self.change = kit.Condition()
        self.tools = {name: kit.Semaphore(number) for name, number in dinner.tools.items()}
        blank = [BAG] * len(dinner.dishes)
        self.past: MutableSequence[int] = kit.Array("i", blank, lock=False) if processes else blank
        """Per dish: steps that are done; BAG = not begun."""
        self.start: Any = kit.Array("d", [0.0], lock=False) if processes else [0.0]

    def is_past(self, mark: Mark) -> bool:
        return self.past[mark.dish] > mark.step

    def next_dish(self, cook: str) -> int | None:
        """Takes a dish from the list; waits until one may begin. None when none is left."""
        with self.change:
            while BAG in self.past[:]:
                found, wait_s = self._find(cook)
                if found is not None:
                    self.past[found] = 0
                    return found
                if not self._mine_left(cook):
                    break
                self.change.wait(wait_s)
        return None

    def _mine_left(self, cook: str) -> bool:
        dishes = self.stove.dinner.dishes
        return any(past == BAG and dish.may_be_cooked_by(cook)
                   for past, dish in zip(self.past, dishes, strict=True))

    def _find(self, cook: str) -> tuple[int | None, float | None]:
        dinner = self.stove.dinner
        on_the_go = sum(0 <= past < len(dish.steps)
                        for past, dish in zip(self.past, dinner.dishes, strict=True))
        if dinner.at_once is not None and on_the_go >= dinner.at_once:
            return None, None
        soonest: float | None = None
        for number, dish in enumerate(dinner.dishes):
            if self.past[number] != BAG or not dish.may_be_cooked_by(cook):
                continue
            missing = self.stove.seconds(dish.arrives) - self.stove.now_s()
            if missing > 0:
                soonest = missing if soonest is None else min(soonest, missing)
            elif all(map(self.is_past, dish.after)):
                return number, None
        return None, soonest

    def step_past(self, dish: int) -> None:
        with self.change:
            self.past[dish] += 1
            self.change.notify_all()

    def wait_until_past(self, marks: tuple[Mark, ...]) -> None:
        with self.change:
            while not all(map(self.is_past, marks)):
                self.change.wait()


class Cook:
    """One cook with whole dishes."""

    def __init__(self, shared: Shared, number: int, name: str) -> None:
        self.shared = shared
        self.stove = shared.stove
        self.number = number
        self.name = name
        self.hands = Hands(self.stove.rounds)

    def cook_all(self) -> None:
        while (dish := self.shared.next_dish(self.name)) is not None:
            with task(self.stove.dinner.dishes[dish].name):
                self.cook(dish)

    def cook(self, dish: int) -> None:
        watchful = Watchful(self.stove, dish)
        for index, step in enumerate(self.stove.dinner.dishes[dish].steps):
            if step.after:
                self.shared.wait_until_past(step.after)
            self.take(dish, step)
            watchful.begins()
            if step.hands:
                self.stove.say(dish, WORK, self.number)
                for _ in range(step.pieces):
                    self.hands.work(self.stove.seconds(step.piece))
            elif step.wait:
                watchful.waits(index)
                self.stove.say(dish, WAIT)
                time.sleep(self.stove.seconds(step.wait))
            for tool in step.returns:
                self.shared.tools[tool].release()
            self.shared.step_past(dish)
        self.stove.say(dish, DONE)

    def take(self, dish: int, step: Step) -> None:
        for tool in step.takes:
            if not self.shared.tools[tool].acquire(False):
                self.stove.say(dish, TOOL)
                self.shared.tools[tool].acquire()


def cook_one_after_another(stove: Stove) -> None:
    """One thread, all dishes in the order of the file."""
    shared = Shared(stove, processes=False)
    stove.start = time.monotonic()
    Cook(shared, 0, stove.dinner.staff("sequential")[0]).cook_all()


def cook_with_friend(stove: Stove, names: tuple[str, ...], processes: bool) -> None:
    """A process or a thread a cook. They are warmed up before the clock starts."""
    shared = Shared(stove, processes)
    kit: Any = multiprocessing.get_context("fork") if processes else threading
    ready = kit.Barrier(len(names) + 1)
    go = kit.Event()
    notes: Any = kit.SimpleQueue() if processes else None

    def be(number: int, name: str) -> None:
        cook = Cook(shared, number, name)
        cook.hands.work(0.0)
        ready.wait()
        go.wait()
        stove.start = shared.start[0]
        cook.cook_all()
        if notes is not None:
            notes.put(stove.burnt)

    maker: Callable[..., Any] = kit.Process if processes else threading.Thread
    cooks = [maker(target=be, args=(number, name), name=name)
             for number, name in enumerate(names)]
    for cook in cooks:
        cook.start()
    ready.wait()
    shared.start[0] = time.monotonic()
    go.set()
    if notes is not None:
        stove.burnt = [entry for _ in cooks for entry in notes.get()]
    for cook in cooks:
        cook.join()

