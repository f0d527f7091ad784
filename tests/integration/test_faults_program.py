"""What happens to the program, and what its record then says: killed, stopped, replaced, hidden."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.kit import faults
from tests.kit.faults import RELAY, SIDE_BY_SIDE
from tests.kit.watched import Place, drop_root
from twocooks.analyse.threads import build_threads, last_seen
from twocooks.format.spec import BY_NAME, SEPARATOR
from twocooks.model import State
from twocooks.read.check import check
from twocooks.read.reader import load


@pytest.fixture
def place() -> Iterator[Place]:
    with faults.clean_place(own=("own-program", "own-done")) as made:
        yield made


ENDINGS = {
    "SIGKILL": ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
    "_exit": ("os._exit(7)", 7),
    "segfault": ("ctypes.string_at(0)", -signal.SIGSEGV),
}
LAST_WORDS = """
import asyncio, ctypes, os, resource, signal, threading, time
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
def work():
    end = time.thread_time() + 0.1
    while time.thread_time() < end: sum(range(300))
threads = [threading.Thread(target=work) for _ in range(2)]
for t in threads: t.start()
for t in threads: t.join()
async def last():
    END
async def main():
    await asyncio.create_task(last(), name="last words")
asyncio.run(main())
"""


@pytest.mark.parametrize("how", ENDINGS)
def test_all_up_to_a_sudden_end_is_there(how: str, place: Place) -> None:
    """The agent had no chance to say goodbye; what it had written is in the file all the same."""
    end, code = ENDINGS[how]
    done = faults.run(place, LAST_WORDS.replace("END", end))
    assert done.code == code
    trace = load(done.trace)
    assert trace.notes == []
    assert trace.end is not None
    assert trace.end["exit"] == {
        "code": code if code >= 0 else None,
        "signal": -code if code < 0 else None,
    }
    assert [problem for problem in check(done.trace) if not problem.startswith("looks")] == []
    assert done.summary["measured"]["lost_events"] == 0
    agent = trace.agent
    named = [
        int(agent.a[row])
        for row in np.flatnonzero(agent.event == BY_NAME["TASK_NAME"].number)
        if trace.texts[agent.text[row]].split(SEPARATOR)[0] == "last words"
    ]
    steps = agent.event == BY_NAME["STEP"].number
    assert agent.a[steps][-1:].tolist() == named, "its step was the last that began"


def test_another_program_in_the_place_of_all_threads(place: Place) -> None:
    """exec from a thread ends all others without a word; the process lives on in one thread."""
    code = (
        "import os, sys, threading\n"
        "def spin():\n    while True: sum(range(300))\n"
        "def other():\n"
        "    os.execv(sys.executable, [sys.executable, '-c', 'print(2 + 3)'])\n"
        "threading.Thread(target=spin, daemon=True).start()\n"
        "sys.stdin.readline()\n"
        "threading.Thread(target=other).start()\n"
        "threading.Event().wait()\n"
    )
    run = faults.begin(place, code)
    run.tell("go")
    done = run.end()
    assert (done.code, done.out) == (0, "5\n")
    trace = load(done.trace)
    assert [problem for problem in check(done.trace) if not problem.startswith("looks")] == []
    threads = build_threads(trace, last_seen(trace))
    program = threads.pid == trace.meta["pid"]
    executed = trace.kernel.time[trace.kernel.event == BY_NAME["EXEC"].number].max()
    others = program & (threads.tid != threads.pid)
    assert others.any()
    assert (threads.died[others] <= executed).all()
    assert len(np.flatnonzero(program & (threads.died > executed))) == 1


WAITERS = """
import os, sys, threading, time
tool = threading.Lock()
tool.acquire()
def wants():
    with tool: pass
def sleeps():
    while not over: time.sleep(0.2)
