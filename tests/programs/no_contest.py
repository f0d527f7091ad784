"""Two processes work 20 ms of every 100 ms, by the clock in opposite halves: nobody ever wants the
same hands."""

import multiprocessing
import time

from work import burn

ROUNDS = 10


def worker(start: float) -> None:
    for n in range(ROUNDS):
        time.sleep(max(0.0, start + 0.1 * n - time.monotonic()))
        burn(0.02)


if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    begin = time.monotonic() + 0.1
    processes = [context.Process(target=worker, args=(begin + 0.05 * n,)) for n in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print("exit codes", [process.exitcode for process in processes])
