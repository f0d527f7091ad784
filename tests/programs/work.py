"""What the known-answer programs do with their hands: CPU work counted in CPU time.

Never "spin until the clock says so": a thread that is off its core would count that as work, and
threads under the GIL would look parallel.
"""

from __future__ import annotations

import hashlib
import os
import time
import zlib
from collections.abc import Callable

BLOCK = bytes(4 << 20)
SMALL_BLOCK = bytes(1 << 20)
"""Both are large enough for hashlib to let go of the GIL."""


def burn(cpu_s: float) -> int:
    """Compute in pure Python until the calling thread has used ``cpu_s`` seconds of CPU time."""
    end = time.thread_time() + cpu_s
    total = 0
    while time.thread_time() < end:
        for i in range(300):
            total += i * i
    return total


def cost(action: Callable[[], object]) -> float:
    """CPU seconds of one call, at least a microsecond: the smallest of three, so that no page
    fault of a first call and no cold cache is in it."""
    best = 1e9
    for _ in range(3):
        before = time.thread_time()
        action()
        best = min(best, time.thread_time() - before)
    return max(best, 1e-6)


def hash_block() -> str:
    """Some milliseconds of C code without the GIL."""
    return hashlib.sha256(BLOCK).hexdigest()


def hashes_for(cpu_s: float) -> int:
    """How many ``hash_block`` calls take ``cpu_s`` seconds of CPU time."""
    return max(1, round(cpu_s / cost(hash_block)))


def hash_without_gil(cpu_s: float) -> None:
    """Hash until the calling thread has used ``cpu_s`` seconds, nearly all without the GIL."""
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        hashlib.sha256(SMALL_BLOCK)


def compress_block(data: bytes) -> int:
    """Some milliseconds of C code without the GIL."""
    return len(zlib.compress(data, 6))


def two_cores() -> None:
    """Take no more than two cores, so that the answer does not depend on the machine's size."""
    usable = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, set(usable[:2]))
