"""Two processes, twenty rounds each under one lock: who comes after whom?"""

import multiprocessing
import time
from itertools import pairwise
from typing import Any


def hands(cpu_s: float) -> None:
    """Computes for so many seconds of CPU time: who is pushed off the core is not done sooner."""
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        for _ in range(300):
            pass


def cook(name: int, lock: Any, diary: Any, place: Any) -> None:
    for _ in range(20):
        with lock:
            hands(0.01)
            diary[place.value] = name
            place.value += 1


if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    lock, diary, place = context.Lock(), context.RawArray("i", 40), context.RawValue("i", 0)
    cooks = [context.Process(target=cook, args=(n, lock, diary, place)) for n in (1, 2)]
    for each in cooks:
        each.start()
    for each in cooks:
        each.join()
    longest = run = 1
    for before, after in pairwise(diary):
        run = run + 1 if before == after else 1
        longest = max(longest, run)
    print("longest_run", longest)
