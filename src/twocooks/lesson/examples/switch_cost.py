"""What a turn costs, between two tasks of a loop and between two threads: the best of five."""

import asyncio
import resource
import threading
import time

HALF = 1000


def now() -> tuple[float, int]:
    """The clock, and how often this process has given its core away, by the kernel's books."""
    return time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw


async def dish() -> None:
    for _ in range(HALF):
        await asyncio.sleep(0)


async def loop() -> None:
    await asyncio.gather(dish(), dish())


def cook(mine: threading.Semaphore, other: threading.Semaphore) -> None:
    for _ in range(HALF):
        mine.acquire()
        other.release()


def threads() -> None:
    one, two = threading.Semaphore(1), threading.Semaphore(0)
    friend = threading.Thread(target=cook, args=(two, one))
    friend.start()
    cook(one, two)
    friend.join()


def tasks() -> None:
    asyncio.run(loop())


for name, both in (("loop", tasks), ("thread", threads)):
    costs = []
    for _ in range(5):
        begin, before = now()
        both()
        end, after = now()
        costs.append(((end - begin) / (2 * HALF), after - before))
    print(f"{name}_turn_s", min(costs)[0])
    print(f"{name}_switches", min(costs)[1])
