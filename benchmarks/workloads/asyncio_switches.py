"""Nothing but switching: four coroutines that yield all the time."""

import asyncio

from stopwatch import measure

TASKS, STEPS = 4, 30_000


async def turn() -> None:
    for _ in range(STEPS):
        await asyncio.sleep(0)


async def main() -> None:
    await asyncio.gather(*(turn() for _ in range(TASKS)))


def work() -> int:
    asyncio.run(main())
    return TASKS * STEPS


if __name__ == "__main__":
    measure(work)
