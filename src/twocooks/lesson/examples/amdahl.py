"""A part that one does alone, then a part that is shared: with one helper's hands, and with two."""

import multiprocessing
import time

ALONE_S, SHARED_S = 0.2, 0.6


def hands(cpu_s: float) -> None:
    """Computes for so many seconds of CPU time: who is pushed off the core is not done sooner."""
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        for _ in range(300):
            pass


def took(workers: int) -> float:
    context = multiprocessing.get_context("fork")
    begin = time.monotonic()
    hands(ALONE_S)
    cooks = [context.Process(target=hands, args=(SHARED_S / workers,)) for _ in range(workers)]
    for cook in cooks:
        cook.start()
    for cook in cooks:
        cook.join()
    return time.monotonic() - begin


if __name__ == "__main__":
    for workers in (1, 2):
        print(f"took_{workers}_s", took(workers))
        print(f"law_{workers}_s", ALONE_S + SHARED_S / workers)
