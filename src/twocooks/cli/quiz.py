"""Pictures of runs without their verdict: name it, and see why it is so.

twocooks quiz [OPTIONS]

--seed N           the same runs again (otherwise they are new each time)
--live             record the lesson's programs now, instead of showing made runs

Ten made runs show every verdict at least once, in random order and with random details; each is
read and judged as a recorded one is. Answer with a number; ? explains the answers, an empty line
skips, q ends. At the end: the score, and what you mixed up. Which runs --live shows is measured:
there the verdicts are what your machine did.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from twocooks.cli import common
from twocooks.cli.common import fail

if TYPE_CHECKING:
    from twocooks.lesson.quiz.play import Question

VALUED = {"--seed": "--seed"}
FLAGS = {"--live"}
MOST_DIGITS = 18


def main(argv: list[str]) -> int:
    values, flags, words = common.take_options(argv, VALUED, FLAGS)
    if words:
        fail(f"quiz has no {words[0]!r}; see twocooks quiz --help")
    seed = _seed(values.get("--seed"))
    common.load_numpy()
    from twocooks.lesson.ask import EndedError, Talk
    from twocooks.lesson.quiz import live, runs
    from twocooks.lesson.quiz.play import Game

    talk = Talk(common.place(sys.stdout))
    if "--live" in flags:
        from twocooks.cli.run import require_platform

        require_platform()
        game, questions = Game(talk, len(live.PARTS)), live.questions(seed, _progress)
    else:
        game, questions = Game(talk, runs.ROUND), _made(seed)
    again = f"twocooks quiz --seed {seed}" if "--live" not in flags else ""
    try:
        game.run(questions)
    except EndedError:
        talk.ended("quiz")
    except KeyboardInterrupt:
        talk.raw("")
        game.sum_up(again)
        raise
    game.sum_up(again)
    return 0


def _made(seed: int) -> Iterator[Question]:
    from twocooks.lesson.quiz import runs
    from twocooks.lesson.quiz.play import Question

    for made in runs.draw(seed):
        yield Question(made.tape.analysis())


def _seed(text: str | None) -> int:
    if text is None:
        return random.randrange(1, 100_000)
    if not (text.isascii() and text.isdigit()) or len(text) > MOST_DIGITS:
        fail(f"--seed {text!r} is no whole number; write for example --seed 7")
    return int(text)


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
