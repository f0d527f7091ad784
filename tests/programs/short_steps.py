"""Two processes, each with an event loop and ten coroutines whose steps take some ten microseconds:
no two steps coincide for longer than a hand-over of the GIL takes, and yet both cores compute all
the time."""

import asyncio

from two_loops import in_two_processes

STEPS = 10_000


async def visitor() -> int:
    whole = 0
    for _ in range(STEPS):
        whole += sum(range(400))
        await asyncio.sleep(0)
    return whole


async def kitchen() -> None:
    await asyncio.gather(*(visitor() for _ in range(10)))


def serve() -> None:
    asyncio.run(kitchen())


if __name__ == "__main__":
    in_two_processes(serve)
