"""The same loop turns: plain, in two threads, in two processes; the best of three."""

import multiprocessing
import threading
import time
from typing import Any

TURNS = 12_000_000


def turns(number: int) -> None:
    for _ in range(number):
        pass


def by(kind: Any) -> float:
    begin = time.monotonic()
    cooks = [kind(target=turns, args=(TURNS,)) for _ in range(2)]
    for cook in cooks:
        cook.start()
    for cook in cooks:
        cook.join()
    return time.monotonic() - begin


if __name__ == "__main__":
    took_s: dict[str, list[float]] = {"plain": [], "threads": [], "processes": []}
    for _ in range(3):
        begin = time.monotonic()
        turns(2 * TURNS)
        took_s["plain"].append(time.monotonic() - begin)
        took_s["threads"].append(by(threading.Thread))
        took_s["processes"].append(by(multiprocessing.get_context("fork").Process))
    for name, times in took_s.items():
        print(f"{name}_s", min(times))
