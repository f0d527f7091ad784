"""All claims, by their numbers; and the search by words."""

from __future__ import annotations

from twocooks.lesson.claim import Claim
from twocooks.lesson.claims import hands, kitchen, limits, turns, wrong

CLAIMS: tuple[Claim, ...] = tuple(
    sorted(
        turns.CLAIMS + hands.CLAIMS + limits.CLAIMS + wrong.CLAIMS + kitchen.CLAIMS,
        key=lambda claim: claim.number,
    )
)
NUMBERS = {claim.number: claim for claim in CLAIMS}


def find(words: list[str]) -> list[Claim]:
    """The claims with these numbers, or those in which all the words occur: in the question, or,
    where none has them there, in question, keys and answer."""
    if words and all(word.isascii() and word.isdigit() for word in words):
        return [NUMBERS[int(word)] for word in words if int(word) in NUMBERS]
    wanted = [word.lower() for word in words]

    def having(text: str) -> bool:
        return all(word in text.lower() for word in wanted)

    return [c for c in CLAIMS if having(f"{c.asks} {c.keys}")] or [
        c for c in CLAIMS if having(f"{c.asks} {c.keys} {c.answer}")
    ]
