"""What is known of a dinner before anybody cooks it: bounds, predictions, and the bands round them.

``predict`` simulates the mode five times, because ties decide who is served next and real kettles
are not exact: with the waits as written, with all of them 1 % shorter or longer, and with those of
every second dish shorter and the others longer, for two dishes of the same length tie however much
both are stretched. What is measured must lie in the band of the five; beyond that there is a
tolerance for a real machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from twocooks.kitchen.recipe import Dinner, Minutes, Mode
from twocooks.kitchen.simulate import Course, levels, simulate, stretched
from twocooks.kitchen.tails import heads, longest_chain, tails

SHORT, LONG = Fraction(99, 100), Fraction(101, 100)
STRETCHED = ((SHORT,), (LONG,), (SHORT, LONG), (LONG, SHORT))
"""How waits are stretched for the band."""
SHARE, SECONDS = 0.03, 0.020
"""What a real machine may add to the band of T: of it, and in all."""


@dataclass(frozen=True)
class Numbers:
    """What the kitchen compares. The names are those of the JSON."""

    minutes: float
    concurrency: float
    """Mean of dishes on the go while any is."""
    parallelism: float
    """Mean of dishes being worked on while any is."""
    turns: int
    contests_won: float | None
    """Of the time in which two or more dishes wanted hands, the share in which two or more got
    them; None if they never did."""
    at_work_two: float
    """Minutes with hands on two or more dishes."""
    most_on_the_go: int
    most_at_work: int
    in_line: float
    """Dish-minutes in line or waiting for a tool, begun or not."""


@dataclass(frozen=True)
class Prediction:
    numbers: Numbers
    course: Course
    low: Numbers
    """Each number's least value of the simulations..."""
    high: Numbers
    """...and its greatest."""

    @property
    def tie(self) -> str | None:
        """What there is to say where a hair decides how long it takes, more than a tolerance."""
        low, high = self.low.minutes, self.high.minutes
        if high - low <= SHARE * high:
            return None
        return (f"{low:.0f} or {high:.0f} minutes: dishes want hands at the same moment, and who "
                "comes first by a hair decides.")

    def fits(self, minutes: float, minute_s: float) -> bool:
        """Whether a measured length is within the band and the tolerance."""
        extra = SECONDS / minute_s
        return (self.low.minutes * (1 - SHARE) - extra <= minutes
                <= self.high.minutes * (1 + SHARE) + extra)


def numbers(course: Course) -> Numbers:
    """The numbers of a dinner cooked on paper, by the formulas of the analysis."""
    go = work = active = busy = Fraction(0)
    two = contest = won = queue = Fraction(0)
    most_go = most_work = 0
    for length, on_the_go, at_work, wanted, _ in levels(course):
        go += length * on_the_go
        work += length * at_work
        active += length if on_the_go else 0
        busy += length if at_work else 0
        two += length if at_work >= 2 else 0
        contest += length if wanted >= 2 else 0
        won += length if at_work >= 2 and wanted >= 2 else 0
        queue += length * (wanted - at_work)
        most_go, most_work = max(most_go, on_the_go), max(most_work, at_work)
    return Numbers(
        minutes=float(active),
        concurrency=float(go / active) if active else 0.0,
        parallelism=float(work / busy) if busy else 0.0,
        turns=course.turns,
        contests_won=float(won / contest) if contest else None,
        at_work_two=float(two),
        most_on_the_go=most_go,
        most_at_work=most_work,
        in_line=float(queue),
    )


def predict(dinner: Dinner, mode: Mode, cores: int | None = None) -> Prediction:
    """The numbers that a mode must give on so many cores. StuckError if it never ends."""
    course = simulate(dinner, mode, cores)
    plain = numbers(course)
    all_of_them = [plain] + [
        numbers(simulate(stretched(dinner, *factors), mode, cores)) for factors in STRETCHED
    ]
    return Prediction(plain, course, _pick(min, all_of_them), _pick(max, all_of_them))


def _pick(choose: Any, given: list[Numbers]) -> Numbers:
    values: dict[str, Any] = {}
    for key in vars(given[0]):
        known = [value for value in (getattr(n, key) for n in given) if value is not None]
        values[key] = choose(known) if known else None
    return Numbers(**values)


# ---- bounds ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bounds:
    """What no cook and no luck can beat, in minutes."""

    hands: Minutes
    """W: all hands-on minutes."""
    waits: Minutes
    """U: all minutes that need nobody."""
    chain: Minutes
    """L: the longest chain of steps."""
    tools: dict[str, Minutes]
    """B: what each tool alone forces: first use, all uses through its pieces, what comes after."""

    def least(self, cooks: int) -> Minutes:
        """No cooking with so many cooks (or places at the counter) is shorter."""
        return max(self.hands / cooks, self.chain, *self.tools.values())

    def what_limits(self, cooks: int) -> str:
        """Which of them it is: "hands", "chain", or the tool's name."""
        least = self.least(cooks)
        if self.hands / cooks == least:
            return "hands"
        if self.chain == least:
            return "chain"
        return next(name for name, value in self.tools.items() if value == least)


def bounds(dinner: Dinner) -> Bounds:
    """The bounds of a dinner."""
    hands = sum((step.hands for dish in dinner.dishes for step in dish.steps), Minutes(0))
    waits = sum((step.wait for dish in dinner.dishes for step in dish.steps), Minutes(0))
    return Bounds(hands, waits, longest_chain(dinner), _tool_bounds(dinner))


def _tool_bounds(dinner: Dinner) -> dict[str, Minutes]:
    found: dict[str, list[tuple[Minutes, Minutes, Minutes]]] = {}
    head, tail = heads(dinner), tails(dinner)
    for d, dish in enumerate(dinner.dishes):
        taken: dict[str, int] = {}
        for s, step in enumerate(dish.steps):
            taken |= dict.fromkeys(step.takes, s)
            for tool in step.returns:
                first = taken.pop(tool)
                held = sum((x.minutes for x in dish.steps[first:s + 1]), Minutes(0))
                # All of this comes after the tool is back.
                rest = tail[d][s] - step.minutes
                found.setdefault(tool, []).append((head[d][first], held, rest))
    return {
        tool: min(u[0] for u in uses) + sum((u[1] for u in uses), Minutes(0)) / dinner.tools[tool]
        + min(u[2] for u in uses)
        for tool, uses in found.items()
    }
