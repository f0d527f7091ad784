"""Claims that a dinner of the kitchen shows."""

from __future__ import annotations

import json
from typing import Any

from twocooks.kitchen import dinner
from twocooks.kitchen.recipe import Mode
from twocooks.kitchen.truth import Prediction, bounds, predict
from twocooks.lesson.claim import Check, Claim, Part, Round
from twocooks.lesson.claims.hands import CORES
from twocooks.lesson.claims.turns import share

MINUTE = 0.05
SHORT = 0.025
"""Seconds of a kitchen minute: for one dinner, and for many in a row."""
NEAR = 0.1
"""How far a measured dinner may be from the one on paper."""


def cooked(name: str, mode: Mode, which: str, minute: float = MINUTE,
           changes: dict[str, Any] | None = None, one_core: bool = False) -> Part:
    words: tuple[str, ...] = (mode, which, str(minute))
    if changes:
        words += (json.dumps(changes),)
    return Part(name, "dinner_cooked", words, one_core)


def paper(which: str, mode: Mode, cores: int, changes: dict[str, Any] | None = None) -> Prediction:
    """The dinner simulated, also with waits a little shorter and longer (ties decide)."""
    return predict(dinner.load(which).changed(**(changes or {})), mode, cores)


def near(name: str, minutes: float, wanted: Prediction) -> Check:
    low, high = wanted.low.minutes, wanted.high.minutes
    return Check(name, minutes, "minutes", low * (1 - NEAR), high * (1 + NEAR))


def difference(seen: Round) -> list[Check]:
    alone, friend = seen["alone"], seen["friend"]
    at_paper = paper("tuesday", "friend", 2).numbers
    two = friend.two_s / MINUTE
    return [
        Check("alone: minutes", alone.active_s / MINUTE, "minutes"),
        Check("alone: dishes on the go, on average", alone.at("concurrency.mean"), "mean",
              least=2.5),
        Check("alone: hands while anyone worked", alone.at("parallelism.mean"), "mean", most=1.02),
        Check("friend: minutes", friend.active_s / MINUTE, "minutes"),
        Check("friend: minutes with two at work", two, "minutes", least=0.9 * at_paper.at_work_two),
    ]


def one_core_test(seen: Round) -> list[Check]:
    two, one = seen["two"], seen["one"]
    lost, both = (one.active_s - two.active_s) / MINUTE, two.two_s / MINUTE
    return [
        Check("with two cores", two.active_s / MINUTE, "minutes"),
        Check("with one core", one.active_s / MINUTE, "minutes"),
        Check("lost with the second core", lost, "minutes"),
        Check("with two at work, before", both, "minutes"),
        Check("lost, of what was parallel", share(lost, both), "share", least=0.88, most=1.12),
    ]


def chain(seen: Round) -> list[Check]:
    took = seen["both"].active_s / MINUTE
    longest = float(bounds(dinner.load("tuesday")).chain)
    checks = [near("two cooks, cooked", took, paper("tuesday", "friend-switching", 2)),
              Check("the longest chain", longest, "minutes")]
    for friends in (1, 2, 3):
        minutes = paper("tuesday", "friend-switching", friends + 1,
                        {"friends": friends}).numbers.minutes
        checks.append(Check(f"{friends + 1} cooks, on paper", minutes, "minutes",
                            least=longest, most=longest))
    return checks


def second_oven(seen: Round) -> list[Check]:
    checks = []
    for name, mode, ovens in OVENS:
        wanted = paper("thanksgiving", mode, 2, {"tools": {"oven": ovens}})
        checks.append(near(name, seen[name].active_s / SHORT, wanted))
    one, two, oven = (seen[name].active_s for name in (OVENS[0][0], OVENS[1][0], OVENS[2][0]))
    return [*checks,
            Check("what the friend saves", (one - two) / SHORT, "minutes", most=2),
            Check("what the oven saves", (one - oven) / SHORT, "minutes", least=4)]


