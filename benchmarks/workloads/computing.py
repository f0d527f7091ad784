"""One thread, pure Python."""

from stopwatch import compute, measure


def work() -> int:
    compute(3_000_000)
    return 0


if __name__ == "__main__":
    measure(work)
