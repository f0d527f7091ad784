"""Four coroutines that compute without ever looking up."""

import asyncio

from work import burn


async def chop(n: int) -> int:
    burn(0.15)
    return n


async def main() -> None:
    print("chopped", sum(await asyncio.gather(*(chop(n) for n in range(4)))))


if __name__ == "__main__":
    asyncio.run(main())
