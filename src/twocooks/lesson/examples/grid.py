"""Waiting and computing, each four times: plain, asyncio, threads and processes."""

import asyncio
import multiprocessing
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor


def hands(cpu_s: float) -> None:
    """Computes for so many seconds of CPU time: who is pushed off the core is not done sooner."""
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        for _ in range(300):
            pass


def plain(work: Callable[[float], None]) -> None:
    for _ in range(4):
        work(0.07)


async def computing() -> None:
    hands(0.07)


async def together(compute: bool) -> None:
    await asyncio.gather(*(computing() if compute else asyncio.sleep(0.07) for _ in range(4)))


def pool(workers: Executor, work: Callable[[float], None]) -> None:
    with workers:
        list(workers.map(work, [0.07] * 4))


if __name__ == "__main__":
    fork = multiprocessing.get_context("fork")
    for name, work in (("waiting", time.sleep), ("computing", hands)):
        for way in ("plain", "asyncio", "threads", "processes"):
            begin = time.monotonic()
            if way == "plain":
                plain(work)
            elif way == "asyncio":
                asyncio.run(together(work is hands))
            elif way == "threads":
                pool(ThreadPoolExecutor(4), work)
            else:
                pool(ProcessPoolExecutor(4, mp_context=fork), work)
            print(f"{name}_{way}_s", time.monotonic() - begin)
    assert threading.active_count() == 1
