"""Compares traces, whatever the order of their texts."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from twocooks.read.trace import Trace

TEXTS = {"text", "where"}


def plain(trace: Trace) -> dict[str, Any]:
    """A trace as lists and dicts, with texts instead of their indices."""
    found: dict[str, Any] = {
        "meta": trace.meta,
        "end": trace.end,
        "agent_threads": trace.agent_threads,
        "notes": trace.notes,
    }
    for name in ("kernel", "agent", "look", "poll", "meter"):
        columns = getattr(trace, name)
        for column in fields(columns):
            values = getattr(columns, column.name).tolist()
            if column.name in TEXTS:
                values = [None if index < 0 else trace.texts[index] for index in values]
            found[f"{name}.{column.name}"] = values
    return found
