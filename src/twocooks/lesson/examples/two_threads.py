"""Two threads compute in Python, and each looks at its own stopwatch."""

import threading
import time

WATCHES: list[tuple[float, float]] = []


def hands(cpu_s: float) -> None:
    """Computes for so many seconds of CPU time: who is pushed off the core is not done sooner."""
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        for _ in range(300):
            pass


def cook(start: threading.Barrier) -> None:
    start.wait()
    begin = time.monotonic()
    hands(0.3)
    WATCHES.append((begin, time.monotonic()))


barrier = threading.Barrier(2)
cooks = [threading.Thread(target=cook, args=(barrier,)) for _ in range(2)]
for one in cooks:
    one.start()
for one in cooks:
    one.join()
begins, ends = zip(*WATCHES, strict=True)
print("took_s", max(ends) - min(begins))
print("work_s", 2 * 0.3)
print("stopwatches_together_s", min(ends) - max(begins))
print("shorter_stopwatch_s", min(end - begin for begin, end in WATCHES))
