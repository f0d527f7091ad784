"""Plays the course: asks for a guess, runs the experiment, shows the picture, says what it means.

What was seen of each step is kept (``Shown``), so that the page of the course can be written
whatever ended it. Experiments come through ``Play``: tests bring made ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from twocooks import api
from twocooks.analyse import Analysis
from twocooks.lesson import stage
from twocooks.lesson.ask import EndedError, Talk
from twocooks.lesson.claim import CannotShowError, Check, Part, Seen, crowded
from twocooks.lesson.claims import NUMBERS
from twocooks.lesson.course import LAST, STEPS, Step
from twocooks.lesson.show import measured
from twocooks.model import TwocooksError
from twocooks.report.terminal import draw
from twocooks.report.terminal.lanes import fold, shown
from twocooks.report.words import fit, plain, width_of, wrap

GUESS = "Your guess (a number; Enter skips, q ends) > "
NEXT = "Enter: the next step (q ends) > "
ENDS = ("q", "quit", "exit")
SCHEMA = "twocooks.learn/1"


@dataclass
class Played:
    """What one round of a step's claims showed."""

    seen: dict[str, Seen] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    runs: dict[str, Analysis] = field(default_factory=dict)
    """By the names of the parts."""
    notes: list[str] = field(default_factory=list)
    """What could not be shown, or is doubtful."""
    doubtful: bool = False
    """Other programs had the cores: what was measured does not tell who was right."""


Play = Callable[[Step], Played]


@dataclass
class Shown:
    """One step that was played."""

    number: int
    played: Played
    guess: int | None = None


def live(step: Step, say: stage.Say = lambda word: None) -> Played:
    """Plays a step's claims on this machine, one round each."""
    played = Played()

    def keep(part: Part, run: api.Run) -> None:
        played.runs[part.name] = run.analysis

    for number in step.claims:
        claim = NUMBERS[number]
        missing = stage.lacks(claim)
        if missing is not None:
            played.notes.append(f"Claim {number} cannot be shown here: {missing}.")
            continue
        say("the experiment runs ...")
        try:
            seen = stage.play(claim, keep)
            judged = stage.judge(claim, seen)
        except (CannotShowError, TwocooksError) as error:
            played.notes.append(f"Claim {number} cannot be shown here: {error}.")
            continue
        finally:
            say("")
        played.seen.update(seen)
        played.checks += judged.checks
        if crowded(claim, judged, stage.usable()):
            played.doubtful = True
            used = "" if judged.foreign is None else f" (they used {judged.foreign:.1f})"
            played.notes.append(
                f"Other programs had cores meanwhile{used}, so this is not what a quiet machine "
                f"would show: twocooks prove {number} repeats it."
            )
        elif not judged.proves:
            wrong = " and ".join(check.name for check in judged.checks if not check.holds)
            played.notes.append(
                f"Not as foretold in this one run: {wrong}. twocooks prove {number} plays three."
            )
    return played


