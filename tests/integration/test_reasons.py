"""Sums of waits by their reason, beside what the program itself measured around its calls."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.kit import needs
from tests.kit.watched import PARANOID, Place, watch

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
