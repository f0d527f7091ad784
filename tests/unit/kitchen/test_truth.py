"""The dinners given, against what is known of them: by tables, by hand, by search."""

from __future__ import annotations

import pytest

from twocooks.kitchen import dinner, serve, show
from twocooks.kitchen.optimum import known_optimum, optimum
from twocooks.kitchen.recipe import MODES, Dinner, Mode
from twocooks.kitchen.simulate import StuckError, simulate
from twocooks.kitchen.truth import bounds, predict
from twocooks.report.base import Options


def times(plain: Dinner, cores: int | None = None) -> list[float]:
    return [predict(plain, mode, cores).numbers.minutes for mode in plain.modes()]


TUESDAY = dinner.load("tuesday")


def test_tuesday_is_forty_nineteen_twenty_thirteen() -> None:
    assert times(TUESDAY) == [40, 19, 20, 13]
    known = bounds(TUESDAY)
    assert (known.hands, known.waits, known.chain) == (19, 21, 13)
    assert known.least(1) == 19
    assert known.least(2) == 13


def test_tuesdays_other_numbers() -> None:
    found = {mode: predict(TUESDAY, mode).numbers for mode in MODES}
    assert [round(found[mode].concurrency, 2) for mode in MODES] == [1, 3.32, 2, 3.08]
    assert [round(found[mode].parallelism, 2) for mode in MODES] == [1, 1, 1.58, 1.9]
    assert [found[mode].turns for mode in MODES] == [0, 15, 0, 7]
    assert [found[mode].contests_won for mode in MODES] == [None, 0, 1, 1]
    assert [found[mode].at_work_two for mode in MODES] == [0, 0, 7, 9]


def test_take_a_place_at_the_counter_away() -> None:
    """What is lost is the parallelism, minute for minute; threads under a GIL are the same."""
    assert times(TUESDAY, cores=1) == [40, 19, 27, 19]
    alone = predict(TUESDAY, "friend", 1).numbers
    assert (alone.parallelism, alone.contests_won, alone.at_work_two) == (1, 0, 0)


@pytest.mark.parametrize(
    ("burners", "expected", "best"), [(2, [40, 20, 20, 16], (19, 16)), (1, [40, 31, 32, 28],
                                                                        (27, 27))])
def test_fewer_burners(burners: int, expected: list[float], best: tuple[int, int]) -> None:
    fewer = TUESDAY.changed(tools={"burner": burners})
    assert times(fewer) == expected
    assert (known_optimum(fewer, "switching"), known_optimum(fewer, "friend-switching")) == best


def test_without_breaks_the_curry_burns() -> None:
    course = simulate(TUESDAY.changed(no_breaks=True), "switching")
    assert course.minutes == 22
    assert {TUESDAY.dishes[b.dish].name for b in course.burnt} == {"curry", "chapati"}


def test_the_search_agrees_with_the_bounds_it_does_not_know() -> None:
    assert optimum(TUESDAY, "switching") == 19
    assert optimum(TUESDAY, "friend-switching") == 13


def test_thanksgiving() -> None:
    plain = dinner.load("thanksgiving")
    assert times(plain) == [35, 22, 26, 22]
    assert bounds(plain).what_limits(2) == "oven"
    assert bounds(plain).tools["oven"] == 21
    two = plain.changed(tools={"oven": 2})
    assert (times(two)[1], times(two)[3]) == (16, 15)
    first = plain.changed(order="first")
    assert (times(first)[1], times(first)[3]) == (24, 23)
    assert (known_optimum(plain, "switching"), known_optimum(plain, "friend-switching")) == (22, 22)
    assert (known_optimum(two, "switching"), known_optimum(two, "friend-switching")) == (16, 15)


@pytest.mark.parametrize(("at_once", "minutes", "on_the_go", "burnt"), [
    (1, 72, 1, 0), (2, 48, 1.75, 0), (3, 39, 2.49, 0), (4, 37, 3.11, 0), (6, 36, 4.42, 2),
    (12, 36, 8.33, 12)])
