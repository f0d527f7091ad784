"""Twice as many computing processes as cores."""

import multiprocessing
import os
import time


def hands(cpu_s: float) -> None:
    """Computes for so many seconds of CPU time: who is pushed off the core is not done sooner."""
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        for _ in range(300):
            pass


def main() -> None:
    context = multiprocessing.get_context("fork")
    places = len(os.sched_getaffinity(0))
    cooks = [context.Process(target=hands, args=(0.2,)) for _ in range(2 * places)]
    for cook in cooks:
        cook.start()
    for cook in cooks:
        cook.join()
    print("places", places)


if __name__ == "__main__":
    main()
