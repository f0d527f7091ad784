"""Two processes, twenty pieces each under one lock; the holder may take it again at once."""

import multiprocessing

from work import burn


def cook(knife, rounds: int) -> None:  # type: ignore[no-untyped-def]
    for _ in range(rounds):
        with knife:
            burn(0.015)


if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    lock = context.Lock()
    processes = [context.Process(target=cook, args=(lock, 20)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print("one knife, two kitchens")
