"""A heartbeat every 10 ms, and one task that computes without looking up."""

import asyncio
import statistics
import time

late_s: list[float] = []


def hands(cpu_s: float) -> None:
    """Computes for so many seconds of CPU time: who is pushed off the core is not done sooner."""
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        for _ in range(300):
            pass


async def heartbeat() -> None:
    while True:
        due = time.monotonic() + 0.01
        await asyncio.sleep(0.01)
        late_s.append(time.monotonic() - due)


async def main() -> None:
    beat = asyncio.create_task(heartbeat())
    await asyncio.sleep(0.3)
    hands(0.2)
    await asyncio.sleep(0.1)
    beat.cancel()
    print("median_late_s", statistics.median(late_s))
    print("longest_late_s", max(late_s))


asyncio.run(main())
