"""Runs somebody else's test suite plain, plain again and watched, and compares test by test.

A suite is cut into pieces (a module, or a few classes of a long one). Each piece has one result
file in a folder, written anew after every phase, so a run can be stopped and taken up again, and
several can share the folder: a piece is locked by whoever works on it.

The second plain run knows the tests that are flaky by themselves. A test that ended the same in
both and differently when watched is repeated, plain and watched by turns, and then judged:

    different   watched it ends differently again and again, plain never
    flaky       plain it ended in that way, too
    unsteady    it ended in that way once when watched, and never again, watched or not
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kit.watched import Place, drop_root, make_place, twocooks
from twocooks.format import spec
from twocooks.read.reader import load

LIMIT_S = 900.0
REPEATS = 5
GONE_S = 10.0
"""So long may what a suite started take to end after it (a resource tracker, a fork server)."""
MORE = 75
"""Exit code where the budget ended before the work."""
NO_TESTS = 5
"""Exit code of pytest for a file without tests."""
PHASES = ("plain", "plain again", "watched")


def outcomes(xml: str) -> dict[str, str]:
    """Test -> how it ended, from a JUnit file; names that occur twice get numbers."""
    found: dict[str, str] = {}
    for case in ElementTree.fromstring(xml).iter("testcase"):
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        owner = case.get("classname")
        name = (f"{owner}::" if owner else "") + case.get("name", "?")
        again, unique = 1, name
        while unique in found:
            again += 1
            unique = f"{name} ({again})"
        found[unique] = min(kinds) if kinds else case.get("result", "passed")
    return found


def differences(first: dict[str, str], second: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Tests that ended differently; one that was not run ended as "missing"."""
    return {
        name: pair
        for name in sorted(first.keys() | second.keys())
        if (pair := (first.get(name, "missing"), second.get(name, "missing")))[0] != pair[1]
    }


def judge(plain: list[str], watched: list[str]) -> str:
    """Of one test that ended differently when watched: different, flaky or unsteady (see above).

    The first watched outcome is the one in question.
    """
    strange = watched[0]
    if strange in plain:
        return "flaky"
    return "different" if any(end not in plain for end in watched[1:]) else "unsteady"


@dataclass(frozen=True)
class Piece:
    """What one process runs."""

    suite: str
    name: str
    command: tuple[str, ...]
    """The test runner with its options; {xml} stands for the JUnit file that it must write."""
    what: str
    """The module or file."""
    match: tuple[str, ...] = ()
    """Options that choose a part of it."""
    cwd: Path | None = None
    """Where it runs; none = the folder of the run."""
    env: tuple[tuple[str, str], ...] = ()
    """More environment. Not by ``env`` in the command: that would take PYTHONPATH from twocooks."""

    def whole(self) -> tuple[str, ...]:
        return (*self.command, *self.match, self.what)

    def only(self, tests: Sequence[str]) -> tuple[str, ...]:
        """The command for these tests alone (or a few more)."""
        if "pytest" in self.command:  # "tests.test_x.TestY::test_z[1]" -> "test_z"
            names = {test.partition("::")[2].partition("[")[0] for test in tests}
            return (*self.command, "-k", " or ".join(sorted(names)), self.what)
        patterns = [word for test in tests for word in ("-m", test.partition(" (")[0])]
        return (*self.command, *patterns, self.what)


@dataclass
class Run:
    """How one process ended."""

    tests: dict[str, str]
    code: int
    trace: str = ""
    """What is wrong with its trace, by ``twocooks check``."""
    agents: int = 0
    """Processes in which the agent was."""
    lost: int = 0
    """The kernel's records that were lost."""
    left: list[str] = field(default_factory=list)
    """Processes of it that were still there when it had ended."""
    tail: str = ""
    """The end of its output where it gave no result."""

    @property
    def json(self) -> dict[str, Any]:
        return {k: value for k, value in vars(self).items() if value or k in ("tests", "code")}


def run(piece: Piece, watched: bool, only: Sequence[str] = (), keep: Path | None = None) -> Run:
    """Run the piece (or some of its tests) once, in a session and a folder of its own; a trace
    that is not sound is kept."""
    place = make_place()
    trace, xml = place.folder / "suite.trace", place.folder / "junit.xml"
    words = piece.only(only) if only else piece.whole()
    command = [word.replace("{xml}", str(xml)) for word in words]
    options = ("run", "-q", "-o", str(trace), "--max-size", "1GB", "--")
    before = twocooks(*options) if watched else list(drop_root())
    try:
        env = {**place.env, **dict(piece.env)}
        code, left, text = _run([*before, *command], piece.cwd or place.folder, env, place)
        found = outcomes(xml.read_text()) if xml.exists() else {}
        done = Run(found, code, left=left, tail="" if found else text[-2000:])
        if watched:
            _look_at(trace, place, done)
        if done.trace and keep:
            shutil.copyfile(trace, keep)
        return done
    finally:
        shutil.rmtree(place.folder, ignore_errors=True)


