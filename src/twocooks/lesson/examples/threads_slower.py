"""The same loop turns: plain, in two threads, in two processes; the quickest of three."""

import resource
import time
from multiprocessing import get_context
from threading import Thread
from typing import Any


def turns(times: int = 1) -> None:
    for _ in range(times * 8_000_000):
        pass


def cpu() -> float:
    """CPU seconds of this process, and of its children that are done."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def together(kind: Any) -> None:
    cooks = [kind(target=turns) for _ in range(2)]
    for cook in cooks:
        cook.start()
    for cook in cooks:
        cook.join()


if __name__ == "__main__":
    found: dict[str, list[tuple[float, float]]] = {"plain": [], "threads": [], "processes": []}
    for name in [*found] * 3:
        begin, before = time.monotonic(), cpu()
        if name == "plain":
            turns(2)
        else:
            together(Thread if name == "threads" else get_context("fork").Process)
        found[name].append((time.monotonic() - begin, cpu() - before))
    for name, took in found.items():
        print(f"{name}_s", min(took)[0])
        print(f"{name}_cpu_s", min(took)[1])
