"""What a turn costs: between two tasks of a loop, and between two threads."""

import asyncio
import resource
import threading
import time

TURNS = 4000


def switches() -> int:
    """How often this process has given its core away, by the kernel's books."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw


async def dish() -> None:
    for _ in range(TURNS // 2):
        await asyncio.sleep(0)


async def loop() -> None:
    before, begin = switches(), time.monotonic()
    await asyncio.gather(dish(), dish())
    print("loop_turn_s", (time.monotonic() - begin) / TURNS)
    print("loop_switches", switches() - before)


def cook(mine: threading.Semaphore, other: threading.Semaphore) -> None:
    for _ in range(TURNS // 2):
        mine.acquire()
        other.release()


asyncio.run(loop())
one, two = threading.Semaphore(1), threading.Semaphore(0)
friend = threading.Thread(target=cook, args=(two, one))
kernel, start = switches(), time.monotonic()
friend.start()
cook(one, two)
friend.join()
print("thread_turn_s", (time.monotonic() - start) / TURNS)
print("thread_switches", switches() - kernel)
