"""The polling source on real programs, against the kernel's own totals."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest

from twocooks._core import read_accounts
from twocooks.record.meter import KeptFile
from twocooks.record.sources import schedstat
from twocooks.record.sources.schedstat import PERIOD_NS, SHARE, SchedstatSource

Row = tuple[Any, ...]

COMPUTE = """
import os, sys, threading, time
def work(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end: pass
def met(): os.read(0, 100)
os.read(0, 3)
"""


def longest_tick_ns(rows: Rows) -> int:
    """The longest time between two rounds of looks."""
    ticks = [at for at, name, _ in rows.rows if name == "POLL_TICK"]
    return max(after - before for before, after in pairwise(ticks))


class Rows:
    """An encoder that keeps what it is given."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, str, Row]] = []

    def put(self, time_ns: int, event: str, *fields: int | str) -> None:
        self.rows.append((time_ns, event, fields))

    def of(self, event: str) -> list[Row]:
        return [fields for _, name, fields in self.rows if name == event]

    def run_ns(self) -> int:
        return sum(row[2] for row in self.of("POLL"))


def poll(
    code: str,
    change: Callable[[SchedstatSource], None] | None = None,
    met: Callable[[Rows], bool] | None = None,
) -> tuple[Rows, float]:
    """Polls a program until it has ended; also the CPU seconds that the kernel says it had. The
    program's ``met()`` returns when looks have met whom the test wants to be met."""
    rows = Rows()
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", COMPUTE + code], stdin=subprocess.PIPE, text=True
    )
    source = SchedstatSource(process.pid, rows)
    if change:
        change(source)
    assert process.stdin
    source.sample(time.monotonic_ns(), force=True)
    process.stdin.write("go\n")
    process.stdin.flush()
    waiter = os.pidfd_open(process.pid)
    end = time.monotonic() + 90
    while not _ended(waiter):
        assert time.monotonic() < end, "it neither ends nor is it met"
        source.sample(time.monotonic_ns())
        if met and met(rows):
            met = None
            process.stdin.write("met\n")
            process.stdin.flush()
    source.sample(time.monotonic_ns(), force=True)  # it has ended, but nobody has reaped it
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process.communicate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    source.sample(time.monotonic_ns(), force=True)
    source.close()
    os.close(waiter)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return rows, used * 1e9


def _ended(waiter: int) -> bool:
    import select

    return bool(select.select([waiter], [], [], PERIOD_NS / 1e9)[0])


def test_sums_are_the_kernels_own() -> None:
    rows, used = poll("work(0.5)")
    assert rows.run_ns() == pytest.approx(used, rel=0.03)
    assert rows.of("POLL_CPU")[-1][0] == pytest.approx(used, rel=0.03)


def test_threads_and_their_beginning_and_end() -> None:
    code = """
all_met = threading.Event()
def works(): work(0.1); all_met.wait()
threads = [threading.Thread(target=works) for _ in range(4)]
for t in threads: t.start()
met()
all_met.set()
for t in threads: t.join()
"""
    rows, used = poll(code, met=lambda rows: len({row[:2] for row in rows.of("POLL_NEW")}) == 5)
    new = {row[:2] for row in rows.of("POLL_NEW")}
    assert len(new) == 5
    assert {row[:2] for row in rows.of("POLL_GONE")} == new
    assert len(rows.of("POLL_GONE")) == 5
    # Each of the four may lose what it did after the last look at it.
    assert rows.run_ns() >= used * 0.97 - 4 * 2 * longest_tick_ns(rows)
    assert rows.of("POLL_CPU")[-1][0] == pytest.approx(used, rel=0.03)


def test_the_whole_tree_is_followed() -> None:
    """A child of a thread that has ended, and its child, which outlives it."""
    code = """
def start():
    pid = os.fork()
    if pid == 0:
        grandchild = os.fork()
        work(0.2)
        os.read(end, 1)
        if grandchild: os.waitpid(grandchild, 0)
        os._exit(0)
    pids.append(pid)
end, keep = os.pipe()
pids = []
t = threading.Thread(target=start)
t.start()
t.join()
work(0.2)
met()
os.write(keep, b"12")
os.waitpid(pids[0], 0)
"""
    rows, used = poll(code, met=lambda rows: len({row[0] for row in rows.of("POLL_NEW")}) == 3)
    parents = {row[0]: row[2] for row in rows.of("POLL_NEW")}
    assert len(parents) == 3
    root = next(iter(parents))
    child = next(pid for pid, parent in parents.items() if parent == root)
    assert [pid for pid, parent in parents.items() if parent == child], "and the grandchild"
    # Each may lose what it did after the last look at it.
    assert used * 0.97 - len(parents) * 2 * longest_tick_ns(rows) <= rows.run_ns() <= used * 1.1


def test_ticks_close_each_round() -> None:
    rows, _ = poll("work(0.1)")
    names = [name for _, name, _ in rows.rows]
    assert names[-1] == "POLL_TICK"
    assert names.count("POLL_TICK") == names.count("POLL_CPU") >= 3
    times = [at for at, _, _ in rows.rows]
    assert times == sorted(times)


def test_without_descriptors_to_spare() -> None:
    def none_left(source: SchedstatSource) -> None:
        source._most_open = 0

    rows, used = poll("work(0.2)", none_left)
    assert rows.run_ns() == pytest.approx(used, rel=0.05)


