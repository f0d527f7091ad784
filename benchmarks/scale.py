"""How fast and in how much memory large traces are read and accounted for.

    python -m benchmarks.scale [--large] [--keep FOLDER] [--no-write]

Makes traces of 1 and 10 (with ``--large`` also 50) million events that mimic recorded ones
(``benchmarks/mimic.py``), and reads and analyses each in a process of its own up to the finished
summary. Prints a table and writes the section "Size" of ``docs/overhead.md``.

Units: CPU seconds of the reading process (the machine may be shared), bytes; memory is the
process's peak, with Python and numpy in it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.kit.watched import ROOT

from benchmarks import mimic
from twocooks.read import room

MILLIONS = (1, 10)
LARGE = 50
PAGE = ROOT / "docs" / "overhead.md"
BEGIN, END = "<!-- size -->", "<!-- /size -->"
MEGA = 1e6


def measure(path: Path) -> dict[str, Any]:
    """Read and analyse one trace in this process; CPU seconds, wall seconds, peak bytes."""
    from twocooks.analyse import analyse
    from twocooks.read import reader

    clock, wall = time.process_time(), time.perf_counter()
    trace = reader.load(path)
    read = time.process_time()
    summary = analyse(trace).summary
    done, elapsed = time.process_time(), time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "events": sum(len(part) for part in (trace.kernel.time, trace.agent.time, trace.look.time)),
        "read_s": read - clock,
        "analyse_s": done - read,
        "wall_s": elapsed,
        "peak": peak,
        "verdict": summary["verdict"]["id"],
        "lost": summary["measured"]["lost_events"],
    }


def serve(path: Path) -> dict[str, Any]:
    """What ``twocooks view`` needs for one trace: CPU seconds of the page, and of the answers about
    a hundredth of the run; bytes of memory that are its own while it serves, and at most."""
    from twocooks.analyse.build import Recording
    from twocooks.analyse.shelf import Shelf
    from twocooks.read import reader
    from twocooks.report.html.detail import Detail

    shelf = Shelf()
    detail = Detail(Recording(reader.load(path), shelf))
    clock = time.process_time()
    detail.page()
    took = {"page_s": time.process_time() - clock}
    low, high = detail.analysis.window_s
    span = low + 0.4 * (high - low), low + 0.41 * (high - low)
    for name, ask in (("lanes_s", detail.window), ("numbers_s", detail.numbers)):
        ask(*span)  # what is made once for all windows
        clock = time.process_time()
        ask(*span)
        took[name] = time.process_time() - clock
    status = Path("/proc/self/status").read_text(encoding="ascii")
    own = next(line for line in status.splitlines() if line.startswith("RssAnon:"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {**took, "own": int(own.split()[1]) * 1024, "peak": peak, "file": shelf.size}


def served(millions: int, path: Path) -> str:
    """The line of a trace in the table of serving."""
    found = _in_a_process("--served", path)
    return (
        f"| {millions} million | {found['page_s']:.1f} | {found['lanes_s']:.2f} "
        f"| {found['numbers_s']:.2f} | {found['own'] / MEGA:.0f} MB "
        f"| {found['file'] / MEGA:.0f} MB | {found['peak'] / MEGA:.0f} MB |"
    )


def _in_a_process(which: str, path: Path) -> Any:
    command = [sys.executable, "-m", "benchmarks.scale", which, str(path)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def row(millions: int, folder: Path) -> str:
    """Make a trace, measure it, and write its line of the table."""
    path = folder / f"{millions}m.2cooks"
    made = mimic.write(path, int(millions * MEGA))
    found = _in_a_process("--one", path)
    if found["events"] < made.events:
        raise RuntimeError(f"{made.events} events were written, {found['events']} were read")
    cpu = found["read_s"] + found["analyse_s"]
    allowed = 3 * made.size + 200 * MEGA
    return (
        f"| {millions} million | {made.size / MEGA:.0f} MB "
        f"| {made.kernel_bytes / made.kernel_records:.1f} "
        f"| {made.agent_bytes / max(1, 3 * made.steps):.1f} "
        f"| {found['read_s']:.1f} | {found['analyse_s']:.1f} "
        f"| {found['events'] / cpu / MEGA:.2f} "
        f"| {found['peak'] / MEGA:.0f} MB | {allowed / MEGA:.0f} MB |"
    )


HEAD = """| events | file | bytes a kernel record | bytes an agent's record | reading, CPU s \
| accounting, CPU s | million events a CPU second | peak memory | 3 x file + 200 MB |
|---|---|---|---|---|---|---|---|---|""".replace("\\\n", "")


SERVED_HEAD = """| events | the page, CPU s | lanes of 1 % of the run, CPU s | its numbers, CPU s \
| own memory while it serves | temporary file | peak memory |
|---|---|---|---|---|---|---|""".replace("\\\n", "")
SERVED = """`twocooks view` of the same traces: after reading and accounting it makes the page once,
puts what it found aside, and answers windows from there. Own memory is what the kernel could not
take back; the rest of what is in use lies in the temporary file."""


WORDS = """Written by `python -m benchmarks.scale`: traces that mimic recorded ones (400 threads
in 4 processes on 4 CPUs, 8 event loops, reused thread numbers, losses), read and accounted for
up to the finished summary. The last two columns: what it took, and what we want it to take."""


def machine() -> str:
    """What was measured on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    model = "unknown"
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].partition(":")[2].strip() if lines else model
    return (
        f"- processor: {model}, {cores} usable\n- kernel: {platform.release().partition('-')[0]}\n"
        f"- Python: {platform.python_implementation()} {platform.python_version()}"
    )


def section(begin: str, end: str, content: str) -> None:
    """Put a section of the page between its marks, or behind all others."""
    text = PAGE.read_text(encoding="utf-8")
    marked = f"{begin}\n{content}\n{end}\n"
    if begin in text:
        before, _, rest = text.partition(begin)
        text = before + marked + rest.partition(end)[2].lstrip("\n")
    else:
        text = text.rstrip("\n") + "\n" + marked
    PAGE.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--large", action="store_true", help="also 50 million events")
    parser.add_argument("--keep", type=Path, help="keep the traces in this folder")
    parser.add_argument("--no-write", action="store_true", help="leave docs/overhead.md alone")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--served", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one or given.served:
        with room.rooms():  # as the commands do
            print(json.dumps(measure(given.one) if given.one else serve(given.served)))
        return
    with tempfile.TemporaryDirectory() as folder:
        place = given.keep or Path(folder)
        rows, views = [HEAD], [SERVED_HEAD]
        for millions in (*MILLIONS, *([LARGE] if given.large else [])):
            rows.append(row(millions, place))
            print(rows[-1], flush=True)
            views.append(served(millions, place / f"{millions}m.2cooks"))
            print(views[-1], flush=True)
    table = "\n".join([*rows, "", SERVED, "", *views])
    if not given.no_write:
        section(BEGIN, END, f"## Size\n\n{WORDS}\n\n{machine()}\n\n{table}")


if __name__ == "__main__":
    main()
