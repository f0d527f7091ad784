"""How right the holders of locks are, on programs that say who had which lock when.

    python -m tests.kit.holders [STYLE ...] [--shape SHAPE ...] [--how HOW ...]

Runs each program of ``holder_program.py`` under twocooks and prints, of the seconds in which a
thread waited for a lock that another one had: the part with the right holder, with a wrong one,
and without any. A claim counts as wrong where another thread had the lock by the program's own
clock; the microseconds of a change of hands are in it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.kit.watched import make_place, watch
from twocooks.analyse.holders import Held, lock_holders
from twocooks.analyse.threads import Threads
from twocooks.analyse.timeline import build_timeline
from twocooks.analyse.waits import label_waits
from twocooks.read.reader import load

PROGRAM = Path(__file__).with_name("holder_program.py")
STYLES = ("with", "bare", "try", "global", "attribute", "closure", "limit", "functions")
SHAPES = ("one", "two", "nested", "beside")
LEAST_NS = 20_000_000
Told = dict[str, list[list[int]]]


def parts(told: Told, held: Held, threads: Threads) -> tuple[int, int, int]:
    """Nanoseconds of waiting for another's hold of 20 ms and more: all, and of them with the
    right and with a wrong holder."""
    tids = threads.tid.tolist()
    claims: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    for waiter, start, end, holder, lock in zip(
        *(c.tolist() for c in (held.waiter, held.start, held.end, held.holder, held.lock)),
        strict=True,
    ):
        claims.setdefault((lock, tids[waiter]), []).append((start, end, tids[holder]))
    whole = right = wrong = 0
    for key, begin, end, holder in _waits(told):
        whole += end - begin
        for start, stop, claimed in claims.get(key, []):
            both = max(0, min(end, stop) - max(begin, start))
            right += both if claimed == holder else 0
            wrong += both if claimed != holder else 0
    return whole, right, wrong


def _waits(told: Told) -> Iterator[tuple[tuple[int, int], int, int, int]]:
    for lock, waiter, asked, got in told["waits"]:
        for of, holder, since, until in told["holds"]:
            begin, end = max(asked, since), min(got, until)
            if of == lock and holder != waiter and until - since >= LEAST_NS and end > begin:
                yield (lock, waiter), begin, end, holder


def measure(style: str, shape: str, how: str) -> tuple[int, int, int]:
    """What ``parts`` says of one run of this program."""
    place = make_place()
    try:
        copy = place.folder / "program.py"
        shutil.copy(PROGRAM, copy)
        copy.chmod(0o644)
        done = watch([sys.executable, str(copy), style, shape, how], place)
        trace = load(done.trace)
        line = build_timeline(trace)
        held = lock_holders(trace, line.threads, label_waits(trace, line.threads))
        return parts(json.loads(done.out), held, line.threads)
    finally:
        shutil.rmtree(place.folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("style", nargs="*", default=STYLES)
    parser.add_argument("--shape", nargs="*", default=SHAPES)
    parser.add_argument("--how", nargs="*", default=("compute", "sleep"))
    options = parser.parse_args()
    print("style      shape   holder     waited   right   wrong  unknown")
    for style in options.style:
        for shape in options.shape:
            for how in options.how:
                whole, right, wrong = measure(style, shape, how)
                ways = (right, wrong, whole - right - wrong)
                told = "  ".join(f"{100 * part / max(1, whole):5.1f}%" for part in ways)
                print(f"{style:10} {shape:7} {how:8} {whole / 1e9:6.2f} s  {told}", flush=True)


if __name__ == "__main__":
    main()
