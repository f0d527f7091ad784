"""Practise the interview: questions, your own words, then what to say, and the proof.

twocooks interview [OPTIONS]

--from N           begin with question N
--list             the questions, a line each
--markdown         all questions and answers as one document on stdout

Eleven questions, each a follow-up of the one before, from "what is the difference" to "how would
you prove it". After your answer: one for ten and one for thirty seconds of speaking, and the four
things that interviewers listen for, to tick for yourself. p runs what proves it, on this machine
(twocooks prove). An empty line skips, q ends; at the end it says what to look at again.
"""

from __future__ import annotations

import sys

from twocooks.cli import common
from twocooks.cli.common import fail
from twocooks.model import TwocooksError, printable

VALUED = {"--from": "--from"}
FLAGS = {"--list", "--markdown", "--md"}


def main(argv: list[str]) -> int:
    values, flags, words = common.take_options(argv, VALUED, FLAGS)
    if words:
        fail(f"interview has no {words[0]!r}; see twocooks interview --help")
    from twocooks.lesson import interview
    from twocooks.lesson.ask import EndedError, Talk

    start = _start(values.get("--from"))
    if "--list" in flags:
        print("\n".join(interview.listed()[start - 1 :]))
        return 0
    if flags:
        sys.stdout.write(interview.markdown(start))
        return 0
    talk = Talk(common.place(sys.stdout))
    practice = interview.Interview(talk, _prove)
    try:
        practice.run(start)
    except EndedError:
        talk.ended("interview")
    except KeyboardInterrupt:
        talk.raw("")
        practice.sum_up()
        raise
    practice.sum_up()
    return 0


def _start(text: str | None) -> int:
    from twocooks.lesson.ladder import LADDER

    if text is None:
        return 1
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:4]) <= len(LADDER):
        fail(f"--from {text!r}: the questions have the numbers 1 to {len(LADDER)}")
    return int(text)


def _prove(number: int) -> None:
    """Runs a proof in place; what goes wrong in it, or a Ctrl-C, ends only the proof."""
    from twocooks.cli import prove

    sys.stdout.flush()
    try:
        prove.main([str(number)])
    except TwocooksError as error:
        print(f"  {printable(str(error))}")
    except KeyboardInterrupt:
        print("\n  The proof was stopped.")
