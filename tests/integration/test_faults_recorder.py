"""What happens to twocooks itself: killed, starved, without room, files or buffers.

The program must never notice; what was not seen must be said; and what was lost must never make
two threads that hand one token to and fro look as if they had worked at the same moment.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import faults
from tests.kit.arena import ARENA, Arena, environment
from tests.kit.faults import RELAY, SIDE_BY_SIDE, Ended
from tests.kit.watched import Place, as_user
from twocooks.format.spec import BY_NAME
from twocooks.read.check import check
from twocooks.read.reader import load
from twocooks.record.watch import SMALL_RING

CUT_OFF = "cut off"
RECORDER_PID, BEAT_NS = 7, 9
"""Places in the head of the agents' memory."""


@pytest.fixture
def place() -> Iterator[Place]:
    with faults.clean_place(own=("own-disk", "other.trace", "other.json")) as made:
        yield made


def problems(done: Ended) -> list[str]:
    return [problem for problem in check(done.trace) if not problem.startswith("looks")]


def report(place: Place, trace: str) -> str:
    line = [sys.executable, "-m", "twocooks", "report", trace]
    told = subprocess.run(line, capture_output=True, text=True, env=place.env)
    assert (told.returncode, told.stderr) == (0, "")
    return told.stdout


def test_killed_the_program_runs_on_and_the_record_reads(place: Place) -> None:
    """SIGKILL to twocooks: only what was not yet written is missing, and that it is cut off is
    said. The program, and what it starts later, has nobody to tell its events to."""
    after = (
        "import asyncio, subprocess\n"
        "async def steps():\n    for _ in range(50): await asyncio.sleep(0)\n"
        "asyncio.run(steps())\n"
        "print(subprocess.run([sys.executable, '-c', 'print(6 * 7)'], capture_output=True,"
        " text=True), flush=True)\n"
    )
    run = faults.begin(place, RELAY + after)
    assert run.hears() == "ready"
    run.tell("go 2000")
    assert run.hears() == "went"
    size = 0
    for _ in range(3):  # flushes that are in the file before the end
        faults.until(lambda before=size: run.trace.stat().st_size > before, "a flush")  # type: ignore[misc]
        size = run.trace.stat().st_size
    os.kill(run.process.pid, signal.SIGKILL)
    run.process.wait()
    run.tell("go 2000")  # the pipe is the program's
    assert run.hears() == "went"
    done = run.end()
    assert done.code == -signal.SIGKILL
    assert done.out.startswith("done\n")
    assert "stdout='42\\n', stderr=''" in done.out
    assert done.err == ""
    trace = load(done.trace)
    assert trace.end is None
    assert len(trace.kernel.time) > 1000
    assert all(CUT_OFF in problem for problem in problems(done))
    assert CUT_OFF in report(place, str(done.trace))
    done.trace.with_suffix(".json").unlink(missing_ok=True)
    line = [sys.executable, "-m", "twocooks", "report", "--json", "-", str(done.trace)]
    told = subprocess.run(line, capture_output=True, text=True, env=place.env)
    assert not any(f'"id": "{verdict}"' in told.stdout for verdict in SIDE_BY_SIDE)


def test_starved_the_loss_is_counted_and_said(place: Place) -> None:
    """twocooks does not get its turn while the smallest of rings overflows."""
    run = faults.begin(place, RELAY, hook="watch.RING_PAGES = 1")
    assert run.hears() == "ready"
    os.kill(run.process.pid, signal.SIGSTOP)
    run.tell("go 20000")
    assert run.hears() == "went"
    os.kill(run.process.pid, signal.SIGCONT)
    run.tell("go 2000")
    assert run.hears() == "went"
    done = run.end()
    assert (done.code, done.out) == (0, "done\n")
    measured = done.summary["measured"]
    assert measured["lost_events"] > 1000
    assert measured["unknown_s"] > 0
    assert measured["exact"] is False
    assert "records were lost" in done.notes
    assert "only 4 KiB a core" in done.err
    assert done.verdict not in SIDE_BY_SIDE
    assert problems(done) == []