def little(seen: Round) -> list[Check]:
    one = seen["pizzas"]
    lengths = [end - begin for begin, end in one.dishes]
    mean = sum(lengths) / len(lengths) if lengths else 0.0
    rate = len(lengths) / one.active_s if one.active_s else 0.0
    on_the_go = one.at("concurrency.mean")
    return [
        Check("pizzas in a minute", rate * SHORT, "mean"),
        Check("minutes of a pizza", mean / SHORT, "minutes"),
        Check("pizzas on the go, on average", on_the_go, "mean"),
        Check("rate times minutes, of those on the go", share(rate * mean, on_the_go), "times",
              least=0.97, most=1.03),
    ]


def at_once(seen: Round) -> list[Check]:
    checks = []
    for name, limit in ROOM:
        one = seen[name]
        wanted = paper("pizzeria", "switching", 1, {"at_once": limit})
        checks.append(near(f"{name}: all are done in", one.active_s / SHORT, wanted))
        lengths = [end - begin for begin, end in one.dishes]
        checks.append(Check(f"{name}: a pizza takes", share(sum(lengths), len(lengths)) / SHORT,
                            "minutes"))
    gain = share(seen[ROOM[1][0]].active_s, seen[ROOM[2][0]].active_s)
    return [*checks,
            Check("4 at once, times all at once", gain, "times", most=1.1),
            Check("burnt with all at once", seen[ROOM[2][0]].said["burnt"], "count", least=10)]


OVENS: tuple[tuple[str, Mode, int], ...] = (
    ("one cook, one oven", "switching", 1), ("two cooks, one oven", "friend-switching", 1),
    ("one cook, two ovens", "switching", 2), ("two cooks, two ovens", "friend-switching", 2),
)
ROOM = (("1 at once", 1), ("4 at once", 4), ("all at once", 12))
"""Not 2: there the two pizzas want the cook at one moment again and again, and whoever comes first
by a hair decides how long it takes."""

CLAIMS: tuple[Claim, ...] = (
    Claim(1, "What is the difference between concurrency and parallelism?",
          "Alone you keep four dishes on the go by switching between them. With a friend two pairs "
          "of hands move at the same moment. Concurrency counts unfinished tasks, parallelism "
          "counts those being worked on right now. Switching needs one core, parallelism two.",
          (cooked("alone", "switching", "tuesday"), cooked("friend", "friend", "tuesday")),
          difference, needs=CORES, keys="kitchen dinner"),
    Claim(17, "How do I prove what was parallel? (The one-core test)",
          "Send the friend home and see what takes longer. Hold the program on one core: what "
          "still overlaps was concurrency. What is lost was the parallelism, to the minute.",
          (cooked("two", "friend", "tuesday"), cooked("one", "friend", "tuesday", one_core=True)),
          one_core_test, needs=CORES, keys="pin taskset measure"),
    Claim(21, "What is the best that I could ever get? (The longest chain)",
          "The curry needs its minutes, whoever comes. No number of cooks is faster than the "
          "longest chain of steps that wait for each other.",
          (cooked("both", "friend-switching", "tuesday"),), chain, needs=CORES,
          keys="critical path span"),
    Claim(33, "More cooks, or a second oven?",
          "With one oven the second cook saves next to nothing, and the second oven much. Find "
          "what is busy all the time, and add to that.",
          tuple(cooked(name, mode, "thanksgiving", SHORT, {"tools": {"oven": ovens}})
                for name, mode, ovens in OVENS),
          second_oven, needs=CORES, keys="bottleneck"),
    Claim(34, "How many requests are on the go? (Little's law)",
          "Pizzas in a minute times minutes of a pizza are the pizzas in the kitchen. The number "
          "on the go is the rate times the time that each takes, exactly.",
          (cooked("pizzas", "switching", "pizzeria", SHORT),), little, keys="throughput latency"),
    Claim(35, "Is more concurrency more throughput?",
          "Twelve half-made pizzas are not twelve pizzas. Once the cook is never idle, more of "
          "them on the go only wait longer, and burn.",
          tuple(cooked(name, "switching", "pizzeria", SHORT, {"at_once": limit})
                for name, limit in ROOM),
          at_once, keys="latency back-pressure semaphore limit"),
)
