"""The words of a verdict: a sentence for every one, and plain about what was waited for."""

from __future__ import annotations

import pytest

from tests.unit.analyse import scenes, test_servers
from twocooks.analyse import analyse
from twocooks.analyse.account import Measures
from twocooks.analyse.verdict import Ruling
from twocooks.analyse.words import SENTENCES, UNITS, Names, say
from twocooks.model import Cause, Verdict


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("level", list(UNITS))
def test_every_verdict_has_a_sentence_at_every_level(verdict: Verdict, level: str) -> None:
    for rule in range(8):
        told = say(Measures(tasks=2), Ruling(verdict, None, rule), Names(), True, UNITS[level])
        assert "this run" in told["sentence"]
        assert "{" not in "".join(told.values())


def test_no_sentence_stands_behind_one_that_always_holds() -> None:
    assert len({text for _, _, text in SENTENCES}) >= len(SENTENCES) - 1  # one is said for two
    always = {}
    for row, (verdict, holds, _) in enumerate(SENTENCES):
        assert verdict not in always, f"row {row} is never said"
        every = [
            holds(Measures(tasks=n, gamma=g, d2=d, hidden=h, in_line=1, wants_tool=t,
                           wall=1, cpu=1 + h, waiting=1, asleep=a),
                  Ruling(verdict, None, rule))
            for n in (0, 1, 2) for g in (0, 1) for d in (0, 1) for h in (0, 9) for t in (0, 1)
            for a in (0, 1)
            for rule in range(8)
        ]
        assert any(every)
        if all(every):
            always[verdict] = row
    assert set(always) == set(Verdict)


def test_a_semaphore_around_sleeps_is_told_as_one() -> None:
    """By definition who wants a tool wants hands, so they take turns; but a reader who sees them
    sleep must be told that it was the tool."""
    told = analyse(test_servers.semaphore_around_sleeps().trace()).summary["verdict"]
    assert (told["id"], told["cause"]) == ("turns", "one-loop")
    assert "tool that another one held" in told["sentence"]
    assert "semaphore" in told["why"]
    assert "permits" in told["so"]


def test_a_computing_loop_is_not_said_to_wait_for_a_tool() -> None:
    told = analyse(scenes.async_turns().trace()).summary["verdict"]
    assert "tool" not in told["sentence"]
    assert "lock" not in told["why"]


def test_who_sleeps_beside_one_that_works_waits_for_no_result() -> None:
    relay = Ruling(Verdict.RELAY, Cause.HAND_OVER, 4)
    asleep = say(Measures(tasks=2, waiting=2.0, asleep=1.9), relay, Names(), True)
    assert "result" not in "".join(asleep.values())
    assert "slept" in asleep["sentence"]
    assert "result" in say(Measures(tasks=2, waiting=2.0), relay, Names(), True)["why"]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ({"wants_turn": 5.0}, "event loop"),
        ({"wants_gil": 5.0}, "GIL"),
        ({"wants_tool": 5.0}, "lock"),
        ({"wants_turn": 2.0, "wants_gil": 2.0}, "More cores would help until about 4."),
        ({}, "More cores would help until about 4."),
    ],
)
def test_more_cores_are_advised_only_to_those_who_wait_for_one(
    line: dict[str, float], word: str
) -> None:
    m = Measures(tasks=4, usable=2.0, d_mean=4.0, p_mean=2.0, in_line=6.0, **line)
    assert word in say(m, Ruling(Verdict.BOTH, None, 5), Names(), True)["so"]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"exit": {"code": 3, "signal": None}}, "The program ended with exit code 3."),
        ({"exit": {"code": None, "signal": 9}}, "The program was ended by a signal: SIGKILL."),
        ({"exit": {"code": None, "signal": 900}}, "The program was ended by a signal: number 900."),
        ({"exit": {"code": None, "signal": 2}}, ""),  # Ctrl-C: who pressed it knows
        ({"exit": {"code": None, "signal": 15}, "why": "for"}, ""),
        ({"exit": {"code": 0, "signal": None}}, ""),
        ({}, ""),
    ],
)
def test_how_a_program_ended_is_said_where_it_ended_badly(
    told: dict[str, object], said: str
) -> None:
    worked = scenes.two_processes()
    worked.end = told
    notes = analyse(worked.trace()).summary["measured"]["notes"]
    assert [note for note in notes if note.startswith("The program")] == ([said] if said else [])
    stumbled = scenes.nothing()
    stumbled.end = told
    verdict = analyse(stumbled.trace()).summary["verdict"]
    assert verdict["id"] == "nothing"
    assert verdict["why"] == (said or "The program did too little, or was too short.")
    assert bool(verdict["so"]) is not bool(said)


def test_two_that_never_worked_at_one_moment_are_said_so_without_a_zero() -> None:
    told = analyse(scenes.async_turns().trace()).summary
    assert told["parallelism"]["two_or_more_s"] == 0.0
    assert told["verdict"]["sentence"].endswith("; two never had hands at the same moment.")


def test_where_nothing_happened_nothing_is_said_of_contests() -> None:
    b = scenes.Builder()
    b.hello(0.0)
    b.loop(0.001, 0.008)
    for task in (1, 2):
        begin = 0.001 + task / 1000
        b.task(begin, task, f"t{task}", "job", "app.py", 3)
        scenes.work(b, begin, begin + 0.0005, task, "done")
    b.on(0, 10, 0.008, 0.0081, exits=True)
    told = analyse(b.trace()).summary
    assert told["verdict"]["id"] == "nothing"
    assert told["tasks"]["count"] == 2
    assert not [note for note in told["measured"]["notes"] if "never wanted" in note]
