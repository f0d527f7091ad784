"""The rows that others fold into: processes with threads with tasks, and crowds of one function.

A level is only there where it says something: processes if there are several and one of them has
more than one task, threads the same inside a process, and a crowd (tasks of one function or name)
where a place has more tasks than one looks at one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import numpy as np

from twocooks.analyse.result import Task
from twocooks.model import TaskKind
from twocooks.report.html.contract import NodeRow
from twocooks.report.html.grid import Int64
from twocooks.report.words import clean

CROWDED = 12
MOST_NODES = 5000
"""Beyond that, levels below are left out: nobody looks through so many rows."""
LONGEST = 200

SMALL = "small ones, helpers"


class Tree(NamedTuple):
    nodes: list[NodeRow]
    home: Int64
    """The node of each task, -1 = none: it stands at the top."""


def tree(tasks: Sequence[Task]) -> Tree:
    """The rows for these tasks, in order of first touch."""
    return _Builder(tasks).build()


def short(name: str) -> str:
    """A name as a label."""
    if len(name) <= LONGEST and name.isascii() and name.isprintable():
        return name
    text = clean(name)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


class _Builder:
    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = tasks
        self.nodes: list[NodeRow] = []
        self.home = np.full(len(tasks), -1, np.int64)

    def build(self) -> Tree:
        counted = [i for i, task in enumerate(self.tasks) if _counted(task)]
        small = [i for i, task in enumerate(self.tasks) if not _counted(task)]
        if not counted:
            counted, small = small, []
        self._processes(counted)
        if small:
            self._node("small", SMALL, small, -1)
        return Tree(self.nodes, self.home)

    def _node(self, kind: str, label: str, members: list[int], parent: int) -> int:
        number = len(self.nodes)
        row: NodeRow = {"label": label, "kind": kind, "parent": parent, "tasks": len(members)}
        self.nodes.append(row)
        self.home[members] = number
        return number

    def _split(self, members: list[int], key: Callable[[Task], Hashable]) -> list[list[int]]:
        parts: dict[Hashable, list[int]] = {}
        for i in members:
            parts.setdefault(key(self.tasks[i]), []).append(i)
        return list(parts.values())

    def _processes(self, members: list[int]) -> None:
        parts = self._split(members, lambda task: task.pid)
        if len(parts) < 2 or max(map(len, parts)) < 2 or len(parts) > MOST_NODES:
            self._threads(members, -1)
            return
        for part in parts:
            first = self.tasks[part[0]]
            own = [self.tasks[i].name for i in part if self.tasks[i].kind is TaskKind.PROCESS]
            name = f" {short(own[0])}" if own else ""
            label = f"process {first.pid}{name}"
            node = self._node("process", label, part, -1)
            self._threads(part, node)

    def _threads(self, members: list[int], parent: int) -> None:
        parts = self._split(members, lambda task: (task.pid, task.tid))
        several = len(parts) > 1 and max(map(len, parts)) > 1
        if not several or len(self.nodes) + len(parts) > MOST_NODES:
            self._crowds(members, parent)
            return
        single: list[int] = []
        for part in parts:
            if len(part) == 1:
                single += part
                continue
            first = self.tasks[part[0]]
            node = self._node("thread", f"thread {first.tid}", part, parent)
            self._crowds(part, node)
        self._crowds(single, parent)

    def _crowds(self, members: list[int], parent: int) -> None:
        if len(members) <= CROWDED:
            return
        parts = self._split(members, lambda task: task.group or task.name)
        for part in parts:
            if 1 < len(part) < len(members) or (len(part) > CROWDED and parent < 0):
                first = self.tasks[part[0]]
                if len(self.nodes) < MOST_NODES:
                    self._node("group", short(first.group or first.name), part, parent)


def _counted(task: Task) -> bool:
    return task.significant and not task.background


def above(nodes: list[NodeRow]) -> list[Int64]:
    """For each level up: the node that each node folds into there, until none is left."""
    levels = []
    now = np.array([node["parent"] for node in nodes], np.int64)
    while len(now) and (now >= 0).any():
        levels.append(now)
        now = np.where(now >= 0, np.array([n["parent"] for n in nodes])[np.maximum(now, 0)], -1)
    return levels
