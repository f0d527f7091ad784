"""Eager tasks that end within their creator's step: begun and done there, one after another."""

import asyncio

from work import burn


async def chop(n: int) -> int:
    burn(0.12)
    return n


async def main() -> None:
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    tasks = [asyncio.create_task(chop(n)) for n in range(4)]
    print("chopped", sum([await task for task in tasks]))


if __name__ == "__main__":
    asyncio.run(main())
