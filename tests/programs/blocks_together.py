"""Two named blocks in two threads that need no GIL."""

import threading

from work import hash_block, hashes_for

import twocooks


def cook(name: str, count: int) -> None:
    with twocooks.task(name):
        for _ in range(count):
            hash_block()


if __name__ == "__main__":
    count = hashes_for(0.6)
    threads = [threading.Thread(target=cook, args=(dish, count)) for dish in ("rice", "onions")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("rice beside onions")
