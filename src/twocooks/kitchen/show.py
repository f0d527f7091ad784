"""A dinner without cooking: the recipe, what is known of it, and each mode on paper."""

from __future__ import annotations

from collections.abc import Iterator

from twocooks.kitchen import serve
from twocooks.kitchen.minutes import number
from twocooks.kitchen.optimum import known_optimum
from twocooks.kitchen.recipe import TITLES, Dinner, Step
from twocooks.kitchen.simulate import LINE, TOOL, WAIT, WORK, Course
from twocooks.kitchen.truth import bounds
from twocooks.report.base import Options
from twocooks.report.words import clean, count, fit, to_ascii, wrap

MARKS = "#@%&*+=$"
"""One for each cook."""
MOST_COLUMNS = 110


def render(dinner: Dinner, variant: serve.Variant, options: Options) -> str:
    """Recipe, truth and pictures as text."""
    found, refused = serve.plates(dinner, variant)
    lines = ["", f"  {dinner.name}"]
    lines += [f"  {part}" for part in wrap(dinner.says, options.width - 4)]
    if dinner.teaches:
        lines += [f"  {part}" for part in wrap(f"Teaches: {dinner.teaches}", options.width - 4)]
    lines += ["", *recipe(dinner), "", *truth(dinner, variant), ""]
    for plate in found:
        best = known_optimum(dinner, plate.mode)
        proven = ""
        if best is not None:
            at_best = plate.predicted.numbers.minutes <= best + 1e-9
            proven = ", and nobody could do it faster" if at_best else f" (the best is {best:g})"
        lines += [f"  {TITLES[plate.mode]}: {number(plate.predicted.numbers.minutes)} minutes"
                  f"{proven}", *chart(plate.predicted.course, options.width)]
        numbers = plate.predicted.numbers
        lines.append(f"    on the go {numbers.concurrency:.2f}, at work {numbers.parallelism:.2f}, "
                     f"{count(numbers.turns, 'turn')}")
        if numbers.contests_won is not None:
            lines.append("    when two dishes wanted hands, two had them "
                         f"{numbers.contests_won:.0%} of the time")
        if plate.predicted.tie:
            lines += [f"    {part}" for part in wrap(plate.predicted.tie, options.width - 4)]
        for burnt in plate.predicted.course.burnt[:3]:
            lines.append(f"    {dinner.dishes[burnt.dish].name}: {burnt.do} burns, "
                         f"{number(float(burnt.late))} minutes too late")
        if plate.predicted.course.burnt[3:]:
            lines.append(f"    and {len(plate.predicted.course.burnt) - 3} more burn")
        lines.append("")
    lines += [f"  Not cooked: {why}" for why in refused]
    lines += [f"  Careful: {warning}" for warning in dinner.warnings]
    text = "\n".join(lines).rstrip() + "\n"
    return text if options.unicode else to_ascii(text)


def recipe(dinner: Dinner) -> Iterator[str]:
    cooks = [*dinner.cooks, *(f"{guest} (guest)" for guest in dinner.guests)]
    yield f"  cooks   {', '.join(cooks)}"
    if dinner.tools:
        yield f"  tools   {', '.join(f'{n} {tool}' for tool, n in dinner.tools.items())}"
    yield f"  order   {dinner.order}" + (
        f", at most {dinner.at_once} at once" if dinner.at_once else "")
    told: set[tuple[Step, ...]] = set()
    for dish in dinner.dishes:
        if dish.steps in told:
            continue  # a copy
        told.add(dish.steps)
        copies = sum(other.steps == dish.steps for other in dinner.dishes)
        times = f" and {copies - 1} like it" if copies > 1 else ""
        steps = ", ".join(_step(step) for step in dish.steps)
        yield f"  {fit(clean(dish.name), 7)} {clean(steps)}{times}"


def _step(step: Step) -> str:
    minutes = number(float(step.minutes)) if step.minutes else ""
    kind = "" if step.hands or not step.wait else "~"
    return f"{step.do} {kind}{minutes}".strip()


def truth(dinner: Dinner, variant: serve.Variant) -> Iterator[str]:
    known = bounds(dinner)
    yield (f"  {number(float(known.hands))} minutes of hands, {number(float(known.waits))} of "
           "waiting; "
           f"the longest chain is {number(float(known.chain))}.")
    for cooks in sorted({len(dinner.cooks), len(dinner.cooks + dinner.guests)}):
        limit = known.what_limits(cooks)
        who = {"hands": "the hands", "chain": "the longest chain"}.get(limit, f"the {limit}")
        yield (f"  With {count(cooks, 'cook')} it takes at least "
               f"{number(float(known.least(cooks)))} minutes: {who} decides.".replace(
                   "hands decides", "hands decide"))


def chart(course: Course, width: int) -> Iterator[str]:
    """Lanes in characters: a cook's mark, ~ on the stove, . in line."""
    total = float(course.minutes)
    if not total:
        return
    columns = min(round(total), MOST_COLUMNS, width - 18)
    scale = columns / total
    dishes = course.dinner.dishes
    for number_, dish in list(enumerate(dishes))[:12]:
        row = [" "] * columns
        weight = [0.0] * columns
        for stretch in course.stretches:
            if stretch.dish != number_:
                continue
            mark = {WORK: MARKS[stretch.cook % len(MARKS)], WAIT: "~", LINE: ".", TOOL: ".",
                    }.get(stretch.doing, ",")
            start, end = float(stretch.start) * scale, float(stretch.end) * scale
            for column in range(int(start), min(int(end - 1e-9) + 1, columns)):
                share = min(end, column + 1) - max(start, column)
                if share > weight[column]:
                    row[column], weight[column] = mark, share
        yield f"    {fit(clean(dish.name), 9)} |{''.join(row)}|"
    if dishes[12:]:
        yield f"    and {len(dishes) - 12} more"
