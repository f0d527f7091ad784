"""Each task is started only when the one before is done."""

import asyncio


async def fetch(n: int) -> int:
    await asyncio.sleep(0.15)
    return n


async def main() -> None:
    total = 0
    for n in range(4):
        total += await asyncio.create_task(fetch(n))
    print("fetched", total)


if __name__ == "__main__":
    asyncio.run(main())
