"""The lesson's programs live: what is certain on any machine. All judges are tested with made
evidence in tests/unit."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from twocooks import cli
from twocooks.lesson import learn, stage
from twocooks.lesson.claim import Part
from twocooks.lesson.claims import NUMBERS
from twocooks.lesson.course import STEPS

CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children")


def test_a_claim_that_luck_has_no_part_in(capfd: pytest.CaptureFixture[str]) -> None:
    """One thread's race loses exactly as much each time, on any number of cores."""
    code = cli.main(["prove", "28", "--json", "-"])
    found = json.loads(capfd.readouterr().out)["claims"][0]
    if "doctor" in found["why"]:
        pytest.skip("the kernel does not tell its switches here")
    assert code == 0
    assert (found["outcome"], found["runs"], found["runs_discarded"]) == ("proven", 3, 0)
    assert [n["value"] for n in found["numbers"]] == [4000, 1000]


@pytest.mark.parametrize("one_core", [True, False])
def test_a_part_gets_its_cores(one_core: bool, tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    seen, run = stage.watched(Part("two", "two_processes", one_core=one_core), tmp_path)
    assert os.sched_getaffinity(0) == before
    assert seen.said["work_s"] == 0.6
    if seen.summary["measured"]["source"] != "kernel":
        pytest.skip("the kernel does not tell its switches here")
    assert run.summary["cores"]["usable"] == (1 if one_core else stage.usable())
    assert seen.at("tasks.count") == 2
    if one_core and not run.summary["measured"]["lost_events"]:
        assert seen.at("parallelism.max") == 1
        assert seen.two_s == 0


def test_strangers_come_and_go() -> None:
    if not CHILDREN.exists():
        pytest.skip("this kernel does not list a thread's children")
    before = CHILDREN.read_text().split()
    with stage.held(set(sorted(os.sched_getaffinity(0))[:1])):
        with stage.crowd(Part("crowded", "two_processes", crowded=True)):
            assert len(CHILDREN.read_text().split()) == len(before) + 2
        with stage.crowd(Part("alone", "two_processes")):
            assert CHILDREN.read_text().split() == before
    assert CHILDREN.read_text().split() == before


def test_a_step_of_the_course() -> None:
    step = STEPS[2]
    played = learn.live(step)
    if any("doctor" in note for note in played.notes):
        pytest.skip("the kernel does not tell its switches here")
    assert set(played.runs) == {part.name for n in step.claims for part in NUMBERS[n].parts}
    found = {check.name: check.value for check in played.checks}
    assert found["company that they had"] == 0
    assert learn.right_of(step, played) == 2
