"""A program that measures its own waits, one kind at a time, and prints their sums as JSON.

    reasons_program.py KIND

What it measures around a blocking call also holds the time until it has a core (and, where there is
one, the GIL) again.
"""

import contextlib
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

ROUNDS, THREADS, NAP_S = 6, 4, 0.04
sums: dict[str, float] = {}
mutex = threading.Lock()


@contextlib.contextmanager
def waiting(kind: str) -> Iterator[None]:
    begin = time.monotonic()
    yield
    took = time.monotonic() - begin
    with mutex:
        sums[kind] = sums.get(kind, 0.0) + took


def nap() -> None:
    with waiting("sleep"):
        time.sleep(NAP_S)


def in_threads(*jobs: Callable[[], None]) -> None:
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def lock() -> None:
    """Four threads, one lock, each holds it asleep."""
    knife = threading.Lock()

    def cook() -> None:
        for _ in range(ROUNDS):
            with waiting("lock"):
                knife.acquire()
            nap()
            knife.release()

    in_threads(*[cook] * THREADS)


def io() -> None:
    """A socket and a pipe whose other ends answer late."""
    ours, theirs = socket.socketpair()
    out, into = os.pipe()

    def late() -> None:
        for _ in range(ROUNDS):
            nap()
            theirs.send(b"x")
            nap()
            os.write(into, b"x")

    def reader() -> None:
        for _ in range(ROUNDS):
            with waiting("io"):
                ours.recv(1)
            with waiting("io"):
                os.read(out, 1)

    in_threads(late, reader)


def gil() -> None:
    """Three threads that compute: what is not CPU time is standing in line."""

    def cook() -> None:
        begin, total = time.monotonic(), 0
        while time.thread_time() < 0.15:
            for i in range(2000):
                total += i * i
        with mutex:
            line = time.monotonic() - begin - time.thread_time()
            sums["gil"] = sums.get("gil", 0.0) + line

    in_threads(*[cook] * 3)


if __name__ == "__main__":
    {"lock": lock, "io": io, "gil": gil}[sys.argv[1]]()
    print(json.dumps(sums))
