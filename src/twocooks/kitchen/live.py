"""The picture that moves while they cook. It shows what the cooks say, and no number is taken from
it.

A process of its own draws (the recorder must not be held up): it wakes ten times a second, reads
what the cooks wrote into a pipe since, and writes a few short lines. A lane is filled cell by cell
as time passes; behind it stands the name of the cook who is at that dish, so the cooks walk.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from twocooks.kitchen.recipe import TITLES, Dinner, Mode
from twocooks.kitchen.story import DONE, LINE, TOOL, WAIT, WORK, read_word
from twocooks.report.base import Options
from twocooks.report.terminal.paint import BOLD, DIM, Painter, Span
from twocooks.report.words import clean, fit

TICK_S = 0.1
MOST_DISHES = 10
LABEL = 10
UP, CLEAR = "\x1b[{}A", "\x1b[J"


class Picture:
    """One mode on its way, as lines."""

    def __init__(
        self, dinner: Dinner, mode: Mode, longest: float, painter: Painter, width: int
    ) -> None:
        self.dinner = dinner
        self.title = TITLES[mode]
        self.staff = dinner.staff(mode)
        self.painter = painter
        self.width = width
        most = max(map(len, self.staff))
        self.columns = max(10, min(width - LABEL - most - 8, 100))
        self.cell_s = max(longest * dinner.minute_s * 1.05, 0.1) / self.columns
        self.doing: dict[int, tuple[str, int]] = {}
        self.cells: dict[int, list[Span]] = {}
        self.at_s = 0.0
        self.stuck = 0

    def hear(self, text: str) -> None:
        """What the cooks said since the last time; fills the lanes up to the last word."""
        for line in text.splitlines():
            word = read_word(line)
            if word is None or not 0 <= word.dish < len(self.dinner.dishes):
                continue
            self.pass_time(word.at_s)
            if word.doing == DONE:
                self.doing.pop(word.dish, None)
            else:
                self.doing[word.dish] = (word.doing, word.cook)

    def pass_time(self, now_s: float) -> None:
        while self.at_s + self.cell_s / 2 <= now_s:
            column = round(self.at_s / self.cell_s)
            for dish, (doing, _) in self.doing.items():
                row = self.cells.setdefault(dish, [])
                row.extend([(" ", None)] * (column - len(row)))
                row.append(self.look(dish, doing))
            self.at_s += self.cell_s

    def look(self, dish: int, doing: str) -> Span:
        glyphs, painter = self.painter.glyphs, self.painter
        if doing == WORK:
            return glyphs.hands, painter.lane(dish)
        if doing == WAIT:
            return glyphs.wait, painter.faint(dish)
        return (glyphs.line, painter.lane(dish)) if doing in (LINE, TOOL) else (" ", None)

    def lines(self) -> Iterator[str]:
        line = self.painter.line
        rest = "; it is measured afterwards" if self.width >= 80 else ""
        minutes = self.at_s / self.dinner.minute_s
        yield line([("  " + self.title, BOLD), (f"   {minutes:.0f} min", None),
                    ("   (the cooks' own word" + rest + ")", DIM)])
        for number, dish in enumerate(self.dinner.dishes[:MOST_DISHES]):
            name = clean(dish.name, unicode=self.painter.unicode)
            doing, cook = self.doing.get(number, ("", -1))
            cells = self.cells.get(number, [])[:self.columns]
            at = self.staff[cook] if doing == WORK and 0 <= cook < len(self.staff) else ""
            yield line([("  " + fit(name, LABEL, unicode=self.painter.unicode, right=True) + " ",
                         None), *cells, (" " + at, BOLD)])
        more = len(self.dinner.dishes) - MOST_DISHES
        if more > 0:
            yield line([(f"  and {more} more", DIM)])


class Live:
    """The drawing process, as the command that cooks sees it."""

    def __init__(self, dinner: Dinner, longest: float, options: Options) -> None:
        read, self.fd = os.pipe()
        os.set_inheritable(self.fd, True)
        sys.stdout.flush()
        sys.stderr.flush()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.close(self.fd)
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                _draw(dinner, longest, options, read)
            finally:
                os._exit(0)
        os.close(read)

    def mode(self, mode: Mode) -> None:
        """Another mode begins."""
        with suppress(OSError):  # a picture that is stuck is no reason not to cook
            os.write(self.fd, f"mode {mode}\n".encode())

    def close(self) -> None:
        """Everything has been said; returns when the picture is gone again."""
        with suppress(OSError):
            os.write(self.fd, b"end\n")  # a cook left behind may still hold the pipe
        os.close(self.fd)
        os.waitpid(self._pid, 0)


def _draw(dinner: Dinner, longest: float, options: Options, fd: int) -> None:
    painter = Painter(options.colour, options.unicode)
    picture: Picture | None = None
    before = 0
    rest = ""
    while True:
        time.sleep(TICK_S)
        ended = False
        while select.select([fd], [], [], 0)[0]:
            block = os.read(fd, 65536)
            if not block:
                ended = True
                break
            rest += block.decode("ascii", "replace")
        text, newline, rest = rest.rpartition("\n")
        for line in (text + newline).splitlines():
            if line.startswith("mode "):
                picture = Picture(dinner, line[5:], longest, painter,  # type: ignore[arg-type]
                                  options.width)
            elif line == "end":
                ended = True
            elif picture is not None:
                picture.hear(line)
        lines = list(picture.lines()) if picture is not None and not ended else []
        move = UP.format(before) if before else ""
        sys.stdout.write(move + "\r" + CLEAR + "".join(line + "\n" for line in lines))
        sys.stdout.flush()
        before = len(lines)
        if ended:
            return


@contextmanager
def live(dinner: Dinner, longest: float, options: Options | None) -> Iterator[Live | None]:
    """The picture for as long as the block lasts; None where there is no terminal."""
    if options is None:
        yield None
        return
    picture = Live(dinner, longest, options)
    try:
        yield picture
    finally:
        picture.close()
