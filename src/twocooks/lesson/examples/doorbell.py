"""A heartbeat beside 0.3 s of computing: without a break, then with one every 5 ms."""

import asyncio
import time


def hands(cpu_s: float) -> None:
    """Computes for so many seconds of CPU time: who is pushed off the core is not done sooner."""
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        for _ in range(300):
            pass


async def heartbeat(late_s: list[float]) -> None:
    while True:
        due = time.monotonic() + 0.01
        await asyncio.sleep(0.01)
        late_s.append(time.monotonic() - due)


async def longest(pieces: int) -> float:
    late_s: list[float] = []
    beat = asyncio.create_task(heartbeat(late_s))
    await asyncio.sleep(0.03)
    for _ in range(pieces):
        hands(0.3 / pieces)
        await asyncio.sleep(0)
    await asyncio.sleep(0.03)
    beat.cancel()
    return max(late_s)


async def main() -> None:
    print("without_breaks_s", await longest(1))
    print("with_breaks_s", await longest(60))


asyncio.run(main())
