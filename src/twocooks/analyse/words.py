"""The words of a verdict: headline, one sentence with at most two numbers, why, so, and a sentence
to say.

Kitchen words first, "in this run" always, no judgement, and no number that was not measured. Names
from the program are hostile text: they are cut short here and cleaned where they are shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from twocooks.analyse.account import Measures
from twocooks.analyse.verdict import Ruling
from twocooks.model import Cause, Verdict

HEADLINES = {
    Verdict.ONE_AFTER_ANOTHER: "One after another.",
    Verdict.TURNS: "They take turns.",
    Verdict.WAITING_TOGETHER: "They wait together.",
    Verdict.RELAY: "They hand the work to and fro.",
    Verdict.SOMETIMES: "Now and then at the same moment.",
    Verdict.PARALLEL: "Really at the same moment.",
    Verdict.BOTH: "Both: {p_max} at the same moment, and turns.",
    Verdict.MANY_HANDS: "One {one}, many hands.",
    Verdict.SINGLE: "One {one}, one pair of hands.",
    Verdict.NOTHING: "Too little happened to judge.",
    Verdict.CANNOT_TELL: "I could not see the cores.",
}
TWO_WORDS = {
    Verdict.ONE_AFTER_ANOTHER: "Neither concurrent nor parallel",
    Verdict.TURNS: "Concurrent, not parallel",
    Verdict.WAITING_TOGETHER: "Concurrent, not parallel",
    Verdict.RELAY: "Concurrent, not parallel",
    Verdict.SOMETIMES: "Concurrent, and now and then parallel",
    Verdict.PARALLEL: "Parallel (and so concurrent)",
    Verdict.BOTH: "Parallel and concurrent",
    Verdict.MANY_HANDS: "Parallel, not concurrent",
}


class Unit(NamedTuple):
    """What is counted, in words."""

    one: str
    many: str
    inner: str
    """What works inside one of them."""


UNITS = {
    "task": Unit("task", "tasks", "native threads"),
    "name": Unit("kind of task", "kinds of tasks", "tasks or threads"),
    "thread": Unit("thread", "threads", "native threads"),
    "process": Unit("process", "processes", "threads"),
}
"""By the levels of ``analyse.levels``."""


@dataclass(frozen=True)
class Names:
    """Names from the program that the words may use."""

    longest: str = ""
    """The task whose step held the loop longest."""
    lock: str = ""
    """Where the lock is waited for, "" = not known."""


def seconds(value: float) -> str:
    """Seconds in two digits at most."""
    if value >= 10:
        return f"{value:.0f} s"
    if value >= 0.1 or value == 0:
        return f"{value:.1f} s"
    if value >= 0.001:
        return f"{value * 1000:.0f} ms"
    return "less than 1 ms"


def number(value: float) -> str:
    """A count or a mean; 1.003 is 1."""
    return f"{value:.0f}" if abs(value - round(value)) < 0.05 else f"{value:.1f}"


SURELY = 1.03
"""Polled sums are right within 3 %."""

SENTENCES: tuple[tuple[Verdict, Callable[[Measures, Ruling], bool], str], ...] = (
    (
        Verdict.ONE_AFTER_ANOTHER,
        lambda m, ruling: True,
        "In this run each of your {tasks} {many} was finished before the next one began.",
    ),
    (
        Verdict.TURNS,
        lambda m, ruling: ruling.rule == 4,
        "In this run up to {c_max} of your {many} were on the go at once, but two hardly ever "
        "wanted hands at the same moment ({d2}).",
    ),
    (
        Verdict.TURNS,
        lambda m, ruling: not m.d_known,
        "In this run up to {c_max} of your {many} were on the go at once; {two_p2}.",
    ),
    (
        Verdict.TURNS,
        lambda m, ruling: for_a_tool(m),
        "In this run at least two of your {many} wanted to go on for {d2}, mostly waiting for a "
        "tool that another one held; {two_p2}.",
    ),
    (
        Verdict.TURNS,
        lambda m, ruling: True,
        "In this run at least two of your {many} wanted to work for {d2}; {two_met}.",
    ),
    (
        Verdict.WAITING_TOGETHER,
        lambda m, ruling: True,
        "In this run up to {c_max} of your {many} waited at once and needed only {work} of work "
        "between them.",
    ),
    (
        Verdict.RELAY,
        lambda m, ruling: sleepers(m),
        "In this run up to {c_max} of your {many} were on the go, one at work, and never two that "
        "wanted to: the others slept.",
    ),
    (
        Verdict.RELAY,
        lambda m, ruling: True,
        "In this run up to {c_max} of your {many} were on the go, one at work, and never two that "
        "wanted to: each waits for the other's result.",
    ),
    (
        Verdict.SOMETIMES,
        lambda m, ruling: m.d_known,
        "In this run at least two wanted to work for {d2}; two had hands at the same moment for "
        "{met} of it.",
    ),
    (
        Verdict.PARALLEL,
        lambda m, ruling: ruling.rule == 0 and m.cpu > SURELY * m.wall,
        "{cpu} of work in {wall} cannot be one pair of hands, so in this run some of it was "
        "parallel.",
    ),
    (
        Verdict.PARALLEL,
        lambda m, ruling: m.d_known,
        "In this run two had hands at the same moment for {met} of the {d2} in which at least two "
        "wanted to work.",
    ),
    *(
        (
            verdict,
            lambda m, ruling: True,
            "In this run two had hands at the same moment for {p2} of the {busy} in which anyone "
            "worked.",
        )
        for verdict in (Verdict.SOMETIMES, Verdict.PARALLEL)
    ),
    (
        Verdict.BOTH,
        lambda m, ruling: True,
        "In this run up to {c_max} of your {many} were on the go and up to {p_max} had hands at "
        "the same moment; the others stood in line.",
    ),
    (
        Verdict.MANY_HANDS,
        lambda m, ruling: ruling.rule == 3,
        "In this run your {tasks} {many} came one after another, yet up to {k_max} cores worked "
        "at the same moment.",
    ),
    (
        Verdict.MANY_HANDS,
        lambda m, ruling: True,
        "In this run only one {one} was on the go, yet up to {k_max} cores worked on it at the "
        "same moment.",
    ),
    (
        Verdict.SINGLE,
        lambda m, ruling: True,
        "In this run one {one} did {work} of work; it had nobody to take turns with.",
    ),
    (
        Verdict.NOTHING,
        lambda m, ruling: True,
        "Apart from starting up there was {work} of work in the {wall} of this run.",
    ),
    (
        Verdict.CANNOT_TELL,
        lambda m, ruling: m.cpu > SURELY * m.wall > 0,
        "In this run {cpu} of work in {wall} cannot be one pair of hands, so some of it was "
        "parallel; how much I cannot say here.",
    ),
    (
        Verdict.CANNOT_TELL,
        lambda m, ruling: m.unseen or not m.tasks,
        "In this run much of the work was done by threads too short to be seen here.",
    ),
    (
        Verdict.CANNOT_TELL,
        lambda m, ruling: m.tasks < 2,
        "In this run there was one {one}; which cores worked for it I cannot say here.",
    ),
    (
        Verdict.CANNOT_TELL,
        lambda m, ruling: m.gamma >= 0.1,
        "In this run they were on the go together; whether hands moved at the same moment I "
        "cannot say here.",
    ),
    (
        Verdict.CANNOT_TELL,
        lambda m, ruling: True,
        "In this run they were one after another; whether hands moved at the same moment I "
        "cannot say here.",
    ),
)
"""A verdict, when the sentence is right for it, and the sentence, with at most two numbers. The
first row that holds is said."""


TOLD_SECONDS = ("d2", "p2", "met", "busy", "work", "cpu", "wall")


def say(
    m: Measures, ruling: Ruling, names: Names, exact: bool, unit: Unit = UNITS["task"]
) -> dict[str, str]:
    """headline, sentence, why, so, say; ``unit``: what was counted."""
    verdict = ruling.verdict
    headline = HEADLINES[verdict].format(p_max=m.p_max, one=unit.one)
    sentence = _sentence(m, ruling, unit)
    if not exact and verdict in (Verdict.PARALLEL, Verdict.BOTH, Verdict.MANY_HANDS):
        sentence = f"Estimated: {sentence[0].lower()}{sentence[1:]}"
    return {
        "headline": headline,
        "words": TWO_WORDS.get(verdict, ""),
        "sentence": sentence,
        "why": _why(m, ruling, names, unit),
        "so": _so(m, ruling, unit),
        "say": _keep(m, ruling),
    }


def _sentence(m: Measures, ruling: Ruling, unit: Unit) -> str:
    text = next(
        text for verdict, holds, text in SENTENCES if verdict is ruling.verdict and holds(m, ruling)
    )
    return text.format(
        one=unit.one,
        many=unit.many,
        tasks=m.tasks,
        c_max=m.c_max,
        p_max=m.p_max,
        k_max=m.k_max,
        two_p2=_two_had_hands(m.p2),
        two_met=_two_had_hands(m.met),
        **{name: seconds(getattr(m, name)) for name in TOLD_SECONDS},
    )


def _two_had_hands(for_s: float) -> str:
    if not for_s:
        return "two never had hands at the same moment"
    return f"two had hands at the same moment for {seconds(for_s)}"


def sleepers(m: Measures) -> bool:
    """Most of the waiting was for the clock: nobody waited for another one's result."""
    return m.asleep > 0.5 * m.waiting


