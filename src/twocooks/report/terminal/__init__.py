"""The report for a terminal: the picture in characters, with colours or without."""

from twocooks.report.terminal.page import render

__all__ = ["render"]
