"""What all ways of cooking share: the clock, the story, and what burnt."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from twocooks.kitchen.recipe import Dinner
from twocooks.kitchen.story import Story

BURNT_SLACK_S = 0.010
"""Later than this after the deadline, and it is burnt: timers and switches are not exact."""


@dataclass
class Stove:
    """One run's surroundings. ``start`` is set when the cooking begins."""

    dinner: Dinner
    story: Story
    rounds: int
    """Of the calibrated loop (``burn``)."""
    start: float = 0.0
    burnt: list[tuple[str, str, float]] = field(default_factory=list)
    """Dish, step, minutes too late: by the cooks' own clocks."""

    def now_s(self) -> float:
        return time.monotonic() - self.start

    def seconds(self, minutes: object) -> float:
        return float(minutes) * self.dinner.minute_s  # type: ignore[arg-type]

    def say(self, dish: int, doing: str, cook: int = -1) -> None:
        self.story.say(self.now_s(), dish, doing, cook)


class Watchful:
    """Notices when a dish's next step begins too late."""

    def __init__(self, stove: Stove, dish: int) -> None:
        self._stove = stove
        self._dish = stove.dinner.dishes[dish]
        self._deadline: float | None = None
        self._do = ""

    def waits(self, step: int) -> None:
        """A wait begins now."""
        burns = self._dish.steps[step].burns
        self._do = self._dish.steps[step].do
        self._deadline = (None if burns is None
                          else time.monotonic() + self._stove.seconds(burns))

    def begins(self) -> None:
        """The next step begins now."""
        if self._deadline is not None:
            late = time.monotonic() - self._deadline
            if late > BURNT_SLACK_S:
                minutes = late / self._stove.dinner.minute_s
                self._stove.burnt.append((self._dish.name, self._do, minutes))
        self._deadline = None

    @property
    def deadline(self) -> float | None:
        return self._deadline
