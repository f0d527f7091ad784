"""Tables for those who ask on: where the tasks waited, for which locks, and who had them."""

from __future__ import annotations

from collections.abc import Iterator

from twocooks.analyse.held import NATIVE, WORKING, Holder
from twocooks.analyse.places import LockSum, WaitSum
from twocooks.analyse.result import Analysis
from twocooks.analyse.waited_on import On
from twocooks.model import Reason
from twocooks.report.base import MAX_WIDTH, MIN_WIDTH, Options
from twocooks.report.terminal.paint import BOLD, DIM, Painter, Span
from twocooks.report.words import clean, count, end_of, fit, plain, seconds, wrap

MARGIN, NUMBERS, WHY = 2, 27, 21
"""Columns of the margin, of the three numbers, and of what was waited for."""
HEAD = "  waited   times  longest  "
TASK = 16
MOST_PEERS = 3
UNKNOWN_SHARE = 0.005
"""Less than this share of a wait without a known holder is not worth a line."""
MOST = 20
"""Rows shown; the rest is summed up in one line."""
WORDS = {
    Reason.GIL: "in line for the GIL",
    Reason.CORE: "in line for a core",
    Reason.LOCK: "wants a lock",
    Reason.TURN: "in line for the loop",
    Reason.RESULT: "another's result",
    Reason.IO: "io",
    Reason.SLEEP: "sleep",
    Reason.CHILD: "a child process",
    Reason.FAULT: "page fault, stopped",
    Reason.SHORT: "too short to label",
    Reason.UNKNOWN: "unknown",
}
WHY_NO_PLACE = (
    "Waits of asyncio's tasks, short waits and waits for a core have no line of their own."
)


def waits(analysis: Analysis, options: Options, only: Reason | None = None) -> str:
    """The table of waits (``only`` those of one reason), with a final newline."""
    width = max(MIN_WIDTH, min(options.width, MAX_WIDTH))
    painter = Painter(options.colour, options.unicode)
    rows = [wait for wait in analysis.waits if only is None or wait.reason is only]
    if not rows:
        what = "waited" if only is None else f"was seen to wait: {WORDS[only]}"
        return f"\n  No task {what}.\n\n"
    text = "\n".join(["", *_table(rows, painter, width, only), "", ""])
    return plain(text, unicode=options.unicode)


def _table(rows: list[WaitSum], painter: Painter, width: int, only: Reason | None) -> Iterator[str]:
    def line(*spans: Span) -> str:
        return painter.line([(" " * MARGIN, None), *spans])

    yield line((HEAD, DIM), (fit("for", WHY), DIM), ("where", DIM))
    for wait in rows[:MOST]:
        where = clean(wait.where or "-", unicode=painter.unicode)
        yield line(
            (f"{seconds(wait.seconds):>8} {wait.count:>7,} {seconds(wait.longest_s):>8}  ", BOLD),
            (fit(WORDS[wait.reason], WHY), None),
            (end_of(where, width - MARGIN - NUMBERS - WHY), None),
        )
        if wait.reason in (Reason.GIL, Reason.LOCK):
            yield from _holders(wait.holders, wait.unknown_s, wait.seconds, painter, width, 2)
        if wait.reason is Reason.RESULT:
            yield from _givers(wait, painter, width)
        for on in wait.on[:2]:
            yield from _on(on, painter, width)
    rest = rows[MOST:]
    if rest:
        total = seconds(sum(wait.seconds for wait in rest))
        yield line((f"{total:>8} in {count(len(rest), 'more place')}", DIM))
    if only is None and any(not wait.where for wait in rows):
        yield ""
        yield from (line((part, DIM)) for part in wrap(WHY_NO_PLACE, width - 2 * MARGIN))


def _givers(wait: WaitSum, painter: Painter, width: int) -> Iterator[str]:
    """Whose result it was."""
    lines = [
        f"{seconds(giver.seconds):>8} from {clean(giver.task, unicode=painter.unicode)}"
        for giver in wait.givers[:MOST_PEERS]
    ]
    rest = sum(giver.seconds for giver in wait.givers[MOST_PEERS:])
    if rest:
        lines.append(f"{seconds(rest):>8} from others")
    if wait.unknown_s > UNKNOWN_SHARE * wait.seconds and not any(on.peers for on in wait.on):
        lines.append(f"{seconds(wait.unknown_s):>8} from whom is not known")
    for text in lines:
        yield painter.line([(" " * MARGIN, None), (fit(text, width - MARGIN).rstrip(), DIM)])


