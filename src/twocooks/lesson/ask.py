"""A conversation in lines: for ``interview`` and ``quiz``.

Works the same at a terminal, with answers from a pipe (they are repeated in the output, so that it
reads as a whole), and without any answers: then the end of the input ends the conversation.
"""

from __future__ import annotations

import contextlib
import io
import sys

from twocooks.report.base import MIN_PAGE, Options
from twocooks.report.terminal.paint import BOLD, DIM, Painter
from twocooks.report.words import clean, plain, wrap

MAX_TEXT = 90
"""Longer lines of text are hard to read."""
MARGIN = "  "


class EndedError(Exception):
    """There are no more answers."""


class Talk:
    """Writes paragraphs to stdout and reads answers from stdin."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.painter = Painter(options.colour, options.unicode)
        self.width = max(MIN_PAGE, min(options.width, MAX_TEXT)) - 2 * len(MARGIN)
        self.interactive = sys.stdin is not None and sys.stdin.isatty()
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="replace")
        if self.interactive:
            with contextlib.suppress(ImportError):
                import readline  # noqa: F401 - input() then lets the line be edited

    def say(self, text: str = "", *, bold: bool = False, dim: bool = False, indent: int = 0,
            first: str = "") -> None:
        """One paragraph, wrapped; its first line begins with ``first``, all with ``indent``
        columns."""
        shown = clean(text, unicode=self.options.unicode)
        style = BOLD if bold else DIM if dim else None
        lines = list(wrap(shown, self.width - indent)) or [""]
        for number, line in enumerate(lines):
            front = first.ljust(indent) if number == 0 else " " * indent
            self.raw(self.painter.line([(MARGIN + front, None), (line, style)]))

    def raw(self, line: str) -> None:
        """One finished line."""
        print(plain(line, unicode=self.options.unicode))

    def ask(self, prompt: str) -> str:
        """The next line of the reader, without spaces around it. EndedError if there is none."""
        if sys.stdin is None:
            raise EndedError
        try:
            answer = input(MARGIN + plain(prompt, unicode=self.options.unicode))
        except EOFError:
            print(flush=True)
            raise EndedError from None
        if not self.interactive:
            print(clean(answer, unicode=self.options.unicode), flush=True)
        return answer.strip()

    def ended(self, what: str) -> None:
        """Says that the input is over."""
        if self.interactive:
            self.say(f"The {what} ends here.", dim=True)
        else:
            self.say(f"No more answers on the input: the {what} ends here.",
                     dim=True)
