"""The verdict as a pure function: rules in their order, thresholds on both sides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from twocooks.analyse.account import Measures
from twocooks.analyse.verdict import decide

TURNS = Measures(
    tasks=2,
    wall=1.0,
    cpu=1.0,
    active=1.0,
    busy=1.0,
    work=1.0,
    gamma=1.0,
    sigma=0.0,
    d2=0.9,
    p2=0.0,
    in_line=0.9,
    crowded_line=0.9,
    wants_gil=0.9,
    gil=True,
    usable=2.0,
    free=1.9,
    beta=1.0,
    one_process=True,
)


SHORT: dict[str, object] = {
    "sigma": 1.0, "p2": 0.05, "in_line": 0.0, "crowded_line": 0.0, "waiting": 9.0, "beta": 0.1,
}  # fmt: skip
"""A short time together among tasks that mostly wait."""


def told(**changes: object) -> tuple[str, str | None]:
    ruling = decide(replace(TURNS, **changes))  # type: ignore[arg-type]
    return str(ruling.verdict), str(ruling.cause) if ruling.cause else None


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, ("turns", "gil")),
        ({"interpreters": True}, ("turns", "gil")),
        ({"interpreters": True, "wants_gil": 0.1}, ("turns", "unknown")),
        ({"interpreters": True, "wants_gil": 0.1, "sigma": 0.3}, ("sometimes", "unknown")),
        ({"one_thread": True, "loops": True}, ("turns", "one-loop")),
        ({"one_thread": True, "loops": True, "free": 0.5}, ("turns", "one-loop")),
        (
            {"one_thread": True, "loops": True, "free": 0.5, "beta": 0.5, "wanted": 1.0},
            ("turns", "no-free-core"),
        ),
        (
            {"one_thread": True, "loops": True, "free": 1.9, "beta": 0.5, "wanted": 1.0},
            ("turns", "one-loop"),
        ),
        ({"usable": 1.0}, ("turns", "one-core")),
        ({"usable": 1.0, "free": 0.4}, ("turns", "one-core")),
        ({"usable": 1.5, "places": 2}, ("turns", "no-free-core")),
        ({"usable": 1.0, "places": 1}, ("turns", "one-core")),
        ({"free": 1.59}, ("turns", "no-free-core")),
        ({"free": 1.6}, ("turns", "gil")),
        ({"free": 1.0, "wants_tool": 0.8}, ("turns", "no-free-core")),
        ({"wants_tool": 0.45}, ("turns", "lock")),
        ({"wants_tool": 0.44}, ("turns", "gil")),
        ({"gil": False}, ("turns", "unknown")),
        ({"one_process": False}, ("turns", "unknown")),
        ({"one_core": True, "gil": False}, ("turns", "one-core")),
        ({"sigma": 0.099, "p2": 0.0891}, ("turns", "gil")),
        ({"sigma": 0.11, "p2": 0.1}, ("sometimes", "gil")),
        ({"sigma": 0.5, "p2": 0.45}, ("both", None)),
        ({"sigma": 0.5, "p2": 0.45, "crowded_line": 0.2}, ("both", None)),
        ({"sigma": 0.5, "p2": 0.45, "crowded_line": 0.05}, ("parallel", None)),
        ({"sigma": 0.9, "p2": 0.81, "crowded_line": 0.0}, ("parallel", None)),
        ({"sigma": 0.9, "p2": 0.81, "crowded_line": 0.0, "crowded_turns": 3}, ("both", None)),
        ({"sigma": 0.9, "p2": 0.81, "crowded_line": 0.0, "free": 0.9}, ("parallel", None)),
        ({"work": 0.004, "waiting": 0.009}, ("nothing", None)),
        ({"tasks": 0}, ("nothing", None)),
        ({"tasks": 1}, ("single", None)),
        ({"tasks": 1, "many": 0.25}, ("many-hands", None)),
        ({"gamma": 0.05, "many": 0.3}, ("many-hands", None)),
        ({"gamma": 0.05}, ("one-after-another", "await-by-await")),
        ({"gamma": 0.05, "line0": 0.5, "line0_tool": 0.3}, ("one-after-another", "lock")),
        (
            {
                "gamma": 0.05,
                "line0": 0.5,
                "line0_queued": 0.5,
                "one_worker": True,
                "one_thread": True,
            },
            ("one-after-another", "one-worker"),
        ),
        (
            {"gamma": 0.05, "line0": 0.5, "line0_turn": 0.5, "one_thread": True, "loops": True},
            ("one-after-another", "loop-held"),
        ),
        ({"gamma": 0.05, "line0": 0.5, "line0_turn": 0.5}, ("one-after-another", "gil")),
        ({"gamma": 0.05, "line0": 0.5, "free": 1.0}, ("one-after-another", "no-free-core")),
        ({"gamma": 0.05, "line0": 0.5, "usable": 1.0}, ("one-after-another", "one-core")),
        ({"gamma": 0.05, "line0": 0.5, "gil": None}, ("one-after-another", "unknown")),
        ({"d2": 0.001, "waiting": 9.0, "beta": 0.1}, ("waiting-together", None)),
        # What the host took away may be all of the contest between tasks that mostly wait.
        ({**SHORT, "d2": 0.03}, ("parallel", None)),
        ({**SHORT, "d2": 0.03, "stolen": 0.02}, ("waiting-together", None)),
        ({**SHORT, "d2": 0.05, "stolen": 0.02}, ("parallel", None)),
        ({**SHORT, "d2": 0.03, "stolen": 0.02, "beta": 0.9, "waiting": 0.1}, ("parallel", None)),
        # Of a short task beside a long one, half of what is possible is a contest.
        ({"d2": 0.01, "company": 0.02}, ("turns", "gil")),
        ({"d2": 0.009, "company": 0.02}, ("relay", "hand-over")),
        ({"d2": 0.004, "company": 0.005}, ("relay", "hand-over")),
        ({"d2": 0.001, "beta": 0.5}, ("relay", "hand-over")),
        ({"d2": 0.001, "beta": 0.49}, ("turns", "no-contest")),
        ({"d2": 0.001, "beta": 0.3, "wanted": 0.6, "free": 1.0}, ("relay", "hand-over")),
        ({"d2": 0.001, "beta": 0.3, "wanted": 0.6, "free": 1.9}, ("turns", "no-contest")),
        (
            {"d2": 0.0, "hidden": 0.9, "beta": 1.0, "in_line": 0.0, "wants_gil": 0.0},
            ("turns", "unknown"),
        ),
        ({"d2": 0.0, "hidden": 0.9, "waiting": 9.0, "beta": 0.1}, ("waiting-together", None)),
        ({"d2": 0.0, "hidden": 0.9, "omega": 0.8, "crowded_line": 0.0}, ("parallel", None)),
        ({"cores_seen": False}, ("cannot-tell", None)),
        ({"cores_seen": False, "cpu": 1.5}, ("cannot-tell", None)),
        ({"cores_seen": False, "proven_p2": 0.44, "crowded_line": 0.0}, ("cannot-tell", None)),
        ({"cores_seen": False, "proven_p2": 0.45, "crowded_line": 0.0}, ("parallel", None)),
        ({"cores_seen": False, "proven_p2": 0.45, "crowded_line": 0.9}, ("both", None)),
        (
            {"cores_seen": False, "proven_p2": 0.45, "hidden": 0.1, "crowded_line": 0.0},
            ("cannot-tell", None),
        ),
        ({"cores_seen": False, "proven_p2": 0.9, "gamma": 0.09}, ("cannot-tell", None)),
        ({"cores_seen": False, "tasks": 1, "proven_k2": 0.3}, ("many-hands", None)),
        ({"cores_seen": False, "tasks": 1, "proven_k2": 0.2}, ("cannot-tell", None)),
        (
            {"cores_seen": False, "tasks": 1, "proven_k2": 0.3, "unseen": True},
            ("cannot-tell", None),
        ),
        ({"cores_seen": False, "tasks": 0, "unseen": True}, ("cannot-tell", None)),
        ({"cores_seen": False, "tasks": 0}, ("nothing", None)),
    ],
)
def test_a_rule(changes: dict[str, object], answer: tuple[str, str | None]) -> None:
    assert told(**changes) == answer


def test_hidden_waits_count_only_where_they_could_change_the_verdict() -> None:
    assert replace(TURNS, hidden=0.1).d_known
    assert not replace(TURNS, d2=0.9, p2=0.46, hidden=0.1, sigma=0.51).d_known
    assert not replace(TURNS, d2=0.001, hidden=0.1).d_known
    assert replace(TURNS, d2=0.001, hidden=0.001).d_known


def test_a_core_left_free_by_the_kernel_makes_no_contest() -> None:
    """Only where it is little, the machine free, and the program not on one core by itself."""
    relay = {"d2": 0.04, "placed": 0.035, "beta": 1.0, "active": 0.8}
    assert told(**relay) == ("relay", "hand-over")
    assert told(**relay | {"placed": 0.0})[0] == "turns"
    assert told(**relay | {"free": 1.0})[0] == "turns"
    assert told(**relay | {"one_core": True})[0] == "turns"
    assert told(**relay | {"d2": 0.2, "placed": 0.195})[0] == "turns"
