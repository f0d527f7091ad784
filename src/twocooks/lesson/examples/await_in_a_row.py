"""Three awaits in a row: each starts when the one before is done."""

import asyncio


async def dish(name: str) -> str:
    await asyncio.sleep(0.1)
    return name


async def main() -> None:
    for name in ("curry", "rice", "onions"):
        await asyncio.create_task(dish(name), name=name)


asyncio.run(main())
