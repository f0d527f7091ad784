"""The words of a verdict: a sentence for every one, and plain about what was waited for."""

from __future__ import annotations

import pytest

from tests.unit.analyse import scenes, test_servers
from twocooks.analyse import analyse
from twocooks.analyse.account import Measures
from twocooks.analyse.verdict import Ruling
from twocooks.analyse.words import SENTENCES, UNITS, Names, say
from twocooks.model import Verdict


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
                           wall=1, cpu=1 + h),
                  Ruling(verdict, None, rule))
            for n in (0, 1, 2) for g in (0, 1) for d in (0, 1) for h in (0, 9) for t in (0, 1)
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
