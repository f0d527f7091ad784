"""From a trace to what is known of the run: ``analyse(trace)``.

timeline (threads, waits, owners) -> account (counts and ratios) -> verdict (a pure function) ->
words.
"""

from __future__ import annotations

from twocooks.analyse.build import analyse
from twocooks.analyse.result import Analysis

__all__ = ["Analysis", "analyse"]
