"""The recorder end to end: what is in the file when the program ends, however it ends."""

from __future__ import annotations

import ast
import errno
import os
import signal
import stat
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.kit.watched import LIMIT_S
from twocooks.format.spec import BY_NAME
from twocooks.model import TwocooksError
from twocooks.read import reader
from twocooks.record import watch as watching
from twocooks.record.watch import CannotStartError, Outcome, watch

BURN = "import time\nwhile time.process_time() < {}: pass\n"


@pytest.fixture
def trace_path(tmp_path: Path) -> Path:
    return tmp_path / "run.trace"


def python(code: str, path: Path, **options: Any) -> Outcome:
    return watch([sys.executable, "-c", code], trace_path=path, **options)


def slices_ns(trace: reader.Trace) -> int:
    """CPU time by the switch records alone, the plainest way: IN to OUT or EXIT on each CPU."""
    kernel, total = trace.kernel, 0
    number = {name: BY_NAME[name].number for name in ("IN", "OUT", "OUT_PREEMPTED", "EXIT", "EXEC")}
    for cpu in np.unique(kernel.cpu):
        since: int | None = None
        mine = kernel.cpu == cpu
        times, events = kernel.time[mine].tolist(), kernel.event[mine].tolist()
        for at, event in zip(times, events, strict=True):
            if event in (number["IN"], number["EXEC"]):
                since = at if since is None else since
            elif since is not None and event in (
                number["OUT"], number["OUT_PREEMPTED"], number["EXIT"],
            ):
                total += at - since
                since = None
    return total


def test_a_run_is_whole_and_its_slices_add_up(trace_path: Path) -> None:
    outcome = python(BURN.format(0.5), trace_path)
    assert (outcome.exit_code, outcome.signal) == (0, None)
    trace = reader.load(trace_path)
    assert trace.notes == []
    assert trace.end is not None
    assert trace.end["exit"] == {"code": 0, "signal": None}
    assert trace.meta["source"] == "kernel"
    assert slices_ns(trace) == pytest.approx(trace.end["task_clock_ns"], rel=0.02)


@pytest.mark.parametrize("source", ["kernel", "schedstat"])
def test_a_short_run_has_a_first_and_a_last_measurement_of_the_machine(
    source: str, trace_path: Path
) -> None:
    python("pass", trace_path, source=source)
    meter = reader.load(trace_path).meter
    events = meter.event.tolist()
    first, last = (events.index(BY_NAME[name].number) for name in ("CPUS", "METER"))
    assert first < last
    assert meter.time[first] < meter.time[last]
    assert (meter.a[last], meter.c[last]) > (0, 0)


def test_only_the_owner_may_read_the_trace(trace_path: Path) -> None:
    python("pass", trace_path)
    assert stat.S_IMODE(trace_path.stat().st_mode) == 0o600


@pytest.mark.parametrize("code", [0, 3, 255])
def test_the_exit_code_is_handed_back(code: int, trace_path: Path) -> None:
    assert python(f"raise SystemExit({code})", trace_path).exit_code == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_death_by_signal_is_handed_back_and_the_record_is_whole(
    number: signal.Signals, trace_path: Path
) -> None:
    code = (
        "import os, resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        f"{BURN.format(0.2)}os.kill(os.getpid(), {int(number)})"
    )
    outcome = python(code, trace_path)
    assert (outcome.exit_code, outcome.signal) == (None, int(number))
    trace = reader.load(trace_path)
    assert trace.end is not None
    assert trace.end["exit"]["signal"] == int(number)
    assert slices_ns(trace) == pytest.approx(trace.end["task_clock_ns"], rel=0.05)


def test_a_program_that_cannot_start_is_an_error_with_its_reason(trace_path: Path) -> None:
    with pytest.raises(CannotStartError, match="No such file"):
        watch(["/nonexistent/program"], trace_path=trace_path)
    assert not trace_path.exists()


def test_a_start_that_fails_leaves_no_child_and_no_file(
    trace_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "write")

    before = set(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(watching.Session, "write_json", no_room)
    with pytest.raises(TwocooksError, match="No space left"):
        python("pass", trace_path)
    assert not trace_path.exists()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert set(os.listdir("/proc/self/fd")) == before


def test_a_file_that_was_there_is_closed_to_others(trace_path: Path) -> None:
    trace_path.touch()
    trace_path.chmod(0o666)
    python("pass", trace_path)
    assert stat.S_IMODE(trace_path.stat().st_mode) == 0o600


def test_where_ended_children_are_not_to_be_waited_for(trace_path: Path) -> None:
    """Whoever started us ignored SIGCHLD: the program still does, and is waited for."""
    code = (
        "import signal, sys\n"
        "sys.exit(3 if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN else 4)"
    )
    old = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert python(code, trace_path).exit_code == 3
        assert signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGCHLD, old)


