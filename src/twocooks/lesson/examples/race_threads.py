"""Four threads add one, a hundred thousand times each; in between the value is only in a hand."""

import sys
import threading

EACH = 100_000
all_there = threading.Barrier(4)
salt = plain = 0


def one() -> int:
    return 1


def cook() -> None:
    global salt
    all_there.wait()
    for _ in range(EACH):
        salt = salt + one()


def cook_plainly() -> None:
    global plain
    all_there.wait()
    for _ in range(EACH):
        plain += 1


def all_four(target: object) -> None:
    cooks = [threading.Thread(target=target) for _ in range(4)]  # type: ignore[arg-type]
    for each in cooks:
        each.start()
    for each in cooks:
        each.join()


sys.setswitchinterval(1e-5)
all_four(cook)
all_four(cook_plainly)
print("wanted", 4 * EACH)
print("found", salt)
print("found_plainly", plain)
