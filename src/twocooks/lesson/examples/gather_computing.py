"""The same computing in a plain loop, and by four tasks that take turns: the best of three."""

import asyncio
import time


def turns(number: int) -> None:
    for _ in range(number):
        pass


async def dish() -> None:
    for _ in range(20):
        turns(100_000)
        await asyncio.sleep(0)


async def main() -> None:
    plain_s, gather_s = [], []
    for _ in range(3):
        before = time.process_time()
        for _ in range(4 * 20):
            turns(100_000)
        between = time.process_time()
        await asyncio.gather(*(dish() for _ in range(4)))
        plain_s.append(between - before)
        gather_s.append(time.process_time() - between)
    print("plain_s", min(plain_s))
    print("gather_s", min(gather_s))


asyncio.run(main())
