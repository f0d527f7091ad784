"""Two processes that pin themselves to one core: one place at the counter."""

import multiprocessing
import os

from work import burn

if __name__ == "__main__":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=burn, args=(0.4,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print("one place at the counter")
