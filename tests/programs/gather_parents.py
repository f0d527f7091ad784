"""Parents that only wait for their children are not dishes: one leaf works, one task counts."""

import asyncio

from work import burn


async def leaf() -> str:
    for _ in range(40):
        burn(0.01)
        await asyncio.sleep(0)
    return "cooked"


async def middle() -> str:
    (result,) = await asyncio.gather(leaf())
    return result


async def outer() -> str:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(middle())
    return task.result()


if __name__ == "__main__":
    print(asyncio.run(outer()))
