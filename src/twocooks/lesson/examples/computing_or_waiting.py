"""A computing and a waiting program, and the share of the clock that each spends computing."""

import time
from collections.abc import Callable


def hands(cpu_s: float) -> None:
    """Computes for so many seconds of CPU time: who is pushed off the core is not done sooner."""
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        for _ in range(300):
            pass


def share(work: Callable[[float], None]) -> float:
    clock, cpu = time.monotonic(), time.process_time()
    work(0.3)
    return (time.process_time() - cpu) / (time.monotonic() - clock)


print("computing_share", share(hands))
print("waiting_share", share(time.sleep))
