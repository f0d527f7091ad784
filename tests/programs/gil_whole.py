"""Four items, each one C call that keeps the GIL to its end: nobody begins before the last is done.

The workers exist already (four small items meet at a barrier first), so it is not the pool.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

from work import sums_for


def main() -> None:
    n = sums_for(0.2)
    with ThreadPoolExecutor(4) as pool:
        barrier = threading.Barrier(4)
        list(pool.map(lambda _: barrier.wait(), range(4)))
        totals = [future.result() for future in [pool.submit(sum, range(n)) for _ in range(4)]]
    print("equal", len(set(totals)) == 1)


if __name__ == "__main__":
    main()
