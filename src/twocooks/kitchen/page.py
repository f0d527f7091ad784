"""The page of a dinner: its recorded runs, and what stands beside them."""

from __future__ import annotations

from dataclasses import replace

from twocooks.kitchen import lesson, told
from twocooks.kitchen.measure import cooks
from twocooks.kitchen.minutes import number
from twocooks.kitchen.panel import WORDS, span_of
from twocooks.kitchen.recipe import TITLES, Dinner
from twocooks.kitchen.serve import Plate, Variant, as_json
from twocooks.model import TaskKind
from twocooks.report import html
from twocooks.report.html.contract import Kitchen, PlateRow
from twocooks.report.html.rows import short

COMMANDS = ["twocooks kitchen", "twocooks kitchen --one-core", "twocooks kitchen --no-breaks",
            "twocooks kitchen --tool burner=1", "twocooks kitchen --cooks threads"]


def page(
    dinner: Dinner, variant: Variant, done: list[Plate], changed: list[str], refused: list[str]
) -> str:
    """The text of the page; all plates have been measured."""
    runs, rows, plates = [], [], []
    for plate in done:
        assert plate.analysis is not None
        # What the other tasks of the program did before and after is no cooking.
        shown = replace(plate.analysis, window_s=span_of(plate.analysis))
        row = cooks(shown, dinner.minute_s)
        runs.append((TITLES[plate.mode], shown))
        rows.append(row)
        plates.append(_plate(dinner, plate, len(row)))
    known = as_json(dinner, done)
    last = {mode["mode"]: mode["measured"] for mode in known["modes"]}
    kitchen: Kitchen = {
        "headline": told.headline(dinner, variant, len(done)),
        "measured": told.measured_when(dinner),
        "minute_s": dinner.minute_s,
        "dishes": [short(dish.name) for dish in dinner.dishes],
        "warnings": list(told.warnings(dinner, variant, done)),
        "changed": changed,
        "refused": refused,
        "lessons": [*told.lessons(dinner, variant, done), *told.one_place(variant, done),
                    *told.strictly(done)],
        "burnt": list(told.burnt(done)),
        "say": [lesson.TEN, " ".join(lesson.own_numbers(last))],
        "columns": [title for title, *_ in told.COLUMNS],
        "commands": COMMANDS if dinner.tools.get("burner") else COMMANDS[:3] + COMMANDS[4:],
        "plates": plates,
    }
    return html.page(runs, kitchen["headline"], kitchen, rows)


def _plate(dinner: Dinner, plate: Plate, rows: int) -> PlateRow:
    assert plate.analysis is not None
    assert plate.measured is not None
    numbers, foretold = plate.measured.numbers, plate.predicted.numbers
    staff = dinner.staff(plate.mode)
    # Of dishes with the same name the first one gives the colour.
    place = {dish.name: at for at, dish in reversed(list(enumerate(dinner.dishes)))}
    lanes = [
        [row, place.get(task.name, len(dinner.dishes))]
        for row, task in enumerate(plate.analysis.tasks) if task.kind is TaskKind.BLOCK
    ]
    return {
        "mode": plate.mode,
        "title": TITLES[plate.mode],
        "word": WORDS.get(plate.measured.verdict, plate.measured.verdict),
        "minutes": numbers.minutes,
        "minutes_text": number(numbers.minutes),
        "numbers": told.in_short(numbers, up_to=True),
        "span_s": list(span_of(plate.analysis)),
        "staff": [
            short(staff[at]) if at < len(staff) else f"cook {at + 1}" for at in range(rows)
        ],
        "lanes": sorted(lanes, key=lambda lane: lane[1]),
        "table": [
            [told.value(getattr(each, key), digits) for each in (foretold, numbers)]
            for _, _, key, digits in told.COLUMNS
        ],
    }
