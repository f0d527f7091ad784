"""Four coroutines stand by the pot: time.sleep holds the only cook."""

import asyncio
import time

from work import burn


async def stare(n: int) -> int:
    time.sleep(0.1)
    burn(0.03)
    return n


async def main() -> None:
    print("stared", sum(await asyncio.gather(*(stare(n) for n in range(4)))))


if __name__ == "__main__":
    asyncio.run(main())