def test_starved_the_agents_loss_is_counted_and_said(place: Place) -> None:
    """The agents' memory is full and nobody reads it: events are lost, the program is not held."""
    code = (
        "import asyncio, sys\n"
        "print('ready', flush=True)\nsys.stdin.readline()\n"
        "async def steps():\n    for _ in range(20000): await asyncio.sleep(0)\n"
        "asyncio.run(steps())\nprint('went', flush=True)\nsys.stdin.readline()\n"
    )
    run = faults.begin(place, code, hook="watch.arena_pages = lambda: 4")
    assert run.hears() == "ready"
    os.kill(run.process.pid, signal.SIGSTOP)
    run.tell("go")
    assert run.hears() == "went"
    os.kill(run.process.pid, signal.SIGCONT)
    done = run.end()
    assert done.code == 0
    trace = load(done.trace)
    assert trace.end is not None
    assert trace.end["agent_lost"] > 1000
    assert done.summary["measured"]["lost_events"] >= trace.end["agent_lost"]
    assert "were lost" in done.notes
    assert problems(done) == []


def relayed(place: Place, **more: object) -> Ended:
    """A relay with long pauses between two bursts: flushes before and after whatever happens."""
    run = faults.begin(place, RELAY, **more)  # type: ignore[arg-type]
    assert run.hears() == "ready"
    for _ in range(12):
        run.tell("go 2000")
        assert run.hears() == "went"
    done = run.end()
    assert (done.code, done.out) == (0, "done\n")
    assert done.verdict not in SIDE_BY_SIDE
    return done


def test_a_full_disk_is_said_and_all_before_it_reads(place: Place) -> None:
    """A real one, of 48 KiB. Room for the end of the file was kept."""
    disk = place.folder / "own-disk"
    disk.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=48k", "none", str(disk)]
    if os.geteuid() != 0 or mount is None or subprocess.run([mount, *options]).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        as_user(disk)
        done = relayed(place, trace=disk / "own.trace")
        assert "No space left" in done.err
        assert "No space left" in done.notes
        trace = load(done.trace)
        assert trace.end is not None, "room for the end was kept"
        assert trace.notes == []
        assert done.summary["measured"]["unknown_s"] > 0
        assert problems(done) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)
        (place.folder / "own.json").unlink(missing_ok=True)


NO_MORE = """
import resource
whole = watch.Session.loop
def loop(self, child, meter, for_s):
    size = watch.os.fstat(self.fd).st_size + {room}
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    return whole(self, child, meter, for_s)
def close(fd, unused):
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.getrlimit(resource.RLIMIT_FSIZE)[1],) * 2)
    closed(fd, unused)
closed, watch.close_trace = watch.close_trace, close
watch.Session.loop = loop
"""


@pytest.mark.parametrize("room", [100, 6000])
def test_writing_fails_in_the_middle(room: int, place: Place) -> None:
    """A write that the kernel takes only a part of, with and without room for the end: what is in
    the file are whole flushes, and the rest is unknown."""
    done = relayed(place, hook=NO_MORE.format(room=room))
    assert "writing the trace failed" in done.err
    trace = load(done.trace)
    assert all(CUT_OFF in problem for problem in problems(done))
    assert (CUT_OFF in done.notes) == (trace.end is None)
    assert done.summary["measured"]["exact"] is False


def test_the_size_limit_holds_and_is_said(place: Place) -> None:
    done = relayed(place, options=("--max-size", "20kB"))
    assert done.trace.stat().st_size <= 20_000
    assert "size limit" in done.err
    assert "size limit" in done.notes
    assert done.summary["measured"]["unknown_s"] > 0
    assert done.summary["measured"]["exact"] is False
    assert problems(done) == []


