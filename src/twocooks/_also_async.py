"""``async with`` for what already is a ``with`` block.

Blocks of this kind are entered inside the watched program, so this file imports nothing there: not
even ``typing``, which costs more to load than all of a block's own code.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class AlsoAsync:
    """A ``with`` block that ``async with`` enters and leaves the same way: neither end awaits
    anything, so the loop gets no turn there."""

    __slots__ = ()

    if TYPE_CHECKING:  # the two that it goes by

        def __enter__(self) -> Self: ...
        def __exit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            traceback: TracebackType | None,
        ) -> None: ...

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)