def _look_at(trace: Path, place: Place, done: Run) -> None:
    """What the record of a watched run is worth."""
    check = subprocess.run(twocooks("check", str(trace)), env=place.env, text=True,
                           capture_output=True)  # fmt: skip
    done.trace = "" if check.returncode == 0 else (check.stdout + check.stderr)[-500:]
    loaded = load(trace)
    hello = spec.BY_NAME["HELLO"].number
    threads = set(loaded.agent.thread[loaded.agent.event == hello].tolist())
    done.agents = len({loaded.agent_threads[thread][0] for thread in threads})
    if not done.agents and not done.trace:
        done.trace = "no agent was in it: are the extensions of this Python built into the tree?"
    done.lost = int(loaded.kernel.a[loaded.kernel.event == spec.BY_NAME["LOST"].number].sum())


def _run(
    command: list[str], cwd: Path, env: dict[str, str], place: Place
) -> tuple[int, list[str], str]:
    """Exit code, processes left, output (kept in a file: daemons would keep a pipe open)."""
    log = place.folder / "output.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=out, start_new_session=True)  # fmt: skip
        try:
            code = process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
        left = _left(process.pid)
    return code, [command for _, command in left], log.read_text(errors="replace")


def _left(session: int) -> list[tuple[int, str]]:
    """What is still there of the session, once it had time to end; then it is ended."""
    end = time.monotonic() + GONE_S
    while (found := _session(session)) and time.monotonic() < end:
        time.sleep(0.1)
    for pid, _ in found:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return found


def _session(session: int) -> list[tuple[int, str]]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                found.append((int(folder.name), " ".join(words).strip()[:120]))
        except (OSError, IndexError):
            continue
    return found


class Results:
    """A folder of results: KEY/SUITE/PIECE.json."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str, piece: Piece) -> Path:
        return self.folder / key / piece.suite / f"{piece.name}.json"

    def load(self, path: Path) -> dict[str, Any]:
        try:
            loaded: dict[str, Any] = json.loads(path.read_text())
        except FileNotFoundError:
            return {}
        return loaded

    def save(self, path: Path, result: dict[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(result, indent=1, sort_keys=True))
        fresh.replace(path)

    @contextlib.contextmanager
    def claim(self, path: Path) -> Iterator[bool]:
        """Whether nobody else works on this piece."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_suffix(".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True


def work(key: str, pieces: Sequence[Piece], results: Results, budget_s: float) -> int:
    """Do what is not done yet; 0, 1 where tests differ, ``MORE`` where time ran out."""
    # A shell's background jobs ignore SIGINT, and so would the tests that send it to themselves.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    end = time.monotonic() + budget_s
    for suite in {piece.suite for piece in pieces}:
        names = sorted(piece.name for piece in pieces if piece.suite == suite)
        results.save(results.folder / key / suite / "plan.json", {"pieces": names})
    bad = False
    for piece in pieces:
        path = results.path(key, piece)
        with results.claim(path) as mine:
            if not mine:
                continue
            result = results.load(path)
            while "judged" not in result:
                if time.monotonic() > end:
                    return MORE
                _next(piece, result, path.with_suffix(".trace"))
                results.save(path, result)
                print(_line(key, piece, result), flush=True)
            bad = bad or "different" in result["judged"].values()
    return 1 if bad else 0


def _next(piece: Piece, result: dict[str, Any], keep: Path) -> None:
    """The next phase of a piece."""
    for phase in PHASES:
        if phase not in result:
            result[phase] = run(piece, watched=phase == "watched", keep=keep).json
            return
    first, second, watched = (result[phase]["tests"] for phase in PHASES)
    flaky = differences(first, second)
    wrong = [test for test in differences(first, watched) if test not in flaky]
    ends = {
        test: ([first.get(test, "missing")] * 2, [watched.get(test, "missing")]) for test in wrong
    }
    for _ in range(REPEATS if wrong else 0):
        for which in (0, 1):
            found = run(piece, watched=which == 1, only=wrong).tests
            for test in wrong:
                ends[test][which].append(found.get(test, "missing"))
    result["repeated"] = {test: {"plain": p, "watched": w} for test, (p, w) in ends.items()}
    result["judged"] = {test: judge(p, w) for test, (p, w) in ends.items()}
    result["flaky"] = sorted(flaky)


def _line(key: str, piece: Piece, result: dict[str, Any]) -> str:
    """What to say when a phase has ended."""
    head = f"{key} {piece.suite} {piece.name}"
    if "judged" in result:
        rest = [f"{test}: {verdict} {result['repeated'][test]}"
                for test, verdict in result["judged"].items()]  # fmt: skip
        return "\n    ".join([f"{head}: compared", *rest])
    phase = next(phase for phase in reversed(PHASES) if phase in result)
    done = result[phase]
    more = "".join(f", {word}: {done[word]}" for word in ("agents", "lost", "trace", "left", "tail")
                   if word in done)  # fmt: skip
    return f"{head}, {phase}: {len(done['tests'])} tests, exit code {done['code']}{more}"


