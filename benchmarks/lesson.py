"""How often each claim of the lesson is proven: rounds of each, until there are enough.

    python -m benchmarks.lesson [--rounds N] [--only N,N...] [--seconds N] [--fresh] [--no-write]

A round is what `twocooks prove` plays three of: all programs of a claim once, judged. Those in
which other programs had the cores do not count, as there; they are told. Rounds are added to those
of earlier calls by the same Python on the same machine, as long as neither the claim's judge nor
its programs have changed since. `--seconds` ends it early: on a shared machine it may be called
again and again. Claims with the fewest rounds come first.

Writes ``benchmarks/lesson.json`` and the tables of ``docs/lesson.md``.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import os
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

from benchmarks.scale import machine
from twocooks.lesson import show, stage
from twocooks.lesson.claim import Claim, crowded
from twocooks.lesson.claims import CLAIMS

ROOT = Path(__file__).parent.parent
KEPT = Path(__file__).with_name("lesson.json")
PAGE = ROOT / "docs" / "lesson.md"
BEGIN, END = "<!-- how often -->", "<!-- end -->"
WORDS = """Written by `python -m benchmarks.lesson`; do not edit. A round is all programs of a \
claim, once: `prove` plays three. "10 of 10": so many rounds were as foretold, of those that \
count; "+ 2" more did not count, because other programs had the cores. "-": cannot be shown \
there, or not tried."""


def label() -> str:
    """The Python that plays, as a column's title."""
    free = sysconfig.get_config_var("Py_GIL_DISABLED") == 1
    return ".".join(map(str, sys.version_info[:3])) + (" without a GIL" if free else "")


def digest(claim: Claim) -> str:
    """Changes with what the claim runs and demands."""
    texts = [inspect.getsource(claim.judge).encode(), repr(claim.parts).encode()]
    texts += [stage.program(part).read_bytes() for part in claim.parts]
    return hashlib.sha256(b"".join(texts)).hexdigest()[:16]


def play(claim: Claim, row: dict[str, Any]) -> None:
    """One more round, into the row."""
    begin = time.monotonic()
    judged = stage.judge(claim, stage.play(claim))
    row["seconds"].append(round(time.monotonic() - begin, 2))
    if crowded(claim, judged, stage.usable()):
        row["discarded"] += 1
        return
    row["rounds"] += 1
    row["proved"] += judged.proves
    for check in judged.checks:
        row["numbers"].setdefault(check.name, []).append(check.value)
        if not check.holds:
            told = f"{check.name} {show.measured(check)}"
            row["wrong"].append(f"{told} (foretold: {show.foretold(check)})")


def collect(rows: dict[str, Any], wanted: int, only: set[int], until: float) -> None:
    """Plays until all have enough rounds, or the time is over; stubborn ones are left."""
    new = {"rounds": 0, "proved": 0, "discarded": 0, "seconds": [], "wrong": [], "numbers": {}}
    todo = [c for c in CLAIMS if not only or c.number in only]
    for claim in todo:
        row = rows.setdefault(str(claim.number), {})
        if row.get("digest") != digest(claim):
            row.clear()
            row.update(json.loads(json.dumps(new)), digest=digest(claim))
        row["lacks"] = stage.lacks(claim)
    tries = 0
    while time.monotonic() < until:
        short = [c for c in todo if rows[str(c.number)]["lacks"] is None
                 and rows[str(c.number)]["rounds"] < wanted]
        if not short or tries > 4 * wanted * len(todo):
            return
        short.sort(key=lambda c: (len(rows[str(c.number)]["seconds"]), c.number))
        play(short[0], rows[str(short[0].number)])
        tries += 1
        row = rows[str(short[0].number)]
        print(f"{short[0].number}: {row['proved']} of {row['rounds']} + {row['discarded']}",
              flush=True)


def table(kept: dict[str, Any]) -> str:
    """Claims as rows, Pythons as columns, and what was not as foretold."""
    columns = sorted(kept)
    lines = ["| claim | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    wrong = []
    for claim in CLAIMS:
        cells = []
        for column in columns:
            row = kept[column]["claims"].get(str(claim.number), {})
            more = f" + {row['discarded']}" if row.get("discarded") else ""
            count = f"{row.get('proved')} of {row.get('rounds')}{more}"
            cells.append(count if row.get("seconds") else "-")
            wrong += [f"- {claim.number} on {column}: {text}" for text in row.get("wrong", [])]
        lines.append(f"| {claim.number}. {claim.asks} | " + " | ".join(cells) + " |")
    told = ["", "Not as foretold, in rounds that count:", "", *wrong] if wrong else [
        "", "No round that counts was otherwise than foretold."]
    return "\n".join([*lines, *told])


def write(kept: dict[str, Any]) -> None:
    KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="ascii")
    about = "\n\n".join(f"{kept[name]['machine']}" for name in sorted(kept))
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{WORDS}\n\n{about}\n\n{table(kept)}\n{END}{after}",
                    encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10, help="that count, of each claim")
    parser.add_argument("--only", default="", help="numbers of claims")
    parser.add_argument("--seconds", type=float, default=3600, help="begin no round after these")
    parser.add_argument("--fresh", action="store_true", help="forget this Python's earlier rounds")
    parser.add_argument("--no-write", action="store_true", help="change no file")
    options = parser.parse_args()
    if os.environ.get("PYTHON_GIL") == "1":
        sys.exit("PYTHON_GIL=1 is set: the column would be wrong")
    kept: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    mine = kept.setdefault(label(), {"claims": {}})
    if options.fresh or mine.get("machine") != machine():
        mine = kept[label()] = {"claims": {}}
    mine["machine"] = machine()
    only = {int(number) for number in options.only.split(",") if number}
    try:
        collect(mine["claims"], options.rounds, only, time.monotonic() + options.seconds)
    finally:
        if not options.no_write:
            write(kept)


if __name__ == "__main__":
    main()
