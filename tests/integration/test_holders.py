"""Programs that say themselves who had their locks when, watched: nobody is named who had not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.kit import needs
from tests.kit.watched import PARANOID, Place, make_place, watch, when_up
from twocooks.analyse import analyse
from twocooks.analyse.gil_holders import gil_holders
from twocooks.analyse.held import NATIVE
from twocooks.analyse.holders import Held, lock_holders
from twocooks.analyse.threads import Threads
from twocooks.analyse.timeline import build_timeline
from twocooks.analyse.waits import label_waits
from twocooks.model import Reason
from twocooks.read.reader import load
from twocooks.read.trace import Trace

PROGRAM = Path(__file__).with_name("held_program.py")
LONG_NS = 5_000_000
"""A claim shorter than this may be of the moments in which the lock changes hands."""

if PARANOID.exists() and int(PARANOID.read_text()) > 2:
    pytest.skip("the kernel refuses its records here", allow_module_level=True)


@pytest.fixture
def place() -> Iterator[Place]:
    made = make_place()
    yield made
    shutil.rmtree(made.folder, ignore_errors=True)


def run(place: Place, *words: str, **more: Any) -> tuple[Trace, str]:
    import sys

    copy = place.folder / "program.py"
    shutil.copy(PROGRAM, copy)
    copy.chmod(0o644)
    done = watch([sys.executable, str(copy), *words], place, **more)
    trace = load(done.trace)
    if trace.meta["source"] != "kernel":
        pytest.skip("the kernel refuses its records here")
    return trace, done.out


def wrong(held: Held, threads: Threads, truth: list[list[int]]) -> list[tuple[int, int]]:
    """Long claims in which another thread had it for more than half of the time: (claimed, had)."""
    found = []
    tids = threads.tid[held.holder].tolist()
    for start, end, tid in zip(held.start.tolist(), held.end.tolist(), tids, strict=True):
        if end - start < LONG_NS:
            continue
        for who, begin, stop in truth:
            if who != tid and min(end, stop) - max(start, begin) > (end - start) / 2:
                found.append((tid, who))
    return found


@pytest.mark.parametrize("how", ["compute", "sleep"])
@pytest.mark.parametrize("style", ["with", "acquire", "rlock"])
def test_the_holder_of_a_lock(place: Place, style: str, how: str) -> None:
    trace, out = run(place, "locks", style, how)
    line = build_timeline(trace)
    labelled = label_waits(trace, line.threads)
    held = lock_holders(trace, line.threads, labelled)
    assert wrong(held, line.threads, json.loads(out)) == []
    assert np.all(held.waiter != held.holder)
    seen = analyse(trace)
    assert [lock.name for lock in seen.locks] == ["lock"]
    assert sum(lock.seconds for lock in seen.locks) == pytest.approx(
        seen.summary["time"]["waiting"]["lock"]
    )
    assert seen.rings == []


@pytest.mark.skipif(not needs.has_gil(), reason="no GIL here")
def test_a_call_that_keeps_the_gil(place: Place) -> None:
    trace, out = run(place, "gil")
    line = build_timeline(trace)
    labelled = label_waits(trace, line.threads)
    held = gil_holders(trace, line.threads, labelled)
    ((sorter, _, _),) = json.loads(out)
    native = held.native == 1
    assert sorter in line.threads.tid[held.holder[native]]
    assert np.all(held.waiter != held.holder)
    waits = [wait for wait in analyse(trace).waits if wait.reason is Reason.GIL]
    states = {h.state for wait in waits for h in wait.holders if h.tid == sorter}
    assert NATIVE in states


@pytest.mark.parametrize("end", ["ctrl-c", "killed"])
@pytest.mark.parametrize("way", ["both", "calls"])
def test_a_deadlock_to_its_end(place: Place, way: str, end: str) -> None:
    """Of locks taken by ``with``, or by calls; ended by Ctrl-C, or killed."""
    if end == "killed":
        trace, out = run(place, "deadlock", way, end)
    else:
        trace, out = run(place, "deadlock", way, options=("--for", "1s"), by=when_up)
    assert out == ""
    (ring,) = analyse(trace).rings
    assert {(link.task, link.name, link.held_by) for link in ring.links} == {
        ("Meera", "other", "Ravi"),
        ("Ravi", "other", "Meera"),
    }
    assert len({link.lock for link in ring.links}) == 2
    assert ring.to_the_end
