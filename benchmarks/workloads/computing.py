"""One thread, pure Python."""

from stopwatch import compute, measure


def work() -> int:
    compute(10_000_000)
    return 0


if __name__ == "__main__":
    measure(work)
