"""Four threads add one, a hundred thousand times each: read, think, write; and by y += 1."""

import sys
import threading
from collections.abc import Callable

EACH = 100_000
all_there = threading.Barrier(4)
salt = plain = 0


def one() -> int:
    return 1


def think() -> None:
    global salt
    all_there.wait()
    for _ in range(EACH):
        salt = salt + one()


def add() -> None:
    global plain
    all_there.wait()
    for _ in range(EACH):
        plain += 1


def all_four(cook: Callable[[], None]) -> None:
    cooks = [threading.Thread(target=cook) for _ in range(4)]
    for each in cooks:
        each.start()
    for each in cooks:
        each.join()


sys.setswitchinterval(1e-5)
all_four(think)
all_four(add)
print("wanted", 4 * EACH)
print("found", salt)
print("found_plainly", plain)
