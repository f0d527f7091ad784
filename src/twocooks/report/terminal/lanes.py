"""Which tasks get a lane of their own, and which share one.

At most ``MAX_LANES`` lanes. Every group of tasks (same function or name) gets at least one; what
room is left goes round among the groups, so that one crowd cannot push the others off the page.
The last lane of a group that did not fit stands for the rest of it. Beyond ``MAX_LANES`` groups
the ones with least to show share the last lane.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from twocooks.analyse.result import Analysis, Task

MAX_LANES = 12


class Lane(NamedTuple):
    """One row of the picture."""

    label: str
    """As the program gave it: to be cleaned before it is shown."""
    tasks: list[Task]
    more: int = 0
    """For how many tasks it stands where it is not one task's own lane, else 0."""
    rest: bool = False
    """Others of the same group have lanes of their own."""

    @property
    def begun_s(self) -> float:
        return min(task.begun_s for task in self.tasks)

    @property
    def work_s(self) -> float:
        return sum(task.work_s for task in self.tasks)


def shown(analysis: Analysis) -> list[Task]:
    """The tasks that the picture is about: significant ones, or whatever there is."""
    tasks = [task for task in analysis.tasks if task.significant and not task.background]
    return tasks or [task for task in analysis.tasks if not task.background]


def fold(tasks: Iterable[Task], limit: int = MAX_LANES) -> list[Lane]:
    """At most ``limit`` lanes for the tasks, in order of first touch."""
    groups: dict[str, list[Task]] = {}
    everyone = sorted(tasks, key=lambda task: (task.begun_s, task.id))
    if len(everyone) <= limit:
        return [Lane(task.name, [task]) for task in everyone]
    for task in everyone:
        groups.setdefault(task.group or task.name, []).append(task)
    crowds = list(groups.values())
    lanes: list[Lane] = []
    if len(crowds) > limit:
        crowds.sort(key=_story, reverse=True)
        rest = [task for crowd in crowds[limit - 1 :] for task in crowd]
        crowds = crowds[: limit - 1]
        lanes.append(Lane("others", rest, len(rest)))
    for crowd, room in zip(crowds, _share(crowds, limit - len(lanes)), strict=True):
        own = len(crowd) if len(crowd) <= room else room - 1
        lanes.extend(Lane(task.name, [task]) for task in crowd[:own])
        if own < len(crowd):
            rest = crowd[own:]
            lanes.append(Lane(rest[0].group or rest[0].name, rest, len(rest), own > 0))
    return sorted(lanes, key=lambda lane: lane.begun_s)


def _story(crowd: list[Task]) -> float:
    return sum(task.work_s + task.line_s + task.wait_s for task in crowd)


def _share(crowds: list[list[Task]], room: int) -> list[int]:
    """Lanes per group: one each, then one more in turn to those that still need some."""
    got = [1] * len(crowds)
    room -= len(crowds)
    while room > 0:
        needy = [i for i, crowd in enumerate(crowds) if got[i] < len(crowd)]
        if not needy:
            break
        for index in needy[:room]:
            got[index] += 1
        room -= len(needy)
    return got
