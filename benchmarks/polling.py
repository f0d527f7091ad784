"""What the recorder costs per second where it polls, and whether its sums are the kernel's.

    python -m benchmarks.polling [--seconds N] [--only NAME] [--no-write]

Runs programs of few and many threads, and a few of the known-answer programs, each once under
``twocooks run --source schedstat``, and writes the section "Polling" of ``docs/overhead.md``.

Units: the recorder's share is what its process used from half a second after its start to its last
regular reading of the machine, in percent of one core: the meter tells the CPU time of the program
and its recorder together, polling that of the program. Its fixed cost (Python's start, the first
meeting of all threads) is in "in all".
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from tests.kit.watched import PROGRAMS

from benchmarks.scale import MEGA, machine, section

BEGIN, END = "<!-- polling -->", "<!-- /polling -->"
SKIP_NS = 500_000_000
KNOWN = ("gil_threads", "two_processes", "four_processes", "pool_map", "relay_pipes", "async_chop")
COUNTS = (1, 10, 100, 1000)
THREADS = """
import sys, threading, time
until = time.monotonic() + {seconds}
def compute():
    while time.monotonic() < until: sum(range(1000))
def nap():
    while time.monotonic() < until: sum(range(200)); time.sleep(0.02)
def sleep(): time.sleep(max(0.0, until - time.monotonic()))
threading.stack_size(65536)
threads = [threading.Thread(target={what}) for _ in range({count})]
for t in threads: t.start()
for t in threads: t.join()
"""


def programs(seconds: float) -> dict[str, list[str]]:
    """Name and command of each program."""
    plan = [(count, "compute", "computing") for count in COUNTS]
    plan += [(count, "nap", "napping 20 ms a time") for count in COUNTS[1:]]
    plan += [(COUNTS[-1], "sleep", "asleep")]
    found = {
        f"{count:,} thread{'s' * (count > 1)} {told}": [
            "-c", THREADS.format(count=count, what=what, seconds=seconds)]
        for count, what, told in plan
    }  # fmt: skip
    return {**found, **{name: [str(PROGRAMS / f"{name}.py")] for name in KNOWN}}


def steady(trace: Any, skip_ns: int = SKIP_NS) -> tuple[float, float] | None:
    """CPU seconds of the recorder from ``skip_ns`` after its start on, and the seconds that these
    are of; None: the run was too short. The program's CPU time is the kernel's counter, or what
    polling read last."""
    from twocooks.format.spec import BY_NAME

    numbers = {name: BY_NAME[name].number for name in ("METER", "TASK_CLOCK", "POLL_CPU")}
    meter, poll = trace.meter, trace.poll
    rows = np.flatnonzero(meter.event == numbers["METER"])[:-1]  # the last comes with the end
    rows = rows[meter.time[rows] >= trace.meta["start_ns"] + skip_ns]
    if len(rows) < 2:
        return None
    at = meter.time[rows]
    if trace.meta["source"] == "schedstat":
        tells = poll.event == numbers["POLL_CPU"]
        time, tree, side = poll.time[tells], poll.a[tells], "left"
    else:
        tells = meter.event == numbers["TASK_CLOCK"]
        time, tree, side = meter.time[tells], meter.a[tells], "right"
    ends = np.searchsorted(time, at[[0, -1]], side) - 1
    program = int(tree[ends[1]]) - int(tree[ends[0]])
    both = int(meter.c[rows[1:]].sum())
    return (both - program) / 1e9, int(at[-1] - at[0]) / 1e9


def row(name: str, command: list[str], path: Path) -> str:
    """Run, measure, and write one line of the table."""
    from twocooks.analyse import analyse
    from twocooks.analyse.estimate import polled_cpu_s
    from twocooks.format.spec import BY_NAME
    from twocooks.read import reader

    line = [sys.executable, "-m", "twocooks", "run", "-q", "--source", "schedstat", "-o", str(path)]
    subprocess.run(
        [*line, "--", sys.executable, *command], cwd=path.parent, check=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    trace = reader.load(path)
    summary = analyse(trace).summary
    share = steady(trace)
    kernel = polled_cpu_s(trace) or 0.0
    polled = trace.poll.event == BY_NAME["POLL"].number
    looks = int((trace.poll.event == BY_NAME["POLL_TICK"].number).sum())
    threads = float(trace.poll.a[polled].sum()) / 1e9
    whole = float(trace.poll.a[trace.poll.event == BY_NAME["POLL_CPU"].number].max()) / 1e9
    percent = "too short" if share is None else f"{100 * share[0] / share[1]:.2f} %"
    return (
        f"| {name} | {summary['wall_s']:.1f} s | {looks / summary['wall_s']:.0f} "
        f"| {percent} | {trace.end['recorder_cpu_s'] if trace.end else 0.0:.2f} s "
        f"| {kernel:.3f} s | {whole / kernel:.3f} | {threads / kernel:.3f} "
        f"| {path.stat().st_size / MEGA:.2f} MB | {summary['verdict']['id']} |"
    )


HEAD = """| program | took | looks a second | recorder, of a core | in all | program, CPU \
| processes polled / kernel | threads polled / kernel | file | verdict |
|---|---|---|---|---|---|---|---|---|---|""".replace("\\\n", "")

WORDS = """Written by `python -m benchmarks.polling`: each program runs once under
`--source schedstat`, which is what a machine without the kernel's records gets. "Recorder" is all
that the recorder used after its first half second; we want at most 1 % of a core. "In all" has its
start and the first meeting of all threads in it. The sums of the processes' clocks and of the
threads' accounts are held against the kernel's total (`rusage`); what a thread did after the last
look at it is in the processes' clocks only."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=6.0, help="of the programs of threads")
    parser.add_argument("--only", help="only programs whose name has this in it")
    parser.add_argument("--no-write", action="store_true", help="leave docs/overhead.md alone")
    given = parser.parse_args()
    rows = [HEAD]
    with tempfile.TemporaryDirectory() as folder:
        for name, command in programs(given.seconds).items():
            if not given.only or given.only in name:
                rows.append(row(name, command, Path(folder) / "run.2cooks"))
                print(rows[-1], flush=True)
    if not given.no_write:
        table = "\n".join(rows)
        section(BEGIN, END, f"## Polling\n\n{WORDS}\n\n{machine()}\n\n{table}")


if __name__ == "__main__":
    main()
