"""What a cooked dinner says in words, whatever shows it: the screen or the page."""

from __future__ import annotations

from collections.abc import Iterator

from twocooks.kitchen.measure import bound_broken
from twocooks.kitchen.minutes import NEAR, number
from twocooks.kitchen.recipe import TITLES, Dinner, ways
from twocooks.kitchen.serve import Plate, Variant
from twocooks.kitchen.truth import Numbers, bounds

AXES = ("Columns are concurrency: how many dishes are on the go. "
        "Rows are parallelism: how many pairs of hands move at one moment.")
COLUMNS = (("minutes", 11, "minutes", 1), ("on the go", 11, "concurrency", 1),
           ("at work", 11, "parallelism", 1), ("turns", 9, "turns", 0),
           ("two got them", 13, "contests_won", 1))
"""Of the table: title, width, which number, digits behind the point."""
TWO_GOT_THEM = "Two got them: of the time in which at least two dishes wanted hands."


def headline(dinner: Dinner, variant: Variant, cooked: int) -> str:
    ways = {1: "one way", 2: "two ways", 3: "three ways"}.get(cooked, "four ways")
    where = "on one core" if variant.one_core else "on your cores"
    return f"{dinner.name}: one dinner, {ways}, {where}."


def measured_when(dinner: Dinner) -> str:
    return f"Measured just now; one kitchen minute was {dinner.minute_s:g} s."


def in_short(n: Numbers, *, up_to: bool, dot: str = "·") -> str:
    """How many were on the go and at work."""
    up = "up to " if n.most_on_the_go > 2 and up_to else ""
    words = f"{up}{n.most_on_the_go} on the go {dot} "
    if n.most_at_work >= 2 and n.at_work_two >= NEAR:
        return words + f"{n.most_at_work} at work for {number(n.at_work_two)} min"
    return words + "1 at work"


def warnings(dinner: Dinner, variant: Variant, done: list[Plate]) -> Iterator[str]:
    """What makes the numbers doubtful, to be said above them."""
    for plate in done:
        assert plate.measured is not None
        cooks = min(len(dinner.staff(plate.mode)), variant.places())
        broken = bound_broken(plate.measured, bounds(dinner), cooks, dinner.minute_s)
        if broken:
            yield f"{TITLES[plate.mode]}: {broken}. This is a mistake in twocooks; please tell us."
    if any(not p.measured.exact for p in done if p.measured):
        yield ("Estimated: the kernel did not tell its switches, so two at work is a lower "
               "bound. See twocooks doctor.")
    busy = [plate for plate in done if plate.crowded]
    if busy:
        free = min(p.measured.free for p in busy if p.measured and p.measured.free is not None)
        which = "" if len(busy) == len(done) else f" while cooking {ways(p.mode for p in busy)}"
        yield (f"Other programs stood at the counter{which}: {free:.1f} cores were free, so this "
               "took longer than it needs. Run it again when the machine is quiet.")


def lessons(dinner: Dinner, variant: Variant, done: list[Plate]) -> Iterator[str]:
    """The sentences to keep. What a dinner teaches holds as it was written, with cores to spare."""
    yield AXES
    if not dinner.teaches:
        return
    if any(plate.crowded for plate in done):
        yield f"On a quiet machine: {dinner.teaches[0].lower()}{dinner.teaches[1:]}"
    elif variant == Variant():
        yield dinner.teaches


def one_place(variant: Variant, done: list[Plate]) -> Iterator[str]:
    """What a second place at the counter is worth, as far as this run shows it."""
    by = {p.mode: p.measured.numbers for p in done if p.measured}
    if variant.one_core or "friend" not in by or "switching" not in by:
        return
    two = by["friend"].at_work_two
    if two >= 1:
        yield (f"Take one place at the counter away: with a friend, the {number(two)} minutes "
               "with two at work are at stake; alone and switching, nothing is lost. "
               "Try it: twocooks kitchen --one-core")


def strictly(done: list[Plate]) -> Iterator[str]:
    """In which sense the friend's dinner is concurrent, too."""
    if any(p.mode == "friend" and p.measured and p.measured.numbers.most_at_work >= 2
           for p in done):
        yield ("Two cooks at work means two dishes on the go: real parallelism between tasks "
               "always brings concurrency along. What the friend's picture lacks is switching.")


def burnt(done: list[Plate]) -> Iterator[str]:
    """What burnt in each mode."""
    found = [(plate, entry) for plate in done for entry in plate.burnt]
    for mode in dict.fromkeys(plate.mode for plate, _ in found):
        entries = [entry for plate, entry in found if plate.mode == mode]
        names = list(dict.fromkeys(name for name, _, _ in entries))
        told = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if names[4:] else "")
        worst = max(late for _, _, late in entries)
        yield (f"Burnt, {TITLES[mode]}: {told} (up to {number(worst)} minutes too "
               "late, by the cooks' own clocks).")


def value(number_: float | None, digits: int) -> str:
    """A number of the table."""
    if number_ is None:
        return "-"
    text = f"{number_:.{digits}f}"
    return text.rstrip("0").rstrip(".") if digits and "." in text else text
