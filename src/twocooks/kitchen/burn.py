"""Hands: seconds of CPU time of the thread that works, really spent.

The wall clock would be wrong: a cook who is off the core must not make progress, or two cooks at
one place at the counter would be as fast as two at two.
"""

from __future__ import annotations

import time

CHUNK_S = 20e-6
"""The loop looks at its clock about this often."""


def _spin(rounds: int) -> None:
    for _ in range(rounds):
        pass


def calibrate() -> int:
    """Rounds of the loop that take about ``CHUNK_S`` on this core, now."""
    rounds = 256
    while True:
        begin = time.thread_time()
        _spin(rounds)
        took = time.thread_time() - begin
        if took > 1e-3:
            return max(int(rounds * CHUNK_S / took), 16)
        rounds *= 2


class Hands:
    """One cook's pair of hands. What a piece took too long is taken off the next one."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self._debt = 0.0

    def work(self, seconds: float) -> None:
        """Spends so much CPU time of this thread."""
        end = time.thread_time() + seconds - self._debt
        rounds = self._rounds
        while (now := time.thread_time()) < end:
            _spin(rounds)
        self._debt = now - end
