"""What nobody could tell is said: processes without the agent, libraries that are not followed."""

from __future__ import annotations

import pytest

from tests.kit.builder import Builder
from twocooks.analyse import analyse
from twocooks.analyse.account import account
from twocooks.analyse.timeline import build_timeline


def notes(b: Builder, word: str) -> list[str]:
    return [n for n in analyse(b.trace()).summary["measured"]["notes"] if word in n]


def program(*, agent: bool = True) -> Builder:
    """A Python that works for a second."""
    b = Builder()
    b.exec(0.0, "python")
    if agent:
        b.hello(0.01)
    b.on(0, tid=10, start=0.0, end=1.0)
    return b


def child(b: Builder, pid: int, name: str | None, hello: bool = False, parent: int = 10) -> None:
    """A process of 0.1 s that begins another program, or stays a fork."""
    b.fork(0.2, pid=pid, ppid=parent)
    if name is not None:
        b.exec(0.21, name, pid=pid)
    if hello:
        b.hello(0.22, pid=pid)
    b.on(1, tid=pid, pid=pid, start=0.2 + pid / 1000, end=0.2 + (pid + 1) / 1000, exits=True)


def test_programs_that_did_not_greet_are_counted_by_name() -> None:
    b = program()
    child(b, 20, "python")
    child(b, 21, "python")
    child(b, 22, "sort")
    child(b, 23, "python", hello=True)
    assert notes(b, "agent") == [
        "3 processes ran without the agent: python (2), sort. They are not Python, or were started "
        "without it: only their threads are known, not the tasks inside them."
    ]


def test_a_fork_is_as_its_parent() -> None:
    b = program()
    child(b, 20, None)
    assert notes(b, "agent") == []
    child(b, 21, "sh")
    child(b, 22, None, parent=21)
    assert notes(b, "agent")[0].startswith("2 processes ran without the agent: sh")


def test_many_names_are_not_all_told() -> None:
    b = program()
    for i, name in enumerate(["a", "b", "c", "d", "e"]):
        child(b, 20 + i, name)
    assert "a, b, c, d, others." in notes(b, "agent")[0]


def test_a_program_that_became_another_one_has_lost_its_agent() -> None:
    b = program()
    child(b, 20, "python", hello=True)
    b.exec(0.2203, "sort", pid=20)
    assert notes(b, "agent")[0].startswith("1 process ran without the agent: sort. ")


def test_without_any_agent_one_note_says_so() -> None:
    b = program(agent=False)
    child(b, 20, "sort")
    (note,) = notes(b, "agent")
    assert note.startswith("No agent was inside the program")


def test_a_library_that_is_not_followed_is_named_once() -> None:
    b = program()
    b.agent(0.3, "NOT_FOLLOWED", text="gevent")
    b.agent(0.4, "NOT_FOLLOWED", text="gevent")
    (note,) = notes(b, "not followed")
    assert note.startswith("The program uses gevent, whose tasks are not followed")


@pytest.mark.parametrize("made", [0, 1])
def test_sub_interpreters_of_the_program_are_known_to_the_verdict(made: int) -> None:
    b = program()
    for n in range(made):
        b.agent(0.02, "INTERPRETER", n + 1)
    measures = account(build_timeline(b.trace()), 2.0).measures
    assert measures.interpreters is bool(made)
