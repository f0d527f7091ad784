"""joblib gives pieces of work to two workers of its own kind of pool (loky)."""

from joblib import Parallel, delayed
from work import burn


def piece(n: int) -> int:
    burn(0.4)
    return n


if __name__ == "__main__":
    pieces = Parallel(n_jobs=2, batch_size=1)(delayed(piece)(n) for n in range(4))
    print("pieces", sum(pieces))
