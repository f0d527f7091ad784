"""Two threads: of each piece 12 ms are Python and 5 ms C code without the GIL."""

import threading

from work import burn, hash_without_gil


def cook() -> None:
    for _ in range(40):
        burn(0.012)
        hash_without_gil(0.005)


if __name__ == "__main__":
    threads = [threading.Thread(target=cook) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("sometimes")
