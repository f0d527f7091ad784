"""A double of ``twocooks.measure()`` for the tests of the pytest plugin: what was "measured" is
said by the test that runs inside."""

from __future__ import annotations

from dataclasses import replace
from types import TracebackType
from typing import Any

from tests.kit import analyses
from twocooks.analyse.loops import Doing, Hold, Loop
from twocooks.analyse.result import Analysis
from twocooks.model import TwocooksError

opened: list[str] = []
"""What was called, in order: enter, exit, stop."""
_scene: Analysis | Exception = analyses.two_processes()


class MeasureError(TwocooksError):
    """In the real one's place."""


def play(name: str, *, loops: list[Loop] | None = None, **summary: Any) -> None:
    """The window that is open shows this scene of ``tests.kit.analyses``, with these parts of the
    summary changed."""
    global _scene
    found: Analysis = getattr(analyses, name)()
    found.summary.update(summary)
    _scene = replace(found, tell_loops=lambda held_s: list(loops or []))


def refuse(why: str, kind: type[Exception] = MeasureError) -> None:
    """Nothing can be measured from now on."""
    global _scene
    _scene = kind(why)


def loop(*holds: Hold) -> Loop:
    return Loop(1, 1, "MainThread", 0.0, 1.0, 100, 3, 0.5, 0.05, list(holds), None)


def hold(length: float, what: str = "computing", where: str = "app.py:7 save") -> Hold:
    return Hold(0, "save", "app.py:5 save", 0.1, length, [Doing(what, length, where)], 1, length,
                ["other"], 0)  # fmt: skip


class Window:
    """What ``measure()`` gives."""

    def __enter__(self) -> Window:
        opened.append("enter")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        opened.append("exit")
        self.scene = _scene

    @property
    def analysis(self) -> Analysis:
        if isinstance(self.scene, Exception):
            raise self.scene
        return self.scene

    @property
    def verdict(self) -> dict[str, Any]:
        found: dict[str, Any] = self.analysis.summary["verdict"]
        return found


def measure() -> Window:
    if isinstance(_scene, MeasureError):
        raise _scene
    return Window()


def stop() -> None:
    opened.append("stop")
