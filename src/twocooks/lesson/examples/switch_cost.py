"""What a turn costs, between two tasks of a loop and between two threads: the best of five."""

import asyncio
import resource
import time
from threading import Semaphore, Thread


async def dish() -> None:
    for _ in range(1000):
        await asyncio.sleep(0)


async def loop() -> None:
    await asyncio.gather(dish(), dish())


def cook(mine: Semaphore, other: Semaphore) -> None:
    for _ in range(1000):
        mine.acquire()
        other.release()


def threads() -> None:
    one, two = Semaphore(1), Semaphore(0)
    friend = Thread(target=cook, args=(two, one))
    friend.start()
    cook(one, two)
    friend.join()


costs: dict[str, list[tuple[float, int]]] = {"loop": [], "thread": []}
for name in ("loop", "thread") * 5:
    before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw, time.monotonic()
    threads() if name == "thread" else asyncio.run(loop())
    after, end = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw, time.monotonic()
    costs[name].append(((end - begin) / 2000, after - before))
for name, found in costs.items():
    print(f"{name}_turn_s", min(found)[0])
    print(f"{name}_switches", min(found)[1])
