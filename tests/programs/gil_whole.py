"""Four items, and a switch interval so long that nobody is asked to hand the GIL over: the next
item begins when the one before has ended, though four workers stand ready.

The workers exist already (four small items meet at a barrier first), so it is not the pool. Without
the long interval an item would lose the GIL between its last work and its end, and not be done.
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from work import burn


def main() -> None:
    with ThreadPoolExecutor(4) as pool:
        barrier = threading.Barrier(4)
        list(pool.map(lambda _: barrier.wait(), range(4)))
        sys.setswitchinterval(60)
        done = [future.result() > 0 for future in [pool.submit(burn, 0.2) for _ in range(4)]]
    print("done", done)


if __name__ == "__main__":
    main()
