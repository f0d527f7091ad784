"""When it is asked again who has a lock."""

from __future__ import annotations

import ctypes
from itertools import pairwise

import pytest

from tests.kit import cbuild

PID, LOCK, SEMAPHORE, MS = 77, 0x7F0000001230, 3, 1_000_000
A, B, HOLDER = 101, 102, 103
CORE = tuple(f"src/core/peek{part}.c" for part in ("", "_code", "_find", "_held", "_bare", "_flow"))


class Found(ctypes.Structure):
    _fields_ = (("tid", ctypes.c_uint32), ("asked", ctypes.c_int), ("turn", ctypes.c_uint64),
                ("how", ctypes.c_uint64))  # fmt: skip


class Asked(ctypes.Structure):
    _fields_ = (("lock", ctypes.c_uint64), ("due_ns", ctypes.c_uint64), ("pid", ctypes.c_uint32),
                ("tids", ctypes.c_uint32 * 4))  # fmt: skip


class Search:
    def __init__(self) -> None:
        self.lib = cbuild.library("src/core/search.c", *CORE)
        self.at = ctypes.create_string_buffer(1 << 14)
        u32, u64, p = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_void_p
        self.lib.tc_search_note.argtypes = [p, u32, u32, ctypes.c_int, u64, p, u64]
        self.lib.tc_search_note.restype = None
        self.lib.tc_search_woken.argtypes, self.lib.tc_search_woken.restype = [p, u32, u64], None
        self.lib.tc_search_due.argtypes = [p, u64]
        self.lib.tc_search_due.restype = ctypes.POINTER(Asked)

    def note(self, tid: int, now_ms: int, holder: int = 0, asked: int = 1) -> None:
        found = Found(tid=holder, asked=asked)
        self.lib.tc_search_note(
            self.at, PID, tid, SEMAPHORE, LOCK, ctypes.byref(found), now_ms * MS
        )

    def woken(self, tid: int, now_ms: int) -> None:
        self.lib.tc_search_woken(self.at, tid, now_ms * MS)

    def due(self, now_ms: int) -> int:
        """Who waits for what is to be asked now; 0 = nothing is."""
        found = self.lib.tc_search_due(self.at, now_ms * MS)
        assert not found or (found[0].lock, found[0].pid) == (LOCK, PID)
        return int(found[0].tids[0]) if found else 0


@pytest.fixture
def search() -> Search:
    return Search()


def test_what_was_found_is_not_asked_again_until_it_changes_hands(search: Search) -> None:
    assert search.due(0) == 0
    search.note(A, 1, HOLDER)
    search.note(B, 2, HOLDER)
    assert search.due(10_000) == 0
    search.woken(B, 20)
    assert [search.due(21), search.due(22)] == [0, A]
    search.note(A, 22, HOLDER)
    assert search.due(10_000) == 0


def test_nobody_waits_any_more(search: Search) -> None:
    search.note(A, 1, HOLDER)
    search.woken(A, 20)
    assert search.due(10_000) == 0


def test_a_lock_that_nobody_ever_had_is_left_alone(search: Search) -> None:
    search.note(A, 1)
    search.note(B, 2)
    search.woken(A, 3)
    assert search.due(10_000) == 0


def test_without_credit_it_is_asked_later_and_not_for_ever(search: Search) -> None:
    now, times = 0, []
    search.note(A, now, asked=0)
    while now < 100_000:
        now += 1
        if search.due(now):
            times.append(now)
            search.note(A, now, asked=0)
    gaps = [later - time for time, later in pairwise(times)]
    assert len(times) == 7
    assert gaps == [gaps[0] * 2**i for i in range(6)]
