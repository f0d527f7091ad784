"""Garbage in place of the process's memory must never crash a look, nor keep it busy."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.test_peek import CORE, VICTIM, Victim
from tests.integration.test_peek_bare import PROGRAM as BARE
from tests.integration.test_peek_held import PROGRAM as HELD
from tests.integration.test_peek_held import waited_for
from tests.kit import cbuild
from tests.kit.pythons import pythons

ROUNDS = 60
IMAGE_ROUNDS = 300
LIST_ROUNDS = 20_000


@pytest.mark.parametrize("version", sorted(pythons()))
def test_damaged_memory_is_harmless(version: str) -> None:
    fuzz = cbuild.program("tests/fuzz/peek_fuzz.c", *CORE, sanitize=True)
    victim = Victim(version, str(VICTIM))
    try:
        tids = [str(thread["tid"]) for thread in victim.said["threads"].values()]
        run(fuzz, victim, 0, tids)
    finally:
        victim.close()


HELD_NAMES = ("in_loop", "for_loop", "for_own")
BARE_NAMES = ("of_an_attribute_of_an_attribute", "of_a_global", "around_another",
              "waits_for_a_condition")  # fmt: skip


@pytest.mark.parametrize("program", ["with", "calls"])
@pytest.mark.parametrize("version", sorted(pythons()))
def test_damaged_memory_is_harmless_where_holders_are_sought(version: str, program: str) -> None:
    fuzz = cbuild.program("tests/fuzz/peek_fuzz.c", *CORE, sanitize=True)
    victim = Victim(version, str(HELD if program == "with" else BARE))
    try:
        _, lock = waited_for(victim, "for_loop" if program == "with" else f"for {BARE_NAMES[0]}")
        names = HELD_NAMES if program == "with" else BARE_NAMES
        tids = [str(victim.said["tids"][name]) for name in names]
        assert run(fuzz, victim, lock, tids), "no holder was ever found: the fuzz tests nothing"
    finally:
        victim.close()


@pytest.mark.parametrize("program", ["blocked", "holders", "calls"])
@pytest.mark.parametrize("version", sorted(pythons()))
def test_a_spoilt_image_tells_nothing_that_is_not_in_it(version: str, program: str) -> None:
    fuzz = cbuild.program("tests/fuzz/peek_image.c", *CORE, sanitize=True)
    victim = Victim(version, str({"blocked": VICTIM, "holders": HELD, "calls": BARE}[program]))
    try:
        if program == "blocked":
            lock, tids = 0, [thread["tid"] for thread in victim.said["threads"].values()]
        else:
            names = HELD_NAMES if program == "holders" else BARE_NAMES
            waiter = "for_loop" if program == "holders" else f"for {names[0]}"
            _, lock = waited_for(victim, waiter)
            tids = [victim.said["tids"][name] for name in names]
        place = [*(victim.said[key] for key in ("pid", "runtime", "hexversion")), lock]
        done = subprocess.run(
            [str(fuzz), *map(str, place), "1", str(IMAGE_ROUNDS), *map(str, tids)],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        true, other, torn = map(int, done.stdout.split())
        assert true > other, "most harm lies elsewhere"
        assert torn, "no harm was noticed: the fuzz tests nothing"
    finally:
        victim.close()


def run(fuzz: Path, victim: Victim, lock: int, tids: list[str]) -> int:
    """Some seeds of the fuzz; how many holders it found."""
    holders = 0
    place = [*(victim.said[key] for key in ("pid", "runtime", "hexversion")), lock]
    for seed in range(3):
        done = subprocess.run(
            [str(fuzz), *map(str, place), str(seed), str(ROUNDS), *tids, "1"],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        found, _most, held = map(int, done.stdout.split())
        assert found, "all looks failed: the fuzz tests nothing"
        holders += held
    return holders


@pytest.mark.parametrize("version", sorted(pythons()))
def test_damaged_files_are_harmless(version: str, tmp_path: Path) -> None:
    ask = "print(open('/proc/self/maps').read())"
    said = subprocess.run([*pythons()[version], "-c", ask], capture_output=True, text=True)
    files = {Path(line.split()[-1]) for line in said.stdout.splitlines() if "/" in line}
    here = [f for f in files if f.is_file() and f.name.startswith(("python", "libpython"))]
    if not here:
        pytest.skip("this Python lives in another root")
    original = max(here, key=lambda file: file.stat().st_size)  # the program or its library
    copy = tmp_path / "python"
    shutil.copy(original, copy)
    fuzz = cbuild.program("tests/fuzz/find_fuzz.c", sanitize=True)
    done = subprocess.run(
        [str(fuzz), str(copy), "7", "400"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert 400 > int(done.stdout) > 0, "some rounds do no harm, some hide the symbols"


def test_damaged_lists_and_addresses_are_harmless() -> None:
    with_it = ("src/core/ends.c", "src/core/texts.c", "src/core/encode.c")
    fuzz = cbuild.program("tests/fuzz/files_fuzz.c", *with_it, sanitize=True)
    done = subprocess.run(
        [str(fuzz), "3", str(LIST_ROUNDS)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-4000:]
    told = [int(count) for count in done.stdout.split()]
    assert all(LIST_ROUNDS > count > 0 for count in told), "some harm is done, some things are told"
