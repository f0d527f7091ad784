"""Two threads that need no GIL, one lock around each piece of half a millisecond, and nothing
outside it: no wait is long enough to be looked at in its turn."""

import hashlib
import threading

from work import SMALL_BLOCK, cost

PIECE = SMALL_BLOCK[: len(SMALL_BLOCK) // 2]
knife = threading.Lock()


def cook(count: int) -> None:
    for _ in range(count):
        with knife:
            hashlib.sha256(PIECE)


if __name__ == "__main__":
    count = int(0.4 / cost(lambda: hashlib.sha256(PIECE)))
    threads = [threading.Thread(target=cook, args=(count,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("one knife, short cuts")
