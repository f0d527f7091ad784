"""The interview: asks the ladder's questions, shows what to say, lets the reader judge himself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from twocooks.lesson.ask import EndedError, Talk
from twocooks.lesson.claims import NUMBERS
from twocooks.lesson.ladder import LADDER, LISTENS, MEANS, WORDS_A_SECOND, Rung
from twocooks.report.words import count

ENDS = ("q", "quit", "exit")
PROOF = "p runs the proof, Enter goes on, q ends > "
TICK = "Which were in your answer? (for example 1 3; Enter: none, q ends) > "
GOOD = 3
"""With fewer marks a question is to be looked at again."""
MOST_SHOWN = 5
INDENT = 15

Prove = Callable[[int], None]
"""Runs the claim of this number, live, and shows the result."""


@dataclass
class Done:
    """One question that was shown."""

    number: int
    answered: bool = False
    marks: frozenset[int] = frozenset()
    """Of 0 to 3."""


@dataclass
class Interview:
    """One practice: what was done is there whatever ends it."""

    talk: Talk
    prove: Prove
    done: list[Done] = field(default_factory=list)

    def run(self, start: int = 1) -> None:
        """Asks from question ``start`` (from 1) on. EndedError where the answers end."""
        talk = self.talk
        talk.raw("")
        talk.say(
            "An interviewer asks, and each question follows from the one before. Answer in your "
            "own words, best aloud as well; an empty line ends the answer (or skips the question), "
            "q alone on a line ends the interview."
        )
        for number, rung in enumerate(LADDER[start - 1 :], start):
            self.question(number, rung)

    def question(self, number: int, rung: Rung) -> None:
        """One question with its answer, marks and proof."""
        talk = self.talk
        talk.raw("")
        talk.say(f"Question {number} of {len(LADDER)}", dim=True)
        talk.say(rung.asks, bold=True)
        done = Done(number)
        words = self.own_words()
        self.done.append(done)
        talk.raw("")
        if words:
            done.answered = True
            length = count(max(1, round(words / WORDS_A_SECOND)), "second")
            talk.say(f"Your answer: {count(words, 'word')}, about {length} of speaking.", dim=True)
        talk.say(rung.ten, indent=INDENT, first="In 10 seconds")
        talk.raw("")
        talk.say(rung.thirty, indent=INDENT, first="In 30 seconds")
        talk.raw("")
        talk.say("Interviewers listen for four things:")
        for place, (what, mark) in enumerate(zip(LISTENS, rung.marks, strict=True), 1):
            talk.say(mark, indent=INDENT, first=f"{place} {what}")
        if words:
            done.marks = self.ticked()
        self.proofs(rung)

    def own_words(self) -> int:
        """Reads the reader's answer up to an empty line; tells how many words it had."""
        words = 0
        while True:
            line = self.talk.ask("> ")
            if line.lower() in ENDS:
                raise EndedError
            if not line:
                return words
            words += len(line.split())

    def ticked(self) -> frozenset[int]:
        """The marks that the reader gives himself."""
        while True:
            text = self.talk.ask(TICK).lower()
            if text in ENDS:
                raise EndedError
            parts = text.replace(",", " ").split()
            if len(parts) == 1:
                parts = list(parts[0])  # 13 is 1 and 3
            if all(part in ("1", "2", "3", "4") for part in parts):
                return frozenset(int(part) - 1 for part in parts)
            self.talk.say("Please write numbers from 1 to 4, or nothing.", dim=True)

    def proofs(self, rung: Rung) -> None:
        """Offers what proves the answer on this machine."""
        talk = self.talk
        talk.raw("")
        for place, number in enumerate(rung.claims):
            key = "p" if place == 0 else f"p {number}"
            talk.say(f"twocooks prove {number}: {NUMBERS[number].asks}", dim=True, indent=6,
                     first=key)
        while True:
            word, _, rest = talk.ask(PROOF).lower().partition(" ")
            if word in ENDS:
                raise EndedError
            if not word:
                return
            rest = rest.strip() or str(rung.claims[0])
            if word != "p" or not (rest.isascii() and rest.isdigit()) or (
                int(rest[:4]) not in NUMBERS
            ):
                talk.say("Please write p (or p and a claim's number), or nothing.", dim=True)
                continue
            self.prove(int(rest[:4]))

    def sum_up(self) -> None:
        """What went well, and what to look at again."""
        talk, done = self.talk, self.done
        if not done:
            return
        answered = [one for one in done if one.answered]
        marks = sum(len(one.marks) for one in answered)
        talk.raw("")
        told = f"{len(answered)} of {count(len(done), 'question')} answered"
        if answered:
            told += f", with {marks} of {4 * len(answered)} marks"
        talk.say(told + ".", bold=True)
        missing = Counter(
            place for one in answered for place in range(4) if place not in one.marks
        )
        if missing:
            place, often = min(missing.items(), key=lambda item: (-item[1], item[0]))
            talk.say(f"Most often missing: {LISTENS[place]} ({often} of {len(answered)}): "
                     f"{MEANS[place]}.")
        again = [one for one in done if not one.answered or len(one.marks) < GOOD]
        if not again:
            talk.say("Nothing to look at again: three marks or more for each.")
            return
        talk.say("To look at again:")
        again.sort(key=lambda one: (one.answered, len(one.marks), one.number))
        for one in again[:MOST_SHOWN]:
            rung = LADDER[one.number - 1]
            got = f"{len(one.marks)} of 4 marks" if one.answered else "skipped"
            numbers = " ".join(map(str, rung.claims))
            talk.say(f"{rung.asks} ({got}; twocooks prove {numbers})", indent=4,
                     first=str(one.number))
        if again[MOST_SHOWN:]:
            talk.say(f"and {len(again) - MOST_SHOWN} more.", indent=4)
        talk.say(f"Begin there again: twocooks interview --from {again[0].number}", dim=True)


def listed() -> list[str]:
    """The questions, a line each."""
    return [f"{number:>4}  {rung.asks}" for number, rung in enumerate(LADDER, 1)]


def markdown(start: int = 1) -> str:
    """All questions from ``start`` on with their answers, as one document."""
    lines = ["# The interview", "",
             "Questions as they are asked, each a follow-up of the one before; what to say in ten "
             "and in thirty seconds; the four things that interviewers listen for; and the proof."]
    for number, rung in enumerate(LADDER[start - 1 :], start):
        lines += ["", f"## {number}. {rung.asks}", "", f"**In ten seconds.** {rung.ten}", "",
                  f"**In thirty seconds.** {rung.thirty}", "", "They listen for:", ""]
        lines += [f"- **{what}**: {mark}" for what, mark in zip(LISTENS, rung.marks, strict=True)]
        lines += ["", "Proof, on your own machine:", ""]
        lines += [f"- `twocooks prove {claim}`: {NUMBERS[claim].asks}" for claim in rung.claims]
    return "\n".join(lines) + "\n"
