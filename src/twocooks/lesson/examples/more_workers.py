"""The same work cut over one process, as many as places, one more, and four times as many."""

import multiprocessing
import os
import time


def hands(cpu_s: float) -> None:
    """Computes for so many seconds of CPU time: who is pushed off the core is not done sooner."""
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        for _ in range(300):
            pass


def took(workers: int, work_s: float) -> float:
    context = multiprocessing.get_context("fork")
    begin = time.monotonic()
    cooks = [context.Process(target=hands, args=(work_s / workers,)) for _ in range(workers)]
    for cook in cooks:
        cook.start()
    for cook in cooks:
        cook.join()
    return time.monotonic() - begin


if __name__ == "__main__":
    places = len(os.sched_getaffinity(0))
    for name, workers in (("one", 1), ("places", places), ("more", places + 1),
                          ("crowd", 4 * places)):
        print(f"workers_{name}_s", took(workers, 0.4 * places))
    print("places", places)
