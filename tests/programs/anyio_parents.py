"""Task groups of anyio that only wait for their one child, on asyncio and then on trio: at any time
one leaf works."""

import anyio
from work import burn


async def leaf() -> None:
    for _ in range(20):
        burn(0.01)
        await anyio.sleep(0)


async def middle() -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(leaf)


async def outer() -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(middle)


if __name__ == "__main__":
    anyio.run(outer, backend="asyncio")
    anyio.run(outer, backend="trio")
    print("cooked by asyncio, cooked by trio")
