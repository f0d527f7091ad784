"""What the recorder needs for crowds: very many threads, tasks and processes, and a long busy run.

    python -m benchmarks.crowds [--long SECONDS] [--only NAME] [--no-write]

Runs each program once under ``twocooks run``, reads what the recorder says of itself at the end of
the trace, reads and accounts for the trace in a process of its own, and writes the table "Crowds"
of ``docs/overhead.md``.

Units: the recorder's share is its CPU seconds per second of the run, in percent of one core (its
fixed cost of starting and ending is in it); reading is CPU seconds of the reading process, Python's
and numpy's start not counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.kit.watched import ROOT

from benchmarks.scale import MEGA, PAGE, machine, section

BEGIN, END = "<!-- crowds -->", "<!-- /crowds -->"

THREADS = """
import threading, time
gate = threading.Event()
def cook():
    sum(range(2000)); gate.wait(); sum(range(2000))
threading.stack_size(65536)
threads = [threading.Thread(target=cook) for _ in range(10_000)]
for t in threads: t.start()
time.sleep(1); gate.set()
for t in threads: t.join()
"""
SLEEPERS = """
import threading, time
threading.stack_size(65536)
until = time.monotonic() + 20
threads = [threading.Thread(target=lambda: time.sleep(max(0.0, until - time.monotonic())))
           for _ in range(1_500)]
for t in threads: t.start()
for t in threads: t.join()
"""
TASKS = """
import asyncio
async def cook(n):
    sum(range(200)); await asyncio.sleep(0.5 + n % 100 / 100); sum(range(200))
async def main():
    await asyncio.gather(*(cook(n) for n in range(100_000)))
asyncio.run(main())
"""
PROCESSES = """
import os, time
def cook():
    sum(range(300_000)); time.sleep(0.5); sum(range(300_000)); os._exit(0)
for _ in range(500):
    if not os.fork(): cook()
for _ in range(500): os.wait()
"""
SWITCHES = """
import threading, time
until = time.monotonic() + {seconds}
def cook():
    while time.monotonic() < until: time.sleep(0.0007)
threads = [threading.Thread(target=cook) for _ in range(10)]
for t in threads: t.start()
for t in threads: t.join()
"""


def programs(long_s: float) -> dict[str, str]:
    """Name and code of each program."""
    return {
        "10,000 threads": THREADS,
        "1,500 threads asleep": SLEEPERS,
        "100,000 asyncio tasks": TASKS,
        "500 processes": PROCESSES,
        f"{long_s:.0f} s of 10,000 switches a second": SWITCHES.format(seconds=long_s),
    }


def watch(code: str, path: Path) -> None:
    """Record one program. Raises where it did not end well."""
    command = [sys.executable, "-m", "twocooks", "run", "-q", "-o", str(path), "-c", code]
    subprocess.run(command, cwd=path.parent, check=True, stdin=subprocess.DEVNULL)


def facts(path: Path) -> dict[str, Any]:
    """What the trace says of the run and of its recorder, in this process."""
    from benchmarks.scale import measure
    from twocooks.analyse import analyse
    from twocooks.read import reader

    found = measure(path)
    trace = reader.load(path)
    summary = analyse(trace).summary
    return {
        **found,
        "recorder_s": float((trace.end or {}).get("recorder_cpu_s") or 0.0),
        "wall": summary["wall_s"],
        "tasks": summary["tasks"]["count"],
        "switches": summary["switches"].get("total") or 0,
        "size": path.stat().st_size,
    }


def row(name: str, code: str, folder: Path) -> str:
    """Run, measure, and write one line of the table."""
    path = folder / "run.2cooks"
    watch(code, path)
    command = [sys.executable, "-m", "benchmarks.crowds", "--one", str(path)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    return (
        f"| {name} | {found['wall']:.1f} s | {found['events']:,} | {found['size'] / MEGA:.1f} MB "
        f"| {found['switches'] / found['wall']:,.0f} | {found['lost']:,} | {found['tasks']:,} "
        f"| {found['verdict']} | {found['recorder_s']:.2f} s "
        f"| {100 * found['recorder_s'] / found['wall']:.1f} % "
        f"| {found['read_s'] + found['analyse_s']:.1f} s | {found['peak'] / MEGA:.0f} MB |"
    )


HEAD = """| program | took | events | file | switches a second | lost | tasks | verdict \
| recorder, CPU | of a core | read and accounted, CPU | peak memory |
|---|---|---|---|---|---|---|---|---|---|---|---|""".replace("\\\n", "")

WORDS = """Written by `python -m benchmarks.crowds`: each program runs once, watched; "recorder" is
what the recorder needed in all, starting and ending it included. We want no more than 2 % of a core
for a long run of 10,000 switches a second, and less than 5 % for sleepers. The machine may have
been shared, which makes the programs take longer and switch more often."""


def kept(rows: list[str], only: str | None) -> list[str]:
    """The rows for the page: of a part of the programs, the others stay as they were."""
    text = PAGE.read_text(encoding="utf-8")
    old = text.partition(BEGIN)[2].partition(END)[0].splitlines() if only else []
    numbered = [row for row in old if row.startswith("| ") and row[2].isdigit()]
    return list({row.split("|")[1]: row for row in numbered + rows}.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--long", type=float, default=600.0, help="seconds of the long run")
    parser.add_argument("--only", help="only programs whose name has this in it")
    parser.add_argument("--no-write", action="store_true", help="leave docs/overhead.md alone")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(facts(given.one)))
        return
    rows = [HEAD]
    with tempfile.TemporaryDirectory() as folder:
        for name, code in programs(given.long).items():
            if given.only and given.only not in name:
                continue
            rows.append(row(name, code, Path(folder)))
            print(rows[-1], flush=True)
    if not given.no_write:
        table = "\n".join([*rows[:1], *kept(rows[1:], given.only)])
        section(BEGIN, END, f"## Crowds\n\n{WORDS}\n\n{machine()}\n\n{table}")


if __name__ == "__main__":
    main()
