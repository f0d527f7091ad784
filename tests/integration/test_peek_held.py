"""Who holds a lock, read from a process in which that is known."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_peek import FUTEX, GIL, SPINNERS, Victim
from tests.kit.pythons import pythons

PROGRAM = Path(__file__).with_name("held_victim.py")
U32, U64, P = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_void_p


@pytest.fixture(scope="module", params=sorted(pythons()))
def victim(request: pytest.FixtureRequest) -> Iterator[Victim]:
    started = Victim(request.param, str(PROGRAM))
    for name, arguments, result in (
        ("holds", [P, U32, ctypes.c_int, U64], ctypes.c_int),
        ("owner", [P, U32, ctypes.c_int, U64], U32),
        ("next", [P, ctypes.c_int], U32),
        ("gil_holder", [P, U64, P], U32),
    ):
        function = getattr(started.peek.lib, f"tc_peek_{name}")
        function.argtypes, function.restype = arguments, result
    yield started
    started.close()


def waited_for(victim: Victim, waiter: str) -> tuple[int, int]:
    """Kind and lock of what this thread waits for, as the recorder asks with them."""
    call = victim.peek.syscall(victim.said["tids"][waiter])
    assert call[0] == FUTEX
    kind, lock = victim.peek.futex(int(call[1], 16))
    return kind, lock or int(call[1], 16)


def test_a_body_of_with_names_the_holder_and_nobody_else(victim: Victim) -> None:
    tids = victim.said["tids"]
    names = {tid: name for name, tid in tids.items()}
    holds = victim.peek.lib.tc_peek_holds
    for waiter, (holder, by_frames, _) in victim.said["waiters"].items():
        what = waited_for(victim, waiter)
        found = [names[tid] for tid in names if holds(victim.peek.at, tid, *what)]
        assert found == ([holder] if by_frames else []), waiter


def test_an_rlock_names_its_owner_and_a_lock_does_not(victim: Victim) -> None:
    tids = victim.said["tids"]
    names = {tid: name for name, tid in tids.items()}
    owner = victim.peek.lib.tc_peek_owner
    for waiter, (holder, _, stored) in victim.said["waiters"].items():
        found = owner(victim.peek.at, tids[waiter], *waited_for(victim, waiter))
        assert names.get(found) == (holder if stored else None), waiter


def test_all_threads_are_offered_in_turn(victim: Victim) -> None:
    seen = [victim.peek.lib.tc_peek_next(victim.peek.at, i == 0) for i in range(200)]
    assert set(victim.said["tids"].values()) <= set(seen)
    assert len(set(seen)) < 40


def test_what_is_asked_of_nothing_is_nothing(victim: Victim) -> None:
    lib, at = victim.peek.lib, victim.peek.at
    tid, turn = victim.said["tids"]["in_body"], ctypes.byref(U64())
    for lock in (0, 8, 4096, 2**47, 2**64 - 8, victim.said["runtime"]):
        for kind in range(5):
            assert not lib.tc_peek_holds(at, tid, kind, lock)
            assert not lib.tc_peek_owner(at, tid, kind, lock)
        assert not lib.tc_peek_gil_holder(at, lock, turn) or lock == victim.said["runtime"]
    assert not lib.tc_peek_holds(at, 1, 3, victim.said["runtime"])


@pytest.mark.parametrize("version", sorted(v for v in pythons() if "t" not in v))
def test_the_gil_has_a_holder_that_is_not_the_waiter(version: str) -> None:
    """A look is true only if the waiter waited on: seen here by its system call after it."""
    spinners = Victim(version, "-c", SPINNERS)
    lib = spinners.peek.lib
    lib.tc_peek_gil_holder.argtypes, lib.tc_peek_gil_holder.restype = [P, U64, P], U32
    turn = ctypes.byref(U64())
    try:
        found: set[int] = set()
        deadline = time.monotonic() + 90
        tids: list[Any] = spinners.said["tids"]
        while not found & set(tids) and time.monotonic() < deadline:
            for tid in tids:
                call = spinners.peek.syscall(tid)
                if call[0] != FUTEX or spinners.peek.futex(int(call[1], 16))[0] != GIL:
                    continue
                holder = lib.tc_peek_gil_holder(spinners.peek.at, int(call[1], 16), turn)
                assert holder in (0, spinners.said["pid"], *tids)
                if holder != tid:
                    found.add(holder)
        assert found & set(tids)
    finally:
        spinners.close()
