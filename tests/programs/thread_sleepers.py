"""Twenty threads wait together."""

import threading
import time


def sleeper() -> None:
    time.sleep(0.4)


if __name__ == "__main__":
    threads = [threading.Thread(target=sleeper) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("slept", len(threads))
