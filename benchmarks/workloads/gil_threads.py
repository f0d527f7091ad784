"""Four threads, pure Python, one GIL."""

import threading

from stopwatch import compute, measure


def work() -> int:
    threads = [threading.Thread(target=compute, args=(750_000,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 0


if __name__ == "__main__":
    measure(work)
