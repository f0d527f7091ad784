"""One thread computes, another wakes every 5 ms for a little work and waits for the GIL."""

import threading
import time

from work import burn


def heartbeat(done: threading.Event) -> None:
    while not done.is_set():
        time.sleep(0.005)
        burn(0.001)


def compute(done: threading.Event) -> None:
    burn(0.7)
    done.set()


if __name__ == "__main__":
    over = threading.Event()
    threads = [threading.Thread(target=f, args=(over,)) for f in (compute, heartbeat)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("still alive")
