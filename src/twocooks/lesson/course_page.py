"""The course as one page: its words, and what was measured while this reader walked it.

No script and nothing loaded: the pictures are small SVGs, of the same cells as the terminal's
picture (``report.terminal.cells``), one row each, so that a phone may squeeze them as it likes. The
Content-Security-Policy allows just the one style, by its hash. Names are cleaned and escaped.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterator, Sequence
from itertools import groupby

from twocooks.analyse import Analysis
from twocooks.lesson.course import LAST, STEPS, Step
from twocooks.lesson.learn import Shown, right_of
from twocooks.lesson.show import measured
from twocooks.report.base import PAGE_HEAD
from twocooks.report.terminal import cells
from twocooks.report.terminal.lanes import fold, shown
from twocooks.report.words import clean, seconds

COLUMNS = 240
COLOURS = 8
STYLE = """
:root { color-scheme: light dark; --ground: #fffdf8; --ink: #23201b; --faint: #6d665c;
  --rule: #ddd5c6; --box: #f6f0e4; --bar: #8a8377;
  --c0: #d55e00; --c1: #1f86cc; --c2: #009e73; --c3: #c79a00; --c4: #cc79a7; --c5: #56b4e9;
  --c6: #8e6bd1; --c7: #a0694b }
@media (prefers-color-scheme: dark) { :root { --ground: #1b1916; --ink: #ece6da; --faint: #a79f92;
  --rule: #3b362f; --box: #26221d; --bar: #9a9184 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 17px/1.55 system-ui, sans-serif }
main { max-width: 46rem; margin: 0 auto; padding: 2rem 1.1rem 4rem }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem }
h2 { font-size: 1.35rem; line-height: 1.25; margin: 0 0 .6rem }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem }
section { border-top: 1px solid var(--rule); margin-top: 2.4rem; padding-top: 1.4rem }
.faint, figcaption { color: var(--faint); font-size: .88rem }
.asks, .word { font-weight: 600 }
ol { margin: .3rem 0; padding-left: 1.6rem } .right { font-weight: 600 }
figure { margin: .4rem 0 1rem } figcaption { margin-top: .3rem }
.row { display: grid; grid-template-columns: 8.5rem 1fr 3.6rem; gap: .6rem; align-items: center;
  font-size: .85rem; line-height: 1.5 }
.row > :first-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.row > :last-child { text-align: right; color: var(--faint); white-space: nowrap }
.strip { margin-top: .25rem; color: var(--faint) }
svg { display: block; width: 100%; height: 1.15rem }
table { border-collapse: collapse; width: 100%; font-size: .92rem }
td { border-bottom: 1px solid var(--rule); padding: .25rem 0; vertical-align: top }
td:last-child { text-align: right; white-space: nowrap; padding-left: 1rem;
  font-variant-numeric: tabular-nums }
.note { background: var(--box); padding: .5rem .8rem; border-radius: .3rem }
code { font: .9em ui-monospace, monospace; background: var(--box); padding: .1em .35em;
  border-radius: .2em; overflow-wrap: anywhere }
.bar { fill: var(--bar) } .two { fill: var(--ink) }
""" + "".join(f".c{n} {{ fill: var(--c{n}) }} " for n in range(COLOURS)) + """
.waits { opacity: .55 } .line { opacity: .35 }
@media (max-width: 34rem) { body { font-size: 16px }
  .row { grid-template-columns: 5.5rem 1fr 3.2rem; gap: .4rem } }
"""
TITLE = "Concurrency and parallelism, on your machine"
LEGEND = ("full height: hands on it; thin line: on the stove, needs nobody; pale band: in line, "
          "wants hands; the lower strips: at work, and on the go (strong where two or more)")


def page(walked: Sequence[Shown]) -> str:
    """The text of the page; steps that were not walked have their words only."""
    known = {one.number: one for one in walked}
    style = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"
    body = "\n".join(
        line for number, step in enumerate(STEPS, 1)
        for line in _section(number, step, known.get(number))
    )
    return f"""{PAGE_HEAD.decode()}<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>{TITLE} – twocooks</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{TITLE}</h1>
<p>Eight steps. What stands in the tables and pictures was measured on one machine, while this
course was walked by <code>twocooks learn</code>; your own machine may be asked the same.</p>
<p class="faint">In the pictures: {LEGEND}.</p>
{body}
{_last()}
</main>
</body>
</html>
"""


def _section(number: int, step: Step, one: Shown | None) -> Iterator[str]:
    yield f"<section><p class=faint>Step {number} of {len(STEPS)}</p><h2>{_text(step.title)}</h2>"
    yield f"<p>{_text(step.tells)}</p><p class=asks>{_text(step.asks)}</p>"
    right = right_of(step, one.played) if one is not None else None
    yield "<ol>" + "".join(
        f"<li{' class=right' if at == right else ''}>{_text(text)}{_mark(at, right, one)}</li>"
        for at, text in enumerate(step.guesses, 1)
    ) + "</ol>"
    if one is None:
        yield "<p class=note>This step was not walked: there are no numbers of it.</p>"
    else:
        for name, title in step.pictures:
            if name in one.played.runs:
                yield f"<h3>{_text(title)}</h3>{_figure(one.played.runs[name])}"
        checks = step.shown(one.played.checks)
        if checks:
            yield "<table>" + "".join(
                f"<tr><td>{_text(check.name)}</td>"
                f"<td>{_text(measured(check))}</td></tr>"
                for check in checks
            ) + "</table>"
        for note in one.played.notes:
            yield f"<p class=note>{_text(note)}</p>"
    yield f"<p>{_text(step.means)}</p><p class=word>{_text(step.word)}</p></section>"


def _mark(at: int, right: int | None, one: Shown | None) -> str:
    marks = [text for text, is_so in (
        ("so it is", at == right), ("your guess", one is not None and one.guess == at),
    ) if is_so]
    return f" <span class=faint>({', '.join(marks)})</span>" if marks else ""


def _figure(analysis: Analysis) -> str:
    """The lanes of a run, and its two strips."""
    lanes = fold(shown(analysis))
    picture = cells.picture(analysis, lanes, COLUMNS)
    rows = []
    for number, lane in enumerate(lanes):
        label = f"{lane.label} ×{lane.more}" if lane.more else lane.label
        rows.append(_row(label, _lane(picture, number), seconds(lane.work_s)))
    strips = {"at work": [int(value) for value in picture.at_work],
              "on the go": [int(value) for value in picture.on_the_go]}
    used = [sum(int(row.cells[at]) not in (cells.IDLE, cells.LOST) for row in picture.cores)
            for at in range(COLUMNS)]
    if max(used) > max(strips["at work"]):  # one task, many hands
        strips["cores"] = used
    for name, values in strips.items():
        rows.append(_row(name, _strip(values), f"up to {max(values, default=0)}", "row strip"))
    start, end = analysis.window_s
    told = f"{_text(seconds(end - start))} in all; at the right seconds of work"
    return f"<figure>{''.join(rows)}<figcaption>{told}</figcaption></figure>"


def _row(name: str, svg: str, told: str, kind: str = "row") -> str:
    return f'<div class="{kind}"><span>{_text(name)}</span>{svg}<span>{_text(told)}</span></div>'


def _lane(picture: cells.Picture, number: int) -> str:
    """One lane: hands as blocks, the rest by its state."""
    kinds = []
    for hands, state in zip(picture.hands[number], picture.state[number], strict=True):
        kinds.append("hands" if hands else {cells.LINE: "line", cells.WAIT: "waits",
                     cells.DELEGATED: "waits", cells.GLIMPSE: "glimpse"}.get(int(state), ""))
    shapes = []
    for kind, group in groupby(range(len(kinds)), lambda column: kinds[column]):
        columns = list(group)
        at, wide = columns[0], len(columns)
        if kind == "hands":
            shapes.append(f'<rect x="{at}" y="1" width="{wide}" height="18"/>')
        elif kind == "glimpse":
            shapes += [f'<rect x="{x}" y="1" width=".3" height="18"/>' for x in columns]
        elif kind == "waits":
            shapes.append(f'<rect class="waits" x="{at}" y="9" width="{wide}" height="2"/>')
        elif kind == "line":
            shapes.append(f'<rect class="line" x="{at}" y="5" width="{wide}" height="10"/>')
    return _svg("".join(shapes), f"c{number % COLOURS}")


def _strip(values: list[int]) -> str:
    """A level over time, as bars."""
    most = max(values, default=0) or 1
    shapes, at = [], 0
    for value, group in groupby(values):
        wide = len(list(group))
        if value:
            high = 18 * value / most
            kind = "two" if value >= 2 else "bar"
            shapes.append(f'<rect class="{kind}" x="{at}" y="{19 - high:.2f}" width="{wide}" '
                          f'height="{high:.2f}"/>')
        at += wide
    return _svg("".join(shapes), "bar")


def _svg(shapes: str, kind: str) -> str:
    return (f'<svg class="{kind}" viewBox="0 0 {COLUMNS} 20" preserveAspectRatio="none" '
            f'aria-hidden="true">{shapes}</svg>')


def _last() -> str:
    sentence, *commands = LAST
    rows = "".join(f"<tr><td><code>{_text(command)}</code><br>{_text(what)}</td></tr>"
                   for command, what in commands)
    return f"<section><h2>Your own program</h2><p>{_text(str(sentence))}</p><table>{rows}</table>" \
           "</section>"


def _text(text: str) -> str:
    return html.escape(clean(text))