def _on(on: On, painter: Painter, width: int) -> Iterator[str]:
    """What was waited on, and who has its other end."""

    def line(text: str) -> str:
        return painter.line([(" " * MARGIN, None), (text, DIM)])

    what = clean(on.what, unicode=painter.unicode)
    head = f"{seconds(on.seconds):>8} on "
    names = ", ".join(clean(peer, unicode=painter.unicode) for peer in on.peers[:MOST_PEERS])
    if len(on.peers) > MOST_PEERS:
        names += f" and {count(len(on.peers) - MOST_PEERS, 'other')}"
    end = f"; its other end: {names or 'not known'}" if names or on.has_ends else ""
    room = width - MARGIN - len(head)
    if len(what) + len(end) <= room:
        yield line(f"{head}{what}{end}")
        return
    yield line(head + end_of(what, room - 4))
    if end:
        yield line(" " * len(head) + fit(end[2:], room))


def locks(analysis: Analysis, options: Options) -> str:
    """The table of locks with their holders, and deadlocks, with a final newline."""
    width = max(MIN_WIDTH, min(options.width, MAX_WIDTH))
    painter = Painter(options.colour, options.unicode)
    if not analysis.locks:
        return "\n  No task was seen to wait for a lock.\n\n"
    lines = [*_rings(analysis, painter, width), *_locks(analysis.locks, painter, width)]
    return plain("\n".join(["", *lines, "", ""]), unicode=options.unicode)


def _locks(rows: list[LockSum], painter: Painter, width: int) -> Iterator[str]:
    def line(*spans: Span) -> str:
        return painter.line([(" " * MARGIN, None), *spans])

    yield line((HEAD, DIM), (fit("lock", WHY), DIM), ("where", DIM))
    for lock in rows[:MOST]:
        name = clean(lock.name, unicode=painter.unicode)
        where = clean(lock.where[0] if lock.where else "-", unicode=painter.unicode)
        more = f" (+{len(lock.where) - 1})" if len(lock.where) > 1 else ""
        room = width - MARGIN - NUMBERS - WHY - len(more)
        yield line(
            (f"{seconds(lock.seconds):>8} {lock.count:>7,} {seconds(lock.longest_s):>8}  ", BOLD),
            (fit(name or lock.address or "new each time", WHY), None),
            (end_of(where, room) + more, None),
        )
        yield from _holders(lock.holders, lock.unknown_s, lock.seconds, painter, width, 6)
    if rows[MOST:]:
        total = seconds(sum(lock.seconds for lock in rows[MOST:]))
        yield line((f"{total:>8} for {count(len(rows[MOST:]), 'more lock')}", DIM))


def _holders(
    holders: tuple[Holder, ...],
    unknown_s: float,
    whole: float,
    painter: Painter,
    width: int,
    most: int,
) -> Iterator[str]:
    """Who had it meanwhile: indented lines below the wait."""

    def line(text: str) -> str:
        return painter.line([(" " * MARGIN, None), (text, DIM)])

    for holder in holders[:most]:
        task = fit(clean(holder.task, unicode=painter.unicode), TASK)
        text = f"{seconds(holder.seconds):>8} held by {task} {_doing(holder.state)}"
        where = clean(holder.where, unicode=painter.unicode)
        room = width - MARGIN - len(text) - 4
        yield line(f"{text} at {end_of(where, room)}" if where and room > 8 else text)
    rest = sum(holder.seconds for holder in holders[most:])
    if rest:
        yield line(f"{seconds(rest):>8} held by {count(len(holders) - most, 'other')}")
    if unknown_s > UNKNOWN_SHARE * whole:
        yield line(f"{seconds(unknown_s):>8} holder not known")


def _doing(state: str) -> str:
    if state == WORKING:
        return "at work"
    if state == NATIVE:
        return "in native code that keeps it"
    return f"waiting: {WORDS[Reason(state)]}"


def _rings(analysis: Analysis, painter: Painter, width: int) -> Iterator[str]:
    """Deadlocks in words."""
    for ring in analysis.rings:
        end = ", to the end" if ring.to_the_end else ""
        text = f"DEADLOCK for {seconds(ring.seconds)}{end}:"
        yield painter.line([(" " * MARGIN, None), (text, BOLD)])
        for link in ring.links:
            task, held_by, where, name = (
                clean(part, unicode=painter.unicode)
                for part in (link.task, link.held_by, link.where, link.name)
            )
            at = f" at {where}" if where else ""
            lock = f"{name} ({link.lock})" if name else f"the lock {link.lock}"
            words = f"{task} waits for {lock}, which {held_by} has{at}"
            for part in wrap(words, width - 2 * MARGIN - 2):
                yield painter.line([(" " * (MARGIN + 2), None), (part, None)])
        yield ""
