"""Two threads that need no GIL, each pinned to its own core: nothing makes them take turns."""

import os
import threading

from work import hash_block, hashes_for


def cook(cpu: int, count: int) -> None:
    os.sched_setaffinity(0, {cpu})
    for _ in range(count):
        hash_block()


if __name__ == "__main__":
    count = hashes_for(0.7)
    cpus = sorted(os.sched_getaffinity(0))[:2]
    threads = [threading.Thread(target=cook, args=(cpu, count)) for cpu in cpus]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("hashed on", len(cpus), "cores")
