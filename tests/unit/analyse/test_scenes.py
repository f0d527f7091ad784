"""From records to the verdict: every synthetic situation gets its answer."""

from __future__ import annotations

import pytest

from tests.unit.analyse import scenes
from twocooks.analyse import analyse

CASES = [(scene, *answer) for scene, answer in scenes.SCENES.items()]


@pytest.mark.parametrize(
    ("scene", "verdict", "cause"), CASES, ids=[f"{c[0].__name__}-{c[1]}" for c in CASES]
)
def test_a_scene_gets_its_verdict(scene: scenes.Scene, verdict: str, cause: str | None) -> None:
    result = analyse(scene().trace())
    told = result.summary["verdict"]
    assert (told["id"], told["cause"]) == (verdict, cause), result.summary
    broken = [check for check in result.identities if not check[1] and "I1" not in check[0]]
    assert not broken
