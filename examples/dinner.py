"""The Tuesday dinner: curry, rice, chapati and onions, cooked in four ways.

    twocooks run examples/dinner.py              alone, switching: concurrent
    twocooks run examples/dinner.py friend       a friend, no switching: parallel
    twocooks run examples/dinner.py both         a friend, and both switch
    twocooks run examples/dinner.py neither      alone, one dish after another

Hands are real work, counted in CPU time; what stands on the stove is a real wait. One kitchen
minute is MINUTE seconds. It runs without twocooks as well, but then nobody says what happened.
"""

import asyncio
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext

try:
    from twocooks import task
except ImportError:

    def task(name):
        return nullcontext()


MINUTE = 0.05
HANDS, STOVE = "hands", "stove"
DISHES = {
    "curry": [(HANDS, 1)] + [(STOVE, 3), (HANDS, 1)] * 3,
    "rice": [(HANDS, 1), (STOVE, 5), (HANDS, 1), (STOVE, 5), (HANDS, 1)],
    "chapati": [(HANDS, 1)] * 3 + [(STOVE, 1), (HANDS, 1)] * 2,
    "onions": [(HANDS, 1)] * 7,
}


def use_hands(minutes):
    """Works for so many minutes of CPU time: who is pushed off the core is not done sooner."""
    end = time.thread_time() + minutes * MINUTE
    while time.thread_time() < end:
        sum(range(200))


def cook_whole(name):
    """One dish from its beginning to its end, standing by the stove while it simmers."""
    with task(name):
        for kind, minutes in DISHES[name]:
            if kind == HANDS:
                use_hands(minutes)
            else:
                time.sleep(minutes * MINUTE)


async def cook_switching(name, hands):
    """One dish, giving way to the others whenever it needs nobody."""
    for kind, minutes in DISHES[name]:
        if kind == HANDS:
            await hands(minutes)
        else:
            await asyncio.sleep(minutes * MINUTE)


async def all_dishes(hands):
    async with asyncio.TaskGroup() as dinner:
        for name in DISHES:
            dinner.create_task(cook_switching(name, hands), name=name)


async def my_hands(minutes):
    use_hands(minutes)
    await asyncio.sleep(0)  # look round: does another dish want something?


async def four_hands():
    with ProcessPoolExecutor(2) as cooks:
        loop = asyncio.get_running_loop()
        await all_dishes(lambda minutes: loop.run_in_executor(cooks, use_hands, minutes))


def main(way="alone"):
    begin = time.monotonic()
    if way == "alone":
        asyncio.run(all_dishes(my_hands))
    elif way == "both":
        asyncio.run(four_hands())
    elif way == "friend":
        with ProcessPoolExecutor(2) as cooks:
            list(cooks.map(cook_whole, DISHES))
    elif way == "neither":
        for name in DISHES:
            cook_whole(name)
    else:
        sys.exit(f"{way}? It is alone, friend, both or neither.")
    print(f"Dinner took {(time.monotonic() - begin) / MINUTE:.0f} kitchen minutes.")


if __name__ == "__main__":
    main(*sys.argv[1:2])
