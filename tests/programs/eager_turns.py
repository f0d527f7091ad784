"""Eager tasks that do not end at once go on like any other: they take turns."""

import asyncio

from async_chop import chop


async def main() -> None:
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    print("chopped", sum(await asyncio.gather(*(asyncio.create_task(chop(n)) for n in range(3)))))


if __name__ == "__main__":
    asyncio.run(main())
