"""multiprocessing.Pool: eight pieces of one job for two workers."""

import multiprocessing

from work import burn


def piece(n: int) -> int:
    burn(0.15)
    return n


if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print("pieces", sum(pool.map(piece, range(8), chunksize=1)))
