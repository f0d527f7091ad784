"""Tests whose marks are broken or kept by construction; test_pytest_plugin.py runs them."""

import asyncio
import sys
import threading
import time

import pytest

GIL = getattr(sys, "_is_gil_enabled", lambda: True)()


def compute(seconds: float = 0.15) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def threads(*functions: object) -> None:
    started = [threading.Thread(target=function) for function in functions]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


@pytest.mark.skipif(not GIL, reason="no GIL here")
@pytest.mark.parallelism(min=1.8)
def test_broken_parallelism() -> None:
    threads(compute, compute)


@pytest.mark.skipif(not GIL, reason="no GIL here")
def test_broken_in_the_middle(twocooks) -> None:
    with twocooks.measure() as m:
        threads(compute, compute)
    assert m.parallelism.mean < 1.5
    m.assert_verdict("parallel", "both")


@pytest.mark.concurrency(max=1)
def test_broken_concurrency() -> None:
    both = threading.Barrier(2)

    def wait() -> None:
        compute(0.02)
        both.wait()
        time.sleep(0.1)
        compute(0.02)

    threads(wait, wait)


@pytest.mark.loop_never_held(ms=50)
def test_broken_loop() -> None:
    async def hog() -> None:
        await asyncio.sleep(0.01)
        time.sleep(0.3)

    async def other() -> None:
        for _ in range(10):
            await asyncio.sleep(0.005)

    async def both() -> None:
        await asyncio.gather(hog(), other())

    asyncio.run(both())


@pytest.mark.no_wait_for("lock", over="50ms")
def test_broken_lock() -> None:
    lock, taken = threading.Lock(), threading.Event()

    def holder() -> None:
        with lock:
            taken.set()
            time.sleep(0.4)

    def waiter() -> None:
        taken.wait()
        with lock:
            pass

    threads(holder, waiter)


@pytest.mark.parallelism(max=100)
@pytest.mark.concurrency(max=100)
def test_kept() -> None:
    threads(compute, compute)


def test_bare() -> None:
    threads(compute)


def test_fails() -> None:
    raise ValueError("by itself")
