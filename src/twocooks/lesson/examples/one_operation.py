"""Four threads: single operations, and a sequence of operations."""

import sys
import threading

EACH = 100_000
all_there = threading.Barrier(4)
shelf: list[int] = []
count = 0


def one() -> int:
    return 1


def cook() -> None:
    global count
    all_there.wait()
    for _ in range(EACH):
        shelf.append(1)  # one operation
        count = count + one()  # a sequence: read, think, write


sys.setswitchinterval(1e-5)
cooks = [threading.Thread(target=cook) for _ in range(4)]
for each in cooks:
    each.start()
for each in cooks:
    each.join()
print("wanted", 4 * EACH)
print("appended", len(shelf))
print("counted", count)
