"""Four tasks of one event loop compute, and give way to each other every few milliseconds."""

import asyncio
import time


def hands(cpu_s: float) -> None:
    """Computes for so many seconds of CPU time: who is pushed off the core is not done sooner."""
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        for _ in range(300):
            pass


async def dish() -> None:
    for _ in range(20):
        hands(0.005)
        await asyncio.sleep(0)


async def main() -> None:
    await asyncio.gather(*(dish() for _ in range(4)))


asyncio.run(main())
