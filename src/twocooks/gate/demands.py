"""The names of the demands (marks, fixture methods) and what may stand in their brackets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twocooks.gate.checks import (
    Check,
    Concurrency,
    DemandError,
    GilStaysOff,
    IsVerdict,
    LoopNeverHeld,
    NobodyKeptGil,
    NoWaitFor,
    Parallelism,
    time_s,
)


def _parallelism(*, min: float | None = None, max: float | None = None) -> Check:
    return Parallelism(min, max)


def _concurrency(*, min: float | None = None, max: float | None = None) -> Check:
    return Concurrency(min, max)


def _verdict(*ids: str) -> Check:
    return IsVerdict(ids)


def _loop_never_held(ms: float = 50) -> Check:
    return LoopNeverHeld(ms)


def _no_wait_for(reason: str, over: str | float = 0.0) -> Check:
    return NoWaitFor(reason, time_s(over))


DEMANDS: dict[str, Callable[..., Check]] = {
    "parallelism": _parallelism,
    "concurrency": _concurrency,
    "verdict": _verdict,
    "loop_never_held": _loop_never_held,
    "gil_stays_off": GilStaysOff,
    "gil_released": NobodyKeptGil,
    "no_wait_for": _no_wait_for,
}


def demand(
    name: str, args: tuple[Any, ...] = (), options: Mapping[str, Any] | None = None
) -> Check:
    """The check of a mark or a method. DemandError, in one line, if it makes no sense."""
    try:
        return DEMANDS[name](*args, **(options or {}))
    except TypeError as error:
        text = str(error).partition("() ")[2] or str(error)
        raise DemandError(f"{name}: {text}; it takes {_arguments(name)}") from None


def _arguments(name: str) -> str:
    import inspect

    if name == "gil_released":  # of the mark and of the block; a probe answers it
        return "by='module.function', or nothing"

    known = [str(one).partition(":")[0] for one in
             inspect.signature(DEMANDS[name]).parameters.values()]
    return ", ".join(known) or "no arguments"
