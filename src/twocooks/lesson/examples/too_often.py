"""Two tasks compute the same, cut into few, into many and into far too many pieces."""

import asyncio
import time

WORK = 1_000_000


def turns(number: int) -> None:
    for _ in range(number):
        pass


async def dish(pieces: int) -> None:
    for _ in range(pieces):
        turns(WORK // pieces)
        await asyncio.sleep(0)


async def main() -> None:
    turns(WORK)
    for pieces in (10, 1000, 100_000):
        begin = time.process_time()
        await asyncio.gather(dish(pieces), dish(pieces))
        print(f"pieces_{pieces}_s", time.process_time() - begin)


asyncio.run(main())
