"""Two threads that need no GIL: 10 ms of each piece with the knife, 3 ms without. While one has the
knife, the other works 3 ms and waits 7: two work for about 0.3 of the time."""

import threading

from work import hash_without_gil

knife = threading.Lock()


def cook() -> None:
    for _ in range(40):
        with knife:
            hash_without_gil(0.010)
        hash_without_gil(0.003)


if __name__ == "__main__":
    threads = [threading.Thread(target=cook) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("one knife, and some work without it")
