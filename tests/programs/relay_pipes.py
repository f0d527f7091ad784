"""Two processes hand one plate to and fro over pipes: each waits for the other's result.

The pieces are long: a virtual machine whose host is busy may hold the giver inside its write for
half a millisecond while the taker is at work already.
"""

import multiprocessing
from multiprocessing.connection import Connection

from work import burn


def dry(pipe: Connection, rounds: int, piece_s: float) -> None:
    for _ in range(rounds):
        plate = pipe.recv()
        burn(piece_s)
        pipe.send(plate + 1)


def relay(rounds: int, piece_s: float) -> None:
    """So many rounds, in which each of both computes so long."""
    mine, other = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(
        target=dry, args=(other, rounds, piece_s)
    )
    process.start()
    plate = 0
    for _ in range(rounds):
        burn(piece_s)
        mine.send(plate)
        plate = mine.recv()
    process.join()
    print("plates", plate)


if __name__ == "__main__":
    relay(16, 0.025)
