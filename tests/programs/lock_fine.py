"""Two threads that need no GIL, one lock around each small piece; who puts the knife down waits a
moment, so the other one gets it."""

import threading
import time

from work import hash_without_gil

knife = threading.Lock()


def cook() -> None:
    for _ in range(40):
        with knife:
            hash_without_gil(0.01)
        time.sleep(0.002)


if __name__ == "__main__":
    threads = [threading.Thread(target=cook) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("one knife, small pieces")
