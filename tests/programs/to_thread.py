"""Coroutines hand their work to threads that need no GIL; the coroutines themselves only wait."""

import asyncio

from work import hash_block, hashes_for


def cook(count: int) -> int:
    for _ in range(count):
        hash_block()
    return 1


async def main() -> None:
    count = hashes_for(0.6)
    print("done", sum(await asyncio.gather(*(asyncio.to_thread(cook, count) for _ in range(2)))))


if __name__ == "__main__":
    asyncio.run(main())
