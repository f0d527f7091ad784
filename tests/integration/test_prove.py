"""Claims proven live: two short ones. All judges are tested with made evidence in tests/unit."""

from __future__ import annotations

import json

import pytest

from twocooks import cli
from twocooks.lesson import stage
from twocooks.lesson.claim import CannotShowError
from twocooks.lesson.claims import NUMBERS


def test_a_claim_that_luck_has_no_part_in(capfd: pytest.CaptureFixture[str]) -> None:
    """One thread's race loses exactly as much each time, on any number of cores."""
    code = cli.main(["prove", "28", "--json", "-"])
    found = json.loads(capfd.readouterr().out)["claims"][0]
    if "doctor" in found["why"]:
        pytest.skip("the kernel does not tell its switches here")
    assert code == 0
    assert (found["outcome"], found["runs"], found["runs_discarded"]) == ("proven", 3, 0)
    assert [n["value"] for n in found["numbers"]] == [4000, 1000]


def test_two_hands_of_processes(free_cores: None) -> None:
    claim = NUMBERS[12]
    try:
        judged = stage.judge(claim, stage.play(claim))
    except CannotShowError as error:
        pytest.skip(str(error))
    if not judged.proves and (judged.free is None or judged.free < 1.9):
        pytest.skip(f"cores not free: {judged.free} during the run")
    assert judged.proves, judged
