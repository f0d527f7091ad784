"""A process pool of two with many short items."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from stopwatch import compute, measure


def work() -> int:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
        sum(pool.map(compute, [60_000] * 150))
    return 0


if __name__ == "__main__":
    measure(work)
