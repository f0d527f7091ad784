"""Who took a lock by a call, read from a process in which that is known."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.test_peek import Victim
from tests.integration.test_peek_held import U32, U64, P, waited_for
from tests.kit import peek_opcodes
from tests.kit.pythons import pythons

PROGRAM = Path(__file__).with_name("bare_victim.py")


@pytest.fixture(scope="module", params=sorted(pythons()))
def victim(request: pytest.FixtureRequest) -> Iterator[Victim]:
    started = Victim(request.param, str(PROGRAM))
    holds = started.peek.lib.tc_peek_holds
    holds.argtypes, holds.restype = [P, U32, ctypes.c_int, U64], ctypes.c_int
    yield started
    started.close()


def test_what_the_code_proves_is_told_and_nothing_else(victim: Victim) -> None:
    tids = victim.said["tids"]
    ways = [name for name in tids if not name.startswith("for ")]
    locks = {name: waited_for(victim, f"for {name}") for name in ways}
    holds, at = victim.peek.lib.tc_peek_holds, victim.peek.at
    found = {
        name: [who for who in tids if holds(at, tids[who], *lock)]
        for name, lock in locks.items()
    }
    assert found == {name: [name] if name in victim.said["has"] else [] for name in ways}


def test_opcodes_are_those_of_the_headers() -> None:
    known = peek_opcodes.tables_in(peek_opcodes.HEADER.read_text())
    seen = 0
    for version, command in pythons().items():
        table = peek_opcodes.table_of(list(command))
        if table is None:
            continue
        ((key, text),) = peek_opcodes.tables_in(table).items()
        assert known[key] == text, version
        seen += 1
    assert seen, "no Python with its headers is installed here"
