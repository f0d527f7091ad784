"""Claims about what goes wrong: races, deadlocks, unfair locks."""

from __future__ import annotations

from twocooks.lesson.claim import Check, Claim, Part, Round
from twocooks.lesson.claims.turns import share


def race(seen: Round) -> list[Check]:
    one = seen["race"]
    wanted = one.said["wanted"]
    checks = [
        Check("updates made", wanted, "count"),
        Check("updates found", one.said["found"], "count", most=wanted - 1),
    ]
    # With the GIL it loses none today, which no rule of the language promises: told, not demanded.
    most = None if one.gil else wanted - 1
    return [*checks, Check("with y += 1 found", one.said["found_plainly"], "count", most=most)]


def one_thread(seen: Round) -> list[Check]:
    said = seen["race"].said
    return [
        Check("updates made", said["wanted"], "count"),
        Check("updates found", said["found"], "count", least=said["wanted"] / 4,
              most=said["wanted"] / 4),
    ]


def safe(seen: Round) -> list[Check]:
    said = seen["shelf"].said
    wanted = said["wanted"]
    return [
        Check("single operations made", wanted, "count"),
        Check("single operations found", said["appended"], "count", least=wanted, most=wanted),
        Check("sequences found", said["counted"], "count", most=wanted - 1),
    ]


def deadlock(seen: Round) -> list[Check]:
    said = seen["tools"].said
    return [
        Check("crosswise: cooks who gave up", said["crossed_gave_up"], "count", least=1),
        Check("crosswise took", said["crossed_s"], "s", least=0.3),
        Check("in one order: cooks who gave up", said["ordered_gave_up"], "count", most=0),
        Check("in one order took, of crosswise", share(said["ordered_s"], said["crossed_s"]),
              "share", most=0.8),
    ]


def unfair(seen: Round) -> list[Check]:
    return [
        Check("rounds in a row of one process, of 20", seen["lock"].said["longest_run"], "count",
              least=5)
    ]


CLAIMS: tuple[Claim, ...] = (
    Claim(27, "What is a race condition?",
          "Both taste, both add salt. Read, think, write: who changes the value in between is "
          "overwritten, and an update is lost.",
          (Part("race", "race_threads"),), race, keys="lost update threads wrong numbers"),
    Claim(28, "Can one thread race?",
          "Alone, too, you can salt twice, if the curry called you away in between. Each `await` "
          "between reading and writing is such a call. Nothing is random about it: the loss is the "
          "same each time.",
          (Part("race", "race_one_thread"),), one_thread, keys="asyncio await lost update"),
    Claim(29, "Does the GIL make my code safe?",
          "The apron protects the cupboard's hinges, not your recipe. Single operations stay "
          "whole. Sequences of them do not.",
          (Part("shelf", "one_operation"),), safe, keys="thread-safe lost update"),
    Claim(31, "What is a deadlock?",
          "I hold the knife and want the board; you hold the board and want the knife. Nobody can "
          "go on. Cure: everybody takes them in the same order.",
          (Part("tools", "deadlock"),), deadlock, keys="hangs lock order"),
    Claim(32, "Is a lock fair?",
          "Who puts the knife down picks it up first. A lock promises that one has it, not that "
          "the next in line gets it; so one can starve while the other goes again and again.",
          (Part("lock", "unfair_lock"),), unfair, needs=frozenset({"cores"}),
          keys="starvation fairness"),
)
