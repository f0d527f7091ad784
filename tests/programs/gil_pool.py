"""Four pieces of pure Python in a pool of four threads."""

from concurrent.futures import ThreadPoolExecutor

from work import burn


def piece(n: int) -> int:
    burn(0.2)
    return n


if __name__ == "__main__":
    with ThreadPoolExecutor(4) as pool:
        print("pieces", sum(pool.map(piece, range(4))))
