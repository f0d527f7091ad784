"""``relay_pipes`` with pieces of four milliseconds: about half of the waits are too short for a
look in their turn."""

import multiprocessing
from multiprocessing.connection import Connection

from work import burn

ROUNDS = 60


def dry(pipe: Connection) -> None:
    for _ in range(ROUNDS):
        plate = pipe.recv()
        burn(0.004)
        pipe.send(plate + 1)


if __name__ == "__main__":
    mine, other = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=dry, args=(other,))
    process.start()
    plate = 0
    for _ in range(ROUNDS):
        burn(0.004)
        mine.send(plate)
        plate = mine.recv()
    process.join()
    print("plates", plate)
