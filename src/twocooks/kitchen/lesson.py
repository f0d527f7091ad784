"""The words to keep: the ten-second and the thirty-second answer, and the comparison."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twocooks.kitchen.minutes import number
from twocooks.kitchen.recipe import TITLES, ways
from twocooks.report.base import MIN_WIDTH, Options
from twocooks.report.terminal.paint import BOLD, DIM, Painter
from twocooks.report.words import clean, fit, to_ascii, wrap

Last = dict[str, Any]

TEN = ("Concurrency is several dishes on the go; parallelism is several pairs of hands moving at "
       "the same moment. One cook can do the first; the second needs two.")
THIRTY = (
    "In a program: tasks overlap in their lifetime, or tasks execute at the same instant. An event "
    "loop with a thousand open requests is concurrent on one core. A process pool crunching "
    "numbers is parallel. A web server with four worker processes, each with its loop, is both. "
    "Waiting work needs concurrency; computing work needs parallelism, and then Amdahl, locks and, "
    "in Python, the GIL decide what you get. You can check it: pin the program to one core, and "
    "what you lose is the parallelism.")
ROWS = (
    ("", "Concurrency", "Parallelism"),
    ("Question", "How many are unfinished at once?", "How many are executing at this instant?"),
    ("Needs", "one core, and switching", "two or more cores"),
    ("Pays off when", "tasks wait", "tasks compute"),
    ("In Python", "asyncio, threads", "processes; threads in C code that lets go of the GIL; "
     "threads in a free-threaded build"),
    ("Limit", "the one cook's hands: T ≥ total work",
     "the longest chain and the serial part: T ≥ max(work/n, chain)"),
    ("Typical bug", "lost update, deadlock, a held loop",
     "the same, and slower because of overhead or contention"),
    ("Ends on one core", "nothing is lost", "it disappears"),
    ("twocooks shows", "\"on the go\", turns", "\"at work\", two got hands"),
)


def own_numbers(last: Last | None) -> Iterator[str]:
    """What the reader's own kitchen said, in sentences."""
    if last is None:
        return
    alone, turns = last.get("sequential"), last.get("switching")
    friend, both = last.get("friend"), last.get("friend-switching")
    if alone and turns:
        yield (f"One cook, one dish after another: {_min(alone)} minutes. The same cook, "
               f"switching: {_min(turns)}, with {_mean(turns, 'concurrency')} dishes on the go on "
               f"average and {_pairs(turns)} at work.")
    if alone and friend:
        yield (f"A friend who does not switch: {_min(friend)} minutes, with "
               f"{_pairs(friend)} at work on average while anybody worked.")
    if both:
        yield f"Both, a friend and switching: {_min(both)} minutes."
    cooked = [mode for mode in TITLES if last.get(mode)]
    crowded = {mode: free for mode, free in (last.get("crowded") or {}).items() if mode in TITLES}
    if crowded:
        which = f" while cooking {ways(crowded)}" if any(m not in crowded for m in cooked) else ""
        yield (f"Careful: other programs stood at the counter{which}: "
               f"{min(crowded.values()):.1f} cores were free, so this took longer than it "
               "needs. Cook again when the machine is quiet: twocooks kitchen")


def _min(measured: Any) -> str:
    return number(float(measured["minutes"]))


def _mean(measured: Any, key: str) -> str:
    return f"{float(measured[key]):.1f}".removesuffix(".0")


def _pairs(measured: Any) -> str:
    mean = _mean(measured, "parallelism")
    return f"{mean} pair of hands" if mean == "1" else f"{mean} pairs of hands"


def _title(last: Last) -> str:
    return f"Measured on this machine ({last['dinner']}, one minute = {last['minute_s']:g} s)"


def terminal(last: Last | None, options: Options) -> str:
    """For a terminal, each line at most ``options.width`` wide."""
    painter = Painter(options.colour, options.unicode)
    width = max(MIN_WIDTH, min(options.width, 110)) - 4
    lines = [""]

    def part(title: str, texts: list[str]) -> None:
        lines.append(painter.line([("  " + title, BOLD)]))
        for text in texts:
            lines.extend("  " + row for row in wrap(clean(text, unicode=options.unicode), width))
        lines.append("")

    part("In ten seconds", [TEN])
    part("In thirty seconds", [THIRTY])
    if last is not None:
        part(_title(last), list(own_numbers(last)))
    else:
        part("Your own numbers", ["Cook once, and they stand here: twocooks kitchen"])
    lines.extend(_table(width, painter))
    lines.append("")
    text = "\n".join(lines)
    return text if options.unicode else to_ascii(text)


def _table(width: int, painter: Painter) -> Iterator[str]:
    first = 17
    half = (width - first - 2) // 2
    for index, (name, left, right) in enumerate(ROWS):
        one, two = list(wrap(left, half)), list(wrap(right, half))
        for row in range(max(len(one), len(two))):
            cells = [fit(part[row] if row < len(part) else "", half) for part in (one, two)]
            style = BOLD if index == 0 else None
            yield painter.line([("  " + fit(name if row == 0 else "", first), DIM),
                                (cells[0] + "  ", style), (cells[1], style)])


def markdown(last: Last | None) -> str:
    """To paste into notes."""
    lines = ["## Concurrency and parallelism", "", f"**In ten seconds.** {TEN}", "",
             f"**In thirty seconds.** {THIRTY}", ""]
    if last is not None:
        lines += [f"**{_markdown_text(_title(last))}.**", ""]
        lines += [f"- {sentence}" for sentence in own_numbers(last)] + [""]
    lines += ["| " + " | ".join(ROWS[0]) + " |", "|---|---|---|"]
    lines += ["| " + " | ".join(row) + " |" for row in ROWS[1:]]
    return "\n".join(lines) + "\n"


def _markdown_text(text: str) -> str:
    """A dinner's name is a stranger's text."""
    return "".join("\\" + c if c in "\\`*_{}[]<>#|!" else c for c in clean(text))