def for_a_tool(m: Measures) -> bool:
    """Most of the standing in line was for a lock or a semaphore."""
    return m.in_line > 0 and m.wants_tool >= 0.5 * m.in_line


def _why(m: Measures, ruling: Ruling, names: Names, unit: Unit) -> str:
    cause, verdict = ruling.cause, ruling.verdict
    if cause is Cause.AWAIT_BY_AWAIT:
        return "Each is started only when the one before is done."
    if cause is Cause.LOOP_HELD:
        who = f"“{names.longest}”" if names.longest else "One task"
        hold = f" for {seconds(m.longest_hold[1])}" if m.longest_hold else ""
        return f"{who} kept the only cook{hold} without looking up; the others stood in line."
    if cause is Cause.LOCK:
        where = f" ({names.lock})" if names.lock else ""
        return (
            f"They all need the same tool: they wait for a lock{where}, "
            f"{seconds(m.wants_tool)} in all."
        )
    if cause is Cause.ONE_WORKER:
        return "The pool has one worker; the other pieces of work waited in the bag."
    if cause is Cause.ONE_LOOP:
        if for_a_tool(m):
            return (
                "They waited for a lock or a semaphore that others of them held, "
                f"{seconds(m.wants_tool)} in all; and one event loop is one cook in any case."
            )
        return "All work was done on one thread: one event loop is one cook."
    if cause is Cause.ONE_CORE:
        return "This program may use one core only: one place at the counter."
    if cause is Cause.GIL:
        return (
            "In this Python only one thread at a time may run Python code (the GIL): one apron "
            "for all cooks."
        )
    if cause is Cause.NO_FREE_CORE:
        return _who_took(m)
    if cause is Cause.NO_CONTEST:
        return "They never needed hands at the same moment."
    if cause is Cause.HAND_OVER and sleepers(m):
        return "Only one had work at a time; the others waited for the clock."
    if cause is Cause.HAND_OVER:
        return "Each waits for the other's result: you wash, I dry, one plate at a time."
    if cause is Cause.UNKNOWN and m.wants_turn > m.in_line / 2:
        return "Most of the time in line was for a turn on an event loop: each loop is one cook."
    if cause is Cause.UNKNOWN:
        return "What kept them from working at the same moment could not be seen in this run."
    return _why_without_cause(m, verdict, unit)


