"""The recorder's side of the shared memory, with a test in the agent's place."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

import pytest
from tests.kit.pages import PAGE_SIZE, Pages

from twocooks.format.spec import BY_NUMBER, MAGIC, VERSION, Block
from twocooks.read import reader
from twocooks.read.trace import Trace


class Bench:
    """Pages, and the trace that comes of them."""

    def __init__(self, path: Path, npages: int = 8) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT)
        os.write(self.fd, MAGIC + VERSION.to_bytes(4, "little") + bytes(4))
        self.pages = Pages(self.fd, npages)
        self.pages.recorder.block(Block.META, b"{}")

    def trace(self) -> Trace:
        self.pages.recorder.finish()
        self.pages.recorder.block(Block.END, b"{}")
        os.close(self.fd)
        return reader.load(self.path)

    def events(self) -> list[tuple[str, int, int]]:
        """(name, time, first field) of every agent record, in order of time."""
        columns = self.trace().agent
        return [
            (BY_NUMBER[int(e)].name, int(t), int(a))
            for e, t, a in zip(columns.event, columns.time, columns.a, strict=True)
        ]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "drain.trace")


def test_entries_become_records_with_serials_for_tasks(bench: Bench) -> None:
    pages = bench.pages
    pages.claim(0, pid=10, tid=10)
    pages.entry(0, 100, "TASK_NEW", 0x7000)
    pages.entry(0, 110, "TASK_NEW", 0x8000)
    pages.entry(0, 120, "STEP", 0x7000)
    pages.entry(0, 130, "STEP_END", 6)
    pages.entry(0, 140, "STEP", 0x8000)
    pages.entry(0, 150, "STEP_DONE")
    assert bench.events() == [
        ("TASK_NEW", 100, 1),
        ("TASK_NEW", 110, 2),
        ("STEP", 120, 1),
        ("STEP_END", 130, 6),
        ("STEP", 140, 2),
        ("STEP_DONE", 150, 0),
    ]


def test_an_address_used_again_is_another_task(bench: Bench) -> None:
    pages = bench.pages
    pages.claim(0, pid=10, tid=10)
    for start in (100, 200):
        pages.entry(0, start, "TASK_NEW", 0x7000)
        pages.entry(0, start + 10, "STEP", 0x7000)
        pages.entry(0, start + 20, "STEP_DONE")
    assert [a for name, _, a in bench.events() if name == "STEP"] == [1, 2]


def test_a_task_made_by_one_thread_and_run_by_another_is_one_task(bench: Bench) -> None:
    pages = bench.pages
    pages.claim(0, pid=10, tid=10)
    pages.claim(1, pid=10, tid=11)
    pages.entry(0, 100, "TASK_NEW", 0x7000)
    pages.entry(1, 200, "STEP", 0x7000)
    assert bench.events() == [("TASK_NEW", 100, 1), ("STEP", 200, 1)]


def test_a_task_whose_making_was_not_seen_is_announced_as_late(bench: Bench) -> None:
    bench.pages.claim(0, pid=10, tid=10)
    bench.pages.entry(0, 100, "STEP", 0x7000)
    assert bench.events() == [("TASK_LATE", 100, 1), ("STEP", 100, 1)]


def test_pages_of_one_thread_are_read_in_order_and_given_back(bench: Bench) -> None:
    pages = bench.pages
    pages.claim(3, pid=10, tid=10, serial=0)
    pages.entry(3, 100, "TASK_NEW", 0x7000)
    pages.close(3)
    pages.claim(1, pid=10, tid=10, serial=1)
    pages.entry(1, 200, "STEP", 0x7000)
    assert [name for name, _, _ in bench.events()] == ["TASK_NEW", "STEP"]
    assert pages.state(3) == 0
    assert pages.state(1) == 1


def test_a_later_page_waits_for_the_earlier_one(bench: Bench) -> None:
    pages = bench.pages
    pages.claim(0, pid=10, tid=10, serial=0)
    pages.entry(0, 100, "TASK_NEW", 0x7000)
    pages.claim(1, pid=10, tid=10, serial=1)
    pages.entry(1, 200, "STEP", 0x7000)
    pages.recorder.flush()  # page 0 is still open: the agent may be about to write into it
    pages.entry(0, 150, "READY", 0x7000)
    pages.close(0)
    assert [name for name, _, _ in bench.events()] == ["TASK_NEW", "READY", "STEP"]


def test_what_found_no_page_is_counted(bench: Bench) -> None:
    bench.pages.claim(0, pid=10, tid=10, serial=0, lost=7)
    bench.pages.entry(0, 100, "IMPORT_END")
    assert bench.events() == [("AGENT_LOST", 100, 7), ("IMPORT_END", 100, 0)]


def test_texts_and_further_fields_arrive(bench: Bench) -> None:
    bench.pages.claim(0, pid=10, tid=10)
    text = "CPython\x1fa.py\x1f/bin/python"
    bench.pages.entry(0, 100, "HELLO", 0x30B07F0, 1, 0x5555_0000_1000, text=text)
    trace = bench.trace()
    assert (int(trace.agent.a[0]), int(trace.agent.b[0]), int(trace.agent.c[0])) == (
        0x30B07F0, 1, 0x5555_0000_1000,
    )
    assert trace.texts[int(trace.agent.text[0])] == text


@pytest.mark.parametrize(
    "damage",
    [
        struct.pack("<QQ", 5, 255 << 56),  # no such event
        struct.pack("<QQ", 5, 3 << 56),  # a kernel event
        struct.pack("<QQ", 5, 16 << 56 | 200 << 48),  # longer than what is written
        struct.pack("<QQ", 5, 23 << 56),  # fields missing
        struct.pack("<QQQQ", 5, 34 << 56 | 1 << 48, 1 << 60, 0),  # a text longer than the page
    ],
)
def test_damage_is_counted_and_never_followed(bench: Bench, damage: bytes) -> None:
    bench.pages.claim(0, pid=10, tid=10)
    bench.pages.entry(0, 1, "IMPORT_END")
    bench.pages.raw(0, damage)
    assert bench.events()[0] == ("IMPORT_END", 1, 0)
    assert bench.pages.recorder.stats()["agent_damaged"] == 1


def test_a_lying_length_stays_inside_the_page(bench: Bench) -> None:
    bench.pages.claim(0, pid=10, tid=10)
    struct.pack_into("<I", bench.pages.map, 64 + 4, 0xFFFFFFF0)
    bench.trace()
    assert bench.pages.recorder.stats()["agent_damaged"] >= 1
    assert bench.pages.used(0) > PAGE_SIZE  # the lie is still there; nobody believed it


def test_pages_of_a_dead_process_come_back(bench: Bench) -> None:
    pages = bench.pages
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    pages.claim(0, pid=pid, tid=pid)
    pages.entry(0, 100, "IMPORT_END")
    run = pages.recorder.run  # a sweep comes once a second of recording
    while pages.state(0) != 0 and run(time.monotonic_ns() + 200_000_000, -1) == "time":
        pass
    assert pages.state(0) == 0


def test_many_pages_filled_from_high_to_low_are_all_read_at_the_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "many.trace", npages=300)
    for serial in range(300):
        index = 299 - serial
        bench.pages.claim(index, pid=10, tid=10, serial=serial)
        bench.pages.entry(index, 100 + serial, "IMPORT_END")
        bench.pages.close(index)
    assert [time for _, time, _ in bench.events()] == list(range(100, 400))
    assert {bench.pages.state(index) for index in range(300)} == {0}


def test_ended_threads_are_forgotten_with_their_tasks(bench: Bench) -> None:
    """Short threads, each with tasks of its own, cost the recorder no memory for good."""
    pages, tid = bench.pages, 0x3FFFFFF0  # there is no such thread

    def life_of_a_thread(life: int) -> None:
        pages.claim(0, pid=os.getpid(), tid=tid, life=life)
        for task in range(400):
            pages.entry(0, life, "TASK_NEW", 0x7000 + 16 * (400 * life + task))
        pages.close(0)
        pages.recorder.flush()

    for life in range(1, 11):
        life_of_a_thread(life)
    assert pages.recorder.stats()["agent_threads"] == 10
    assert pages.recorder.stats()["agent_tasks"] == 2 * 10 * 400
    deadline = time.monotonic_ns() + 90_000_000_000
    while pages.recorder.stats()["agent_threads"] and time.monotonic_ns() < deadline:
        pages.recorder.run(time.monotonic_ns() + 200_000_000, -1)  # a sweep comes once a second
    assert pages.recorder.stats()["agent_threads"] == 0
    for life in range(11, 31):
        life_of_a_thread(life)
    # The thread's tasks of before are gone; those of the process, now remembered again, are not.
    assert pages.recorder.stats()["agent_tasks"] <= 10 * 400 + 2 * 20 * 400
    names = [name for name, _, _ in bench.events()]
    assert names == ["TASK_NEW"] * 30 * 400


def test_a_lie_about_the_number_of_pages_is_not_followed(bench: Bench) -> None:
    bench.pages.claim(0, pid=10, tid=10)
    bench.pages.entry(0, 100, "IMPORT_END")
    struct.pack_into("<I", bench.pages.map, 12, 1 << 28)  # npages
    struct.pack_into("<I", bench.pages.map, 32, 1 << 28)  # fresh
    assert bench.events() == [("IMPORT_END", 100, 0)]
