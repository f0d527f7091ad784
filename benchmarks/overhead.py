"""What watching costs: the same work with and without twocooks (and others), in turns.

    python -m benchmarks.overhead [--runs N] [--pieces N] [--others N] [--only WORKLOAD]
                                  [--tools A,B] [--no-write] [--anyway] [--keep]

A run is two programs at once, one plain and one with a tool, that do the same small piece of work
in turns, told by a line on stdin: a machine's mood changes within seconds, so a fair pair must be
near in time. Who is not at work is stopped (SIGSTOP, the tool with its program). Each workload
measures its own wall time around the piece, so neither the start of Python nor what a tool does
after the program's end is in it. Each piece with a tool stands between two plain ones, whose
difference shows how much of the result is mood. A run of twocooks counts only with the kernel's
exact records, nothing lost, and as many switches and asyncio steps in the trace as the kernel and
the workload themselves counted.

Each process draws anew where Python and its libraries lie in memory, and with it how fast the same
work goes: the plain echo server alone differs by a fifth from process to process. So pieces of one
run are no independent evidence. Each run gives one ratio, the median of its pieces (piece with the
tool / mean of the plain ones around it), and there are many runs of few pieces.

Writes ``docs/overhead.md`` and ``benchmarks/results.json``. Units: seconds. Told are the median of
the runs with its 95 % interval, by the ranks of the sorted ratios (a sign test: Conover, Practical
Nonparametric Statistics, 3.2), and for comparison the mean of the fastest third of the tool's
pieces over that of the plain ones.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import math
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kit import cores
from tests.kit.watched import PARANOID, ROOT, Place, drop_root, make_place, twocooks

WORKLOADS = {
    "computing": "pure Python, one thread",
    "gil_threads": "pure Python, four threads",
    "asyncio_switches": "four coroutines that only yield",
    "echo": "asyncio echo server, four clients, two processes",
    "process_pool": "500 short items, two worker processes",
    "ping_pong": "two processes waking each other on one core",
}
FOLDER = ROOT / "benchmarks" / "workloads"
SWITCHES_OFF = 0.02
"""The recorder may see so many more or fewer switches than rusage counts."""
SWITCHES_OUTSIDE = 400
"""Switches of starting and ending, which the stopwatch does not see ..."""
SWITCHES_BETWEEN = 20
"""... and between two pieces."""
FIXED_ROUNDS = 10
FAILURES = (RuntimeError, OSError, LookupError, ValueError, subprocess.SubprocessError)
LIMIT_S = 300.0

Tool = Callable[[Path, Path], list[str]]
"""Script and a folder for output files -> the command."""


def plain(script: Path, _folder: Path) -> list[str]:
    return [*drop_root(), sys.executable, str(script)]


def ours(script: Path, folder: Path) -> list[str]:
    return twocooks("run", "-o", str(folder / "t.trace"), "--json", str(folder / "t.json"), "--",
                    sys.executable, str(script))  # fmt: skip


def beside(name: str) -> str | None:
    """A tool in the environment of this Python, or in PATH."""
    path = Path(sys.executable).parent / name
    return str(path) if path.exists() else shutil.which(name)


def others() -> dict[str, Tool]:
    """The other profilers that are installed here, with the options their documentation gives."""
    found: dict[str, Tool] = {}
    if spy := beside("py-spy"):
        found["py-spy 1 kHz"] = lambda script, folder: [
            spy, "record", "-r", "1000", "-s", "-f", "raw", "-o", str(folder / "spy"), "--",
            sys.executable, str(script)]  # fmt: skip
    if viz := beside("viztracer"):
        found["VizTracer"] = lambda script, folder: [
            viz, "--quiet", "-o", str(folder / "viz.json"), "--", str(script)]  # fmt: skip
    if scalene := beside("scalene"):
        found["Scalene"] = lambda script, folder: [
            scalene, "run", "-o", str(folder / "scalene.json"), str(script)]  # fmt: skip
    if yappi := beside("yappi"):
        found["yappi"] = lambda script, folder: [
            yappi, "-o", str(folder / "yappi"), "-f", "pstat", str(script)]  # fmt: skip
    return found


@dataclass
class Row:
    """One workload with one tool over all runs."""

    tool: str
    walls: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    """One for each run."""
    refused: list[str] = field(default_factory=list)
    """Why runs did not count."""
    facts: list[dict[str, float]] = field(default_factory=list)


@dataclass
class Result:
    workload: str
    plain: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    """The plain run after a tool's as a ratio to the one before it: the mood alone."""
    alone: list[float] = field(default_factory=list)
    """The median of the plain pieces of each run."""
    rows: dict[str, Row] = field(default_factory=dict)


