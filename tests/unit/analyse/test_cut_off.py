"""A file whose recorder was killed: what is known of each core, and until when."""

from __future__ import annotations

import numpy as np

from tests.kit.builder import Builder
from twocooks.analyse.threads import build_threads, last_seen, loss_windows
from twocooks.analyse.waits import FAULT, wait_label
from twocooks.model import State


def cut() -> Builder:
    """Two threads of one program; the last flush holds core 0 up to 1.0 s, and of core 1 nothing
    after 0.6 s, where a thread had just come on."""
    b = Builder(end=None)
    b.fork(0.0, 2, cpu=0)
    b.fork(0.0, 3, cpu=1)
    b.on(0, 2, 0.5, 1.0)
    b.on(1, 3, 0.6, None)
    b.meter(0.65)
    return b


def test_a_core_is_known_up_to_its_last_record_or_the_last_whole_flush() -> None:
    trace = cut().trace()
    windows = loss_windows(trace, last_seen(trace))
    b = cut()
    assert windows[1][0].tolist() == [b.ns(0.65)]
    assert windows[1][1].tolist() == [last_seen(trace)]
    assert 0 not in windows


def test_who_was_on_a_core_at_the_cut_is_not_at_work_until_the_end() -> None:
    b = cut()
    trace = b.trace()
    threads = build_threads(trace, last_seen(trace))
    pieces = threads.pieces
    mine = np.flatnonzero((threads.tid[pieces.owner] == 3) & (pieces.start >= b.ns(0.65)))
    assert pieces.state[mine].tolist() == [State.UNKNOWN]
    assert pieces.end[mine].tolist() == [last_seen(trace)]


def test_a_stopped_thread_waits_for_nothing_of_the_program() -> None:
    for syscall in (202, 230, 0, 61, 0xFFFFFFFF):
        assert wait_label(syscall, 4, "/a/b.py:3:f") == FAULT
