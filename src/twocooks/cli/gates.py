"""What becomes of ``--fail-if``: its answers on stderr, for GitHub, and as JUnit.

An expression that holds fails the run, unless the machine may be the reason: with estimated
numbers, lost records or too few free cores it is *not judged* (said, exit code 0; ``--strict``
makes it fail), by the same rule as the marks of the pytest plugin. An expression that asks for
``measured`` or ``cores`` has taken that into its own hands, and is judged as it stands.
"""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twocooks.cli.fail_if import Condition, names_of
from twocooks.gate import doubt
from twocooks.gate.checks import places
from twocooks.model import TwocooksError, printable
from twocooks.report.words import clean

if TYPE_CHECKING:
    from twocooks.analyse.result import Analysis

SETTLED = {"schema", "by", "command", "python", "gil"}
"""Parts of the summary that no busy machine changes."""
ASKED = {"measured", "cores"}
"""An expression with one of these judges the machine itself."""
TWO = {"parallelism", "cores_used", "wanted", "scores", "verdict"}
"""Parts that need a second core to look well."""


class Answer(StrEnum):
    CLEAR = "clear"
    HOLDS = "holds"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class Gate:
    """One expression and its answer."""

    text: str
    answer: Answer
    said: str
    """The values, or why it could not be judged."""


def judge(conditions: Sequence[Condition], summary: dict[str, Any]) -> list[Gate]:
    """The answers, in order."""
    return [_judge(condition, summary) for condition in conditions]


def _judge(condition: Condition, summary: dict[str, Any]) -> Gate:
    holds, said = condition.judge(summary)
    if not holds:
        return Gate(condition.text, Answer.CLEAR, said)
    parts = {name.partition(".")[0] for name in names_of(condition.node)}
    why = "" if parts & ASKED or parts <= SETTLED else doubtful(summary, bool(parts & TWO))
    if why:
        return Gate(condition.text, Answer.NOT_JUDGED, f"{said}, but {why}")
    return Gate(condition.text, Answer.HOLDS, said)


def no_answers(conditions: Sequence[Condition]) -> list[Gate]:
    """Where there is no analysis."""
    return [Gate(condition.text, Answer.NOT_JUDGED, "") for condition in conditions]


def doubtful(summary: dict[str, Any], two: bool) -> str:
    """Why the numbers say little about the program; "" if they do. ``two``: it wants two cores."""
    room = doubt.crowded(summary, 2.0) if two else doubt.no_room(summary)
    taken = (summary.get("verdict") or {}).get("cause") == "no-free-core"
    return doubt.unseen(summary) or room or ("others had the cores" if taken else "")


def say(gates: Sequence[Gate], strict: bool) -> Iterator[str]:
    """Lines for stderr."""
    for gate in gates:
        if gate.answer is Answer.HOLDS:
            yield printable(f"twocooks: --fail-if {gate.text}: {gate.said}")
        elif gate.answer is Answer.NOT_JUDGED:
            more = "" if strict else " (--strict makes this fail)"
            yield printable(f"twocooks: --fail-if {gate.text}: not judged: {gate.said}{more}")


def fails(gates: Sequence[Gate], strict: bool) -> bool:
    """Whether the run has failed."""
    bad = {Answer.HOLDS, Answer.NOT_JUDGED} if strict else {Answer.HOLDS}
    return any(gate.answer in bad for gate in gates)


# ---- GitHub ----


def github(gates: Sequence[Gate], analysis: Analysis, strict: bool) -> Iterator[str]:
    """Workflow commands, one a line, that show what failed beside the code that did it. Nothing of
    the program's names can end the line or begin another command."""
    where = next(iter(places(analysis)), "")
    verdict = analysis.summary["verdict"]
    for gate in gates:
        if gate.answer is Answer.CLEAR:
            continue
        red = gate.answer is Answer.HOLDS or strict
        head = "" if gate.answer is Answer.HOLDS else "not judged: "
        text = f"{gate.text}: {head}{gate.said}. {verdict['headline']} {verdict.get('why') or ''}"
        place = {**_place(where), "title": "twocooks"}
        marks = ",".join(f"{key}={_property(value)}" for key, value in place.items())
        yield f"::{'error' if red else 'warning'} {marks}::{_data(clean(text))}"


def _place(where: str) -> dict[str, str]:
    """File and line of ``file:line function``, the file as GitHub knows it."""
    match = re.match(r"(.+?):([0-9]+)(?: |$)", where)
    if not match:
        return {}
    root = os.environ.get("GITHUB_WORKSPACE") or os.getcwd()
    file = match[1]
    if os.path.isabs(file) and Path(file).is_relative_to(root):
        file = str(Path(file).relative_to(root))
    return {"file": file, "line": match[2]}


def _data(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


# ---- JUnit ----

_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(
    gates: Sequence[Gate], path: str, strict: bool, analysis: Analysis | None, error: str = ""
) -> None:
    """One test case an expression. ``error``: why there is no analysis. TwocooksError if the file
    cannot be written."""
    suites = ElementTree.Element("testsuites", name="twocooks")
    wall_s = float(analysis.summary.get("wall_s") or 0.0) if analysis else 0.0
    suite = ElementTree.SubElement(suites, "testsuite", name="twocooks", time=f"{wall_s:.6f}")
    sums = {"failure": 0, "skipped": 0, "error": 0}
    for gate in gates:
        case = ElementTree.SubElement(
            suite, "testcase", classname="twocooks", name=_xml(gate.text), time="0"
        )
        kind = "error" if error else _kind(gate.answer, strict)
        if kind:
            sums[kind] += 1
            part = ElementTree.SubElement(case, kind, message=_xml(error or gate.said))
            if kind == "failure" and analysis is not None:
                part.text = _xml("\n".join(_story(analysis)))
    for name, key in (("failures", "failure"), ("skipped", "skipped"), ("errors", "error")):
        suite.set(name, str(sums[key]))
    suite.set("tests", str(len(gates)))
    text = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True) + b"\n"
    try:
        Path(path).write_bytes(text)
    except OSError as failure:
        raise TwocooksError(
            f"{path} cannot be written: {failure.strerror or failure}"
        ) from failure


def _kind(answer: Answer, strict: bool) -> str:
    if answer is Answer.CLEAR:
        return ""
    return "failure" if answer is Answer.HOLDS or strict else "skipped"


def _story(analysis: Analysis) -> Iterator[str]:
    verdict = analysis.summary["verdict"]
    yield clean(f"{verdict['headline']} {verdict['sentence']}")
    for title, key in (("Why", "why"), ("So", "so")):
        if verdict.get(key):
            yield clean(f"{title}: {verdict[key]}")
    yield from map(clean, places(analysis))


def _xml(text: str) -> str:
    """Characters that XML can hold; others are written out."""
    return _NOT_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
