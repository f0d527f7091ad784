"""One coroutine computes for a third of a second without an await, while the timers of two others
run out again and again: they want the cook, and he does not look up."""

import asyncio

from work import burn


async def hog() -> None:
    await asyncio.sleep(0.02)
    burn(0.35)


async def tick() -> None:
    for _ in range(20):
        await asyncio.sleep(0.005)
        burn(0.002)


async def main() -> None:
    await asyncio.gather(hog(), tick(), tick())
    print("one hog, two ticks")


if __name__ == "__main__":
    asyncio.run(main())
