"""Traces with missing and misplaced records: judged without a crash."""

from __future__ import annotations

import random

import pytest

from tests.unit.analyse import scenes
from twocooks.analyse import analyse


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("scene", list(scenes.SCENES), ids=lambda s: s.__name__)
def test_damage_is_survived(scene: scenes.Scene, seed: int) -> None:
    dice = random.Random(seed)
    b = scene()
    b.rows = [row for row in b.rows if dice.random() > 0.15]
    for row in dice.sample(b.rows, min(5, len(b.rows))):
        b.rows.remove(row)
        b.rows.append(row._replace(time_ns=row.time_ns + dice.randrange(50_000_000)))
    if seed % 2:
        b.lost(0, 0.05, 0.1, 100)
    if seed % 3 == 0:
        b.end = None
    result = analyse(b.trace())
    cores = result.summary["cores_used"]["max"]
    assert result.summary["time"]["on_core_s"] <= (result.summary["wall_s"] + 0.01) * max(1, cores)
    for task in result.tasks:
        assert (task.segments.start[1:] >= task.segments.end[:-1] - 1e-9).all()
