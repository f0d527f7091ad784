"""All findings of a run, and what Why and So make of them."""

from __future__ import annotations

from twocooks.analyse.findings.base import Facts, Finding, Rule, joined
from twocooks.analyse.findings.crowd import Crowd
from twocooks.analyse.findings.gil_back import GilBackOn
from twocooks.analyse.findings.gil_bound import GilBound
from twocooks.analyse.findings.gil_kept import GilKept
from twocooks.analyse.findings.locks import Locks
from twocooks.analyse.findings.loop_held import LoopHeld
from twocooks.analyse.findings.no_free_core import NoFreeCore
from twocooks.analyse.findings.one_by_one import OneByOne
from twocooks.analyse.findings.pool_small import PoolSmall
from twocooks.analyse.findings.relay import Relay
from twocooks.analyse.findings.straggler import Straggler
from twocooks.analyse.findings.workers_idle import WorkersIdle
from twocooks.analyse.places import spoken
from twocooks.analyse.verdict import Ruling
from twocooks.model import Cause, Verdict

MOST = 5
RULES: tuple[Rule, ...] = (
    NoFreeCore(),
    GilBackOn(),
    GilKept(),
    GilBound(),
    Locks(),
    LoopHeld(),
    OneByOne(),
    PoolSmall(),
    WorkersIdle(),
    Straggler(),
    Crowd(),
    Relay(),
)
"""At equal seconds the earlier is the better explanation."""
SAME = {"gil-bound": ("gil-switched-on", "native-keeps-gil")}
"""A finding, and those that say more of the same where they explain most of its seconds."""
MOST_OF = 0.8
MOST_MISSED = 0.5
BY_CAUSE = {
    Cause.GIL: ("gil-switched-on", "native-keeps-gil", "gil-bound"),
    Cause.LOCK: ("lock",),
    Cause.LOOP_HELD: ("loop-held",),
    Cause.ONE_LOOP: ("loop-held",),
    Cause.ONE_WORKER: ("pool-too-small",),
    Cause.AWAIT_BY_AWAIT: ("await-by-await",),
    Cause.NO_FREE_CORE: ("no-free-core",),
    Cause.HAND_OVER: ("relay",),
}
"""Findings that are the evidence for a cause."""
SAID_ALREADY = {Cause.LOCK, Cause.LOOP_HELD}
"""Their Why says what was found; the place is missing."""
BETTER = {"gil-switched-on", "native-keeps-gil"}
"""Findings whose advice fits better than the cause's."""
ADVISED = {
    Verdict.PARALLEL,
    Verdict.BOTH,
    Verdict.SOMETIMES,
    Verdict.SINGLE,
    Verdict.MANY_HANDS,
    Verdict.WAITING_TOGETHER,
}
CONTESTED = {Verdict.TURNS, Verdict.SOMETIMES}
SILENT = {Verdict.NOTHING, Verdict.CANNOT_TELL}
"""Too little is known for a finding."""


def find(facts: Facts) -> list[Finding]:
    """What was found, the most seconds first, five at most."""
    if facts.ruling.verdict in SILENT or not facts.m.cores_seen:
        return []
    told = [found for rule in RULES if (found := rule.look(facts)) is not None]
    cost = {found.id: found.seconds for found in told}
    kept = [
        found
        for found in told
        if not any(
            cost.get(other, 0.0) >= MOST_OF * found.seconds for other in SAME.get(found.id, ())
        )
    ]
    return sorted(kept, key=lambda found: -found.seconds)[:MOST]


def ground(
    texts: dict[str, str], ruling: Ruling, found: list[Finding], missed_s: float
) -> dict[str, str]:
    """Why and So with the evidence of a finding: the first that proves the cause; without a cause
    So says what the finding that cost most asks for. Where no cause holds for all of the run, what
    was found in most of the ``missed_s`` seconds is the reason: seconds in which two wanted to work
    and less than two did. ``finding`` names it. Where the cause cost too little to be found, and
    something else more than all of the contest, So begins with that: a pool of eight that fetches
    pages needs more workers, though its few milliseconds of Python do take turns."""
    if ruling.cause is Cause.UNKNOWN:
        if not found or found[0].seconds < MOST_MISSED * missed_s:
            return texts
        return texts | {"why": found[0].whole, "so": found[0].so, "finding": found[0].id}
    if ruling.cause is None:
        if not found or ruling.verdict not in ADVISED:
            return texts
        so = f"{texts['so']} {found[0].so}".strip()
        return texts | {"so": so}
    proof = next((f for f in found if f.id in BY_CAUSE.get(ruling.cause, ())), None)
    if proof is None:
        if found and ruling.verdict in CONTESTED and found[0].seconds > missed_s:
            return texts | {"so": f"{found[0].so} {texts['so']}".strip()}
        return texts
    why = texts["why"]
    if ruling.cause in SAID_ALREADY:
        places = [place for place in map(spoken, proof.where) if place not in why]
        if places and len(places) == len(proof.where):
            why += f" That was at {joined(places)}."
    else:
        why += f" {proof.whole}"
    most = ruling.cause is Cause.ONE_LOOP and proof.seconds >= MOST_MISSED * missed_s
    so = proof.so if proof.id in BETTER or most else texts["so"]
    return texts | {"why": why, "so": so, "finding": proof.id}
