"""A table of waits, and a program with threads that wait."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kit.waiting import SLEEPER, Waits


@pytest.fixture
def waits() -> Iterator[Waits]:
    made = Waits()
    yield made
    made.free()


@pytest.fixture(scope="module")
def sleeper() -> Iterator[dict[str, Any]]:
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPER, "40"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        yield json.loads(process.stdout.readline())
        process.kill()
