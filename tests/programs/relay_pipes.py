"""Two processes hand one plate to and fro over pipes: each waits for the other's result.

The pieces are long: a virtual machine whose host is busy may hold the giver inside its write for
half a millisecond while the taker is at work already.
"""

import multiprocessing
from multiprocessing.connection import Connection

from work import burn

ROUNDS = 16


def dry(pipe: Connection) -> None:
    for _ in range(ROUNDS):
        plate = pipe.recv()
        burn(0.025)
        pipe.send(plate + 1)


if __name__ == "__main__":
    mine, other = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=dry, args=(other,))
    process.start()
    plate = 0
    for _ in range(ROUNDS):
        burn(0.025)
        mine.send(plate)
        plate = mine.recv()
    process.join()
    print("plates", plate)
