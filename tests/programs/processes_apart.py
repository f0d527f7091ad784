"""Two processes, each pinned to a core of its own: nothing can make them take turns."""

import multiprocessing
import os

from work import burn


def cook(cpu: int) -> None:
    os.sched_setaffinity(0, {cpu})
    burn(0.7)


if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    cpus = sorted(os.sched_getaffinity(0))[:2]
    processes = [context.Process(target=cook, args=(cpu,)) for cpu in cpus]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print("exit codes", [process.exitcode for process in processes])
