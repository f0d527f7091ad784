"""One line for each change of a variant: what it changes in this dinner, by the cooks on paper."""

from __future__ import annotations

from collections.abc import Iterator

from twocooks.kitchen.minutes import number
from twocooks.kitchen.recipe import TITLES, Dinner
from twocooks.kitchen.serve import Variant, has_gil, plates
from twocooks.kitchen.truth import Prediction


def sentences(plain: Dinner, variant: Variant) -> Iterator[str]:
    """Each change alone against the plain dinner, and why."""
    changed = plain.changed(**variant.changes())
    if variant.one_core:
        yield _line("One place at the counter", plain, Variant(one_core=True),
                    "what was two at one moment must now take turns; switching loses nothing")
    if variant.threads:
        why = ("in this Python only one thread at a time may run Python code, so two cooks share "
               "one "
               "apron" if has_gil() else "this Python has no such lock, so threads are two cooks")
        yield _line("Cooks are threads", plain, Variant(threads=True), why)
    if variant.no_breaks:
        yield _line("No breaks", plain, Variant(no_breaks=True),
                    "a cook who cannot set his work down does not look at the stove")
    if variant.at_once is not None:
        yield _line(f"At most {variant.at_once} on the go", plain,
                    Variant(at_once=variant.at_once),
                    "fewer half-made dishes wait, and each one is done sooner after it was begun")
    for tool, count in variant.tools.items():
        yield _line(f"{count} x {tool} instead of {plain.tools[tool]}", plain,
                    Variant(tools={tool: count}),
                    "fewer must wait for it" if count > plain.tools[tool]
                    else "who needs it stands in line for it")
    if variant.friends is not None:
        names = ", ".join(changed.guests) or "nobody"
        yield _line(f"With {names} to help", plain, Variant(friends=variant.friends),
                    "more hands help until the longest chain or a tool decides")
    if variant.order is not None:
        why = {"first": "first come, first served, as an event loop does",
               "urgent": "what would burn first is served first",
               "longest": "what has most still to come is served first"}[variant.order]
        yield _line(f"Order {variant.order}", plain, Variant(order=variant.order), why)


def _line(what: str, plain: Dinner, variant: Variant, why: str) -> str:
    """"One place at the counter: with a friend 27 minutes instead of 20: ...\""""
    before = {plate.mode: plate.predicted for plate in plates(plain, Variant())[0]}
    after = plates(plain.changed(**variant.changes()), variant)[0]
    parts = []
    for plate in after:
        old = before.get(plate.mode)
        if old is None:
            parts.append(f"{TITLES[plate.mode]} {_minutes(plate.predicted)} minutes")
        elif _minutes(old) != _minutes(plate.predicted):
            parts.append(f"{TITLES[plate.mode]} {_minutes(plate.predicted)} minutes "
                         f"instead of {_minutes(old)}")
        fresh = len(plate.predicted.course.burnt) - (len(old.course.burnt) if old else 0)
        if fresh > 0:
            parts.append(f"{fresh} burnt {TITLES[plate.mode]}")
        elif fresh < 0:
            parts.append(f"{-fresh} fewer burnt {TITLES[plate.mode]}")
    found = "; ".join(parts) or "nothing changes here"
    return f"{what}: {found} (foretold), because {why}." if parts else f"{what}: {found}."


def _minutes(predicted: Prediction) -> str:
    return number(predicted.numbers.minutes)
