"""Waiting and computing, each four times: plain, asyncio, threads and processes."""

import asyncio
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from typing import Any

LENGTHS = [0.1] * 4


def hands(cpu_s: float) -> None:
    """Computes for so many seconds of CPU time: who is pushed off the core is not done sooner."""
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        for _ in range(300):
            pass


async def compute(cpu_s: float) -> None:
    hands(cpu_s)


async def together(one: Any) -> None:
    await asyncio.gather(*map(one, LENGTHS))


if __name__ == "__main__":
    for name, work, one in ("waiting", time.sleep, asyncio.sleep), ("computing", hands, compute):
        times = [time.monotonic()]
        list(map(work, LENGTHS))
        times.append(time.monotonic())
        asyncio.run(together(one))
        times.append(time.monotonic())
        for pool in ThreadPoolExecutor(4), ProcessPoolExecutor(4, get_context("fork")):
            with pool:
                list(pool.map(work, LENGTHS))
            times.append(time.monotonic())
        ways = ("plain", "asyncio", "threads", "processes")
        for way, (begin, end) in zip(ways, pairwise(times), strict=True):
            print(f"{name}_{way}_s", end - begin)