class Worker:
    """A workload that waits for its next piece of work, alone or with its tool, in a process group
    of its own."""

    def __init__(self, command: list[str], place: Place) -> None:
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by kill()
        self.process = subprocess.Popen(
            command,
            env=place.env,
            cwd=place.folder,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            start_new_session=True,
        )
        self.stopped = False

    def piece(self) -> dict[str, float]:
        """Do one; what its stopwatch printed. RuntimeError where the program failed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.go_on()
        try:
            self.process.stdin.write("go\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self.failed() from None
        while line := self.process.stdout.readline():
            if line.startswith('{"wall_s"'):
                printed: dict[str, float] = json.loads(line)
                os.killpg(self.process.pid, signal.SIGSTOP)
                self.stopped = True
                return printed
        raise self.failed()

    def go_on(self) -> None:
        if self.stopped:
            os.killpg(self.process.pid, signal.SIGCONT)
            self.stopped = False

    def end(self) -> None:
        """No more pieces. RuntimeError where the program or its tool failed."""
        self.go_on()
        self.process.communicate(timeout=LIMIT_S)
        if self.process.returncode:
            raise self.failed()

    def failed(self) -> RuntimeError:
        code = self.process.wait(LIMIT_S)
        self.errors.seek(0)
        tail = self.errors.read().strip().splitlines()[-1:] or ["no output"]
        return RuntimeError(f"exit code {code}: {tail[0]}")

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.errors.close()


def verified(folder: Path, pieces: list[dict[str, float]]) -> dict[str, float]:
    """What twocooks recorded of the run; RuntimeError where the run does not count."""
    from twocooks.format.spec import BY_NAME
    from twocooks.read.reader import load

    summary: dict[str, Any] = json.loads((folder / "t.json").read_text())
    measured = summary["measured"]
    if measured["source"] != "kernel":
        raise RuntimeError(f"source {measured['source']}")
    if measured["lost_events"]:
        raise RuntimeError(f"{measured['lost_events']} events lost")
    printed = {key: sum(piece[key] for piece in pieces) for key in pieces[0]}
    trace = load(folder / "t.trace")
    outs = [BY_NAME[name].number for name in ("OUT", "OUT_PREEMPTED")]
    switched = int(sum((trace.kernel.event == number).sum() for number in outs))
    off = switched - printed["switches"]
    outside = SWITCHES_OUTSIDE + SWITCHES_BETWEEN * len(pieces)
    if not -SWITCHES_OFF * switched - 5 <= off <= SWITCHES_OFF * switched + outside:
        raise RuntimeError(f"{switched} switches recorded of {printed['switches']}")
    steps = int((trace.agent.event == BY_NAME["STEP"].number).sum())
    if steps < printed["steps"]:
        raise RuntimeError(f"{steps} steps recorded of {printed['steps']}")
    end = trace.end or {}
    clock = end.get("task_clock_ns", 0) / 1e9
    size = (folder / "t.trace").stat().st_size
    return {
        "switches_per_s": printed["switches"] / printed["wall_s"],
        "slices_to_task_clock": summary["time"]["on_core_s"] / clock if clock else float("nan"),
        "bytes_per_event": size / max(1, len(trace.kernel.event) + len(trace.agent.event)),
        "recorder_cpu_s": end.get("recorder_cpu_s", float("nan")),
    }


def measure(workload: str, tools: dict[str, Tool], runs: int, pieces: int, others: int) -> Result:
    """All runs of one workload, one line of progress each. Ours has all of them, the other tools
    ``others`` runs of one piece: they need seconds where it needs milliseconds."""
    script = FOLDER / f"{workload}.py"
    result = Result(workload, rows={name: Row(name) for name in tools})
    for number in range(runs):
        for name, tool in tools.items():
            if tool is ours or number < others:
                try:
                    run_in_turns(result, name, tool, script, pieces if tool is ours else 1)
                except FAILURES as error:
                    result.rows[name].refused.append(str(error))
        print(f"{workload}: run {number + 1} of {runs}", file=sys.stderr, flush=True)
    return result


def run_in_turns(result: Result, name: str, tool: Tool, script: Path, pieces: int) -> None:
    """One run: plain, tool, plain, tool, ..., plain. The first pieces of both warm them up."""
    places = make_place(), make_place()
    alone = Worker(plain(script, places[0].folder), places[0])
    watched = Worker(tool(script, places[1].folder), places[1])
    try:
        first = [alone.piece(), watched.piece()]
        told = [alone.piece()]
        done = []
        for _ in range(pieces):
            done.append(watched.piece())
            told.append(alone.piece())
        alone.end()
        watched.end()
        facts = verified(places[1].folder, [first[1], *done]) if tool is ours else {}
    finally:
        alone.kill()
        watched.kill()
        for place in places:
            shutil.rmtree(place.folder, ignore_errors=True)
    row = result.rows[name]
    bare = [piece["wall_s"] for piece in told]
    walls = [piece["wall_s"] for piece in done]
    row.walls += walls
    pairs = list(itertools.pairwise(bare))
    row.ratios.append(median([2 * wall / sum(p) for wall, p in zip(walls, pairs, strict=True)]))
    result.again += [after / before for before, after in pairs]
    result.alone.append(median(bare))
    result.plain += bare
    if facts:
        row.facts.append(facts)


def fastest(walls: list[float]) -> float:
    """Mean of the fastest third."""
    return statistics.fmean(sorted(walls)[: max(1, len(walls) // 3)])


def keep_others(
    results: list[Result], fixed: tuple[list[float], list[float]]
) -> tuple[list[float], list[float]]:
    """Add the rows that the last run had and this one has not, and with those of twocooks the plain
    runs around them; the fixed cost, too."""
    last = json.loads((ROOT / "benchmarks" / "results.json").read_text())
    for result in results:
        kept = last["workloads"].get(result.workload, {})
        for name, row in kept.get("tools", {}).items():
            if name not in result.rows and name == "twocooks":
                result.plain, result.again = kept["plain_s"], kept["plain_again"]
                result.alone = kept["plain_by_run_s"]
            result.rows.setdefault(name, Row(**row))
        result.rows = dict(sorted(result.rows.items(), key=lambda item: item[0] != "twocooks"))
    return fixed if fixed[0] else (last["fixed_cost"]["plain_s"], last["fixed_cost"]["twocooks_s"])


def fixed_cost() -> tuple[list[float], list[float]]:
    """Walls of an empty program, plain and as a whole ``twocooks run`` with its report."""
    alone, watched = [], []
    for _ in range(FIXED_ROUNDS):
        place = make_place()
        for walls, command in (
            (alone, [*drop_root(), sys.executable, "-c", "pass"]),
            (watched, twocooks("run", "-c", "pass")),
        ):
            begin = time.perf_counter()
            done = subprocess.run(command, env=place.env, cwd=place.folder, capture_output=True)
            walls.append(time.perf_counter() - begin)
            if done.returncode:
                raise RuntimeError(f"an empty program failed: {done.stderr!r}")
        shutil.rmtree(place.folder, ignore_errors=True)
    return alone, watched


def machine(free: float) -> dict[str, str]:
    """The machine's description as it belongs beside every number."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    rights = "an ordinary user" if drop_root() or os.geteuid() else "root"
    return {
        "processor": f"{model}, {len(os.sched_getaffinity(0))} usable of {os.cpu_count()}",
        "kernel": platform.release().partition("-")[0],
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "rights": f"{rights}, perf_event_paranoid {PARANOID.read_text().strip()}",
        "free cores before": f"{free:.2f}",
    }


