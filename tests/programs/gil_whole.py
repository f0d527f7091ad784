"""Four items for four workers, and a switch interval so long that nobody is asked to hand the GIL
over: the next item begins when the one before has ended, though its worker stands ready.

Each worker has a pool of its own, else the first would take all the items; a small item has started
it before. Without the long interval an item would lose the GIL between its last work and its end.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

from work import burn


def main() -> None:
    pools = [ThreadPoolExecutor(1) for _ in range(4)]
    for pool in pools:
        pool.submit(int).result()
    sys.setswitchinterval(60)
    futures = [pool.submit(burn, 0.2) for pool in pools]
    print("done", [future.result() > 0 for future in futures])
    for pool in pools:
        pool.shutdown()


if __name__ == "__main__":
    main()
