"""Knife and board, taken crosswise; then by everybody in the same order."""

import threading
import time

KNIFE, BOARD = threading.Lock(), threading.Lock()


def dinner(first_order: list[threading.Lock], second_order: list[threading.Lock]) -> int:
    """How many of two cooks gave up waiting for their second tool."""
    both_hold_one = threading.Barrier(2)
    gave_up: list[int] = []

    def cook(order: list[threading.Lock], crossed: bool) -> None:
        with order[0]:
            if crossed:
                both_hold_one.wait()
            if order[1].acquire(timeout=0.3):
                time.sleep(0.02)
                order[1].release()
            else:
                gave_up.append(1)

    crossed = first_order != second_order
    cooks = [threading.Thread(target=cook, args=(o, crossed)) for o in (first_order, second_order)]
    for each in cooks:
        each.start()
    for each in cooks:
        each.join()
    return len(gave_up)


for name, order in (("crossed", [BOARD, KNIFE]), ("ordered", [KNIFE, BOARD])):
    begin = time.monotonic()
    print(f"{name}_gave_up", dinner([KNIFE, BOARD], order))
    print(f"{name}_s", time.monotonic() - begin)
