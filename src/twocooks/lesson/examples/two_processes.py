"""Two processes compute: two kitchens, two aprons."""

import multiprocessing
import time


def hands(cpu_s: float) -> None:
    """Computes for so many seconds of CPU time: who is pushed off the core is not done sooner."""
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        for _ in range(300):
            pass


def main(cpu_s: float) -> None:
    context = multiprocessing.get_context("fork")
    cooks = [context.Process(target=hands, args=(cpu_s,)) for _ in range(2)]
    begin = time.monotonic()
    for cook in cooks:
        cook.start()
    for cook in cooks:
        cook.join()
    print("took_s", time.monotonic() - begin)
    print("work_s", 2 * cpu_s)


if __name__ == "__main__":
    main(0.3)
