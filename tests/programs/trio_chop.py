"""Four tasks of trio chop on one loop and give way after each piece."""

import trio
from work import burn

done = []


async def chop(n: int) -> None:
    for _ in range(20):
        burn(0.006)
        await trio.sleep(0)
    done.append(n)


async def main() -> None:
    async with trio.open_nursery() as nursery:
        for n in range(4):
            nursery.start_soon(chop, n, name=f"board {n}")


if __name__ == "__main__":
    trio.run(main)
    print("chopped", sum(done))
