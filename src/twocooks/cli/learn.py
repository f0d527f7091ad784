"""The course: the difference in eight steps, each run on this machine.

twocooks learn [OPTIONS]

--from N           begin with step N
--restart          begin with the first step again
--all              all steps, without questions
--html FILE        from the first step on, and the course with your numbers as one page
--list             the steps, a line each

Each step asks for a guess, runs the experiment, shows its picture and numbers, and says what they
mean. Guesses are numbers; an empty line skips, q ends. The next time it goes on where it ended.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from twocooks.cli import common
from twocooks.cli.common import fail

if TYPE_CHECKING:
    from twocooks.lesson.ask import Talk
    from twocooks.lesson.course import Step
    from twocooks.lesson.learn import Course, Played

VALUED = {"--from": "--from", "--html": "--html"}
FLAGS = {"--restart", "--all", "--list"}


def main(argv: list[str]) -> int:
    values, flags, words = common.take_options(argv, VALUED, FLAGS)
    if words:
        fail(f"learn has no {words[0]!r}; see twocooks learn --help")
    from twocooks.lesson.course import STEPS

    if "--list" in flags:
        print("\n".join(f"{number}  {step.title}" for number, step in enumerate(STEPS, 1)))
        return 0
    from twocooks.cli import store
    from twocooks.cli.run import require_platform
    from twocooks.lesson import learn
    from twocooks.lesson.ask import EndedError, Talk

    target = Path(values["--html"]) if "--html" in values else None
    kept = store.folder() / "learn.json"
    begin = _start(values.get("--from"), kept, bool(flags & {"--restart", "--all"}) or bool(target))
    require_platform()
    common.load_numpy()
    if target is not None:
        from twocooks.report.base import PAGE_HEAD

        common.may_write(target, "--html", PAGE_HEAD)
    talk = Talk(common.place(sys.stdout))
    asks = "--all" not in flags and (talk.interactive or target is None)
    course = learn.Course(talk, _live, asks, partial(learn.remember, kept))
    _greet(talk, begin)
    try:
        course.run(begin)
    except EndedError:
        talk.raw("")
        talk.ended("course")
        _left(talk, course)
    except KeyboardInterrupt:
        talk.raw("")
        _left(talk, course)
        _write(course, target, talk)
        raise
    _write(course, target, talk)
    return 0


def _start(text: str | None, kept: Path, first: bool) -> int:
    from twocooks.lesson.course import STEPS
    from twocooks.lesson.learn import left_off

    if text is not None:
        if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:4]) <= len(STEPS):
            fail(f"--from {text!r}: the steps have the numbers 1 to {len(STEPS)}")
        return int(text)
    done = 0 if first else left_off(kept)
    return done + 1 if done < len(STEPS) else 1


def _greet(talk: Talk, begin: int) -> None:
    talk.raw("")
    if begin > 1:
        talk.say(f"On with step {begin}; --restart begins with the first one again.")
    else:
        talk.say("Two words, eight steps of a minute or two. Guess first: then this machine says "
                 "what is so. All that is shown was measured here, just then.")


def _left(talk: Talk, course: Course) -> None:
    if course.walked:
        talk.say("twocooks learn goes on from here.", dim=True)


def _live(step: Step) -> Played:
    from twocooks.lesson import learn

    sys.stdout.flush()
    return learn.live(step, _progress)


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def _write(course: Course, target: Path | None, talk: Talk) -> None:
    if target is None or not course.walked:
        return
    from twocooks.lesson import course_page
    from twocooks.report.html import write

    write(target, course_page.page(course.walked))
    talk.raw("")
    talk.say(f"The course with your numbers: {target}")
