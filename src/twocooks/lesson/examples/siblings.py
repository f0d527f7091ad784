"""The same fixed work by two processes, held on the two CPUs that are named.

python siblings.py board|two  ("board": two hardware threads of one core; "two": two cores)
"""

import multiprocessing
import os
import sys
import time
from pathlib import Path
from typing import Any


def cook(cpu: int, used: Any) -> None:
    os.sched_setaffinity(0, {cpu})
    before = time.process_time()
    for _ in range(12_000_000):
        pass
    used.value = time.process_time() - before


if __name__ == "__main__":
    boards: dict[str, list[int]] = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        name = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text()
        boards.setdefault(name, []).append(cpu)
    board = next(cpus for cpus in boards.values() if len(cpus) > 1)
    other = next(cpus[0] for cpus in boards.values() if cpus != board)
    context = multiprocessing.get_context("fork")
    used = [context.RawValue("d") for _ in range(2)]
    where = board[:2] if sys.argv[1] == "board" else [board[0], other]
    cooks = [context.Process(target=cook, args=args) for args in zip(where, used, strict=True)]
    for one in cooks:
        one.start()
    for one in cooks:
        one.join()
    print("slower_cpu_s", max(float(each.value) for each in used))