class Course:
    """One walk through the course."""

    def __init__(self, talk: Talk, play: Play, asks: bool, done: Callable[[int], None]) -> None:
        self.talk, self.play, self.asks, self.done = talk, play, asks, done
        self.walked: list[Shown] = []

    def run(self, start: int = 1) -> None:
        """From step ``start`` to the end. EndedError where the reader or the input ends it."""
        for number, step in enumerate(STEPS[start - 1 :], start):
            self.step(number, step)
            self.done(number)
            if self.asks and number < len(STEPS) and self.talk.interactive:
                self.talk.raw("")
                if self.talk.ask(NEXT).lower() in ENDS:
                    raise EndedError
        self.last()

    def step(self, number: int, step: Step) -> None:
        """One step."""
        talk = self.talk
        talk.raw("")
        talk.say(f"Step {number} of {len(STEPS)}", dim=True)
        talk.say(step.title, bold=True)
        talk.raw("")
        talk.say(step.tells)
        guess = self.guess(step)
        played = self.play(step)
        self.walked.append(Shown(number, played, guess))
        self.pictures(step, played)
        self.numbers(step, played)
        self.judge(step, played, guess)
        talk.raw("")
        talk.say(step.means)
        talk.raw("")
        talk.say(step.word, bold=True)

    def guess(self, step: Step) -> int | None:
        """The reader's guess, None where there is none."""
        talk = self.talk
        talk.raw("")
        talk.say(step.asks, bold=True)
        for number, text in enumerate(step.guesses, 1):
            talk.say(text, indent=2, first=str(number))
        if not self.asks:
            return None
        while True:
            word = talk.ask(GUESS).lower()
            if word in ENDS:
                raise EndedError
            if word in ("", "s", "skip"):
                return None
            if word.isascii() and word.isdigit() and 1 <= int(word[:4]) <= len(step.guesses):
                return int(word)
            talk.say(f"Please write a number from 1 to {len(step.guesses)}.", dim=True)

    def pictures(self, step: Step, played: Played) -> None:
        """The report's lanes of the runs that the step is about."""
        talk = self.talk
        for name, title in step.pictures:
            if name not in played.runs:
                continue
            talk.raw("")
            talk.say(title, bold=True)
            analysis = played.runs[name]
            lanes = fold(shown(analysis))
            for line in draw.rows(analysis, lanes, talk.painter, max(60, talk.options.width)):
                talk.raw(line)

    def numbers(self, step: Step, played: Played) -> None:
        """What was measured, a line each, and what is doubtful."""
        talk = self.talk
        checks = step.shown(played.checks)
        talk.raw("")
        if checks:
            talk.say("Measured just now, on this machine:")
            names = [list(wrap(check.name, talk.width - 22)) for check in checks]
            room = max(width_of(row) for name in names for row in name) + 2
            for name, check in zip(names, checks, strict=True):
                told = [*name[:-1], fit(name[-1], room) + measured(check)]
                for row in told:
                    talk.raw("    " + plain(row, unicode=talk.options.unicode))
        for note in played.notes:
            talk.say(note, indent=2, first="!")
        talk.raw("")

    def judge(self, step: Step, played: Played, guess: int | None) -> None:
        """Whether the guess was right, by what was measured."""
        talk = self.talk
        right = right_of(step, played)
        if right is None:
            talk.say("Which guess is right cannot be told from this run.")
        elif guess is None:
            talk.say(f"So it is {right}: {step.guesses[right - 1]}.")
        elif guess == right:
            talk.say(f"You were right: {step.guesses[right - 1]}.")
        else:
            talk.say(f"You said: {step.guesses[guess - 1]}. It is: {step.guesses[right - 1]}.")

    def last(self) -> None:
        """On to the reader's own program."""
        talk = self.talk
        sentence, *commands = LAST
        talk.raw("")
        talk.say(str(sentence), bold=True)
        room = max(len(command) for command, _ in commands) + 2
        for command, what in commands:
            if talk.width - room >= 30:
                talk.say(what, indent=room, first=command)
            else:
                talk.say(command)
                talk.say(what, indent=4)


def right_of(step: Step, played: Played) -> int | None:
    """The number of the right guess; None where the run does not tell."""
    if isinstance(step.right, int):
        return step.right
    if played.doubtful:
        return None
    try:
        return step.right(played.seen)
    except (KeyError, ZeroDivisionError):  # the part that tells it was not run
        return None


# ---- where one left off ------------------------------------------------------------------------


def left_off(path: Path) -> int:
    """The last step that was done, 0 where nothing is known."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        done = kept["done"] if kept["schema"] == SCHEMA else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return done if isinstance(done, int) and 0 <= done <= len(STEPS) else 0


def remember(path: Path, done: int) -> None:
    """Writes it down; where that cannot be, the course begins anew next time."""
    import contextlib

    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(json.dumps({"schema": SCHEMA, "done": done}) + "\n", encoding="ascii")
