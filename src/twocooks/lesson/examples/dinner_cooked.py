"""One of the kitchen's dinners, cooked in one way.

python dinner_cooked.py MODE DINNER MINUTE_S [CHANGES]
"""

import dataclasses
import json
import sys
from typing import cast

from twocooks.kitchen import burn, dinner
from twocooks.kitchen.cook import cook
from twocooks.kitchen.recipe import Mode
from twocooks.kitchen.story import Story
from twocooks.kitchen.stove import Stove


def main(mode: str, name: str, minute_s: str, changes: str = "{}") -> None:
    plan = dinner.load(name).changed(**json.loads(changes))
    plan = dataclasses.replace(plan, minute_s=float(minute_s))
    stove = Stove(plan, Story(None), burn.calibrate())
    cook(stove, cast(Mode, mode))
    print("burnt", len(stove.burnt))


if __name__ == "__main__":
    main(*sys.argv[1:])
