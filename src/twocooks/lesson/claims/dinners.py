"""Dinners as evidence: cooked for real, and held against the same dinner on paper."""

from __future__ import annotations

import json
from typing import Any

from twocooks.kitchen import dinner
from twocooks.kitchen.recipe import Mode
from twocooks.kitchen.truth import Prediction, predict
from twocooks.lesson.claim import Check, Part, Round, Seen

MINUTE = 0.05
SHORT = 0.025
"""Seconds of a kitchen minute: for one dinner, and for many in a row."""
NEAR = 0.1
"""How far a measured dinner may be from the one on paper."""


def cooked(name: str, mode: Mode, which: str, minute: float = MINUTE,
           changes: dict[str, Any] | None = None, one_core: bool = False, cores: int = 0) -> Part:
    words: tuple[str, ...] = (mode, which, str(minute))
    if changes:
        words += (json.dumps(changes),)
    return Part(name, "dinner_cooked", words, one_core, cores=cores)


def paper(which: str, mode: Mode, cores: int, changes: dict[str, Any] | None = None) -> Prediction:
    """The dinner simulated, also with waits a little shorter and longer (ties decide)."""
    return predict(dinner.load(which).changed(**(changes or {})), mode, cores)


def near(name: str, minutes: float, wanted: Prediction) -> Check:
    low, high = wanted.low.minutes, wanted.high.minutes
    return Check(name, minutes, "minutes", low * (1 - NEAR), high * (1 + NEAR))


def never_looks_up(one: Seen) -> list[Check]:
    """The Tuesday dinner by a cook who finishes what she has begun to chop."""
    changes = {"no_breaks": True}
    plain = paper("tuesday", "switching", 1).numbers.minutes
    return [
        Check("dinner with breaks, on paper", plain, "minutes"),
        near("dinner without breaks", one.active_s / MINUTE,
             paper("tuesday", "switching", 1, changes)),
        Check("dishes burnt", one.said["burnt"], "count", least=2),
    ]


def one_knife(seen: Round) -> list[Check]:
    """The salad bar: one cook, two, and on paper more."""
    alone, friend = seen["alone"], seen["friend"]
    two = paper("oneknife", "friend", 2)
    checks = [near("one knife, one cook", alone.active_s / MINUTE,
                   paper("oneknife", "switching", 1)),
              near("one knife, two cooks", friend.active_s / MINUTE, two)]
    for friends in (2, 3):
        more = paper("oneknife", "friend", friends + 1, {"friends": friends})
        checks.append(Check(f"one knife, {friends + 1} cooks, on paper", more.numbers.minutes,
                            "minutes", two.numbers.minutes, two.numbers.minutes))
    return checks


def anomaly(seen: Round) -> list[Check]:
    """Graham's dinner, cooked; nothing where there are too few cores for four cooks."""
    if "four" not in seen:
        return []
    three, four = (seen[name].active_s / MINUTE for name in ("three", "four"))
    return [
        near("three cooks, cooked", three,
             paper("graham", "friend-switching", 3, {"friends": 0})),
        near("four cooks, cooked", four, paper("graham", "friend-switching", 4)),
        Check("the helper costs", four - three, "minutes", least=1),
    ]