def median(values: list[float]) -> float:
    return statistics.median(values) if values else float("nan")


def interval(values: list[float]) -> tuple[float, float]:
    """Where the true median lies, 95 %: ranks of the sorted values, by the normal limit of the
    binomial distribution. With few values all of them."""
    reach = math.ceil(0.98 * math.sqrt(len(values)))
    low = max(0, len(values) // 2 - reach)
    ordered = sorted(values)
    return ordered[low], ordered[-1 - low]


def spread(values: list[float]) -> str:
    """Median, and where the true one lies."""
    if not values:
        return "-"
    low, high = interval(values)
    return f"{median(values):.3f} ({low:.2f} to {high:.2f})"


def page(
    about: dict[str, str], results: list[Result], fixed: tuple[list[float], list[float]]
) -> str:
    """``docs/overhead.md``."""
    names = list(dict.fromkeys(name for result in results for name in result.rows))
    rows = [row for result in results for row in result.rows.values()]
    runs = max((len(row.ratios) for row in rows), default=0)
    tries = max((len(row.ratios) for row in rows if row.tool != "twocooks"), default=0)
    lines = [
        "# What watching costs",
        "",
        "Written by `python -m benchmarks.overhead`; do not edit. Time inside the watched program",
        "with the tool, divided by the time without: small pieces of the same work in turns,",
        "each with a tool between two plain ones. Median (95 % interval of the median) of",
        f"{runs} runs ({tries} of the other tools), each of two new processes. \"Fastest\" is the",
        "fastest third of the pieces with twocooks over that of the plain ones. How much is mood:",
        "\"plain again\" is plain after over plain before in one process, \"plain anew\" a plain",
        "process over the median one, both from the tenth to the ninetieth percentile.",
        "",
        *(f"- {key}: {value}" for key, value in about.items()),
        "",
        "| workload | plain, s | plain again | plain anew | fastest | " + " | ".join(names) + " |",
        "|---|---|---|---|---|" + "---|" * len(names),
    ]
    for result in results:
        cells = [spread(result.rows[name].ratios) for name in names]
        lines.append(
            f"| {WORKLOADS[result.workload]} | {median(result.plain):.2f} "
            f"| {mood(result.again)} | {mood(anew(result))} | {best(result)} | "
            + " | ".join(cells)
            + " |"
        )
    ours = [result.rows["twocooks"].ratios for result in results if "twocooks" in result.rows]
    if ours:
        middle = median([median(ratios) for ratios in ours])
        lines += ["", f"The median of the workloads with twocooks is {middle:.3f}."]
    lines += ["", *recorded(results), "", *fixed_words(*fixed), "", *refusals(results)]
    return "\n".join(lines).rstrip() + "\n"


def anew(result: Result) -> list[float]:
    """Each plain process over the median one."""
    return [one / median(result.alone) for one in result.alone]


def mood(again: list[float]) -> str:
    if len(again) < 10:
        return "-"
    cuts = statistics.quantiles(again, n=10)
    return f"{cuts[0]:.2f} to {cuts[-1]:.2f}"


def best(result: Result) -> str:
    """The fastest runs of twocooks over the fastest plain ones."""
    row = result.rows.get("twocooks")
    return f"{fastest(row.walls) / fastest(result.plain):.3f}" if row and row.walls else "-"


def recorded(results: list[Result]) -> list[str]:
    lines = [
        "What twocooks recorded in these runs (medians):",
        "",
        "| workload | switches a second | slices / task clock | bytes an event | recorder, CPU s |",
        "|---|---|---|---|---|",
    ]
    for result in results:
        facts = result.rows["twocooks"].facts if "twocooks" in result.rows else []
        if facts:
            mid = {key: median([fact[key] for fact in facts]) for key in facts[0]}
            lines.append(
                f"| {WORKLOADS[result.workload]} | {mid['switches_per_s']:,.0f} "
                f"| {mid['slices_to_task_clock']:.4f} | {mid['bytes_per_event']:.1f} "
                f"| {mid['recorder_cpu_s']:.3f} |"
            )
    return lines


def fixed_words(alone: list[float], watched: list[float]) -> list[str]:
    if not watched:
        return []
    return [
        "A whole `twocooks run` of an empty program with its report takes "
        f"{median(watched):.2f} s, the",
        f"empty program {median(alone):.2f} s: the fixed cost is "
        f"{median(watched) - median(alone):.2f} s (medians of {len(alone)}).",
    ]


def refusals(results: list[Result]) -> list[str]:
    lines = [
        f"- {WORKLOADS[result.workload]}, {row.tool}: {len(row.refused)} runs, "
        f"for example: {row.refused[0]}"
        for result in results
        for row in result.rows.values()
        if row.refused
    ]
    return ["Runs that did not count:", "", *lines] if lines else []


def as_json(
    about: dict[str, str], results: list[Result], fixed: tuple[list[float], list[float]]
) -> dict[str, Any]:
    return {
        "machine": about,
        "fixed_cost": {"plain_s": fixed[0], "twocooks_s": fixed[1]},
        "workloads": {
            result.workload: {
                "plain_s": result.plain,
                "plain_again": result.again,
                "plain_by_run_s": result.alone,
                "tools": {name: vars(row) for name, row in result.rows.items()},
            }
            for result in results
        },
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--pieces", type=int, default=3, help="of a run with twocooks")
    parser.add_argument("--others", type=int, default=3, help="runs with each other tool")
    parser.add_argument("--only", action="append", choices=list(WORKLOADS))
    parser.add_argument("--tools", help="names by commas; default: all that are installed")
    parser.add_argument("--no-write", action="store_true", help="print only")
    parser.add_argument("--keep", action="store_true",
                        help="keep the last results of tools that are not run now")  # fmt: skip
    parser.add_argument("--anyway", action="store_true", help="also on a busy machine")
    options = parser.parse_args()
    tools: dict[str, Tool] = {"twocooks": ours, **others()}
    if options.tools:
        tools = {name: tools[name] for name in options.tools.split(",")}
    free = cores.probe()
    if free < cores.NEEDED and not (options.no_write or options.anyway):
        print(f"only {free:.1f} cores are free: this would measure others", file=sys.stderr)
        return 1
    about = machine(free)
    results = [
        measure(name, tools, options.runs, options.pieces, options.others)
        for name in options.only or WORKLOADS
    ]
    fixed = fixed_cost() if "twocooks" in tools else ([], [])
    if options.keep:
        fixed = keep_others(results, fixed)
    text = page(about, results, fixed)
    print(text)
    if not options.no_write:
        path = ROOT / "docs" / "overhead.md"
        _, mark, size = path.read_text().partition("<!-- size -->")  # benchmarks.scale's section
        path.write_text(text + (f"\n{mark}{size}" if mark else ""))
        data = json.dumps(as_json(about, results, fixed), indent=1)
        (ROOT / "benchmarks" / "results.json").write_text(data + "\n")
    wanted = [result.rows["twocooks"] for result in results if "twocooks" in result.rows]
    return 0 if all(row.ratios for row in wanted) else 1


if __name__ == "__main__":
    raise SystemExit(main())
