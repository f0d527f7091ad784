"""The course: what its steps ask, run and say. Data and pure functions; ``learn`` plays it.

A step plays one round of one or two claims, so what it shows is judged by the claims' own judges.
Which guess was right is read from what was measured, where machines or Pythons may differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twocooks.lesson.claim import Check, Round

Right = Callable[[Round], int | None]
"""The number of the right guess, from 1; None where this run does not tell."""


@dataclass(frozen=True)
class Step:
    """One step: guess, experiment, picture, numbers, meaning."""

    title: str
    tells: str
    """The situation, in the kitchen."""
    asks: str
    guesses: tuple[str, ...]
    right: int | Right
    """A number where it is so on every machine, else read from what was measured."""
    claims: tuple[int, ...]
    """Played once each, in this order."""
    pictures: tuple[tuple[str, str], ...]
    """Names of parts whose runs are drawn, and what stands over them."""
    numbers: tuple[str, ...]
    """Names of the checks that are shown."""
    means: str
    word: str
    """The technical word, said once: "word: what it is"."""

    def shown(self, checks: list[Check]) -> list[Check]:
        """The checks of this step, in its order."""
        found = {check.name: check for check in checks}
        return [found[name] for name in self.numbers if name in found]


def sooner(seen: Round) -> int | None:
    """Of the dinner with switching and that with a friend: about as long, or which is shorter."""
    alone, friend = (seen[name].active_s for name in ("alone, switching", "with a friend"))
    if abs(alone - friend) <= 0.15 * max(alone, friend):
        return 3
    return 1 if alone < friend else 2


def threads_took(seen: Round) -> int | None:
    """Half the work's time, or all of it."""
    one = seen["threads"]
    share = one.said["took_s"] / one.said["work_s"]
    return 1 if share < 0.7 else 2 if one.gil else None


def processes_took(seen: Round) -> int | None:
    one = seen["processes"]
    share = one.said["took_s"] / one.said["work_s"]
    return 1 if share < 0.7 else None


