"""A dinner as plain values: what the file says, after copies and repeats have been written out.

Minutes are ``Fraction``: ties decide who is served next, and 0.1 + 0.2 must tie with 0.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

Minutes = Fraction
NONE = Minutes(0)
Order = Literal["first", "urgent", "longest"]
ORDERS: tuple[Order, ...] = ("first", "urgent", "longest")

Mode = Literal["sequential", "switching", "friend", "friend-switching"]
MODES: tuple[Mode, ...] = ("sequential", "switching", "friend", "friend-switching")
TITLES: dict[Mode, str] = {
    "sequential": "one after another",
    "switching": "alone, switching",
    "friend": "with a friend",
    "friend-switching": "with a friend, switching",
}


def ways(modes: Iterable[Mode]) -> str:
    """Several ways in one sentence; their titles have commas of their own."""
    return " and ".join(f"“{TITLES[mode]}”" for mode in modes)


@dataclass(frozen=True)
class Step:
    """One step: ``hands`` or ``wait`` minutes, or neither (it only takes or gives back tools)."""

    do: str
    hands: Minutes = NONE
    wait: Minutes = NONE
    pieces: int = 1
    """Hands-on work is done in so many equal pieces; between them the cook may leave."""
    takes: tuple[str, ...] = ()
    """Tools taken when this step begins, in the order in which they are taken."""
    returns: tuple[str, ...] = ()
    """Tools given back when it ends."""
    burns: Minutes | None = None
    only: str | None = None
    after: tuple[Mark, ...] = ()

    @property
    def piece(self) -> Minutes:
        """Minutes of one piece."""
        return self.hands / self.pieces

    @property
    def minutes(self) -> Minutes:
        return self.hands + self.wait


@dataclass(frozen=True)
class Mark:
    """The end of a step of a dish (by their numbers): what ``after`` waits for."""

    dish: int
    step: int


@dataclass(frozen=True)
class Dish:
    name: str
    steps: tuple[Step, ...]
    arrives: Minutes = NONE
    after: tuple[Mark, ...] = ()

    @property
    def minutes(self) -> Minutes:
        return sum((step.minutes for step in self.steps), Minutes(0))

    def may_be_cooked_by(self, cook: str) -> bool:
        """Whether this cook may do every step of it."""
        return all(step.only in (None, cook) for step in self.steps)


@dataclass(frozen=True)
class Dinner:
    name: str
    says: str
    teaches: str
    minute_s: float
    order: Order
    at_once: int | None
    cooks: tuple[str, ...]
    """Those who are there in every mode."""
    guests: tuple[str, ...]
    """Those who come only in the "with a friend" modes."""
    tools: dict[str, int]
    dishes: tuple[Dish, ...]
    only_modes: tuple[Mode, ...] = MODES
    warnings: tuple[str, ...] = field(default=(), compare=False)

    def staff(self, mode: Mode) -> tuple[str, ...]:
        """The cooks of a mode, in the order in which free ones are given work."""
        if mode == "sequential":
            return self.cooks[:1]
        return self.cooks if mode == "switching" else self.cooks + self.guests

    def refuses(self, mode: Mode) -> str | None:
        """Why this dinner cannot be cooked in this mode; None if it can."""
        if mode not in self.only_modes:
            return "the dinner says that this mode is not for it"
        if mode.startswith("friend") and not self.guests:
            return "nobody is a guest in this dinner"
        staff = self.staff(mode)
        whole = not mode.endswith("switching")
        for dish in self.dishes:
            for step in dish.steps:
                if step.only is not None and step.only not in staff:
                    return f"only {step.only} may {step.do} the {dish.name}"
            if whole and not any(dish.may_be_cooked_by(cook) for cook in staff):
                return f"no cook may do all of the {dish.name}, and here dishes are cooked whole"
        return None

    def modes(self) -> list[Mode]:
        """The modes that apply, in their order."""
        return [mode for mode in MODES if self.refuses(mode) is None]

    def changed(
        self,
        *,
        order: Order | None = None,
        at_once: int | None = None,
        tools: dict[str, int] | None = None,
        friends: int | None = None,
        no_breaks: bool = False,
    ) -> Dinner:
        """The same dinner with a variant's changes."""
        dinner = self
        if order is not None:
            dinner = replace(dinner, order=order)
        if at_once is not None:
            dinner = replace(dinner, at_once=at_once)
        if tools:
            dinner = replace(dinner, tools={**dinner.tools, **tools})
        if friends is not None:
            dinner = replace(dinner, guests=tuple(_friends(self, friends)))
        if no_breaks:
            dinner = replace(dinner, dishes=tuple(map(_in_one_piece, dinner.dishes)))
        return dinner


def _friends(dinner: Dinner, number: int) -> Iterator[str]:
    """The guests of the file first, then further ones."""
    names = [*dinner.guests[:number]]
    first = names[0] if names else "friend"
    count = 1
    while len(names) < number:
        name = first if count == 1 else f"{first} {count}"
        if name not in names and name not in dinner.cooks:
            names.append(name)
        count += 1
    yield from names


def _in_one_piece(dish: Dish) -> Dish:
    return replace(dish, steps=tuple(replace(step, pieces=1) for step in dish.steps))
