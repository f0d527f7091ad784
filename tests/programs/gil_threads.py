"""Two threads compute in pure Python: two cooks, one apron."""

import threading

from work import burn


def main() -> None:
    threads = [threading.Thread(target=burn, args=(0.5,), name=f"cook {n}") for n in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("two cooks done")


if __name__ == "__main__":
    main()
