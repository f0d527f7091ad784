"""Results in words: for a terminal, and as JSON. Every number is measured, computed or foretold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twocooks.lesson import stage
from twocooks.lesson.claim import Check, Claim, Result
from twocooks.report.base import MIN_WIDTH, Options
from twocooks.report.terminal.paint import BOLD, DIM, Painter
from twocooks.report.words import clean, count, fit, plain, seconds, wrap

MAX_TEXT = 90
TITLES = {"proven": "Proven here", "refuted": "Refuted here", "cannot": "Cannot be shown here"}
SCHEMA = "twocooks.prove/1"


def quantity(value: float | str, unit: str) -> str:
    """A value as people write it: seconds with a unit, shares in percent."""
    if isinstance(value, str):
        return value
    if unit == "s":
        return seconds(value)
    if unit == "share":
        return f"{100 * value:.0f} %" if value >= 0.0995 or value == 0 else f"{100 * value:.1f} %"
    if unit == "count":
        return f"{value:,.0f}"
    if unit == "times":
        return f"{value:.3g} times" if value < 1000 else f"{value:,.0f} times"
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return f"{text} min" if unit == "minutes" else text


def measured(check: Check) -> str:
    """The check's value. One that misses its bound by less than is written says on which side."""
    text = quantity(check.value, check.unit)
    if isinstance(check.value, str) or check.holds:
        return text
    below = check.least is not None and check.value < check.least
    missed = check.least if below else check.most
    if missed is None or quantity(missed, check.unit) != text:
        return text
    return f"just {'under' if below else 'over'} {text}"


def foretold(check: Check) -> str:
    """What theory says of the quantity, "" where it is only told."""
    if check.wanted:
        return " or ".join(check.wanted)
    low, high = check.least, check.most
    if low is None and high is None:
        return ""
    if low is None or high is None:
        word, bound = ("at most", high) if low is None else ("at least", low)
        return f"{word} {quantity(float(bound or 0.0), check.unit)}"
    if low == high:
        return quantity(low, check.unit)
    return f"{quantity(low, check.unit)} to {quantity(high, check.unit)}"


def terminal(result: Result, options: Options) -> str:
    """One claim, its answer and what was measured; no line wider than ``options.width``."""
    painter = Painter(options.colour, options.unicode)
    width = max(MIN_WIDTH, min(options.width, MAX_TEXT)) - 4
    lines = ["", *_paragraph(painter, f"{result.claim.number}. {result.claim.asks}", width, True),
             "", *_paragraph(painter, result.claim.answer, width), ""]
    lines += _paragraph(painter, outcome(result), width, True)
    lines += [painter.line([("    " + row, None)]) for row in table(result.checks, width - 2)]
    return plain("\n".join([*lines, ""]) + "\n", unicode=options.unicode)


def _paragraph(painter: Painter, text: str, width: int, bold: bool = False) -> list[str]:
    shown = clean(text, unicode=painter.unicode)
    return [painter.line([("  " + row, BOLD if bold else None)]) for row in wrap(shown, width)]


def outcome(result: Result) -> str:
    """How it ended, with the reason and the number of runs."""
    text = TITLES[result.outcome]
    if result.outcome == "proven":
        text += f", in {result.proved} runs of {result.rounds}"
    if result.why:
        text += f": {result.why}"
    if result.discarded and result.rounds:
        text += f" ({count(result.discarded, 'run')} discarded: other programs had the cores)"
    return f"{text}."


def table(checks: tuple[Check, ...], width: int) -> Iterator[str]:
    """The middle value of each quantity, and what was foretold."""
    if not checks:
        return
    value_width = max(len(measured(check)) for check in checks) + 2
    name_width = min(max(len(check.name) for check in checks) + 2, width - value_width - 24)
    for check in checks:
        value = measured(check)
        told = foretold(check)
        mark = "" if check.holds else "  <- not so"
        names = list(wrap(check.name, name_width - 1))
        rest = f"(foretold: {told}){mark}" if told else ""
        front = fit(names[0], name_width) + fit(value, value_width)
        tail = list(wrap(rest, max(width - name_width - value_width, 12))) or [""]
        yield (front + tail[0]).rstrip()
        for row in range(1, max(len(names), len(tail))):
            name = names[row] if row < len(names) else ""
            more = tail[row] if row < len(tail) else ""
            yield (fit(name, name_width) + " " * value_width + more).rstrip()


def listed(claims: list[Claim], options: Options) -> str:
    """All claims, a line each."""
    painter = Painter(options.colour, options.unicode)
    width = max(MIN_WIDTH, options.width) - 7
    lines = []
    for claim in claims:
        for row, text in enumerate(wrap(claim.asks, width)):
            number = f"{claim.number:>4}  " if row == 0 else " " * 6
            lines.append(painter.line([(number, DIM), (text, None)]))
    return plain("\n".join(lines) + "\n", unicode=options.unicode)


def code(claim: Claim) -> str:
    """The programs of a claim, as they are run."""
    texts = []
    for name in dict.fromkeys(part.program for part in claim.parts):
        parts = [part for part in claim.parts if part.program == name]
        path = stage.program(parts[0])
        calls = [
            f"#   python {path.name}{''.join(' ' + _quoted(arg) for arg in part.args)}"
            + ("   (held on one core: taskset -c 0)" if part.one_core else "")
            for part in parts
        ]
        texts.append("\n".join([f"# {path}", *calls, "", path.read_text(encoding="utf-8")]))
    return "\n".join(texts)


def _quoted(word: str) -> str:
    import shlex

    return shlex.quote(word)


def as_json(results: list[Result]) -> dict[str, Any]:
    """The contract of ``prove --json``."""
    return {"schema": SCHEMA, "cores": stage.usable(), "claims": [_row(one) for one in results]}


def _row(result: Result) -> dict[str, Any]:
    return {
        "number": result.claim.number,
        "claim": result.claim.asks,
        "answer": result.claim.answer,
        "outcome": result.outcome,
        "why": result.why,
        "runs": result.rounds,
        "runs_that_prove": result.proved,
        "runs_discarded": result.discarded,
        "gil": result.gil,
        "programs": [part.program for part in result.claim.parts],
        "numbers": [
            {"name": check.name, "value": check.value, "unit": check.unit, "holds": check.holds,
             "least": check.least, "most": check.most, "wanted": list(check.wanted)}
            for check in result.checks
        ],
    }
