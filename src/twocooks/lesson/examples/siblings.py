"""The same fixed work by two processes: on two hardware threads of one core, then on two cores."""

import multiprocessing
import os
import time
from pathlib import Path
from typing import Any


def cook(cpu: int, used: Any) -> None:
    os.sched_setaffinity(0, {cpu})
    before = time.process_time()
    for _ in range(12_000_000):
        pass
    used.value = time.process_time() - before


def pair(cpus: tuple[int, int]) -> float:
    """CPU seconds of the slower one."""
    context = multiprocessing.get_context("fork")
    used = [context.RawValue("d") for _ in cpus]
    cooks = [context.Process(target=cook, args=args) for args in zip(cpus, used, strict=True)]
    for each in cooks:
        each.start()
    for each in cooks:
        each.join()
    return max(float(u.value) for u in used)


if __name__ == "__main__":
    groups: dict[str, list[int]] = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        name = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text()
        groups.setdefault(name, []).append(cpu)
    board = next(group for group in groups.values() if len(group) > 1)
    other = next(group[0] for group in groups.values() if group != board)
    print("one_core_s", pair((board[0], board[1])))
    print("two_cores_s", pair((board[0], other)))
