"""Sums of waits by their reason, beside what the program itself measured around its calls."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.kit import needs
from tests.kit.watched import PARANOID, Place, watch
from twocooks.analyse import analyse
from twocooks.analyse.result import Analysis
from twocooks.analyse.threads import REASONS
from twocooks.model import Reason, State
from twocooks.read.reader import load

PROGRAM = Path(__file__).with_name("reasons_program.py")
WITHIN = 0.05
MOST_UNKNOWN = 0.25
"""A machine that keeps the recorder from its looks makes reasons unknown, never wrong."""

if PARANOID.exists() and int(PARANOID.read_text()) > 2:
    pytest.skip("the kernel refuses its records here", allow_module_level=True)


@pytest.mark.parametrize("kind", ["lock", "io", "gil"])
def test_sums_are_what_the_program_measured(kind: str, place: Place) -> None:
    """The program's clock also runs while it stands in line for a core or the GIL after its call,
    so the truth lies between the reason alone and the reason with those."""
    if kind == "gil" and (reason := needs.missing("gil")):
        pytest.skip(reason)
    copy = place.folder / "program.py"
    shutil.copy(PROGRAM, copy)
    copy.chmod(0o644)
    done = watch([sys.executable, str(copy), kind], place)
    truth: dict[str, float] = json.loads(done.out)
    found = done.summary["time"]["waiting"]
    beside = sum(found[name] for name in ("core", "gil", "short", "unknown"))
    for reason_id, seconds in truth.items():
        extra = beside - (found[reason_id] if reason_id == "gil" else 0.0)
        told = found[reason_id]
        assert told <= (1 + WITHIN) * seconds + 0.001, (reason_id, truth, found)
        assert told + extra >= (1 - WITHIN) * seconds, (reason_id, truth, found)
    assert found["unknown"] <= MOST_UNKNOWN * max(truth.values()), (truth, found)


HELD = """
import asyncio, json, time
told = {}
async def sleeps(name, length):
    told[name, "set"] = time.monotonic()
    asyncio.get_running_loop().call_soon(lambda: told.setdefault((name, "asked"), time.monotonic()))
    await asyncio.sleep(length)
    told[name, "on"] = time.monotonic()
async def holds():
    await asyncio.sleep(0)
    told["holder", "from"] = time.monotonic()
    time.sleep(0.15)
    told["holder", "until"] = time.monotonic()
async def main():
    await asyncio.gather(
        asyncio.create_task(sleeps("due", 0.03), name="due"),
        asyncio.create_task(sleeps("beside", 0.4), name="beside"),
        asyncio.create_task(holds(), name="holder"))
asyncio.run(main())
print(json.dumps({" ".join(key): when for key, when in told.items()}))
"""


def last_turn_s(found: Analysis, name: str) -> float:
    """How long the task stood in line for the loop before its last step."""
    (segments,) = [task.segments for task in found.tasks if task.name == name]
    turn = (segments.state == State.IN_LINE) & (segments.reason == REASONS[Reason.TURN])
    return float((segments.end - segments.start)[turn][-1])


def test_a_timer_that_ran_out_in_a_hold_stood_in_line_and_one_beside_did_not(place: Place) -> None:
    done = watch([sys.executable, "-c", HELD], place)
    told: dict[str, float] = json.loads(done.out)
    found = analyse(load(done.trace))
    # It was due after "set" and before "asked", each and its length; it went on before "on". What
    # the kernel's or the machine's delays add lies within the same times.
    for name, length in (("due", 0.03), ("beside", 0.4)):
        most = told[f"{name} on"] - told[f"{name} set"] - length
        assert last_turn_s(found, name) <= most + 0.0001, told
    due = max(told["due asked"] + 0.03, told["holder from"])
    assert last_turn_s(found, "due") >= told["holder until"] - due - 0.0001, told
    assert all(good for _, good, _ in found.identities)
