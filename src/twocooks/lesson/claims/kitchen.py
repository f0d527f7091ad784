"""Claims that a dinner of the kitchen shows."""

from __future__ import annotations

from twocooks.kitchen import dinner
from twocooks.kitchen.recipe import MODES, TITLES, Mode
from twocooks.kitchen.truth import Prediction, bounds
from twocooks.lesson.claim import Check, Claim, Round
from twocooks.lesson.claims.dinners import MINUTE, NEAR, SHORT, cooked, near, paper
from twocooks.lesson.claims.hands import CORES
from twocooks.lesson.claims.turns import share

TEST = 0.1
"""Seconds of a kitchen minute where two dinners are held against each other."""


def difference(seen: Round) -> list[Check]:
    alone, friend = seen["alone, switching"], seen["with a friend"]
    at_paper = paper("tuesday", "friend", 2).numbers
    two = friend.two_s / MINUTE
    return [
        *(Check(f"{name}: dinner takes", one.active_s / MINUTE, "minutes")
          for name, one in seen.items()),
        Check("alone, switching: dishes on the go", alone.at("concurrency.mean"), "mean",
              least=2.5),
        Check("alone, switching: hands at work", alone.at("parallelism.mean"), "mean", most=1.01),
        Check("with a friend: two at work for", two, "minutes", least=0.9 * at_paper.at_work_two),
    ]


def one_core_test(seen: Round) -> list[Check]:
    two, one = seen["two"], seen["one"]
    lost, both = (one.active_s - two.active_s) / TEST, two.two_s / TEST
    return [
        Check("with two cores", two.active_s / TEST, "minutes"),
        Check("with one core", one.active_s / TEST, "minutes"),
        Check("lost with the second core", lost, "minutes"),
        Check("with two at work, before", both, "minutes"),
        Check("lost, of what was parallel", share(lost, both), "share", least=0.9, most=1.1),
    ]


def chain(seen: Round) -> list[Check]:
    took = seen["both"].active_s / MINUTE
    longest = float(bounds(dinner.load("tuesday")).chain)
    checks = [near("two cooks, cooked", took, paper("tuesday", "friend-switching", 2)),
              Check("the longest chain", longest, "minutes"),
              Check("cooked, of the longest chain", share(took, longest), "share", least=1)]
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
    steps = (step for dish in dinner.load("thanksgiving").dishes for step in dish.steps)
    held = float(sum(step.minutes for step in steps if "oven" in step.takes))
    return [*checks,
            Check("minutes that the oven is needed, on paper", held, "minutes"),
            Check("the same, of one cook's dinner", share(held, one / SHORT), "share", least=0.8),
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
              least=0.99, most=1.01),
    ]


def at_once(seen: Round) -> list[Check]:
    took, each, burnt = [], [], []
    for name, limit in ROOM:
        one = seen[name]
        wanted = paper("pizzeria", "switching", 1, {"at_once": limit})
        minutes = one.active_s / SHORT
        lengths = [end - begin for begin, end in one.dishes]
        mean = share(sum(lengths), len(lengths)) / SHORT
        took.append(near(f"{name}: all are done in", minutes, wanted))
        each.append(Check(f"{name}: a pizza takes", mean, "minutes", *around(wanted)))
        least, most = (PIZZAS, None) if limit == PIZZAS else (None, 0)
        burnt.append(Check(f"{name}: burnt", one.said["burnt"], "count", least, most))
    return [*took, *each, *burnt]


def around(wanted: Prediction) -> tuple[float, float]:
    """Least and most minutes of a pizza, by Little's law from the dinner on paper."""
    low, high = (n.concurrency * n.minutes / PIZZAS for n in (wanted.low, wanted.high))
    return low * (1 - NEAR), high * (1 + NEAR)


OVENS: tuple[tuple[str, Mode, int], ...] = (
    ("one cook, one oven", "switching", 1), ("two cooks, one oven", "friend-switching", 1),
    ("one cook, two ovens", "switching", 2), ("two cooks, two ovens", "friend-switching", 2),
)
PIZZAS = 12
ROOM = (("1 at once", 1), ("2 at once", 2), ("4 at once", 4), ("all at once", PIZZAS))

CLAIMS: tuple[Claim, ...] = (
    Claim(1, "What is the difference between concurrency and parallelism?",
          "Alone you keep four dishes on the go by switching between them. With a friend two pairs "
          "of hands move at the same moment. Concurrency counts unfinished tasks, parallelism "
          "counts those being worked on right now. Switching needs one core, parallelism two.",
          tuple(cooked(TITLES[mode], mode, "tuesday") for mode in MODES),
          difference, needs=CORES, keys="kitchen dinner"),
    Claim(17, "How do I prove what was parallel? (The one-core test)",
          "Send the friend home and see what takes longer. Hold the program on one core: what "
          "still overlaps was concurrency. What is lost was the parallelism, to the minute.",
          (cooked("two", "friend", "tuesday", TEST),
           cooked("one", "friend", "tuesday", TEST, one_core=True)),
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
