"""Five thousand tiny pieces of work: a loop, a pool, and a pool with large portions."""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor


def square(x: int) -> int:
    return x * x


if __name__ == "__main__":
    begin = time.monotonic()
    found = [square(x) for x in range(5000)]
    print("loop_s", time.monotonic() - begin)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
        list(pool.map(square, range(8)))  # the workers are there now
        for name, portion in (("pool", 1), ("portions", 1250)):
            begin = time.monotonic()
            assert list(pool.map(square, range(5000), chunksize=portion)) == found
            print(f"{name}_s", time.monotonic() - begin)
