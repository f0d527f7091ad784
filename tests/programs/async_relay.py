"""Two coroutines hand one plate to and fro: one washes, one dries.

Both wait at the sink before the first plate comes: else the second would stand in line for the loop
while the first washes already.
"""

import asyncio

from work import burn


async def worker(inbox: "asyncio.Queue[int]", outbox: "asyncio.Queue[int]") -> None:
    for _ in range(20):
        plate = await inbox.get()
        burn(0.015)
        await outbox.put(plate + 1)


async def main() -> None:
    wash: asyncio.Queue[int] = asyncio.Queue()
    dry: asyncio.Queue[int] = asyncio.Queue()
    both = asyncio.gather(worker(wash, dry), worker(dry, wash))
    await asyncio.sleep(0)
    await wash.put(0)
    await both
    print("plates", await wash.get())


if __name__ == "__main__":
    asyncio.run(main())
