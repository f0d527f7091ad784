"""Two threads in C code that needs no GIL: really at the same moment."""

import threading

from work import hash_block, hashes_for


def cook(count: int) -> None:
    for _ in range(count):
        hash_block()


if __name__ == "__main__":
    count = hashes_for(0.7)
    threads = [threading.Thread(target=cook, args=(count,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("hashed")
