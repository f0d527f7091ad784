"""Two workers of a pool, begun by the start method "forkserver", take four pieces of work."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from work import burn


def piece(n: int) -> int:
    burn(0.4)
    return n


if __name__ == "__main__":
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        print("pieces", sum(pool.map(piece, range(4))))
