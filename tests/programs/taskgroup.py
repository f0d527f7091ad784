"""The same in a TaskGroup, with short real waits between the pieces."""

import asyncio

from work import burn


async def chop() -> None:
    for _ in range(20):
        burn(0.008)
        await asyncio.sleep(0.001)


async def main() -> None:
    async with asyncio.TaskGroup() as group:
        for name in ("onions", "carrots", "leek"):
            group.create_task(chop(), name=name)
    print("three bowls")


if __name__ == "__main__":
    asyncio.run(main())
