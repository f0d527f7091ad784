"""Fifty tasks of trio wait together; nobody ever works."""

import trio

slept = []


async def sleeper(n: int) -> None:
    await trio.sleep(0.4)
    slept.append(n)


async def main() -> None:
    async with trio.open_nursery() as nursery:
        for n in range(50):
            nursery.start_soon(sleeper, n)


if __name__ == "__main__":
    trio.run(main)
    print("slept", sum(slept))
