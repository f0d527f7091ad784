"""InterpreterPoolExecutor: four pieces for two workers, each in an interpreter of its own."""

from concurrent.futures import InterpreterPoolExecutor

from work import burn


def piece(n: int) -> int:
    burn(0.4)
    return n


if __name__ == "__main__":
    with InterpreterPoolExecutor(2) as pool:
        print("pieces", sum(pool.map(piece, range(4))))
