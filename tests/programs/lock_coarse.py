"""Three threads that need no GIL, but one lock around the whole job of each."""

import threading

from work import hash_block, hashes_for

knife = threading.Lock()


def cook(count: int) -> None:
    with knife:
        for _ in range(count):
            hash_block()


if __name__ == "__main__":
    count = hashes_for(0.3)
    threads = [threading.Thread(target=cook, args=(count,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("one knife, three whole jobs")
