"""What a trace's JSON blocks may say: values that cannot be true are left out, and named.

META and END are written by our recorder, but read from a file that anybody may have made or that a
disk has damaged. Everything after the reader takes their values as they are, so each known key is
looked at once, here: its type, and that numbers are numbers that a run can have. Unknown keys (of
newer versions) pass; nobody reads them. A key that is left out counts as not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from twocooks.format.decode import INT32_MAX

LONGEST_NS = 10**17
"""Three years. No run is longer, and sums of such times still fit into 64 bits."""
FIRST_NS = 1 << 62
"""No clock starts later (146 years after the machine's start)."""
MOST_COUNT = 10**15
MOST_SECONDS = 1e9
MOST_CORES = 1 << 13
"""The kernel's own limit on x86-64 (CONFIG_NR_CPUS)."""

Fits = Callable[[Any], bool]


def whole(most: int) -> Fits:
    """A whole number from 0 to ``most``."""
    return lambda value: type(value) is int and 0 <= value <= most


def number(most: float) -> Fits:
    """A finite number from 0 to ``most``."""
    return lambda value: type(value) in (int, float) and 0 <= value <= most


def text(value: Any) -> bool:
    return isinstance(value, str)


def texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(part, str) for part in value)


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def or_null(fits: Fits) -> Fits:
    return lambda value: value is None or fits(value)


def cpu_list(value: Any) -> bool:
    core = whole(MOST_CORES)
    return isinstance(value, list) and len(value) <= MOST_CORES and all(core(v) for v in value)


def by_cpu(value: Any) -> bool:
    """Counts by CPU number."""
    core, count = whole(MOST_CORES), whole(MOST_COUNT)
    return isinstance(value, dict) and all(
        name.isascii() and name.isdigit() and len(name) < 8 and str(int(name)) == name
        and core(int(name)) and count(lost)
        for name, lost in value.items()
    )


META: dict[str, Any] = {
    "twocooks": text,
    "command": texts,
    "pid": whole(INT32_MAX),
    "source": lambda value: value in ("kernel", "schedstat"),
    "source_why": text,
    "start_ns": whole(FIRST_NS),
    "start_time": number(1e12),
    "cpus": {
        "usable": cpu_list,
        "online": whole(MOST_CORES),
        "quota": or_null(number(MOST_CORES)),
        "free": or_null(number(MOST_CORES)),
    },
    "smt_siblings": lambda value: isinstance(value, list) and all(cpu_list(v) for v in value),
    "kernel": text,
    "ring_pages": whole(MOST_COUNT),
    "tick_ns": whole(LONGEST_NS),
    "python": text,
    "agent": flag,
    "attached_ns": whole(FIRST_NS),
}
"""Known keys of META: a predicate, or the keys of an object."""

END: dict[str, Any] = {
    "exit": {"code": or_null(whole(INT32_MAX)), "signal": or_null(whole(1000))},
    "why": text,
    "end_ns": whole(FIRST_NS + LONGEST_NS),
    "task_clock_ns": whole(LONGEST_NS),
    "rusage": {"user_s": number(MOST_SECONDS), "system_s": number(MOST_SECONDS)},
    "lost": by_cpu,
    "agent_lost": whole(MOST_COUNT),
    "agent_damaged": whole(MOST_COUNT),
    "recorder_cpu_s": number(MOST_SECONDS),
    "still_running": whole(INT32_MAX),
    "labels": {key: whole(MOST_COUNT) for key in ("looked", "missed", "denied", "torn")},
    "notes": texts,
    "edges": lambda value: isinstance(value, list) and all(whole(FIRST_NS)(v) for v in value),
}
"""Known keys of END."""

WHOLE_ONLY = {"rusage"}
"""Objects that say nothing unless all their keys are there."""


def plausible(content: dict[str, Any], shape: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The content without what cannot be true, and the names of what was left out."""
    odd: list[str] = []
    kept = dict(_kept(content, shape, "", odd))
    return kept, odd


def _kept(
    content: dict[str, Any], shape: dict[str, Any], above: str, odd: list[str]
) -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        fits = shape.get(key)
        if fits is None:
            yield key, value
        elif isinstance(fits, dict):
            if not isinstance(value, dict):
                odd.append(above + key)
                continue
            inner = dict(_kept(value, fits, f"{above}{key}.", odd))
            if key not in WHOLE_ONLY or fits.keys() <= inner.keys():
                yield key, inner
        elif fits(value):
            yield key, value
        else:
            odd.append(above + key)
