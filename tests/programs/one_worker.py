"""Four pieces for a pool with one worker: the dishes are still in the bag."""

from concurrent.futures import ThreadPoolExecutor

from work import burn


def piece(n: int) -> int:
    burn(0.15)
    return n


if __name__ == "__main__":
    with ThreadPoolExecutor(1) as pool:
        print("pieces", sum(pool.map(piece, range(4))))
