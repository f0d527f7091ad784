"""Two processes, each with an event loop and ten coroutines whose steps take some ten microseconds:
no two steps coincide for longer than a hand-over of the GIL takes, and yet both cores compute all
the time."""

import asyncio
import time

from two_loops import in_two_processes

# All stop at one moment, not after so many steps: where the machine's host takes more of one core
# than of the other, the slower loop would go on alone, and its tasks would only take turns.
END = time.monotonic() + 0.8


async def visitor() -> int:
    whole = sum(range(400))
    while time.monotonic() < END:
        await asyncio.sleep(0)
        whole += sum(range(400))
    return whole


async def kitchen() -> None:
    await asyncio.gather(*(visitor() for _ in range(10)))


def serve() -> None:
    asyncio.run(kitchen())


if __name__ == "__main__":
    in_two_processes(serve)
