"""The recorder's table of waiting threads, against real blocked threads and invented switches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

from tests.kit.waiting import MS, NO_LIMIT, Look, Waits


def test_one_look_a_wait(waits: Waits, sleeper: dict[str, Any]) -> None:
    pid, tid = sleeper["pid"], sleeper["tids"][0]
    now = time.monotonic_ns()
    waits.off(pid, tid, now, 0)
    assert waits.pending() == 1
    assert waits.look(now + MS, min_age=2 * MS) == [], "too young"
    (look,) = waits.look(now + 2 * MS, min_age=2 * MS)
    assert (look.pid, look.tid, look.syscall, look.kind) == (pid, tid, 0, 0)
    assert now <= look.time - look.took <= look.time <= time.monotonic_ns()
    assert waits.files == [(tid, os.readlink(f"/proc/{pid}/fd/{look.arg}"))]
    assert waits.pending() == 0
    assert waits.look(now + 100 * MS) == [], "labelled once"
    later = time.monotonic_ns()
    waits.on(pid, tid, later)
    waits.off(pid, tid, later + 1, 0)
    assert [look.tid for look in waits.look(later + 1)] == [tid], "a new wait"


def test_python_says_where(waits: Waits, sleeper: dict[str, Any]) -> None:
    pid, tids = sleeper["pid"], sleeper["tids"]
    waits.process(pid, sleeper["runtime"], sleeper["hex"])
    now = time.monotonic_ns()
    for tid in tids:
        waits.off(pid, tid, now, 0)
    looks = waits.look(now)
    assert [look.tid for look in looks] == tids
    places = {look.where.split("\x1f")[0] for look in looks}
    assert places == {"<string>:6:held"}
    assert len(waits.texts) == 3, "one text for all, and one for their pipe"
    assert waits.counts.frames == len(tids)


def test_a_program_that_tells_nothing_is_searched(waits: Waits, sleeper: dict[str, Any]) -> None:
    """As after an exec, or where the agent is not let in."""
    pid, tid = sleeper["pid"], sleeper["tids"][0]
    waits.process(pid, sleeper["runtime"], sleeper["hex"])
    waits.exec(pid)
    waits.off(pid, tid, 1000, 0)
    assert waits.look(2000)[0].where.split("\x1f")[0] == "<string>:6:held"


TORN = """
import ctypes, json, os, sys, threading
quiet, _ = os.pipe()
def whole(): os.read(quiet, 1)
def torn(): os.read(quiet, 1)
tids = []
for function in (whole, torn):
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    tids.append(thread.native_id)
for tid in tids:
    while open(f"/proc/self/task/{tid}/syscall").read().split()[0] != "0":
        os.sched_yield()
state = id(torn.__code__.co_name) + object.__basicsize__ + 16  # kind, whether it is ASCII ...
ctypes.c_uint32.from_address(state).value = 0
runtime = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
os.write(1, json.dumps({"pid": os.getpid(), "tids": tids, "runtime": runtime,
                        "hex": sys.hexversion}).encode() + b"\\n")