def test_without_schedstat_the_clock_ticks_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(source: SchedstatSource) -> None:
        source._most_open = 0

    whole = schedstat.numbers_in
    monkeypatch.setattr(
        schedstat, "numbers_in", lambda path: [] if path.endswith("schedstat") else whole(path)
    )
    rows, used = poll("work(0.2)", none_left)
    assert rows.run_ns() == pytest.approx(used, abs=2 * schedstat.TICK_NS)
    assert schedstat.stat_run_ns("1 (a) 1 (b) S " + "1 " * 10 + "3 4 5") == 7 * schedstat.TICK_NS
    assert schedstat.stat_run_ns("1 (a) S 1") is None
    assert all(row[3:] == (0, 0) for row in rows.of("POLL"))


def test_an_idle_program_is_one_call_a_round() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        rows = Rows()
        source = SchedstatSource(process.pid, rows)
        quiet, deadline = 0, time.monotonic() + 90
        while quiet < 20 and time.monotonic() < deadline:
            begin = len(rows.rows)
            source.sample(time.monotonic_ns(), force=True)
            # Until it has run and waits, its clock may still read as nothing.
            still = len(rows.rows) == begin + 2 and source.cpu_ns > 0
            quiet = quiet + 1 if still else 0
        assert quiet == 20, "it waits for its stdin, so its clock stands still"
        process.send_signal(signal.SIGKILL)
        process.wait()
        source.sample(time.monotonic_ns(), force=True)
        assert rows.of("POLL_GONE") == [(process.pid, process.pid)]
        assert source.cpu_ns == rows.of("POLL_CPU")[-1][0] > 0


def test_looks_are_put_off_when_they_cost_more_than_their_share() -> None:
    spent = 0

    def cost() -> int:
        nonlocal spent
        spent += 500_000
        return spent

    source = SchedstatSource(os.getpid(), Rows(), clock=lambda: 0, cost=cost)
    assert source.sample(0)
    wait = source.next_ns
    # Four readings of the clock are three steps, one of which was for meeting the threads.
    assert wait == pytest.approx(1_000_000 / (2 * SHARE))
    assert source._credit_ns == schedstat.CREDIT_NS - 500_000
    assert not source.sample(wait - 1)
    assert source.sample(wait)
    source.close()


class Once:
    """A last process number that never moves: nothing seems to be made."""

    def text(self) -> str:
        return "1\n"

    def close(self) -> None: ...


def test_what_is_made_is_looked_for_when_a_number_moves_and_in_any_case_now_and_then() -> None:
    rows, stop, now = Rows(), threading.Event(), 10**12
    source = SchedstatSource(os.getpid(), rows, clock=lambda: 0)
    assert source.sample(now, force=True)
    thread = threading.Thread(target=stop.wait)
    thread.start()
    still, source._last_pid = source._last_pid, cast(KeptFile, Once())
    still.close()

    def met() -> bool:
        return thread.native_id in {row[1] for row in rows.of("POLL_NEW")}

    try:
        # The number differs from what it was before, so all is listed, and once more two ticks
        # later; a thread that was met already is not met again.
        for after in (10**6, 2 * schedstat.MADE_NS):
            assert source._made_any(now + after, False)
        assert not source._made_any(now + 3 * schedstat.MADE_NS, False)
        assert not met()
        source.next_ns = 0
        assert source.sample(now + schedstat.WHOLE_NS)
        assert met()
    finally:
        stop.set()
        thread.join()
        source.close()


def test_accounts_are_read_in_one_go(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_text("100 20 3\n")
    fds = array("i", [os.open(path, os.O_RDONLY) for path in paths])
    told = array("q", [0] * 9)
    try:
        assert read_accounts(fds, told, 1) == [(1, 100, 20, 3), (2, 100, 20, 3)]
        assert told.tolist() == [0, 0, 0, 100, 20, 3, 100, 20, 3]
        paths[1].write_text("90 25 3\n")  # never less than nothing
        for path, text in ((paths[0], "no account\n"), (paths[2], "")):
            path.write_text(text)
        assert read_accounts(fds, told, 0) == [(0, -1, 0, 0), (1, 0, 5, 0), (2, -1, 0, 0)]
        assert read_accounts(fds, told, 3) == []
        for first, numbers in ((-1, 9), (0, 8)):
            with pytest.raises(ValueError, match="three numbers a file"):
                read_accounts(fds, array("q", [0] * numbers), first)
    finally:
        for fd in fds:
            os.close(fd)


def test_threads_that_ended_leave_the_others_their_accounts() -> None:
    process = schedstat._Process(1, 0)
    for tid in range(1, 5):
        process.add(schedstat._Thread(tid, "", tid + 100))
        process.told[-3:] = array("q", [tid] * 3)
    process.drop(3)
    process.drop(0)
    assert [thread.tid for thread in process.kept] == [3, 2]
    assert process.fds.tolist() == [103, 102]
    assert process.told.tolist() == [3, 3, 3, 2, 2, 2]


def test_our_own_threads_have_names() -> None:
    rows = Rows()
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        source = SchedstatSource(os.getpid(), rows)
        source.sample(time.monotonic_ns())
        new = {row[1]: row[3] for row in rows.of("POLL_NEW")}
        assert thread.native_id in new
        assert all(new.values())
        source.close()
    finally:
        stop.set()
        thread.join()
