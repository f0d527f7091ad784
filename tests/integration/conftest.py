"""What tests that watch real programs share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.kit.watched import Place, make_place


@pytest.fixture
def place() -> Iterator[Place]:
    """A folder of somebody without root's rights, gone after the test."""
    made = make_place()
    yield made
    shutil.rmtree(made.folder, ignore_errors=True)
