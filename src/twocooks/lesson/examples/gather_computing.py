"""The same computing in a plain loop, and by four tasks that take turns."""

import asyncio
import time


def turns(number: int) -> None:
    for _ in range(number):
        pass


async def dish() -> None:
    for _ in range(20):
        turns(150_000)
        await asyncio.sleep(0)


async def main() -> None:
    begin = time.process_time()
    await asyncio.gather(*(dish() for _ in range(4)))
    print("gather_s", time.process_time() - begin)


turns(1_000_000)  # the first one pays for waking up the core
before = time.process_time()
for _ in range(80):
    turns(150_000)
print("plain_s", time.process_time() - before)
asyncio.run(main())
