"""Claims about concurrency and parallelism, proven on this machine by small programs.

twocooks prove NUMBER...      the claims with these numbers: run, measured, judged
twocooks prove WORDS          the claims that speak of these words: prove await parallel
twocooks prove --all          all of them, in some minutes
twocooks prove [--list]       the claims, a line each

--code             print the programs of the claims instead of running them
--json FILE        write the results as JSON; - is stdout

Each claim is run three times. It is proven if all three agree with what theory foretells, refuted
if none does, and nothing is concluded where they differ. Runs in which other programs had the cores
do not count. The exit code is 1 where a claim is refuted.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from twocooks.cli import common
from twocooks.cli.common import fail

if TYPE_CHECKING:
    from twocooks.lesson.claim import Claim

VALUED = {"--json": "--json"}
FLAGS = {"--list", "--code", "--all"}
JSON_HEAD = b'{\n "schema": "twocooks.prove/'


def main(argv: list[str]) -> int:
    from twocooks.lesson import show
    from twocooks.lesson.claims import CLAIMS, find

    values, flags, words = _options(argv)
    if "--all" in flags and words:
        fail("--all means all claims; leave the words away")
    if not words and "--all" not in flags:
        sys.stdout.write(show.listed(list(CLAIMS), common.place(sys.stdout)))
        return 0
    claims = list(CLAIMS) if "--all" in flags else find(words)
    if not claims:
        fail(f"no claim speaks of {' '.join(words)!r}; twocooks prove --list shows all")
    if "--list" in flags:
        sys.stdout.write(show.listed(claims, common.place(sys.stdout)))
        return 0
    if "--code" in flags:
        sys.stdout.write("\n\n".join(show.code(claim) for claim in claims))
        return 0
    return _prove(claims, values.get("--json"))


def _options(argv: list[str]) -> tuple[dict[str, str], set[str], list[str]]:
    """Options may stand before and behind the words."""
    values: dict[str, str] = {}
    flags: set[str] = set()
    words: list[str] = []
    rest = argv
    while rest:
        found, given, rest = common.take_options(rest, VALUED, FLAGS)
        values |= found
        flags |= given
        if rest:
            if rest[0].startswith("-"):
                fail(f"prove has no option {rest[0]}; see twocooks prove --help")
            words.append(rest[0])
            rest = rest[1:]
    return values, flags, words


def _prove(claims: list[Claim], target: str | None) -> int:
    from twocooks.cli.run import require_platform
    from twocooks.lesson import show, stage

    require_platform()
    common.load_numpy()
    if target not in (None, "-"):
        common.may_write(Path(str(target)), "--json", JSON_HEAD)
    terminal = sys.stderr.isatty()
    results = []
    for claim in claims:

        def say(word: str, number: int = claim.number) -> None:
            if terminal:
                sys.stderr.write(f"\r\x1b[K{number}: {word}" if word else "\r\x1b[K")
                sys.stderr.flush()

        try:
            results.append(stage.prove(claim, say))
        finally:
            say("")
        if target != "-":
            sys.stdout.write(show.terminal(results[-1], common.place(sys.stdout)))
            sys.stdout.flush()
    if target is not None:
        common.write_text(target, json.dumps(show.as_json(results), indent=1) + "\n")
    if len(results) > 1 and target != "-":
        print("  " + ", ".join(
            f"{sum(one.outcome == name for one in results)} {title}"
            for name, title in (("proven", "proven"), ("refuted", "refuted"),
                                ("cannot", "cannot be shown here"))))
    return 1 if any(one.outcome == "refuted" for one in results) else 0
