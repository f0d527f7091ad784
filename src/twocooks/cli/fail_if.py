"""The small language of ``--fail-if``: names of the summary, comparisons, and/or/not, brackets.

    parallelism.max < 2
    verdict.id == turns and wall_s > 1.5s
    not (measured.exact == true) or cores_used.mean < 1.8

A word on the right is a text (so ids need no quotes); numbers may carry ms, s or %. It is parsed,
never evaluated as Python. What could not be known in a run cannot be judged, and a gate that
cannot be judged holds: it must not let everything through.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twocooks.cli.common import fail
from twocooks.model import LEVELS, Cause, Verdict

NAMES = frozenset(
    {
        "schema",
        "by",
        "levels",
        "command",
        "python",
        "gil",
        "cores",
        "measured",
        "wall_s",
        "cpu_s",
        "tasks",
        "concurrency",
        "parallelism",
        "cores_used",
        "wanted",
        "scores",
        "queued",
        "in_line_s",
        "switches",
        "time",
        "verdict",
        "findings",
    }
)
"""The top level of the summary: other beginnings are typing errors, said before the run."""
WORDS_OF: dict[str, tuple[str, ...]] = {
    "verdict.id": tuple(Verdict),
    "verdict.cause": tuple(Cause),
    "by": LEVELS,
}
"""Names that are one of a few words. Another word would never hold: a gate that lets all pass."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e-?[0-9]+)?(?P<unit>ms|s|%)?(?![\w.-]))"
    r"|(?P<op><=|>=|==|!=|<|>)"
    r"|(?P<paren>[()])"
    r"|(?P<quoted>'[^']*'|\"[^\"]*\")"
    r"|(?P<word>[A-Za-z_][\w]*(?:[.-][\w]+)*))"
)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_UNITS = {None: 1.0, "s": 1.0, "ms": 0.001, "%": 0.01}
_WORDS: dict[str, Any] = {"true": True, "false": False, "none": None, "null": None}
_DEPTH = 40


class _UnknownError(Exception):
    """A name has no value in this run."""


@dataclass(frozen=True)
class Compare:
    name: str
    op: str
    value: Any


@dataclass(frozen=True)
class Not:
    part: Node


@dataclass(frozen=True)
class Join:
    word: str
    parts: tuple[Node, ...]


Node = Compare | Not | Join


@dataclass(frozen=True)
class Condition:
    """A parsed expression."""

    text: str
    node: Node

    def judge(self, summary: dict[str, Any]) -> tuple[bool, str]:
        """Whether it holds, and the values that say so, in words."""
        seen: list[str] = []
        try:
            return _holds(self.node, summary, seen), ", ".join(seen)
        except _UnknownError as error:
            return True, f"cannot be judged, {error}"


def parse(text: str) -> Condition:
    """Read an expression; UsageError with one line if it is none."""
    parser = _Parser(text)
    node = parser.any_of(0)
    if parser.token[0] != "end":
        parser.stop("the end")
    return Condition(text, node)


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.token: tuple[str, Any] = ("end", None)
        self.next()

    def next(self) -> None:
        rest = self.text[self.at :]
        if not rest.strip():
            self.token = ("end", None)
            return
        match = _TOKEN.match(rest)
        if not match:
            fail(
                f"--fail-if {self.text!r}: cannot read {rest.strip()[:20]!r}; "
                "an example: --fail-if 'parallelism.max < 2'"
            )
        self.at += match.end()
        if match["number"]:
            unit = match["unit"]
            digits = match["number"][: -len(unit)] if unit else match["number"]
            self.token = ("value", float(digits) * _UNITS[unit])
        elif match["quoted"]:
            self.token = ("value", match["quoted"][1:-1])
        elif match["word"]:
            self.token = ("word", match["word"])
        else:
            self.token = ("op", match["op"]) if match["op"] else ("paren", match["paren"])

    def stop(self, expected: str) -> None:
        kind, value = self.token
        found = "it ends" if kind == "end" else f"there is {value!r}"
        fail(
            f"--fail-if {self.text!r}: expected {expected}, but {found}; "
            "an example: --fail-if 'parallelism.max < 2'"
        )

    def any_of(self, depth: int) -> Node:
        return self._joined("or", lambda d: self._joined("and", self._one, d), depth)

    def _joined(self, word: str, inner: Callable[[int], Node], depth: int) -> Node:
        parts = [inner(depth)]
        while self.token == ("word", word):
            self.next()
            parts.append(inner(depth))
        return parts[0] if len(parts) == 1 else Join(word, tuple(parts))

    def _one(self, depth: int) -> Node:
        if depth > _DEPTH:
            fail("--fail-if: too many parentheses")
        if self.token == ("word", "not"):
            self.next()
            return Not(self._one(depth + 1))
        if self.token == ("paren", "("):
            self.next()
            node = self.any_of(depth + 1)
            if self.token != ("paren", ")"):
                self.stop("a closing parenthesis")
            self.next()
            return node
        return self._compare()

    def _compare(self) -> Node:
        kind, name = self.token
        if kind != "word":
            self.stop("a name of the summary")
        if name.split(".")[0] not in NAMES:
            fail(
                f"--fail-if: the summary has no {name}; its names are "
                f"{', '.join(sorted(NAMES - {'schema', 'command', 'findings', 'levels'}))}"
            )
        self.next()
        kind, op = self.token
        if kind != "op":
            self.stop("one of < <= > >= == !=")
        self.next()
        kind, value = self.token
        if kind not in ("value", "word"):
            self.stop("a number or a text")
        if kind == "word":
            value = _WORDS.get(value.lower(), value)
        if op not in ("==", "!=") and not isinstance(value, float):
            fail(f"--fail-if: {name} {op} {value!r} compares with something that is no number")
        known = WORDS_OF.get(name)
        if known and value is not None and not isinstance(value, float) and value not in known:
            words = f"{', '.join(known[:-1])} or {known[-1]}"
            fail(f"--fail-if: {name} is never {value!r}; it is {words}")
        self.next()
        return Compare(name, op, value)


def names_of(node: Node) -> set[str]:
    """The names that an expression asks for."""
    if isinstance(node, Compare):
        return {node.name}
    parts = (node.part,) if isinstance(node, Not) else node.parts
    return set().union(*(names_of(part) for part in parts))


def _holds(node: Node, summary: dict[str, Any], seen: list[str]) -> bool:
    if isinstance(node, Not):
        return not _holds(node.part, summary, seen)
    if isinstance(node, Join):
        each = (_holds(part, summary, seen) for part in node.parts)
        return all(each) if node.word == "and" else any(each)
    value: Any = summary
    for key in node.name.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    if value is None and node.value is not None and not _is_no_cause(node.name, summary):
        raise _UnknownError(f"{node.name} could not be known in this run")
    if isinstance(node.value, float) and not isinstance(value, int | float):
        raise _UnknownError(f"{node.name} is no number: {str(value)[:40]!r}")
    if node.op not in ("==", "!=") and isinstance(value, dict | list):
        raise _UnknownError(f"{node.name} is a group of numbers; name one of them")
    seen.append(f"{node.name} is {value if isinstance(value, str) else _number(value)}")
    return bool(_OPERATORS[node.op](value, node.value))


def _is_no_cause(name: str, summary: dict[str, Any]) -> bool:
    """Parallel programs have no cause: that is known, and not a number that is missing."""
    verdict = summary.get("verdict") or {}
    return name == "verdict.cause" and verdict.get("id") not in (None, Verdict.CANNOT_TELL)


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value).lower()