def test_any_thread_may_watch(trace_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(python, "pass", trace_path).result().exit_code == 0


def test_a_demanded_kernel_source_that_is_refused_runs_nothing(
    trace_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "ring_cpus", lambda: [4000])
    sign = tmp_path / "ran"
    with pytest.raises(TwocooksError, match="doctor"):
        python(f"open({str(sign)!r}, 'w')", trace_path, source="kernel")
    assert not sign.exists()


def test_where_the_kernel_refuses_polling_takes_over(
    trace_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "ring_cpus", lambda: [4000])
    assert python(BURN.format(0.3), trace_path).exit_code == 0
    trace = reader.load(trace_path)
    assert trace.meta["source"] == "schedstat"
    assert trace.meta["source_why"].startswith("perf_event_open")
    assert len(trace.poll.time) > 0


def test_a_full_file_is_said_and_the_program_runs_on(trace_path: Path, tmp_path: Path) -> None:
    sign = tmp_path / "done"
    code = (
        "import threading\n"
        "for _ in range(1000):\n"
        "    thread = threading.Thread(target=int); thread.start(); thread.join()\n"
        f"open({str(sign)!r}, 'w')"
    )
    outcome = python(code, trace_path, max_size=2000)
    assert outcome.exit_code == 0
    assert sign.exists()
    trace = reader.load(trace_path)
    assert trace.end is not None
    assert trace.end["why"] == "size"
    assert any("size limit" in note for note in trace.end["notes"])
    kernel = trace.kernel
    lost = kernel.event == BY_NAME["LOST"].number
    kept, ends = kernel.time[~lost], kernel.time[lost]
    assert len(kept) < 2000 < trace.end["records"]["kernel"], "a thousand threads make more"
    assert set(kernel.cpu[lost].tolist()) >= set(kernel.cpu[~lost].tolist())
    assert ends.min() >= trace.end["end_ns"], "the hole lasts to the end"
    begins = ends - kernel.b[lost]
    assert (begins < trace.end["end_ns"]).all()
    assert (kept <= begins.min()).all(), "and begins behind the last that is known"


def test_a_limit_on_the_size_of_files_is_a_limit_of_the_trace(trace_path: Path) -> None:
    """Where files may not be larger, that is the size limit."""
    import resource

    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
            outcome = python("import time\nfor _ in range(600): time.sleep(0.001)", trace_path)
            said = any("size limit" in note for note in outcome.notes)
            status = 0 if outcome.exit_code == 0 and said else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    trace = reader.load(trace_path)
    assert trace.end is not None
    assert any("size limit" in note for note in trace.end["notes"])
    assert trace_path.stat().st_size <= 3000
    assert len(trace.kernel.time) > 0
    assert trace.notes == []


@pytest.fixture
def ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that the program makes when it is ready: the time of ``for_s`` begins only then, so a
    slow start cannot use it up."""
    made = tmp_path / "ready"
    whole = watching.Session.loop

    def loop(self: watching.Session, *arguments: Any) -> str:
        wait_until(made.exists, "the program is ready")
        return whole(self, *arguments)

    monkeypatch.setattr(watching.Session, "loop", loop)
    return made


def wait_until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < end, f"{what}: never"
        time.sleep(0.002)


def test_time_is_up_ends_the_program_as_ctrl_c_would(
    trace_path: Path, tmp_path: Path, ready: Path
) -> None:
    sign = tmp_path / "interrupted"
    code = (
        "import threading\n"
        f"try:\n    open({str(ready)!r}, 'w')\n    threading.Event().wait()\n"
        f"except KeyboardInterrupt: open({str(sign)!r}, 'w')"
    )
    outcome = python(code, trace_path, for_s=0.1)
    assert outcome.exit_code == 0
    assert sign.exists()
    trace = reader.load(trace_path)
    assert trace.end is not None
    assert trace.end["why"] == "for"


def test_nothing_is_left_behind(trace_path: Path) -> None:
    def there() -> tuple[set[str], set[str]]:
        shared = {name for name in os.listdir("/dev/shm") if "twocooks" in name}
        return shared, set(os.listdir("/proc/self/fd"))

    before = there()
    python("pass", trace_path)
    assert there() == before


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize("source", ["kernel", "schedstat"])
def test_a_daemon_left_behind_holds_nothing_up_and_lives_on(
    source: str, trace_path: Path, tmp_path: Path
) -> None:
    from twocooks.analyse import analyse

    asks, answers = tmp_path / "asks", tmp_path / "answers"
    os.mkfifo(asks)
    os.mkfifo(answers)
    code = (
        "import os\n"
        f"{BURN.format(0.1)}"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        f"    word = open({str(asks)!r}).read()\n"  # waits until the test writes
        f"    open({str(answers)!r}, 'w').write(word + '!')\n"
        "    os._exit(0)\n"
    )
    outcome = python(code, trace_path, source=source)
    assert outcome.exit_code == 0
    trace = reader.load(trace_path)
    asks.write_text("alive")  # it still waits, though its recorder has gone
    assert answers.read_text() == "alive!"
    assert trace.end is not None
    assert trace.end["why"] == "exited"
    notes = " ".join(analyse(trace).summary["measured"]["notes"])
    if source == "kernel":
        assert "1 process was still running when the recording ended" in notes


def test_what_works_on_after_the_program_is_in_neither_account(
    trace_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However late the recorder comes to write its last word."""
    from twocooks.analyse import analyse

    busy = tmp_path / "busy"
    code = (
        "import os\n"
        f"{BURN.format(0.1)}"
        "if os.fork() == 0:\n"
        f"    open({str(busy) + '.new'!r}, 'w').write(str(os.getpid()))\n"
        f"    os.rename({str(busy) + '.new'!r}, {str(busy)!r})\n"
        "    while True: pass\n"
        f"while not os.path.exists({str(busy)!r}): pass\n"
        "os._exit(0)\n"
    )
    finish = watching.finish

    def late(*arguments: Any) -> None:
        pid = int(busy.read_text())
        try:
            begin = cpu_s = time.clock_gettime(clock_of(pid))
            while cpu_s < begin + 0.1:
                cpu_s = time.clock_gettime(clock_of(pid))
        finally:
            os.kill(pid, signal.SIGKILL)
        finish(*arguments)

    monkeypatch.setattr(watching, "finish", late)
    assert python(code, trace_path).exit_code == 0
    (sums,) = [check for check in analyse(reader.load(trace_path)).identities if "I1" in check[0]]
    assert sums[1], sums[2]


def clock_of(pid: int) -> int:
    """The CPU clock of a process (clock_getcpuclockid)."""
    return ~pid << 3 | 2


def test_time_is_up_ends_what_the_program_started_too(
    trace_path: Path, tmp_path: Path, ready: Path
) -> None:
    sign = tmp_path / "pid"
    code = (
        "import os, subprocess\n"
        "child = subprocess.Popen(['sleep', '1000'])\n"
        f"with open({str(sign)!r}, 'w') as file: file.write(str(child.pid))\n"
        f"os.rename({str(sign)!r}, {str(ready)!r})\n"
        "child.wait()"
    )
    assert python(code, trace_path, for_s=0.1).why == "for"
    child = int(ready.read_text())
    wait_until(lambda: not lives(child), "the end of what the program started")


def test_the_agents_times_are_the_programs_own(trace_path: Path, tmp_path: Path) -> None:
    """Whatever clock the agents write by: what a program did between two readings of its clock is
    between them in the trace."""
    told = tmp_path / "told"
    python(
        "import time, twocooks\nnow = time.monotonic_ns\nrows = []\n"
        "for i in range(300):\n"
        "    a = now()\n    with twocooks.task('x'):\n        b = now()\n"
        "        if i % 30 == 0: time.sleep(0.01)\n        c = now()\n"
        "    rows.append((a, b, c, now()))\n"
        f"open({str(told)!r}, 'w').write(repr(rows))",
        trace_path,
    )
    rows = np.array(ast.literal_eval(told.read_text()))
    agent = reader.load(trace_path).agent
    begun, done = (agent.time[agent.event == BY_NAME[n].number] for n in ("BLOCK", "BLOCK_END"))
    assert len(begun) == len(done) == len(rows)
    near_ns = 2_000
    assert (begun >= rows[:, 0] - near_ns).all()
    assert (begun <= rows[:, 1] + near_ns).all()
    assert (done >= rows[:, 2] - near_ns).all()
    assert (done <= rows[:, 3] + near_ns).all()
