"""Two coroutines hand one plate to and fro: one washes, one dries."""

import asyncio

from work import burn


async def worker(inbox: "asyncio.Queue[int]", outbox: "asyncio.Queue[int]") -> None:
    for _ in range(60):
        plate = await inbox.get()
        burn(0.004)
        await outbox.put(plate + 1)


async def main() -> None:
    wash: asyncio.Queue[int] = asyncio.Queue()
    dry: asyncio.Queue[int] = asyncio.Queue()
    await wash.put(0)
    await asyncio.gather(worker(wash, dry), worker(dry, wash))
    print("plates", await wash.get())


if __name__ == "__main__":
    asyncio.run(main())
