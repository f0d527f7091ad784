"""Two tasks of one event loop compute, and never await: how often does the cook change?"""

import asyncio
import time
from itertools import pairwise


def hands(cpu_s: float) -> None:
    """Computes for so many seconds of CPU time: who is pushed off the core is not done sooner."""
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        for _ in range(300):
            pass


async def dish(name: str, diary: list[str]) -> None:
    for _ in range(30):
        hands(0.005)
        diary.append(name)


async def main() -> None:
    diary: list[str] = []
    await asyncio.gather(dish("curry", diary), dish("rice", diary))
    print("changes", sum(a != b for a, b in pairwise(diary)))


asyncio.run(main())
