"""``with twocooks.task("rice"):`` names a piece of work inside the watched program.

This runs in the watched program, so it imports nothing of the rest. Without an agent it does
nothing.
"""

from __future__ import annotations

import os

from twocooks._also_async import AlsoAsync

TYPE_CHECKING = False  # as in typing, which would cost every watched program its import
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

_found: Any = None


def _agent() -> Any:
    """The agent's module, or None where the program is not watched."""
    global _found
    if _found is None and "TWOCOOKS_ARENA" in os.environ:
        try:
            from twocooks.record.agent import _agent as agent
        except ImportError:
            return None
        _found = agent
    return _found


class task(AlsoAsync):  # noqa: N801 - reads as a word in the program: with task("rice"):
    """A block of work, shown under its name; ``async with`` works too.

    It counts for the task that runs it: within an asyncio task only that task's steps belong to it.
    Blocks may nest and may be used again one after another. ``token`` of an open block, given to
    another thread or process, lets that one go on with it: ``with task(token):`` there is no new
    task, but more hands on this one.
    """

    __slots__ = ("_name", "_numbers")

    def __init__(self, name: str | int) -> None:
        self._name = name if isinstance(name, int) else str(name)
        self._numbers: list[int] = []

    @property
    def token(self) -> int:
        """The number of the innermost open block of this object; 0 = none, or not watched."""
        return self._numbers[-1] if self._numbers else 0

    def __enter__(self) -> task:
        agent = _agent()
        self._numbers.append(agent.block(self._name) if agent else 0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        number = self._numbers.pop()
        agent = _agent()
        if number and agent:
            agent.block_end(number)
