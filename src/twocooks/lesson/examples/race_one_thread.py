"""Four tasks of one event loop: read, look round, write."""

import asyncio

salt = 0


async def cook() -> None:
    global salt
    for _ in range(1000):
        tasted = salt
        await asyncio.sleep(0)
        salt = tasted + 1


async def main() -> None:
    await asyncio.gather(*(cook() for _ in range(4)))
    print("wanted", 4000)
    print("found", salt)


asyncio.run(main())
