"""Two items in a pool of two threads compress: C code that needs no GIL."""

import random
from concurrent.futures import ThreadPoolExecutor

from work import compress_block, cost

DATA = random.Random(1).randbytes(1 << 18) * 4


def item(count: int) -> int:
    return sum(compress_block(DATA) for _ in range(count)) // count


if __name__ == "__main__":
    times = max(1, round(0.6 / cost(lambda: compress_block(DATA))))
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(item, [times, times])
    print("equal", first == second)
