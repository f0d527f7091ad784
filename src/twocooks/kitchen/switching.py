"""Cooking and switching: every dish is a coroutine, and a cook loop decides who gets hands.

A dish that wants hands stands in line: it awaits its *baton*, a lock that the loop holds and lets
go when it chooses the dish (so the line is a line for everybody who looks, not only for us). Three
things make the loop on paper and this one agree:

* After the last piece of a step the dish goes straight on to its next wait: giving way first
  would leave the pot off the stove.
* Before each choice the loop gives way three times, so that a wait that is over (timer -> future ->
  dish -> line) is seen in this choice and not in the next.
* The loop is no task of its own but a chain of callbacks: it is a cook, not a dish.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from twocooks._task import task
from twocooks.kitchen.recipe import Mark, Step
from twocooks.kitchen.story import DONE, LINE, TOOL, WAIT, WORK
from twocooks.kitchen.stove import Stove, Watchful
from twocooks.kitchen.tails import tails
from twocooks.kitchen.workers import Cooks

GIVE_WAY = 3


@dataclass
class Asking:
    """A dish in line."""

    dish: int
    only: str | None
    deadline: float | None
    chain: float
    """Minutes of the longest chain that hangs on it."""
    cook: int = -1


class Kitchen:
    """One dinner, cooked with switching."""

    def __init__(self, stove: Stove, names: tuple[str, ...], cooks: Cooks) -> None:
        self.stove = stove
        self.dinner = stove.dinner
        self.names = names
        self.cooks = cooks
        self.free = list(range(len(names)))
        self.line: list[Asking] = []
        self.bag = list(range(len(self.dinner.dishes)))
        self.past = [0] * len(self.dinner.dishes)
        self.running: dict[int, asyncio.Task[None]] = {}
        self.tails = tails(self.dinner)
        self.choosing = False

    async def cook(self) -> None:
        """The whole dinner."""
        self.loop = asyncio.get_running_loop()
        self.tools = {name: asyncio.Semaphore(n) for name, n in self.dinner.tools.items()}
        self.batons = [asyncio.Lock() for _ in self.dinner.dishes]
        for baton in self.batons:
            await baton.acquire()
        self.events: dict[Mark, asyncio.Event] = {
            mark: asyncio.Event()
            for dish in self.dinner.dishes for step in dish.steps for mark in step.after
        }
        self.cooks.begin()
        self.stove.start = time.monotonic()
        for number in list(self.bag):
            arrives = self.dinner.dishes[number].arrives
            if arrives > 0:
                self.loop.call_later(self.stove.seconds(arrives), self.admit)
        self.admit()
        while self.running or self.bag:
            if self.running:
                await asyncio.wait(set(self.running.values()),
                                   return_when=asyncio.FIRST_COMPLETED)
                self.collect()
            else:
                await asyncio.sleep(0.001)  # nothing to do before the next dish arrives

    def collect(self) -> None:
        """Takes finished dishes off the table; an error in one is everybody's."""
        for number, dish in list(self.running.items()):
            if dish.done():
                del self.running[number]
                dish.result()

    def admit(self) -> None:
        """Begins the dishes that may be begun: arrived, after what they need, not too many."""
        for number in list(self.bag):
            dish = self.dinner.dishes[number]
            going = sum(past < len(self.dinner.dishes[n].steps)
                        for n, past in enumerate(self.past) if n not in self.bag)
            if self.dinner.at_once is not None and going >= self.dinner.at_once:
                return
            early = self.stove.seconds(dish.arrives) - self.stove.now_s()
            if early > 0.001 or not all(map(self.is_past, dish.after)):
                continue
            self.bag.remove(number)
            self.running[number] = self.loop.create_task(self.dish(number), name=dish.name)

    def is_past(self, mark: Mark) -> bool:
        return self.past[mark.dish] > mark.step

    # -- a dish --

    async def dish(self, number: int) -> None:
        dish = self.dinner.dishes[number]
        watchful = Watchful(self.stove, number)
        with task(dish.name) as block:
            for index, step in enumerate(dish.steps):
                for mark in step.after:
                    if not self.is_past(mark):
                        await self.events[mark].wait()
                await self.take(number, step)
                if step.hands:
                    await self.work(number, index, step, watchful, block)
                else:
                    watchful.begins()
                    if step.wait:
                        watchful.waits(index)
                        self.stove.say(number, WAIT)
                        await asyncio.sleep(self.stove.seconds(step.wait))
                for tool in step.returns:
                    self.tools[tool].release()
                self.step_past(number, index)
        self.stove.say(number, DONE)

    async def take(self, number: int, step: Step) -> None:
        for tool in step.takes:
            if self.tools[tool].locked():
                self.stove.say(number, TOOL)
            await self.tools[tool].acquire()

    async def work(
        self, number: int, index: int, step: Step, watchful: Watchful, block: Any
    ) -> None:
        for piece in range(step.pieces):
            chain = self.tails[number][index] - piece * step.piece
            asking = Asking(number, step.only, watchful.deadline, float(chain))
            self.line.append(asking)
            self.stove.say(number, LINE)
            self.stir()
            await self.batons[number].acquire()
            if piece == 0:
                watchful.begins()
            self.stove.say(number, WORK, asking.cook)
            await self.cooks.work(asking.cook, block.token, self.stove.seconds(step.piece))
            self.free.append(asking.cook)
            self.stir()

    def step_past(self, number: int, index: int) -> None:
        self.past[number] = index + 1
        event = self.events.get(Mark(number, index))
        if event is not None:
            event.set()
        if self.bag:
            self.admit()

    # -- the cook loop --

    def stir(self) -> None:
        """Something changed: choose soon."""
        if not self.choosing:
            self.choosing = True
            self.loop.call_soon(self.give_way, GIVE_WAY)

    def give_way(self, times: int) -> None:
        if times:
            self.loop.call_soon(self.give_way, times - 1)
        else:
            self.choosing = False
            self.choose()

    def choose(self) -> None:
        """Gives the free cooks, longest free first, to dishes in line."""
        for cook in list(self.free):
            able = [a for a in self.line if a.only in (None, self.names[cook])]
            if not able:
                continue
            chosen = self.first_of(able)
            self.line.remove(chosen)
            self.free.remove(cook)
            chosen.cook = cook
            self.batons[chosen.dish].release()

    def first_of(self, able: list[Asking]) -> Asking:
        if self.dinner.order == "urgent":
            return min(able, key=lambda a: (a.deadline is None, a.deadline or 0.0))
        if self.dinner.order == "longest":
            return max(able, key=lambda a: a.chain)
        return able[0]


def cook_switching(stove: Stove, names: tuple[str, ...], cooks: Cooks) -> None:
    """Cooks the dinner; returns when the last dish is done and the cooks have gone home."""
    try:
        asyncio.run(Kitchen(stove, names, cooks).cook())
    finally:
        cooks.end()