def _who_took(m: Measures) -> str:
    free = number(min(m.usable, m.free if m.free is not None else m.usable))
    taken = {
        "quota": "The cgroup quota held the program back",
        "steal": "The machine itself was taken away (steal)",
    }.get(m.free_why, "Other programs stood at the counter")
    return f"{taken}: of {number(max(m.usable, m.places))} cores about {free} were free for it."


def _why_without_cause(m: Measures, verdict: Verdict, unit: Unit) -> str:
    if verdict in (Verdict.PARALLEL, Verdict.BOTH) and m.cores_seen:
        pieces = " They are pieces of one job (data-parallel)." if m.pieces_of_one else ""
        return f"Up to {m.p_max} cooks each had a place at the counter of their own.{pieces}"
    if verdict is Verdict.PARALLEL:
        return "More seconds of work than seconds on the clock need more than one pair of hands."
    if verdict is Verdict.WAITING_TOGETHER:
        return "Their waits overlap: a pot on the stove needs nobody."
    if verdict is Verdict.MANY_HANDS:
        return f"The work inside one {unit.one} was split among several {unit.inner}."
    if verdict is Verdict.SINGLE:
        return f"There was only one {unit.one}."
    if verdict is Verdict.CANNOT_TELL:
        return "The kernel's record of who was on which core is missing here."
    return "The program did too little, or was too short."


