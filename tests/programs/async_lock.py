"""Three coroutines, one asyncio lock around the whole job of each."""

import asyncio

from work import burn


async def cook(oven: asyncio.Lock) -> None:
    async with oven:
        burn(0.02)
        await asyncio.sleep(0.1)
        burn(0.02)


async def main() -> None:
    oven = asyncio.Lock()
    await asyncio.gather(*(cook(oven) for _ in range(3)))
    print("one oven")


if __name__ == "__main__":
    asyncio.run(main())
