"""The one signature of all reports: ``render(analysis, options) -> str``. Reports only format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from twocooks.analyse.result import Analysis

PAGE_HEAD = b"<!doctype html>\n<!-- twocooks page -->\n"
"""What a page begins with: a file that does not is somebody else's, and is not overwritten."""

Colour = Literal["none", "16", "256", "full"]


class Options(NamedTuple):
    """What the place that a report goes to can show."""

    width: int = 80
    """Columns; less than ``MIN_WIDTH`` (of the page ``MIN_PAGE``) is treated as that."""
    colour: Colour = "none"
    unicode: bool = True
    """False: only ASCII characters are written."""


MIN_WIDTH, MIN_PAGE = 60, 40
"""Tables need more columns than the page: half a phone or a split terminal shows the answer."""
MAX_WIDTH = 160
"""Wider pictures are not easier to read."""


class Report(Protocol):
    """A way to show a run."""

    def __call__(self, analysis: Analysis, options: Options) -> str: ...


def json_number(value: Any) -> Any:
    """For ``json.dumps(default=...)``: numpy's numbers are numbers."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in JSON")
