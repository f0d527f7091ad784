"""Each process is started only when the one before has ended."""

import multiprocessing

from work import burn

if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    for _ in range(3):
        process = context.Process(target=burn, args=(0.3,))
        process.start()
        process.join()
    print("three, one by one")
