"""Reads a dinner from its file, and says in one line what is wrong with it.

The file is TOML, read by Python's own ``tomllib``, which forgets the lines. So every error names a
place (the third ``[[dish]]``, its key ``burns``) and ``Source.line`` finds that place in the text
again. Checks that need the whole dinner (cycles, tools held together) are in ``checks``.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn, cast

from twocooks.kitchen import checks
from twocooks.kitchen.recipe import MODES, ORDERS, Dinner, Dish, Mark, Minutes, Step
from twocooks.model import TwocooksError

TOP = ("dinner", "cooks", "tools", "dish")
DINNER = ("name", "says", "teaches", "minute", "order", "at_once", "modes")
COOK = ("guest",)
DISH = ("name", "copies", "arrives", "after", "steps")
STEP = (
    "do", "hands", "wait", "pieces", "uses", "takes", "returns", "burns", "only", "after",
    "repeat", "steps",
)
MIN_MINUTE, MAX_MINUTE, DEFAULT_MINUTE = 0.001, 60.0, 0.1
MOST_STEPS = 10_000
"""Written out. More is a mistake in a number, not a dinner."""


class DinnerError(TwocooksError):
    """A dinner file that cannot be cooked. The message has the file, the line and a remedy."""


@dataclass(frozen=True)
class Source:
    """The text of a file, to find the line of what is wrong."""

    path: str
    text: str

    def line(self, section: str, number: int = 0, needle: str = "") -> int:
        """Line (from 1) of ``needle`` in the ``number``-th section of that name, or of its head.

        ``section`` is a table's name; "" is the file from its first line.
        """
        lines = [strip_comment(line) for line in self.text.splitlines()]
        first, last = self._section(lines, section, number)
        if needle:
            pattern = re.compile(needle)
            for index in range(first, last):
                if pattern.search(lines[index]):
                    return index + 1
        return first + 1

    def _section(self, lines: list[str], section: str, number: int) -> tuple[int, int]:
        heads = [i for i, line in enumerate(lines) if re.match(r"\s*\[", line) and "=" not in line]
        if not section:
            return 0, len(lines)
        name = re.compile(r"\s*\[\[?\s*" + re.escape(section) + r"\s*(\.[^\]]*)?\]\]?\s*$")
        mine = [i for i in heads if name.match(lines[i])]
        if number >= len(mine):
            return 0, len(lines)
        first = mine[number]
        return first, min((i for i in heads if i > first), default=len(lines))

    def fail(self, line: int, message: str) -> NoReturn:
        raise DinnerError(f"{self.path}:{line}: {message}")


def strip_comment(line: str) -> str:
    """The line without a comment at its end (a # inside quotes is none)."""
    quote = ""
    for index, char in enumerate(line):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == "#":
            return line[:index]
    return line


# ---- where dinners come from -----------------------------------------------------------------


def given() -> list[str]:
    """Names of the dinners that come with twocooks, Tuesday first."""
    folder = resources.files("twocooks.kitchen") / "dinners"
    names = sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml"))
    return sorted(names, key=lambda name: (name != "tuesday", name))


def text_of(name: str) -> tuple[str, str]:
    """(path, text) of a dinner by its name or its file. DinnerError if there is none."""
    if name in given():
        found = resources.files("twocooks.kitchen") / "dinners" / f"{name}.toml"
        return f"{name}.toml", found.read_text(encoding="utf-8")
    path = Path(name)
    if not path.is_file():
        near = difflib.get_close_matches(name, given(), 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(given())}"
        raise DinnerError(f"there is no dinner and no file {name!r}; {hint}")
    try:
        return str(path), path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise DinnerError(f"{path}:1: is not a text in UTF-8; save it as one") from None
    except OSError as error:
        raise DinnerError(f"{path} cannot be read: {error.strerror}") from None


def load(name: str) -> Dinner:
    """The dinner of this name or file. DinnerError says what is wrong with it."""
    return parse(*text_of(name))


def parse(path: str, text: str) -> Dinner:
    """The dinner in ``text``; ``path`` is only named in errors."""
    source = Source(path, text)
    try:
        data = tomllib.loads(text, parse_float=_number_of)
    except tomllib.TOMLDecodeError as error:
        words, _, place = str(error).partition(" (at ")
        found = re.search(r"line (\d+)", place)
        line = int(found[1]) if found else max(len(text.splitlines()), 1)
        source.fail(line, f"this is no TOML: {words}; a step is {{ do = \"chop\", hands = 3 }}")
    except ValueError as error:
        raise DinnerError(f"{path}: {error}") from None
    return _Reader(source, data).dinner()


def _number_of(text: str) -> Fraction:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no number to cook with; write minutes such as 3 or 0.5")
    return Fraction(text.replace("_", ""))


# ---- reading -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where a value stands, for the line of an error."""

    section: str
    number: int = 0
    near: str = ""
    """Words of the step (its ``do``), because a dish has many on different lines."""

    def what(self) -> str:
        return f"[{self.section}]" if self.section in ("dinner", "cooks", "tools") else "this dish"


class _Reader:
    def __init__(self, source: Source, data: dict[str, Any]) -> None:
        self.source = source
        self.data = data
        self.tools: dict[str, int] = {}
        self.cooks: list[str] = []
        self.guests: list[str] = []
        self.raw_after: list[tuple[Place, int, int | None, str]] = []

    def fail(self, place: Place, key: str, message: str) -> NoReturn:
        """The line with the key beside the step's words, else with the step, else the key's."""
        source, at = self.source, (place.section, place.number)
        word = rf"(?<![\w-])\"?{re.escape(key)}\"?\s*=" if key else ""
        head = source.line(*at)
        line = head
        if place.near:
            said = re.escape(place.near)
            line = source.line(*at, rf"{said}.*{word}|{word}.*{said}") if word else head
            line = line if line != head else source.line(*at, said)
        if line == head and word:
            line = source.line(*at, word)
        source.fail(line, message)

    def dinner(self) -> Dinner:
        self.known(Place(""), self.data, TOP, "the file")
        head = self.table("dinner")
        place = Place("dinner")
        self.known(place, head, DINNER, "[dinner]")
        self.read_cooks()
        self.read_tools()
        dishes = self.dishes()
        order = head.get("order", "first")
        if order not in ORDERS:
            self.fail(place, "order", f"order {order!r} is not known; write \"first\", \"urgent\" "
                      "or \"longest\"")
        minute = self.number(place, head, "minute", Minutes(str(DEFAULT_MINUTE)))
        if not MIN_MINUTE <= minute <= MAX_MINUTE:
            self.fail(place, "minute", f"minute = {float(minute):g} is the seconds that a kitchen "
                      "minute lasts; write 0.04 to 0.2")
        at_once = self.whole(place, head, "at_once", None)
        modes = head.get("modes", list(MODES))
        if not isinstance(modes, list) or not modes or any(mode not in MODES for mode in modes):
            self.fail(place, "modes", "modes is a list of " + ", ".join(f'"{m}"' for m in MODES))
        dinner = Dinner(
            name=self.text(place, head, "name", Path(self.source.path).stem),
            says=self.text(place, head, "says", ""),
            teaches=self.text(place, head, "teaches", ""),
            minute_s=float(minute), order=order, at_once=at_once,
            cooks=tuple(self.cooks), guests=tuple(self.guests), tools=self.tools,
            dishes=dishes, only_modes=tuple(m for m in MODES if m in modes),
        )
        return self.check(dinner)

    def check(self, dinner: Dinner) -> Dinner:
        """What only the whole dinner shows."""
        circle = checks.circle(dinner)
        if circle:
            first = circle[0]
            names = " after ".join(dinner.dishes[i].name for i in [*circle, first])
            self.fail(self.places[first], "after", f"{names}: none of them can be first; "
                      "take one 'after' out")
        problem = checks.tool_problem(dinner)
        if problem:
            dish, step, key, message = problem
            near = dinner.dishes[dish].steps[step].do
            place = self.places[dish]
            self.fail(Place(place.section, place.number, near), key, message)
        object.__setattr__(dinner, "warnings", tuple(checks.deadlocks(dinner)))
        return dinner

    # -- sections --

    def table(self, name: str) -> dict[str, Any]:
        value = self.data.get(name, {})
        if not isinstance(value, dict):
            self.source.fail(self.source.line("", 0, rf"^\s*\[*\s*{name}\b"),
                             f"write [{name}] on a line of its own, and its keys below")
        return value

    def read_cooks(self) -> None:
        place, table = Place("cooks"), self.table("cooks")
        for name, value in (table or {"you": {}, "friend": {"guest": True}}).items():
            if not isinstance(value, dict):
                self.fail(place, name, f"write {name} = {{}} or {name} = {{ guest = true }}")
            self.known(Place("cooks", 0, name), value, COOK, f"the cook {name}")
            if not isinstance(value.get("guest", False), bool):
                self.fail(place, name, f"guest is true or false: {name} = {{ guest = true }}")
            (self.guests if value.get("guest") else self.cooks).append(name)
        if not self.cooks:
            self.fail(place, "", "every cook is a guest; somebody must be at home: you = {}")

    def read_tools(self) -> None:
        place, table = Place("tools"), self.table("tools")
        for name in table:
            self.tools[name] = cast(int, self.whole(place, table, name, 1))

    def dishes(self) -> tuple[Dish, ...]:
        raw = self.data.get("dish", [])
        if not isinstance(raw, list) or not all(isinstance(d, dict) for d in raw):
            self.source.fail(self.source.line("dish"), "write [[dish]] with two brackets")
        if not raw:
            self.source.fail(1, "there is no dish; write [[dish]], name = \"rice\", steps = [...]")
        self.places: list[Place] = []
        found: list[Dish] = []
        originals: dict[str, list[int]] = {}
        for number, table in enumerate(raw):
            copies = self.dish(Place("dish", number), table, len(found))
            name = str(table["name"])
            if name in originals or any(d.name == c.name for d in found for c in copies):
                self.fail(Place("dish", number), "name", f"there are two dishes {name!r}; "
                          "give one another name, or use copies = 2")
            originals[name] = list(range(len(found), len(found) + len(copies)))
            found.extend(copies)
            self.places.extend([Place("dish", number)] * len(copies))
        return tuple(self.resolve(found, originals))

    def dish(self, place: Place, table: dict[str, Any], first: int) -> list[Dish]:
        self.known(place, table, DISH, "a dish")
        if "name" not in table:
            self.fail(place, "", "this dish has no name; write name = \"rice\"")
        name = self.text(place, table, "name", "")
        if not name.strip():
            self.fail(place, "name", "the name is empty; write name = \"rice\"")
        copies = cast(int, self.whole(place, table, "copies", 1))
        arrives = self.number(place, table, "arrives", Minutes(0))
        after = self.names(place, table, "after")
        if "steps" not in table:
            self.fail(place, "", f"{name} has no steps; write steps = [ {{ do = \"chop\", "
                      "hands = 3 } ]")
        written: list[tuple[dict[str, Any], Place]] = []
        self.write_out(place, table["steps"], written)
        if len(written) * copies > MOST_STEPS:
            self.fail(place, "steps", f"{name} has {len(written) * copies} steps when written out; "
                      f"write fewer than {MOST_STEPS}")
        result = []
        for copy in range(copies):
            steps = tuple(self.step(at, raw) for raw, at in written)
            for number, (raw, at) in enumerate(written):
                for text in self.names(at, raw, "after"):
                    self.raw_after.append((at, first + copy, number, text))
            for text in after:
                self.raw_after.append((place, first + copy, None, text))
            arrival = arrives * copy if copies > 1 else arrives
            result.append(Dish(name if copies == 1 else f"{name} {copy + 1}", steps, arrival))
        return result

    def write_out(
        self, place: Place, raw: Any, out: list[tuple[dict[str, Any], Place]], depth: int = 0
    ) -> None:
        """All steps of a list, its repeats written out."""
        if not isinstance(raw, list) or not raw:
            self.fail(place, "steps", "steps is a list of at least one step: "
                      "steps = [ { do = \"chop\", hands = 3 } ]")
        for step in raw:
            if not isinstance(step, dict):
                self.fail(place, "steps", f"{step!r} is no step; write {{ do = \"chop\", "
                          "hands = 3 }")
            at = Place(place.section, place.number, str(step.get("do", "")))
            self.known(at, step, STEP, "a step")
            if "repeat" not in step and "steps" not in step:
                out.append((step, at))
                continue
            extra = [key for key in step if key not in ("repeat", "steps")]
            if extra or len(step) != 2:
                self.fail(at, extra[0] if extra else "repeat", "a repeat is "
                          "{ repeat = 3, steps = [...] } and nothing else")
            times = cast(int, self.whole(at, step, "repeat", 1))
            if depth > 20:
                self.fail(at, "repeat", "repeats are too deep; write them out")
            block: list[tuple[dict[str, Any], Place]] = []
            self.write_out(place, step["steps"], block, depth + 1)
            if len(block) * times > MOST_STEPS:
                self.fail(at, "repeat", f"repeat = {times} makes {len(block) * times} steps; "
                          f"write fewer than {MOST_STEPS}")
            out.extend(block * times)

    def step(self, place: Place, raw: dict[str, Any]) -> Step:
        """One step, checked as far as it can be alone."""
        do = self.text(place, raw, "do", "")
        if not do:
            self.fail(place, "", "this step has no words; write do = \"chop\"")
        hands = self.number(place, raw, "hands", Minutes(0))
        wait = self.number(place, raw, "wait", Minutes(0))
        if hands and wait:
            self.fail(place, "wait", f"{do!r} has hands and wait; make two steps of it")
        if "burns" in raw and not wait:
            self.fail(place, "burns", f"{do!r} has burns but no wait; only what is on the stove "
                      "burns")
        burns = self.number(place, raw, "burns", Minutes(0)) if "burns" in raw else None
        if burns is not None and burns < wait:
            self.fail(place, "burns", f"{do!r} burns before its wait is over; "
                      f"write burns = {_plain(wait)} or more")
        if "pieces" in raw and not hands:
            self.fail(place, "pieces", f"{do!r} has pieces but no hands; only hands-on work "
                      "can be set down")
        pieces = self.whole(place, raw, "pieces", max(1, math.ceil(hands)))
        only = raw.get("only")
        if only is not None and only not in (everybody := self.cooks + self.guests):
            self.fail(place, "only", f"there is no cook {only!r}" + _meant(str(only), everybody))
        uses, takes, returns = (self.tools_of(place, raw, key)
                                for key in ("uses", "takes", "returns"))
        twice = [tool for tool in uses if tool in takes or tool in returns]
        if twice:
            self.fail(place, "uses", f"{do!r} needs the {twice[0]} twice; 'uses' alone takes it "
                      "and gives it back")
        return Step(do, hands, wait, cast(int, pieces), tuple(sorted(uses + takes)),
                    tuple(sorted(uses + returns)), burns, only)

    def tools_of(self, place: Place, raw: dict[str, Any], key: str) -> list[str]:
        tools = self.names(place, raw, key)
        for tool in tools:
            if tool not in self.tools:
                self.fail(place, key, f"there is no tool {tool!r}" + _meant(tool, self.tools)
                          + (f"; add {tool} = 1 under [tools]" if not _near(tool, self.tools)
                             else ""))
            if tools.count(tool) > 1:
                self.fail(place, key, f"{key} names the {tool} twice; one dish holds one of them")
        return tools

    def resolve(self, dishes: list[Dish], originals: dict[str, list[int]]) -> Iterable[Dish]:
        """Puts numbers to the names that ``after`` gives."""
        marks: dict[tuple[int, int | None], list[Mark]] = {}
        for place, dish, step, text in self.raw_after:
            found = self.marks(dishes, originals, text)
            if not found:
                names = [*originals, *(f"{d.name}.{s.do}" for d in dishes for s in d.steps)]
                self.fail(place, "after", f"after {text!r}: there is no such dish or step"
                          + _meant(text, names))
            marks.setdefault((dish, step), []).extend(found)
        for number, dish_ in enumerate(dishes):
            steps = tuple(
                Step(**{**vars(step), "after": tuple(marks.get((number, index), ()))})
                for index, step in enumerate(dish_.steps)
            )
            yield Dish(dish_.name, steps, dish_.arrives, tuple(marks.get((number, None), ())))

    @staticmethod
    def marks(dishes: list[Dish], originals: dict[str, list[int]], text: str) -> list[Mark]:
        """``"rice"``, ``"pizza 2"``, ``"pizza"`` (all copies), or one of these ``.step``."""
        named = {dish.name: [index] for index, dish in enumerate(dishes)} | originals
        if text in named:
            return [Mark(i, len(dishes[i].steps) - 1) for i in named[text]]
        for at in (match.start() for match in re.finditer(r"\.", text)):
            found = []
            for i in named.get(text[:at], []):
                last = [n for n, s in enumerate(dishes[i].steps) if s.do == text[at + 1:]]
                found += [Mark(i, last[-1])] if last else []
            if found:
                return found
        return []

    # -- values --

    def known(
        self, place: Place, table: dict[str, Any], keys: tuple[str, ...], where: str
    ) -> None:
        for key in table:
            if key not in keys:
                hint = _meant(key, keys) if _near(key, keys) else "; it may have " + ", ".join(keys)
                if place.section:
                    self.fail(place, key, f"{where} has no {key!r}" + hint)
                line = self.source.line("", 0, rf"^\s*\[*\s*\"?{re.escape(key)}\b")
                self.source.fail(line, f"{where} has no {key!r}" + hint)

    def text(self, place: Place, table: dict[str, Any], key: str, default: str) -> str:
        value = table.get(key, default)
        if not isinstance(value, str):
            self.fail(place, key, f"{key} is a text; write {key} = \"...\"")
        return value

    def number(
        self, place: Place, table: dict[str, Any], key: str, default: Minutes
    ) -> Minutes:
        value = table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | Fraction) or value < 0:
            said = float(value) if isinstance(value, Fraction) else value
            self.fail(place, key, f"{key} = {said!r} is no number of minutes; write {key} = 3")
        if value > 10**6:
            self.fail(place, key, f"{key} is longer than anybody waits; write {key} = 3")
        return Minutes(value)

    def whole(
        self, place: Place, table: dict[str, Any], key: str, default: int | None
    ) -> int | None:
        value = table.get(key, default)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10**6:
            said = float(value) if isinstance(value, Fraction) else value
            self.fail(place, key, f"{key} = {said!r} is no whole number of at least 1; "
                      f"write {key} = 2")
        return value

    def names(self, place: Place, table: dict[str, Any], key: str) -> list[str]:
        value = table.get(key, [])
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            self.fail(place, key, f"{key} is a list of names; write {key} = [\"...\"]")
        return value


def _near(word: str, known: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(word, list(known), 1)


def _meant(word: str, known: Iterable[str]) -> str:
    known = list(known)
    near = _near(word, known)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there is {', '.join(known)}" if known and len(known) <= 6 else ""


def _plain(value: Minutes) -> str:
    return f"{float(value):g}"
