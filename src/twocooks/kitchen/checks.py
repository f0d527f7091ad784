"""What is wrong with a dinner as a whole: circles, tools held too long, tools that can deadlock."""

from __future__ import annotations

from collections.abc import Iterator

from twocooks.kitchen.recipe import Dinner, Dish

Problem = tuple[int, int, str, str]
"""Dish, step, the key to point at, and the message."""


def circle(dinner: Dinner) -> list[int] | None:
    """Dishes that wait for each other by ``after``, in order; None if there are none.

    Steps are the nodes: a step needs the one before it and its ``after``; a dish's ``after`` is
    one of its first step. Two dishes may well wait for each other's early steps.
    """
    state: dict[tuple[int, int], int] = {}

    def before(node: tuple[int, int]) -> Iterator[tuple[int, int]]:
        dish, step = node
        marks = dinner.dishes[dish].steps[step].after
        if step > 0:
            yield dish, step - 1
        else:
            marks += dinner.dishes[dish].after
        yield from ((mark.dish, mark.step) for mark in marks)

    for root in ((d, len(dish.steps) - 1) for d, dish in enumerate(dinner.dishes)):
        path: list[tuple[int, int]] = []
        todo = [(root, before(root))] if state.get(root) is None else []
        if todo:
            state[root] = 1
            path.append(root)
        while todo:
            node, rest = todo[-1]
            for nearer in rest:
                if state.get(nearer) == 1:
                    around = [dish for dish, _ in path[path.index(nearer):]]
                    return list(dict.fromkeys(around))
                if nearer not in state:
                    state[nearer] = 1
                    path.append(nearer)
                    todo.append((nearer, before(nearer)))
                    break
            else:
                state[node] = 2
                path.pop()
                todo.pop()
    return None


def tool_problem(dinner: Dinner) -> Problem | None:
    """The first tool taken twice, given back untaken, or never given back."""
    for number, dish in enumerate(dinner.dishes):
        held: dict[str, int] = {}
        for index, step in enumerate(dish.steps):
            for tool in step.takes:
                if tool in held:
                    key = "uses" if tool in step.returns else "takes"
                    return number, index, key, (
                        f"{step.do!r} needs the {tool}, which {dish.name} already holds; "
                        "a dish holds one of them: take this out, or give it back before")
                held[tool] = index
            for tool in step.returns:
                if tool not in held:
                    return number, index, "returns", (
                        f"{step.do!r} returns the {tool}, which {dish.name} does not hold; "
                        f"write takes = [\"{tool}\"] in the step that takes it")
                del held[tool]
        for tool, index in held.items():
            return number, index, "takes", (
                f"{dish.name} never gives the {tool} back; write returns = [\"{tool}\"] "
                "in the step that needs it last")
    return None


def deadlocks(dinner: Dinner) -> Iterator[str]:
    """Warnings: dishes that can wait for each other's tools for ever.

    A dish that takes b while it holds a makes an edge a -> b. A circle of edges by different dishes
    can lock, if the dishes on the go can hold all of the tool.
    """
    edges: dict[tuple[str, str], set[int]] = {}
    for number, dish in enumerate(dinner.dishes):
        for held, wanted in _while_holding(dish):
            edges.setdefault((held, wanted), set()).add(number)
    told: set[frozenset[str]] = set()
    for (held, wanted), one in edges.items():
        other = _way(edges, wanted, held)
        if other is None or frozenset((held, wanted)) in told:
            continue
        together = one | other
        if len(together) < 2 or min(dinner.tools[held], dinner.tools[wanted]) >= len(together):
            continue
        told.add(frozenset((held, wanted)))
        first = min(one)
        second = next((n for n in sorted(other) if n != first), first)
        yield (f"{dinner.dishes[first].name} takes the {wanted} while it holds the {held}, and "
               f"{dinner.dishes[second].name} does it the other way round: they can wait for each "
               "other for ever; let both take them in the same order")


def _while_holding(dish: Dish) -> Iterator[tuple[str, str]]:
    held: list[str] = []
    for step in dish.steps:
        for tool in step.takes:
            yield from ((other, tool) for other in held)
            held.append(tool)
        for tool in step.returns:
            held.remove(tool)


def _way(edges: dict[tuple[str, str], set[int]], start: str, goal: str) -> set[int] | None:
    """The dishes of some way from one tool to another; None if there is none."""
    reached: dict[str, set[int]] = {start: set()}
    todo = [start]
    while todo:
        here = todo.pop()
        for (held, wanted), dishes in edges.items():
            if held == here and wanted not in reached:
                reached[wanted] = reached[here] | dishes
                todo.append(wanted)
    return reached.get(goal)
