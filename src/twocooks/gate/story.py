"""What a failed demand prints: the demand, the verdict, the cause with its line, a picture."""

from __future__ import annotations

from twocooks.analyse.result import Analysis
from twocooks.gate.checks import Judged
from twocooks.model import Verdict
from twocooks.report.base import MIN_WIDTH
from twocooks.report.terminal import draw
from twocooks.report.terminal.lanes import fold, shown
from twocooks.report.terminal.paint import Painter
from twocooks.report.words import clean, plain, wrap

LANES = 6
"""Lanes of the small picture."""
MAX_WIDTH = 100


def tell(judged: Judged, analysis: Analysis, *, width: int = 80, unicode: bool = True) -> str:
    """The text below a failed test: no colours, no line wider than ``width`` but the first (which
    a summary of failures shows by itself) and those that are paths."""
    width = max(MIN_WIDTH, min(width, MAX_WIDTH))
    painter = Painter("none", unicode)
    verdict = analysis.summary["verdict"]

    def said(key: str) -> str:
        return clean(str(verdict.get(key) or ""), unicode=unicode)

    of = ", ".join(filter(None, (verdict["id"], verdict.get("cause"))))
    lines = [f"{judged.said} ({of})", ""]
    lines += [clean(place, unicode=unicode) for place in judged.where]
    lines += [""] if judged.where else []
    lines += wrap(f"{said('headline')} {said('sentence')}", width)
    for title, key in (("Why", "why"), ("So", "so")):
        if said(key):
            lines += wrap(f"{title}: {said(key)}", width)
    lanes = fold(shown(analysis), LANES)
    if lanes and verdict.get("id") != Verdict.NOTHING:
        lines += ["", *draw.rows(analysis, lanes, painter, width)]
    return plain("\n".join(lines), unicode=unicode)
