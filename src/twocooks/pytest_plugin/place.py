"""What the configuration of a pytest run says: strictness, and the terminal that failures go to."""

from __future__ import annotations

import sys
from typing import Any

import pytest

MARGIN = 4
"""Columns that pytest takes in front of a failure's text."""


def library() -> Any:
    """The module ``twocooks``, whose parts are loaded when they are first asked for. (In the
    modules of this package the name is the fixture's.)"""
    import twocooks

    return twocooks


def strict(config: pytest.Config) -> bool:
    """Whether what cannot be judged is to fail."""
    return bool(config.getini("twocooks_strict"))


def held_ms(config: pytest.Config) -> float:
    """From how many milliseconds on a step that held a loop is told. UsageError if unreadable."""
    text = str(config.getini("twocooks_held_ms"))
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise pytest.UsageError(f"twocooks_held_ms = {text}: give milliseconds, such as 50")
    return value


def width_and_unicode(config: pytest.Config) -> tuple[int, bool]:
    """Columns for a failure's text, and whether its place can show more than ASCII."""
    encoding, width = getattr(sys.__stdout__, "encoding", None), 80
    if config.pluginmanager.hasplugin("terminalreporter"):  # a worker of xdist has none
        writer = config.get_terminal_writer()
        width = writer.fullwidth
        encoding = getattr(getattr(writer, "_file", None), "encoding", None) or encoding
    return width - MARGIN, (encoding or "ascii").lower().replace("-", "").startswith("utf")