over = False
threads = [threading.Thread(target=f) for f in (wants, wants, sleeps)]
for t in threads: t.start()
print(os.getpid(), flush=True)
sys.stdin.readline()
over = True
tool.release()
for t in threads: t.join()
"""


def test_a_stopped_program_neither_works_nor_wants(place: Place) -> None:
    """Each thread still shows the call that it was stopped in: a lock, a sleep, a read. But what
    keeps it is the stop."""
    run = faults.begin(place, WAITERS)
    pid = int(run.hears())
    os.kill(pid, signal.SIGSTOP)
    faults.until(lambda: set(faults.state(pid)) == {"T"}, "all threads stopped")
    grown = run.trace.stat().st_size
    for _ in range(3):  # flushes: the recorder has looked meanwhile
        faults.until(lambda before=grown: run.trace.stat().st_size > before, "another flush")  # type: ignore[misc]
        grown = run.trace.stat().st_size
    os.kill(pid, signal.SIGCONT)
    run.tell("end")
    done = run.end()
    assert done.code == 0
    trace = load(done.trace)
    stopped = trace.look.kind == 4
    assert len(np.unique(trace.look.tid[stopped])) >= 4
    threads = build_threads(trace, last_seen(trace))
    pieces = threads.pieces
    for tid in np.unique(trace.look.tid[stopped]).tolist():
        mine = threads.tid[pieces.owner] == tid
        at = int(trace.look.time[stopped & (trace.look.tid == tid)][0])
        (now,) = np.flatnonzero(mine & (pieces.start <= at) & (at < pieces.end))
        assert pieces.state[now] == State.WAITING
    assert done.summary["time"]["waiting"]["fault"] > 0.0
    assert done.verdict not in SIDE_BY_SIDE


def test_a_program_that_hides_gets_no_reasons_and_that_is_said(place: Place) -> None:
    """PR_SET_DUMPABLE 0: the switches are recorded, but nobody may look into it."""
    code = (
        "import ctypes, time\nctypes.CDLL(None).prctl(4, 0)\nfor _ in range(20): time.sleep(0.02)"
    )
    done = faults.run(place, code)
    assert done.code == 0
    assert "could not be looked up" in done.err
    assert "could not be looked up" in done.notes
    assert done.summary["measured"]["source"] == "kernel"
    assert done.summary["time"]["waiting"]["sleep"] < 0.2
    assert done.verdict not in SIDE_BY_SIDE


def test_a_program_with_other_rights_is_counted_as_not_seen(place: Place) -> None:
    """The kernel takes a setuid program out of the record; what it did is in no account."""
    other = place.folder / "own-program"
    if os.geteuid() != 0:
        pytest.skip("only root can make a setuid program to try it with")
    if os.statvfs(place.folder).f_flag & os.ST_NOSUID:
        pytest.skip("no setuid programs in the folder for temporary files")
    shutil.copy(shutil.which("sh") or "/bin/sh", other)
    nobody_runs = any(part.startswith("--reuid") for part in drop_root())
    os.chown(other, 0 if nobody_runs else 65534, -1)
    other.chmod(0o4755)
    work = "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; echo $i"
    code = f"import subprocess\nsubprocess.run([{str(other)!r}, '-c', {work!r}])"
    done = faults.run(place, code)
    assert (done.code, done.out) == (0, "30000\n")
    assert "1 program with other rights" in done.err
    assert done.summary["measured"]["exact"] is False
    assert "switching_s" not in done.summary["time"], "its seconds are not the program's switching"


def test_a_child_that_outlives_all_runs_on_in_silence(place: Place) -> None:
    """What the program leaves running is not ours to end, and the agent in it stays quiet."""
    orphan = (
        "import asyncio, os, subprocess, sys, time\n"
        "recorder = int(sys.argv[1])\n"
        "while True:\n"
        "    try: os.kill(recorder, 0)\n"
        "    except ProcessLookupError: break\n"
        "    time.sleep(0.005)\n"
        "async def steps():\n"
        "    for _ in range(200): await asyncio.sleep(0)\n"
        "asyncio.run(steps())\n"
        "subprocess.run([sys.executable, '-c', 'import asyncio; asyncio.run(asyncio.sleep(0))'])\n"
        "print('the orphan is done', flush=True)\n"
    )
    code = (
        "import os, subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-c', {orphan!r}, str(os.getppid())])"
    )
    run = faults.begin(place, code)
    run.process.wait()
    done = run.end()  # its pipes close with the orphan
    assert (done.code, done.out) == (0, "the orphan is done\n")
    assert done.err == ""
    assert load(done.trace).end is not None


@pytest.mark.parametrize("files", [4, 8])
def test_a_program_with_few_files_is_not_disturbed(files: int, place: Place) -> None:
    """The agent needs one file for a moment. Where there is none, it stays out."""
    code = f"import os, sys; print(sum(1 for n in range({files}) if not sys.flags.isolated))"
    shell = ["sh", "-c", f'ulimit -n {files}; exec "$0" "$@"', sys.executable, "-S", "-c", code]
    alone = subprocess.run(shell, capture_output=True, text=True, env=place.env)
    trace = place.folder / "run.trace"
    line = [*drop_root(), sys.executable, "-m", "twocooks", "run", "-q", "-o", str(trace), "--"]
    watched = subprocess.run([*line, *shell], capture_output=True, text=True, env=place.env)
    assert (watched.returncode, watched.stdout) == (alone.returncode, alone.stdout)
    assert watched.stderr == alone.stderr


def test_the_record_of_a_relay_is_never_parallel(place: Place) -> None:
    """The measure of the other tests: the same program undisturbed."""
    run = faults.begin(place, RELAY)
    assert run.hears() == "ready"
    run.tell("go 2000")
    assert run.hears() == "went"
    done = run.end()
    assert (done.code, done.out) == (0, "done\n")
    assert done.verdict not in SIDE_BY_SIDE


def test_the_mode_of_the_trace_stays_private(place: Place) -> None:
    done = faults.run(place, "import os; os._exit(0)")
    assert stat.S_IMODE(Path(done.trace).stat().st_mode) == 0o600
