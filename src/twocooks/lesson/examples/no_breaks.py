"""Two tasks of one event loop compute, and never await: how often is one left unfinished?"""

import asyncio
import time
from itertools import pairwise

diary: list[str] = []


def hands(cpu_s: float) -> None:
    """Computes for so many seconds of CPU time: who is pushed off the core is not done sooner."""
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        for _ in range(300):
            pass


async def dish(name: str) -> None:
    for _ in range(30):
        hands(0.005)
        diary.append(name)


async def main() -> None:
    await asyncio.gather(dish("curry"), dish("rice"))
    last = {name: at for at, name in enumerate(diary)}
    left = [a for at, (a, b) in enumerate(pairwise(diary)) if a != b and last[a] > at]
    print("left_unfinished", len(left))


asyncio.run(main())