os.read(0, 1)
os._exit(0)
"""


def test_what_does_not_hold_together_is_dropped_and_counted(waits: Waits) -> None:
    """A function whose name is no text any more, as in memory that is being written."""
    with subprocess.Popen(
        [sys.executable, "-c", TORN], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        said = json.loads(process.stdout.readline())
        waits.process(said["pid"], said["runtime"], said["hex"])
        for tid in said["tids"]:
            waits.off(said["pid"], tid, 1000, 0)
        whole, torn = waits.look(2000)
        assert whole.where.split("\x1f")[0].endswith(":whole")
        assert torn.where == ""
        assert (torn.syscall, waits.counts.looked, waits.counts.torn) == (0, 2, 1)
        waits.exec(said["pid"])
        assert waits.counts.torn == 1, "kept when the process is another program"
        process.kill()


def test_a_process_that_ended_and_is_not_reaped_waits_for_nothing(waits: Waits) -> None:
    """As after its last record of a wait, when the recorder is late."""
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        waits.off(process.pid, process.pid, 1000, 0)
        assert waits.look(2000) == []


def test_a_program_without_python_has_no_frames(waits: Waits) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        looks: list[Look] = []
        deadline = time.monotonic() + 90
        while not (looks and looks[0].syscall == 0) and time.monotonic() < deadline:
            waits.on(process.pid, process.pid, time.monotonic_ns())
            waits.off(process.pid, process.pid, time.monotonic_ns(), 0)
            looks = waits.look(time.monotonic_ns())
        assert looks[0].syscall == 0
        assert looks[0].where == ""


def test_who_waits_for_a_core_is_not_looked_at(waits: Waits, sleeper: dict[str, Any]) -> None:
    waits.off(sleeper["pid"], sleeper["tids"][0], 1000, 1)
    assert waits.pending() == 0


def test_the_later_event_of_a_thread_wins(waits: Waits, sleeper: dict[str, Any]) -> None:
    """Rings are drained one after the other: the OUT of one CPU may come after the next IN."""
    pid, tid = sleeper["pid"], sleeper["tids"][0]
    waits.on(pid, tid, 2000)
    waits.off(pid, tid, 1000, 0)
    assert waits.pending() == 0
    waits.off(pid, tid, 3000, 0)
    assert waits.pending() == 1


def test_long_waits_that_end_before_their_look_are_counted(
    waits: Waits, sleeper: dict[str, Any]
) -> None:
    """The recorder comes more often where this happens."""
    pid, (tid, other) = sleeper["pid"], sleeper["tids"][:2]
    waits.off(pid, tid, 1_000_000, 0)
    waits.on(pid, tid, 4_999_999)
    assert waits.urgent() == 0
    waits.off(pid, tid, 6_000_000, 0)
    waits.on(pid, tid, 10_000_000)
    assert waits.urgent() == 1
    begin = time.monotonic_ns()
    waits.off(pid, other, begin - 10, 0)
    assert len(waits.look(begin)) == 1
    waits.on(pid, other, begin + 9_000_000)
    assert waits.urgent() == 1


def test_short_waits_are_looked_at_by_chance(waits: Waits, sleeper: dict[str, Any]) -> None:
    """Each thread's first ones, then one of all in 25 ms; a wait is looked at once."""
    pid, tids = sleeper["pid"], sleeper["tids"][:3]
    now, seen = time.monotonic_ns(), []
    assert waits.chance(now) == [], "nobody waits"
    for _ in range(200):
        for tid in tids:
            waits.off(pid, tid, now, 0)
        assert waits.look(now + MS, min_age=2 * MS) == [], "too young"
        seen += [look.tid for look in waits.chance(now + MS)]
        now = time.monotonic_ns() + 2 * MS
        for tid in tids:
            waits.on(pid, tid, now)
    assert set(seen) == set(tids)
    assert len(seen) >= 3 * 12, "the first of each"
    first = len(seen)
    for n in range(100):
        later = now + n * MS
        waits.off(pid, tids[0], later, 0)
        seen += [look.tid for look in waits.chance(later)]
        waits.on(pid, tids[0], later + MS // 2)
    assert 3 <= len(seen) - first <= 5, "100 ms"
    waits.off(pid, tids[1], now + 200 * MS, 0)
    assert len(waits.chance(now + 200 * MS)) == 1
    assert waits.pending() == 0
    assert waits.look(now + 300 * MS) == [], "labelled once"


def test_a_look_ahead_of_the_records_counts(waits: Waits, sleeper: dict[str, Any]) -> None:
    pid, tid = sleeper["pid"], sleeper["tids"][0]
    begin = time.monotonic_ns()
    waits.off(pid, tid, begin - 10, 0)
    assert len(waits.look(begin)) == 1
    waits.on(pid, tid, begin - 5)
    waits.off(pid, tid, begin - 4, 0)  # drained late: the look was at this wait
    assert waits.pending() == 0


def test_the_budget_bounds_a_call_and_the_next_goes_on(
    waits: Waits, sleeper: dict[str, Any]
) -> None:
    pid, tids = sleeper["pid"], sleeper["tids"]
    now = time.monotonic_ns()
    for age, tid in enumerate(tids):
        waits.off(pid, tid, now + age, 0)
    assert waits.look(now + MS, budget=0) == []
    assert waits.pending() == len(tids)
    order = []
    for _ in tids:
        order += [look.tid for look in waits.look(now + MS, budget=1)]
    assert order == tids, "one a call, oldest first"


def test_ended_threads_are_given_up(waits: Waits, sleeper: dict[str, Any]) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    waits.off(gone.pid, gone.pid, 1000, 0)
    for _ in range(3):
        assert waits.pending() == 1
        assert waits.look(NO_LIMIT) == []
    assert waits.pending() == 0
    assert waits.counts.missed == 1
    pid, tid = sleeper["pid"], sleeper["tids"][0]
    waits.off(pid, tid, 1000, 0)
    waits.gone(tid)
    waits.gone(tid)
    assert waits.pending() == 0


def test_a_running_thread_is_not_labelled(waits: Waits) -> None:
    code = "print(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        waits.off(process.pid, process.pid, 1000, 0)
        for _ in range(3):
            assert waits.look(NO_LIMIT) == []
        process.kill()
    assert (waits.pending(), waits.counts.missed) == (0, 1)


def test_the_tables_hold_many_and_forget(waits: Waits) -> None:
    """20,000 threads of 500 processes come, wait and go, in an order that mixes them."""
    count = 20_000
    tids = [(i * 7919) % count + 1 for i in range(count)]
    for tid in tids:
        waits.off(tid % 500 + 1_000_000, tid, tid, 0)
    assert waits.pending() == count
    for tid in tids[::2]:
        waits.on(tid % 500 + 1_000_000, tid, count + 1)
    assert waits.pending() == count // 2
    for tid in tids:
        waits.gone(tid)
    assert waits.pending() == 0
    for tid in tids[:100]:
        waits.off(5, tid, 1, 0)  # not before 'gone' any more: the number is free again
    assert waits.pending() == 100