STEPS: tuple[Step, ...] = (
    Step(
        "What is the difference?",
        "Four dishes on Tuesday: by yourself, one after another, they take 40 kitchen minutes. "
        "Half of that time pots boil and need nobody. You may change one thing: look after another "
        "dish while a pot boils (switching), or ask a friend to take two of the dishes, each of "
        "you one dish after another.",
        "Which dinner is ready first?",
        ("switching, alone", "with a friend, no switching", "about the same"), sooner, (1,),
        (("alone, switching", "Alone, switching"), ("with a friend", "With a friend")),
        ("one after another: dinner takes", "alone, switching: dinner takes",
         "with a friend: dinner takes", "with a friend, switching: dinner takes",
         "alone, switching: dishes on the go", "alone, switching: hands at work",
         "with a friend: two at work for"),
        "Both about halve the dinner, and they are not the same thing. Alone, dishes are on the go "
        "together, and one pair of hands moves at any moment. With the friend two pairs of hands "
        "move at the same moment, for some of the minutes. Both together do better than either, "
        "until the longest dish is what everybody waits for.",
        "Concurrency is how many dishes are on the go; parallelism is how many pairs of hands move "
        "at one moment.",
    ),
    Step(
        "One without the other",
        "Four tasks of one event loop compute and give way to each other every few milliseconds. "
        "And beside it: one program sorts one large file, with helpers inside.",
        "How many of the loop's four tasks have hands on them at one moment, at most?",
        ("one", "two", "four"), 1, (2, 3),
        (("loop", "Four tasks of one loop"), ("sort", "One task: sort, with helpers")),
        ("loop: on the go, on average", "loop: two hands at once", "tasks at work at once",
         "cores at work, on average"),
        "The loop is one cook with four dishes: all on the go, one pair of hands. The sort is one "
        "dish with several people peeling for it: several pairs of hands, nothing else on the go. "
        "So each can be had without the other.",
        "The first is concurrent and not parallel; the second is parallel and not concurrent "
        "(data-parallel).",
    ),
    Step(
        "Does await make it parallel?",
        "A program awaits curry, then rice, then onions. Each only waits, a tenth of a second: a "
        "pot that boils.",
        "How long do the three awaits in a row take?",
        ("as long as one of them", "as long as all three, one after another"), 2, (5, 4),
        (("awaits", "Three awaits in a row"),),
        ("company that they had", "five waits in a row", "five waits together"),
        "To await is to stand by this pot until it is done. Nothing else of the same task goes on. "
        "Dishes that are started first and awaited then do boil together, as the five that were "
        "gathered show. Even so one cook stirs at a time.",
        "Await is where a task gives way; starting tasks (gather, TaskGroup) is what makes them "
        "concurrent.",
    ),
    Step(
        "Threads, and one apron",
        "Two cooks chop, each for three tenths of a second, and there are two places at the "
        "counter. The cooks are two threads of this Python.",
        "How long do both take together?",
        ("about 0.3 s", "about 0.6 s"), threads_took, (9,),
        (("threads", "Two threads that compute"),),
        ("took, of all the work", "overlap", "hands while anyone worked", "verdict", "cause"),
        "Two cooks with one apron: only the one who wears it may touch the food, so they take "
        "turns, however many places there are. A Python without that lock has no apron, and there "
        "they do work at the same moment. While a thread waits the apron hangs on its hook, so "
        "threads that mostly wait do well.",
        "The apron is the GIL (global interpreter lock).",
    ),
    Step(
        "Processes",
        "The same chopping, by two processes: two kitchens, each with its own apron. Then five "
        "thousand tiny pieces of work, handed to such kitchens one by one.",
        "How long do the two processes take together, where the threads' work was 0.6 s?",
        ("about 0.3 s", "about 0.6 s", "longer, because processes are dear"), processes_took,
        (12, 22), (("processes", "Two processes that compute"),),
        ("took, of all the work", "hands while anyone worked", "a plain loop",
         "a pool, piece by piece", "a pool, large portions"),
        "Each process has an apron of its own, so two pairs of hands move. But what another "
        "kitchen is to cook must be carried there and back: for tiny pieces that costs far more "
        "than the cooking. Large portions pay.",
        "This is multiprocessing; what is carried is pickled; how large the portions are is the "
        "chunksize.",
    ),
    Step(
        "What a lock costs, and a cook who never looks up",
        "Two cooks whose machines need no apron work side by side. Now there is one knife that "
        "each needs for every piece. And in another kitchen a cook with timers chops on for two "
        "tenths of a second without looking up.",
        "What is left of the working side by side, with one knife?",
        ("nearly all", "about half", "hardly anything"), 3, (30, 7),
        (("free", "Without the lock"), ("locked", "One lock around each piece")),
        ("overlap without the lock", "overlap with it", "one knife, one cook",
         "one knife, two cooks", "usual lateness", "longest lateness", "dishes burnt"),
        "What needs the one knife is done one at a time, with any number of cooks. And a cook who "
        "does not look up lets every other dish of hers stand in line: the timers ring, and nobody "
        "comes. Both are waits that no core can shorten.",
        "The first is contention for a lock (mutex); the second is a blocked event loop.",
    ),
    Step(
        "When more workers stop helping",
        "The same work is cut over one cook, then over as many as there are places, then over four "
        "times as many.",
        "What do four times as many cooks as places bring?",
        ("about four times the speed", "a little more speed", "nothing more"), 3, (19, 18),
        (("crowd", "Twice as many processes as cores"),),
        ("one worker", "as many as cores", "four times as many", "places at the counter",
         "hands at once, at most", "on the go at once", "changes"),
        "At a counter with two places two can work, and the others stand behind them and swap. "
        "More cooks than places take turns on top of being parallel; they do not get more done. "
        "What one must do alone, and what all need one by one, ends it even sooner.",
        "The swaps are preemption by the kernel's scheduler; the part done alone is in Amdahl's "
        "law.",
    ),
    Step(
        "How would you prove it?",
        "Two threads each look at a stopwatch of their own: from when to when was I at it? Then "
        "the friend's dinner is cooked again with one place at the counter taken away.",
        "The two stopwatches ran at the same moment nearly all the time. What does that prove?",
        ("they worked at the same moment", "both were on the go, and no more"), 2, (16, 17),
        (("threads", "Two threads with stopwatches"), ("one", "The friend's dinner on one core")),
        ("by their stopwatches together", "by the kernel together", "with two cores",
         "with one core", "lost with the second core", "with two at work, before"),
        "A stopwatch measures being in the kitchen, not hands: the kernel knows who was on a core. "
        "And the best test needs no tool at all: take one place away. What still overlaps was "
        "concurrency; what is lost was parallelism, to the minute.",
        "To take the place away is to pin the program to one core (taskset -c 0).",
    ),
)

LAST = (
    "Now your own program. Nothing has to be changed in it:",
    ("twocooks run my_program.py", "what it does: turns, or the same moment"),
    ("taskset -c 0 twocooks run my_program.py", "the same on one core"),
    ("twocooks prove", "42 claims more, each proven or refuted here"),
    ("twocooks interview", "say it in your own words"),
    ("twocooks quiz", "name what a picture shows"),
)
"""What stands after the last step: a sentence, then commands and what they show."""
