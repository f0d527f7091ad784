"""Each rule of the validator holds on a good trace and catches its mutant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.builder import START_NS, Builder, Row
from twocooks.format import spec
from twocooks.format.encode import StreamWriter, file_head, json_block
from twocooks.model import Wait
from twocooks.read.check import check, check_trace


def good() -> Builder:
    """Two threads and a child take turns on two cores; tasks step, items run, looks look."""
    b = Builder(cpus=2)
    b.kernel(0, 0.1, "OUT", 10, 10)  # the program is on a core when the records begin
    b.fork(0.05, tid=11)
    b.on(cpu=1, tid=11, start=0.06, end=0.2)
    b.look(0.12, 0.18, tid=10, syscall=202)
    for number in range(20):
        start = 0.2 + number * 0.1
        b.on(cpu=number % 2, tid=10, start=start, end=start + 0.05, preempted=True)
        b.on(cpu=1 - number % 2, tid=11, start=start + 0.01, end=start + 0.09)
        b.look(start + 0.06, start + 0.08, tid=10, syscall=7, where=["a.py:1:f"])
    b.fork(2.21, pid=30)
    b.on(cpu=0, tid=30, pid=30, start=2.22, end=2.3, exits=True)
    b.on(cpu=1, tid=11, start=2.3, end=2.4, exits=True)
    b.on(cpu=0, tid=10, start=2.4, end=2.5, exits=True)
    b.loop(0.01, 2.0)
    for number in range(5):
        b.step(0.02 + number * 0.1, 0.05 + number * 0.1, task=1, then=Wait.SLEEP)
    b.step(1.0, 1.3, task=2)
    b.step(1.1, 1.2, task=3, then="done")  # begins eagerly inside task 2
    for item in (1, 2):
        b.item_new(0.1, item)
        b.item(item * 0.5, item * 0.5 + 0.2, item, tid=11)
    b.imports(0.005, 0.006, "json")
    b.end = {"task_clock_ns": b._sum_of_slices() + 100_000_000}
    return b


def test_a_good_trace_has_no_problems(tmp_path: Path) -> None:
    path = tmp_path / "t.trace"
    path.write_bytes(good().file(7))
    assert check(path) == []


def find(b: Builder, event: str, nth: int = 0) -> int:
    return [i for i, row in enumerate(b.rows) if row.event == event][nth]


def drop(event: str, nth: int = 0) -> Callable[[Builder], None]:
    def mutate(b: Builder) -> None:
        del b.rows[find(b, event, nth)]

    return mutate


def double(event: str, nth: int = 0) -> Callable[[Builder], None]:
    def mutate(b: Builder) -> None:
        row = b.rows[find(b, event, nth)]
        b.rows.append(row._replace(time_ns=row.time_ns + 1000))

    return mutate


def change(event: str, nth: int = 0, **changes: object) -> Callable[[Builder], None]:
    def mutate(b: Builder) -> None:
        place = find(b, event, nth)
        row = b.rows[place]
        known = {name: value(row) if callable(value) else value for name, value in changes.items()}
        b.rows[place] = row._replace(**known)  # type: ignore[arg-type]

    return mutate


def change_all(event: str, **changes: object) -> Callable[[Builder], None]:
    def mutate(b: Builder) -> None:
        for nth in range(sum(row.event == event for row in b.rows)):
            change(event, nth, **changes)(b)

    return mutate


def both_on_cpu(tid: int, cpu: int) -> Callable[[Builder], None]:
    """All records of a thread moved to another CPU."""

    def mutate(b: Builder) -> None:
        for place, row in enumerate(b.rows):
            if row.event in ("IN", "OUT", "OUT_PREEMPTED") and row.fields[1] == tid:
                b.rows[place] = row._replace(key=(cpu, 0))

    return mutate


def other_thread(row: Row) -> tuple[int, ...]:
    return (row.fields[0], 12)


def later(seconds: float) -> Callable[[Row], int]:
    return lambda row: row.time_ns + round(seconds * 1e9)


def end_is(**changes: object) -> Callable[[Builder], None]:
    def mutate(b: Builder) -> None:
        assert b.end is not None
        b.end |= changes

    return mutate


def scaled_clock(factor: float) -> Callable[[Builder], None]:
    def mutate(b: Builder) -> None:
        assert b.end is not None
        b.end["task_clock_ns"] = int(b.end["task_clock_ns"] * factor)

    return mutate


MUTANTS = {
    "a dropped IN": ("turns", drop("IN", 5)),
    "the first IN of a thread dropped": ("turns", drop("IN", 0)),
    "a dropped OUT": ("turns", drop("OUT", 5)),
    "a doubled IN": ("turns", double("IN", 5)),
    "a doubled OUT": ("turns", double("OUT", 5)),
    "a slice on a shifted CPU": ("turns", change("IN", 5, key=(7, 0))),
    "another thread leaves": ("turns", change("OUT", 5, fields=other_thread)),
    "a CPU shifted as a whole": ("turns", both_on_cpu(10, 1)),
    "a thread on two CPUs": ("cores", lambda b: b.on(cpu=3, tid=11, start=0.1, end=0.15)),
    "a late FORK": ("lives", change("FORK", time_ns=later(0.3))),
    "a dropped FORK": ("lives", drop("FORK")),
    "a doubled FORK": ("lives", double("FORK")),
    "life after EXIT": ("lives", lambda b: b.on(cpu=1, tid=30, pid=30, start=2.41, end=2.42)),
    "a doubled EXIT": ("lives", double("EXIT")),
    "looks by another clock": ("looks", change_all("LOOK", time_ns=later(-0.05))),
    "a look at a running thread": ("looks", lambda b: b.look(0.21, 0.24, tid=10, syscall=1)),
    "a dropped slice": ("sums", lambda b: (drop("IN", 5)(b), drop("OUT", 5)(b))),
    "a clock 2 % ahead": ("sums", scaled_clock(1.02)),
    "a clock 2 % behind": ("sums", scaled_clock(0.98)),
    "a loss that no record tells of": ("losses", end_is(lost={"1": 5})),
    "a LOST record that the kernel did not count": (
        "losses",
        lambda b: (b.lost(1, 2.41, 2.42, 3), end_is(lost={"0": 0})(b)),
    ),
    "more lost by agents than counted": ("losses", lambda b: b.agent(1.5, "AGENT_LOST", 3)),
    "a dropped STEP": ("steps", drop("STEP", 6)),
    "a dropped STEP_END": ("steps", drop("STEP_END", 2)),
    "a doubled STEP": ("steps", double("STEP", 2)),
    "a doubled STEP_DONE": ("steps", double("STEP_DONE")),
    "a dropped ITEM": ("items", drop("ITEM")),
    "a dropped ITEM_END": ("items", drop("ITEM_END")),
    "another item ends": ("items", change("ITEM_END", fields=(9,))),
    "a doubled IMPORT": ("imports", double("IMPORT")),
    "no end": ("file", lambda b: setattr(b, "end", None)),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(tmp_path: Path, name: str) -> None:
    rule, mutate = MUTANTS[name]
    b = good()
    mutate(b)
    path = tmp_path / "t.trace"
    path.write_bytes(b.file())
    problems = check(path)
    assert any(problem.startswith(rule + ":") for problem in problems), problems


def test_time_that_goes_back_is_found_in_the_file(tmp_path: Path) -> None:
    writer = StreamWriter(spec.Stream.METER)
    clock = spec.BY_NAME["TASK_CLOCK"].number
    for time in (START_NS, START_NS + 50, START_NS + 20):
        writer.put(time, clock, (1,))
    first = writer.flush()
    writer.put(START_NS + 10, clock, (1,))
    path = tmp_path / "t.trace"
    blocks = json_block(1, {}) + first + writer.flush() + json_block(3, {})
    path.write_bytes(file_head() + blocks)
    assert check(path) == ["time: stream METER 0 0 goes back 2 times, by up to 30 ns"]


def test_a_thread_may_wait_while_it_ends() -> None:
    """Its records end with its EXIT, without an OUT."""
    b = good()
    b.look(2.32, 2.34, tid=30, pid=30, syscall=231)
    assert check_trace(b.trace()) == []


def test_a_loss_takes_back_what_cannot_be_asked_any_more() -> None:
    b = Builder()
    b.on(cpu=0, tid=10, start=0.0, end=0.1)
    b.kernel(0, 0.2, "IN", 10, 10)
    b.lost(0, 0.2, 0.5, 1000)
    b.kernel(0, 0.6, "OUT", 10, 11)
    b.end = {"task_clock_ns": 1}
    assert check_trace(b.trace()) == []


def test_fast_switching_may_differ_by_more_however_long_the_run_waits() -> None:
    """So much a switch; a share of the time would depend on how often they come."""
    b = Builder(cpus=1)
    for number in range(2000):
        b.on(0, 10 + number % 2, start=number * 8e-6, end=number * 8e-6 + 5e-6)
    b.kernel(0, 0.0, "FORK", 10, 11, 10, 10)
    b.on(0, 10, start=5.0, end=5.00001)
    raw = b._sum_of_slices()
    for factor, fine in ((0.94, True), (0.92, False), (2.1, True), (2.3, False)):
        b.end = {"task_clock_ns": int(raw * factor)}
        problems = [problem.split(":")[0] for problem in check_trace(b.trace())]
        assert problems == ([] if fine else ["sums"])


def test_a_thread_that_executes_a_program_changes_its_number_on_its_core() -> None:
    b = Builder()
    b.on(0, 10, 0.0, 0.1, exits=True)
    b.kernel(1, 0.05, "FORK", 10, 11, 10, 10)
    b.kernel(1, 0.06, "IN", 10, 11)
    b.exec(0.15, "other", cpu=1)
    b.kernel(1, 0.2, "OUT", 10, 10)
    b.on(1, 10, 0.3, 0.4, exits=True)
    b.end = {"task_clock_ns": 340_000_000}
    assert check_trace(b.trace()) == []
    b.rows = [row for row in b.rows if row.event != "EXEC"]
    assert check_trace(b.trace())[0].startswith("turns: cpu 1: another thread left")


def test_a_child_that_forked_inside_a_step_may_end_it() -> None:
    b = Builder()
    b.hello(0.1, flags=3, pid=20)
    b.agent(0.2, "STEP_DONE", pid=20)
    assert check_trace(b.trace()) == []
    b.agent(0.2, "STEP_DONE", pid=21)
    assert check_trace(b.trace()) == ["steps: an end without a beginning at 0.200000 s"]


def one_goes_on(pid: int) -> Builder:
    """Somebody is on a core when the recording ends; the kernel's clock has counted that time."""
    b = good()
    b.fork(2.0, pid=pid)
    b.on(cpu=1, tid=pid, pid=pid, start=2.405, end=None)
    b.end = {"task_clock_ns": b._sum_of_slices() + 500_000_000}
    return b


def sums(b: Builder) -> list[str]:
    return [problem for problem in check_trace(b.trace()) if problem.startswith("sums")]


def test_the_sums_allow_for_a_process_that_goes_on_after_the_end() -> None:
    assert sums(one_goes_on(30)) == []


def test_nobody_of_the_program_s_own_process_goes_on_after_its_end() -> None:
    b = good()
    last = find(b, "EXIT", -1)
    assert b.rows[last].fields == (10, 10)
    whole = b._sum_of_slices()
    del b.rows[last]
    b.end = {"task_clock_ns": whole + 200_000_000}
    assert sums(b)
