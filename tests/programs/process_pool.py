"""ProcessPoolExecutor: four pieces for two workers."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from work import burn


def piece(n: int) -> int:
    burn(0.3)
    return n


if __name__ == "__main__":
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
        print("pieces", sum(pool.map(piece, range(4))))
