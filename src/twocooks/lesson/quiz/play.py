"""Asks for the verdicts of runs, reveals each with its reason, and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from twocooks.analyse import Analysis
from twocooks.lesson.ask import EndedError, Talk
from twocooks.lesson.quiz.reasons import CHOICES, LOOK, TITLES, reason
from twocooks.model import Verdict
from twocooks.report import told
from twocooks.report.base import MAX_WIDTH, MIN_PAGE
from twocooks.report.terminal import draw
from twocooks.report.terminal.lanes import fold, shown
from twocooks.report.terminal.paint import BOLD, DIM
from twocooks.report.words import fit

PROMPT = "Which is it? (1 to 9, ? explains, Enter skips, q ends) > "
NEXT = "Enter: the next one (q ends) > "
ENDS = ("q", "quit", "exit")
INDENT = 10
CHOICE = 38
"""Columns of an answer to choose."""
BETTER_AT = 2
"""So many mistakes of one kind are told as a habit."""


class Question(NamedTuple):
    """One run to name."""

    analysis: Analysis
    about: str = ""
    """What it was, told with the answer."""


class Answer(NamedTuple):
    """What it was, and what the reader said (None: skipped)."""

    right: Verdict
    said: Verdict | None


@dataclass
class Score:
    """All answers of one quiz."""

    answers: list[Answer] = field(default_factory=list)

    @property
    def points(self) -> int:
        return sum(answer.said is answer.right for answer in self.answers)

    @property
    def skipped(self) -> int:
        return sum(answer.said is None for answer in self.answers)

    def mixed_up(self) -> list[tuple[Verdict, Verdict, int]]:
        """(what it was, what was said, how often), the most frequent first."""
        wrong = Counter(
            (answer.right, answer.said) for answer in self.answers
            if answer.said is not None and answer.said is not answer.right
        )
        return [(right, said, often) for (right, said), often in wrong.most_common()]


class Game:
    """One quiz: its score is there whatever ends it."""

    def __init__(self, talk: Talk, count: int) -> None:
        self.talk, self.count = talk, count
        self.score = Score()

    def run(self, questions: Iterable[Question]) -> Score:
        """Asks until the questions, the answers, or the reader's wish is at an end."""
        for number, question in enumerate(questions, 1):
            self.show(question, number)
            said = self.answer()
            right = Verdict(question.analysis.summary["verdict"]["id"])
            self.score.answers.append(Answer(right, said))
            self.reveal(question, right, said)
            if self.talk.interactive and number < self.count:
                if self.talk.ask(NEXT).lower() in ENDS:
                    raise EndedError
                self.talk.raw("")
        return self.score

    def show(self, question: Question, number: int) -> None:
        """The picture of the report, without its words."""
        talk = self.talk
        talk.raw("")
        talk.say(f"Run {number} of {self.count}", bold=True)
        lanes = fold(shown(question.analysis))
        width = max(MIN_PAGE, min(talk.options.width, MAX_WIDTH))
        for line in draw.rows(question.analysis, lanes, talk.painter, width):
            talk.raw(line)
        talk.raw("")
        self.choices()

    def choices(self) -> None:
        """The answers, in two columns where there is room for them."""
        cells = [f"{number} {title}" for number, (_, title, _) in enumerate(CHOICES, 1)]
        half = (len(cells) + 1) // 2
        if self.talk.options.width < 2 * CHOICE + 2:
            half = len(cells)
        for row in range(half):
            right = cells[row + half] if row + half < len(cells) else ""
            self.talk.raw(f"  {fit(cells[row], CHOICE)}{right}".rstrip())

    def explain(self) -> None:
        """What the answers mean."""
        for number, (_, title, meaning) in enumerate(CHOICES, 1):
            self.talk.say(f"{title}: {meaning}.", indent=2, first=str(number))

    def answer(self) -> Verdict | None:
        """The reader's verdict, None where it is skipped. EndedError where the reader ends it."""
        while True:
            word = self.talk.ask(PROMPT).lower()
            if word in ENDS:
                raise EndedError
            if word in ("", "s", "skip"):
                return None
            if word.isascii() and word.isdigit() and 1 <= int(word[:4]) <= len(CHOICES):
                return CHOICES[int(word) - 1][0]
            if word != "?":
                self.talk.say("Please write a number from 1 to 9.", dim=True)
            else:
                self.explain()

    def reveal(self, question: Question, right: Verdict, said: Verdict | None) -> None:
        """What it was, by which rule, and where it is to be seen."""
        talk, verdict = self.talk, question.analysis.summary["verdict"]
        headline, technical = told.headline(verdict, str(verdict["headline"]))
        judged = "Right: " if said is right else "It was: " if said is None else "No, it was: "
        talk.raw("")
        talk.raw(talk.painter.line([("  " + judged, DIM), (headline, BOLD)]))
        if technical:
            talk.say(technical, indent=INDENT)
        if said is not None and said is not right:
            talk.say(f"{TITLES[said]}: {_meaning(said)}.", indent=INDENT, first="You said")
        told_by = reason(question.analysis.summary)
        talk.say(told_by.text, indent=INDENT, first=f"Rule {told_by.rule}")
        talk.say(LOOK[right], indent=INDENT, first="See it")
        if verdict.get("why"):
            talk.say(str(verdict["why"]), indent=INDENT, first="Why")
        for warning in told.warnings(question.analysis.summary):
            talk.say(warning, indent=INDENT, first="Careful")
        if question.about:
            talk.say(question.about, indent=INDENT, dim=True)

    def sum_up(self, again: str = "") -> None:
        """The score, and what was mixed up. ``again``: the command for the same runs."""
        talk, score = self.talk, self.score
        if not score.answers:
            return
        talk.raw("")
        skipped = f" ({score.skipped} skipped)" if score.skipped else ""
        talk.say(f"{score.points} of {len(score.answers)} right{skipped}.", bold=True)
        for right, said, often in score.mixed_up():
            times = {1: "Once", 2: "Twice"}.get(often, f"{often} times")
            talk.say(f"{times} it was \"{TITLES[right]}\", and you said \"{TITLES[said]}\".")
            if often >= BETTER_AT:
                talk.say(f"{TITLES[right]}: {LOOK[right]}", indent=2)
        if again:
            talk.say(f"The same runs again: {again}", dim=True)


def _meaning(verdict: Verdict) -> str:
    return next(meaning for one, _, meaning in CHOICES if one is verdict)
