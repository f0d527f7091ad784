"""Longest chains: through a dish's steps, and over ``after`` into other dishes."""

from __future__ import annotations

from twocooks.kitchen.recipe import Dinner, Minutes


def tails(dinner: Dinner) -> list[list[Minutes]]:
    """For each dish and step: minutes from the step's beginning to the end of all that needs it."""
    return _walk(dinner, forward=False)


def heads(dinner: Dinner) -> list[list[Minutes]]:
    """For each dish and step: the earliest minute at which the step can begin."""
    return _walk(dinner, forward=True)


def longest_chain(dinner: Dinner) -> Minutes:
    """L: minutes that no number of cooks can shorten (arrivals are part of it)."""
    return max(
        head + step.minutes
        for dish, row in zip(dinner.dishes, heads(dinner), strict=True)
        for step, head in zip(dish.steps, row, strict=True)
    )


def _walk(dinner: Dinner, *, forward: bool) -> list[list[Minutes]]:
    """Longest ways through the graph of steps, which has no circles (``checks`` saw to that)."""
    nodes = [(d, s) for d, dish in enumerate(dinner.dishes) for s in range(len(dish.steps))]
    before: dict[tuple[int, int], list[tuple[int, int]]] = {node: [] for node in nodes}
    behind: dict[tuple[int, int], list[tuple[int, int]]] = {node: [] for node in nodes}
    for d, dish in enumerate(dinner.dishes):
        for s, step in enumerate(dish.steps):
            marks = step.after + (dish.after if s == 0 else ())
            needs = [(m.dish, m.step) for m in marks] + ([(d, s - 1)] if s else [])
            for need in needs:
                before[d, s].append(need)
                behind[need].append((d, s))
    sources, targets = (before, behind) if forward else (behind, before)
    open_ = {node: len(sources[node]) for node in nodes}
    ready = [node for node in nodes if not open_[node]]
    value: dict[tuple[int, int], Minutes] = {}
    while ready:
        d, s = node = ready.pop()
        if forward:
            best = dinner.dishes[d].arrives if s == 0 else Minutes(0)
            for od, os in before[node]:
                best = max(best, value[od, os] + dinner.dishes[od].steps[os].minutes)
            value[node] = best
        else:
            best = max((value[other] for other in behind[node]), default=Minutes(0))
            value[node] = best + dinner.dishes[d].steps[s].minutes
        for other in targets[node]:
            open_[other] -= 1
            if not open_[other]:
                ready.append(other)
    return [[value[d, s] for s in range(len(dish.steps))]
            for d, dish in enumerate(dinner.dishes)]
