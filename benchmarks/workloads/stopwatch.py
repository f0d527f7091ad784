"""What every workload does: a fixed amount of work each time that it is told to, and one line of
JSON about it: its own wall time, and the kernel's own count of its switches meanwhile. Starting
Python and importing are not in it."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable


def switches() -> int:
    """Switches of this process and of its ended children, by the kernel's account."""
    return sum(
        usage.ru_nvcsw + usage.ru_nivcsw
        for usage in (
            resource.getrusage(resource.RUSAGE_SELF),
            resource.getrusage(resource.RUSAGE_CHILDREN),
        )
    )


def measure(work: Callable[[], int]) -> None:
    """Run the work once for each line of stdin; it returns how many asyncio steps its tasks must
    have made at least."""
    for _ in sys.stdin:
        before = switches()
        begin = time.perf_counter()
        steps = work()
        wall_s = time.perf_counter() - begin
        done = {"wall_s": wall_s, "steps": steps, "switches": switches() - before}
        print(json.dumps(done), flush=True)


def compute(rounds: int) -> int:
    """A fixed amount of pure Python, with a function call every ten rounds as ordinary code has."""
    total = 0
    for _ in range(rounds // 10):
        total += ten_squares()
    return total


def ten_squares() -> int:
    total = 0
    for i in range(10):
        total += i * i
    return total
