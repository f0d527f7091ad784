"""Four coroutines compute and look up every few milliseconds: one cook, four dishes."""

import asyncio

from work import burn


async def chop(n: int) -> int:
    for _ in range(30):
        burn(0.005)
        await asyncio.sleep(0)
    return n


async def main() -> None:
    print("chopped", sum(await asyncio.gather(*(chop(n) for n in range(4)))))


if __name__ == "__main__":
    asyncio.run(main())
