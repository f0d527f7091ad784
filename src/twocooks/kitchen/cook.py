"""The program that really cooks one dinner in one mode. It is watched like any other.

    python -m twocooks.kitchen.cook MODE DINNER [--change JSON] [--cooks processes|threads]
                                    [--progress FD] [--notes FILE]

``--change`` has the keyword arguments of ``Dinner.changed``. ``--notes`` gets what the cooks
noticed (JSON: what burnt), ``--progress`` their story while they cook; no number is taken from
either.
"""

from __future__ import annotations

import json
import sys
from typing import Any, cast

from twocooks.kitchen import burn, dinner
from twocooks.kitchen.recipe import MODES, Mode
from twocooks.kitchen.story import Story
from twocooks.kitchen.stove import Stove


def main(argv: list[str]) -> int:
    mode, path, options = _arguments(argv)
    plan = dinner.load(path).changed(**json.loads(options.get("--change", "{}")))
    progress = int(options["--progress"]) if "--progress" in options else None
    stove = Stove(plan, Story(progress), burn.calibrate())
    cook(stove, mode, threads=options.get("--cooks") == "threads")
    if "--notes" in options:
        with open(options["--notes"], "w", encoding="utf-8") as file:
            json.dump({"burnt": stove.burnt}, file)
    return 0


def _arguments(argv: list[str]) -> tuple[Mode, str, dict[str, str]]:
    mode, path, *rest = argv
    if mode not in MODES:
        raise SystemExit(f"there is no mode {mode!r}; there are {', '.join(MODES)}")
    return mode, path, dict(zip(rest[::2], rest[1::2], strict=True))


def cook(stove: Stove, mode: Mode, *, threads: bool = False) -> None:
    """Cooks the stove's dinner in this mode, for real."""
    names = stove.dinner.staff(mode)
    if mode == "sequential":
        from twocooks.kitchen.whole import cook_one_after_another

        cook_one_after_another(stove)
    elif mode == "friend":
        from twocooks.kitchen.whole import cook_with_friend

        cook_with_friend(stove, names, processes=not threads)
    else:
        from twocooks.kitchen import switching, workers

        cooks: Any
        if len(names) == 1:
            cooks = workers.OneCook(stove.rounds)
        elif threads:
            cooks = workers.ThreadCooks(names, stove.rounds)
        else:
            cooks = workers.ProcessCooks(names, stove.rounds)
        switching.cook_switching(stove, names, cast(workers.Cooks, cooks))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
