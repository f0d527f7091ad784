"""The same loop turns: plain, in two threads, in two processes."""

import multiprocessing
import threading
import time
from typing import Any


def turns(number: int = 15_000_000) -> None:
    for _ in range(number):
        pass


def by(kind: Any) -> float:
    begin = time.monotonic()
    cooks = [kind(target=turns) for _ in range(2)]
    for cook in cooks:
        cook.start()
    for cook in cooks:
        cook.join()
    return time.monotonic() - begin


if __name__ == "__main__":
    turns()  # the first one pays for waking up the core
    begin = time.monotonic()
    turns()
    turns()
    print("plain_s", time.monotonic() - begin)
    print("threads_s", by(threading.Thread))
    print("processes_s", by(multiprocessing.get_context("fork").Process))
