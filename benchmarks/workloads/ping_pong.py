"""Two processes on one core that wake each other by semaphores, with a few microseconds of work
between: more switches than ordinary programs make."""

import multiprocessing
import os
from typing import Any

from stopwatch import compute, measure

ROUNDS = 20_000


def play(mine: Any, other: Any) -> None:
    for _ in range(ROUNDS):
        mine.acquire()
        compute(60)
        other.release()


def work() -> int:
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(usable)})
    context = multiprocessing.get_context("fork")
    ping, pong = context.Semaphore(1), context.Semaphore(0)
    process = context.Process(target=play, args=(pong, ping))
    process.start()
    play(ping, pong)
    process.join()
    os.sched_setaffinity(0, usable)
    return 0


if __name__ == "__main__":
    measure(work)
