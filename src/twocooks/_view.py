"""The summary by attributes: ``run.parallelism.mean``, ``m.parallelism.mean``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from twocooks.model import MeasureError


class NotKnownError(MeasureError, AttributeError):
    """A number that could not be known in this run or window."""


class View(Mapping[str, Any]):
    """A part of the summary: its keys are its attributes. ``parallelism.mean`` and
    ``parallelism["mean"]`` are the same. It cannot be changed."""

    __slots__ = ("_content", "_name")

    def __init__(self, content: dict[str, Any], name: str) -> None:
        object.__setattr__(self, "_content", content)
        object.__setattr__(self, "_name", name)

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise NotKnownError(unknown(f"{self._name}.{key}")) from None

    def __getitem__(self, key: str) -> Any:
        return view(self._content[key], f"{self._name}.{key}")

    def __setattr__(self, key: str, value: object) -> None:
        raise AttributeError(f"{self._name} cannot be changed")

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._content]

    def __repr__(self) -> str:
        return f"<{self._name}: {self._content!r}>"


def view(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return View(value, name)
    if isinstance(value, list):
        return [view(part, name) for part in value]
    return value


def unknown(name: str) -> str:
    return f"{name} is not in the summary: there is no such number, or it could not be known here"
