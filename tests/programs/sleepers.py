"""Fifty coroutines wait together; nobody ever works."""

import asyncio


async def sleeper(n: int) -> int:
    await asyncio.sleep(0.4)
    return n


async def main() -> None:
    results = await asyncio.gather(*(sleeper(n) for n in range(50)))
    print("slept", sum(results))


if __name__ == "__main__":
    asyncio.run(main())