def test_two_recorders_of_one_user(place: Place) -> None:
    """Without memory of their own to lock, all recorders of a user share one small budget: who
    comes late gets smaller buffers, or none, and says so."""
    few = ("prlimit", "--memlock=0:0") if shutil.which("prlimit") else ()
    if not few:
        pytest.skip("no prlimit here")
    first = faults.begin(place, RELAY, prefix=few)
    assert first.hears() == "ready"
    second = relayed(place, prefix=few, trace=place.folder / "other.trace")
    measured = second.summary["measured"]
    # How large the budget is, the machine's owner says (perf_event_mlock_kb).
    if measured["source"] == "schedstat" or load(second.trace).meta["ring_pages"] < SMALL_RING:
        assert "another twocooks of this user" in second.notes
    first.tell("go 100")
    assert first.hears() == "went"
    assert first.end().code == 0


# Twenty threads that sleep again and again until told to end, all on one core: whatever the machine
# does meanwhile, no two of them are ever at work at the same moment.
SLEEPERS = """
import os, sys, threading, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
over = False
def waits():
    while not over: time.sleep(0.01)
threads = [threading.Thread(target=waits) for _ in range(20)]
for t in threads: t.start()
print("ready", flush=True)
sys.stdin.readline()
over = True
for t in threads: t.join()
print("done")
"""
CLOCK_NANOSLEEP = 230


def sleepers_were_met(trace: Path) -> bool:
    """Whether a look that met a sleeper is in the file, or none can come (nobody looks there)."""
    so_far = load(trace)
    polled = so_far.meta.get("source") == "schedstat"
    return polled or bool((so_far.look.syscall == CLOCK_NANOSLEEP).any())


@pytest.mark.parametrize("files", [8, 12, 16, 24])
def test_few_files_are_one_line_or_a_record(files: int, place: Place) -> None:
    """Twenty threads that wait again and again, of which the recorder would keep files open: it
    refuses in one line, or its record is right and its looks go on without kept files."""
    if shutil.which("prlimit") is None:
        pytest.skip("no prlimit here")
    run = faults.begin(place, SLEEPERS, prefix=("prlimit", f"--nofile={files}:{files}"))
    if run.hears() != "ready":
        done = run.end()
        assert (done.code, done.out) == (2, "")
        assert done.err.count("\n") == 1
        assert "Too many open files" in done.err
        assert not done.trace.exists()
        return
    faults.until(lambda: sleepers_were_met(run.trace), "a look at a sleeper")
    run.tell("end")
    done = run.end()
    assert (done.code, done.out) == (0, "done\n")
    assert done.verdict not in SIDE_BY_SIDE
    if done.summary["measured"]["source"] == "kernel":
        assert problems(done) == []


def test_a_lost_look_is_no_switch(place: Place) -> None:
    """The count of LOST records and the kernel's own count agree where nothing was lost."""
    done = relayed(place)
    kernel = load(done.trace).kernel
    assert not (kernel.event == BY_NAME["LOST"].number).any()
    assert done.summary["measured"]["lost_events"] == 0
    assert problems(done) == []


@pytest.mark.parametrize("alive", [True, False])
def test_agents_whom_nobody_reads_fill_no_memory(alive: bool) -> None:
    """The recorder last read long ago. Is it only stopped, the events are counted as lost; is it
    gone, nobody writes any more."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    arena = Arena(pages=8)
    try:
        head = list(ARENA.unpack_from(arena.map))
        head[RECORDER_PID], head[BEAT_NS] = os.getpid() if alive else gone.pid, 1
        ARENA.pack_into(arena.map, 0, *head)
        code = "import asyncio\nasyncio.run(asyncio.sleep(0))\nprint(1)"
        line = [sys.executable, "-c", code]
        done = subprocess.run(line, env=environment(arena), capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
        assert arena.threads() == []
        assert (arena.lost() > 10) == alive
    finally:
        arena.close()
