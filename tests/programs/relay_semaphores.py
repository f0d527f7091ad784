"""Two processes signal each other with bare semaphores: a relay that looks like locks."""

import multiprocessing

from work import burn

ROUNDS = 16


def worker(mine, other) -> None:  # type: ignore[no-untyped-def]
    for _ in range(ROUNDS):
        mine.acquire()
        burn(0.025)
        other.release()


if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    ping, pong = context.Semaphore(1), context.Semaphore(0)
    processes = [context.Process(target=worker, args=pair) for pair in ((ping, pong), (pong, ping))]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print("exit codes", [process.exitcode for process in processes])