def _more_than_cores(m: Measures) -> str:
    """What would help those who stood in line mostly for something else than a core."""
    half = m.in_line / 2
    if m.wants_turn > half:
        return (
            "Those in line waited mostly for their turn on an event loop: more cores help only "
            "with more loops, each in a process of its own."
        )
    if m.wants_gil > half:
        return (
            "Those in line waited mostly for the GIL: more cores help only with more processes, "
            "or with a free-threaded Python."
        )
    if m.wants_tool > half:
        return (
            "Those in line waited mostly for a lock: more cores help only with what is done "
            "outside it."
        )
    return ""


def _so(m: Measures, ruling: Ruling, unit: Unit) -> str:
    if ruling.cause is Cause.ONE_LOOP and for_a_tool(m):
        return (
            "Only what is done outside the lock or semaphore can be on the go together; more "
            "permits let more of them wait at once."
        )
    by_cause = {
        Cause.AWAIT_BY_AWAIT: "If they do not need each other, start them together "
        "(gather, TaskGroup, or several workers).",
        Cause.LOOP_HELD: "Give the cook back: await instead of blocking, or hand long work to a "
        "thread or a process.",
        Cause.LOCK: "Only what is done outside the lock can happen at the same moment.",
        Cause.ONE_WORKER: "A second worker would let two pieces be on the go together.",
        Cause.ONE_LOOP: "Good for waiting, no help for computing; a second process would be a "
        "second cook.",
        Cause.ONE_CORE: "A second core would be needed for two to work at the same moment.",
        Cause.GIL: "Use processes or a free-threaded Python for computing; waiting is "
        "fine as it is.",
        Cause.NO_FREE_CORE: "Run it again when the machine is quiet.",
        Cause.NO_CONTEST: "More cores would not have helped in this run.",
        Cause.HAND_OVER: "More cores would not help."
        if sleepers(m)
        else "More cores would not help until one can work ahead.",
        Cause.UNKNOWN: _more_than_cores(m),
    }
    if ruling.cause is not None:
        return by_cause[ruling.cause]
    if ruling.verdict is Verdict.PARALLEL and m.cores_seen and m.pi < 0.5:
        return (
            f"But only for {seconds(m.p2)} of the {seconds(m.busy)} of working time; for the "
            "rest one worked alone, and no extra core helps there."
        )
    if ruling.verdict is Verdict.BOTH:
        wanted = max(m.d_mean, m.p_mean)
        if wanted < m.usable + 0.5:
            return f"On average {number(wanted)} wanted hands: more cores would hardly help."
        return _more_than_cores(m) or f"More cores would help until about {number(wanted)}."
    return {
        Verdict.PARALLEL: "Pinned to one core it would lose just that.",
        Verdict.WAITING_TOGETHER: "More cores would not help. One cook is plenty.",
        Verdict.MANY_HANDS: "The work inside one task was split (data-parallel)."
        if unit is UNITS["task"]
        else "Counted by task the answer may be another one.",
        Verdict.NOTHING: "Give it more to do: below 5 ms of work there is nothing to judge.",
        Verdict.CANNOT_TELL: "“twocooks doctor” names the setting that lets me see the cores.",
    }.get(ruling.verdict, "")


def _keep(m: Measures, ruling: Ruling) -> str:
    return {
        Verdict.ONE_AFTER_ANOTHER: "One dish after the other: no concurrency, no parallelism.",
        Verdict.TURNS: f"{m.c_max} dishes on the go, one pair of hands at a time: concurrency. "
        "Parallel would need a second pair of hands at the same moment.",
        Verdict.WAITING_TOGETHER: f"{m.c_max} pots on the stove and one cook: concurrency without "
        "parallelism, and nothing is missing.",
        Verdict.RELAY: "One pair of hands is busy while the other's timer runs: concurrent, not "
        "parallel."
        if sleepers(m)
        else "Two cooks, one plate: they are concurrent, but each waits for the other.",
        Verdict.SOMETIMES: "Two pairs of hands now and then: parallel only where nothing stood in "
        "the way.",
        Verdict.PARALLEL: "Two pairs of hands at the same moment: that is parallelism.",
        Verdict.BOTH: f"{m.p_max} pairs of hands at the same moment and more dishes than hands: "
        "parallelism and concurrency.",
        Verdict.MANY_HANDS: "One dish, several people peeling: parallel, not concurrent.",
        Verdict.SINGLE: "One dish, one cook: nothing to compare.",
        Verdict.NOTHING: "",
        Verdict.CANNOT_TELL: "",
    }[ruling.verdict]