@dataclass
class Row:
    """One line of the table: a suite under one Python."""

    pieces: int = 0
    of: int = 0
    tests: int = 0
    skipped: int = 0
    different: list[str] = field(default_factory=list)
    flaky: list[str] = field(default_factory=list)
    unsteady: list[str] = field(default_factory=list)
    no_result: list[str] = field(default_factory=list)
    bad_traces: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def row(folder: Path) -> Row:
    """The sums of one suite's results. Only pieces that were judged count."""
    found = Row(of=len(json.loads((folder / "plan.json").read_text())["pieces"]))
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text())
        if "judged" not in result:
            continue
        found.pieces += 1
        plain, watched = result["plain"], result["watched"]
        found.tests += len(plain["tests"])
        found.skipped += sum(end == "skipped" for end in plain["tests"].values())
        found.flaky += result["flaky"]
        for test, verdict in result["judged"].items():
            getattr(found, verdict).append(test)
        if not plain["tests"] and plain["code"] not in (0, NO_TESTS):
            found.no_result.append(path.stem)
        if watched.get("trace"):
            found.bad_traces.append(path.stem)
        # What hung was ended from outside, and could not tidy up: judged is that it hung.
        if watched["tests"] and len(watched.get("left", ())) > len(plain.get("left", ())):
            found.left.append(path.stem)
    return found


HEAD = ("| Python | suite | parts run | tests | of these skipped | different when watched "
        "| unsteady | flaky by themselves | processes left |\n" + "|---" * 9 + "|\n")  # fmt: skip


@dataclass
class Entry:
    """What the page says of one suite under one Python: its line of the table, and the lines below
    the table that belong to it."""

    line: str
    notes: list[str] = field(default_factory=list)

    @property
    def covered(self) -> tuple[bool, int]:
        """Whether all of it was compared, and how many parts: more is greater."""
        parts = self.line.split("|")[3].strip()
        return parts == "all", 0 if parts == "all" else int(parts.split()[0])

    @property
    def bad(self) -> bool:
        """Whether watching changed something in it."""
        cells = self.line.split("|")
        return cells[6].strip() != "0" or cells[9].strip() != "0"


Entries = dict[tuple[str, str], Entry]


def entries(folder: Path) -> Entries:
    """All results of a folder."""
    found: Entries = {}
    for plan in folder.glob("*/*/plan.json"):
        key, suite = plan.parts[-3:-1]
        sums = row(plan.parent)
        if not sums.pieces:
            continue
        parts = "all" if sums.pieces == sums.of else f"{sums.pieces} of {sums.of}"
        cells = (key, suite, parts, sums.tests, sums.skipped, len(sums.different),
                 len(sums.unsteady), len(sums.flaky), len(sums.left))  # fmt: skip
        found[key, suite] = entry = Entry("| " + " | ".join(str(cell) for cell in cells) + " |")
        for what in ("different", "unsteady", "flaky", "no_result", "bad_traces", "left"):
            entry.notes += [f"- {key} {suite}, {what.replace('_', ' ')}: `{_short(name)}`"
                            for name in getattr(sums, what)]  # fmt: skip
    return found


def _short(test: str) -> str:
    """A test's name without the place where its package is installed."""
    return test.rpartition("site-packages.")[2]


def read_entries(text: str) -> Entries:
    """The entries of a table that ``show`` made."""
    found: Entries = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 11 and cells[1] != "Python" and not cells[1].startswith("---"):
            found[cells[1], cells[2]] = Entry(line)
        elif line.startswith("- "):
            of = tuple(line[2:].partition(", ")[0].split(" ", 1))
            if len(of) != 2 or of not in found:
                raise SystemExit(f"a line below the table belongs to no row of it: {line}")
            found[of[0], of[1]].notes.append(line)
    return found


def merge(old: Entries, new: Entries) -> Entries:
    """What is said of a suite stays until as much was run again, or a difference was found."""
    found = dict(old)
    for where, entry in new.items():
        if where in old and not entry.bad and entry.covered < old[where].covered:
            print(f"{' '.join(where)}: less of it was run than the page tells of; its row stays")
        else:
            found[where] = entry
    return found


def show(found: Entries) -> str:
    """The entries as Markdown: a table, and below it the tests that it counts by name."""
    order = sorted(found, key=_order)
    lines = [found[where].line + "\n" for where in order]
    notes = [note + "\n" for where in order for note in found[where].notes]
    return HEAD + "".join([*lines, "\n", *notes])


def _order(where: Sequence[str]) -> tuple[list[int], str, str]:
    """Pythons by number, then suites by name."""
    digits = "".join(c if c.isdigit() else " " for c in where[0]).split()
    return [int(number) for number in digits], where[0], where[1]


def write_table(page: Path, name: str, folder: Path) -> None:
    """Put a folder's results into the page's table, which stands between two marks."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    head, found, rest = page.read_text().partition(begin)
    old, closed, tail = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{page} has no place for the table: {begin.strip()} ... {end}")
    text = show(merge(read_entries(old), entries(folder)))
    page.write_text(f"{head}{begin}{text}{end}{tail}")
