"""The report for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twocooks.analyse.result import Analysis
    from twocooks.report.base import Options

__all__ = ["render"]


def render(analysis: Analysis, options: Options) -> str:
    """The report as text, each line at most ``options.width`` columns wide, with a final newline.

    Loaded when it is first used: who only paints (the kitchen's live picture, which is forked)
    does without numpy and its threads.
    """
    from twocooks.report.terminal import page

    return page.render(analysis, options)