def test_pizzeria(at_once: int, minutes: int, on_the_go: float, burnt: int) -> None:
    found = predict(dinner.load("pizzeria").changed(at_once=at_once), "switching")
    assert found.numbers.minutes == minutes
    assert round(found.numbers.concurrency, 2) == on_the_go
    assert len(found.course.burnt) == burnt
    # Little: on the go = rate x time each.
    lives: dict[int, list[float]] = {}
    for part in found.course.stretches:
        if part.doing in ("work", "wait"):
            lives.setdefault(part.dish, []).extend([float(part.start), float(part.end)])
    each = sum(max(life) - min(life) for life in lives.values()) / 12
    assert 12 / minutes * each == pytest.approx(found.numbers.concurrency)


def test_the_band_knows_both_ways_out_of_a_tie() -> None:
    """Two pizzas at once want the cook at one moment in each round, and stretching both alike
    changes nothing about that: who comes first decides between 48 minutes and 41."""
    found = predict(dinner.load("pizzeria").changed(at_once=2), "switching")
    assert found.numbers.minutes == 48
    assert round(found.low.minutes) == 41
    assert round(found.high.minutes) == 48
    assert found.fits(41.4, 0.05)
    assert not found.fits(36, 0.05)
    assert found.tie is not None
    assert found.tie.startswith("41 or 48 minutes")
    assert predict(TUESDAY, "switching").tie is None


def test_pizzeria_urgent_burns_nothing() -> None:
    plain = dinner.load("pizzeria")
    assert predict(plain, "switching").numbers.turns == 24
    urgent = predict(plain.changed(order="urgent"), "switching")
    assert not urgent.course.burnt
    assert 36 <= urgent.numbers.minutes <= 38
    assert times(plain)[2:] == [36, 18]


def test_one_knife() -> None:
    plain = dinner.load("oneknife")
    assert times(plain)[:3] == [20, 20, 17]
    assert bounds(plain).tools["knife"] == 17
    friend = predict(plain, "friend").numbers
    assert (round(friend.parallelism, 2), round(friend.contests_won or 0, 2)) == (1.18, 0.23)
    assert predict(plain.changed(friends=3), "friend").numbers.minutes == 17
    assert predict(plain.changed(tools={"knife": 2}), "friend").numbers.minutes == 10


def test_one_helper_more_and_dinner_is_later() -> None:
    plain = dinner.load("graham")
    assert predict(plain, "switching").numbers.minutes == 12
    assert predict(plain, "friend").numbers.minutes == 15
    assert plain.staff("switching") == ("a", "b", "c")


def test_our_own_two() -> None:
    breakfast = dinner.load("breakfast")
    assert times(breakfast) == [18, 12, 10, 7]
    assert [len(predict(breakfast, mode).course.burnt) for mode in MODES] == [0, 3, 0, 0]
    evening = dinner.load("overnight")
    assert times(evening) == [49.5, 9.5, 24.75, 8.75]


def test_the_picture_on_paper_is_the_one_in_the_lesson() -> None:
    lanes = show.chart(simulate(TUESDAY, "friend-switching"), 80)
    assert [line.split("|")[1].replace(".", " ") for line in lanes] == [
        "#~~~@~~~#~~~#", "@~~~~~@~~~~~@", " ###~@~@     ", " @@@####     "]
    text = show.render(TUESDAY, serve.Variant(), Options())
    assert "alone, switching: 19 minutes, and nobody could do it faster" in text


def test_a_dinner_that_never_ends_says_who_waits_for_what() -> None:
    from tests.unit.kitchen.test_dinner import CROSSED

    with pytest.raises(StuckError, match="a waits for the wok and b waits for the pan"):
        simulate(dinner.parse("d.toml", CROSSED), "friend")


def test_conservation_on_paper() -> None:
    """On the go = hands + waits + in line, of the dishes that are begun: 63 = 19 + 21 + 23."""
    from twocooks.kitchen.simulate import levels

    mode: Mode = "switching"
    parts = list(levels(simulate(TUESDAY, mode)))
    assert sum(length * go for length, go, *_ in parts) == 63
    assert sum(length * queued for length, *_, queued in parts) == 23
