"""You wash, I dry, one plate at a time: two processes, each waits for what the other hands over."""

import multiprocessing
import time
from multiprocessing.connection import Connection


def hands(cpu_s: float) -> None:
    """Computes for so many seconds of CPU time: who is pushed off the core is not done sooner."""
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        for _ in range(300):
            pass


def cook(plates: Connection, first: bool) -> None:
    if first:
        plates.send(1)
    for _ in range(40):
        plate = plates.recv()
        hands(0.004)
        plates.send(plate)


if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    yours, mine = context.Pipe()
    cooks = [context.Process(target=cook, args=a) for a in ((yours, True), (mine, False))]
    for each in cooks:
        each.start()
    for each in cooks:
        each.join()
