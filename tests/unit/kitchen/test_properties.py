"""Random dinners: the cooks on paper never beat a bound, never idle needlessly, always finish."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from twocooks.kitchen import checks
from twocooks.kitchen.optimum import fits, optimum
from twocooks.kitchen.recipe import MODES, ORDERS, Dinner, Dish, Mark, Minutes, Step
from twocooks.kitchen.simulate import Course, StuckError, simulate
from twocooks.kitchen.truth import bounds, numbers

TOOLS = ("knife", "oven")


@st.composite
def step(draw: st.DrawFn, tools: bool) -> Step:
    minutes = Minutes(draw(st.integers(1, 4)))
    uses = tuple(t for t in TOOLS if tools and draw(st.integers(0, 3)) == 0)
    if draw(st.booleans()):
        pieces = draw(st.sampled_from([1, int(minutes)]))
        return Step("do", hands=minutes, pieces=pieces, takes=uses, returns=uses)
    return Step("do", wait=minutes, takes=uses, returns=uses)


@st.composite
def dinner(draw: st.DrawFn, *, plain: bool = False, most: int = 5) -> Dinner:
    dishes = []
    for number in range(draw(st.integers(1, most))):
        steps = tuple(draw(st.lists(step(tools=not plain), min_size=1, max_size=4)))
        after: tuple[Mark, ...] = ()
        if number and draw(st.integers(0, 3)) == 0:
            other = draw(st.integers(0, number - 1))
            after = (Mark(other, len(dishes[other].steps) - 1),)
        arrives = Minutes(0 if plain else draw(st.sampled_from([0, 0, 0, 2])))
        dishes.append(Dish(f"d{number}", steps, arrives, after))
    return Dinner(
        name="random", says="", teaches="", minute_s=0.1, order=draw(st.sampled_from(ORDERS)),
        at_once=None if plain else draw(st.sampled_from([None, None, 1, 2])),
        cooks=("you",), guests=tuple(f"g{i}" for i in range(draw(st.integers(1, 2)))),
        tools={t: draw(st.integers(1, 2)) for t in TOOLS}, dishes=tuple(dishes))


def courses(plan: Dinner) -> list[Course]:
    return [simulate(plan, mode) for mode in MODES]


@given(dinner())
def test_no_mode_beats_a_bound_and_all_work_is_done(plan: Dinner) -> None:
    assert checks.circle(plan) is None
    assert checks.tool_problem(plan) is None
    known = bounds(plan)
    for course in courses(plan):
        cooks = len(plan.staff(course.mode))
        assert course.minutes >= known.least(cooks)
        done = {doing: sum((s.end - s.start for s in course.stretches if s.doing == doing),
                           Fraction(0)) for doing in ("work", "wait")}
        assert done["work"] == known.hands
        assert done["wait"] == known.waits
        assert course.idle_needlessly == 0


@given(dinner())
def test_nobody_is_in_two_places_and_no_tool_in_two_hands(plan: Dinner) -> None:
    for course in courses(plan):
        for cook in range(len(plan.staff(course.mode))):
            mine = sorted((s.start, s.end) for s in course.stretches
                          if s.doing == "work" and s.cook == cook)
            assert all(a[1] <= b[0] for a, b in pairwise(mine))
        for dish in range(len(plan.dishes)):
            lives = sorted((s.start, s.end) for s in course.stretches if s.dish == dish)
            assert all(a[1] <= b[0] for a, b in pairwise(lives))
        most = len(plan.staff(course.mode))
        found = numbers(course)
        assert found.most_at_work <= min(most, len(plan.dishes))
        assert found.most_on_the_go <= (plan.at_once or len(plan.dishes))


@given(dinner(plain=True))
def test_an_order_that_never_idles_a_cook_keeps_grahams_bound(plan: Dinner) -> None:
    """Without tools, arrivals and limits: T <= W/k + L."""
    known = bounds(plan)
    for mode in ("switching", "friend-switching"):
        cooks = len(plan.staff(mode))
        assert simulate(plan, mode).minutes <= known.hands / cooks + known.chain


@given(dinner(most=3))
@settings(max_examples=40)
def test_the_optimum_is_never_beaten_and_never_beats_a_bound(plan: Dinner) -> None:
    assume(fits(plan, len(plan.staff("friend-switching"))))
    for mode, others in (("switching", ("sequential", "switching")),
                         ("friend-switching", MODES)):
        best = optimum(plan, mode)
        assert best is not None
        assert best >= bounds(plan).least(len(plan.staff(mode)))
        for other in others:
            assert best <= simulate(plan, other).minutes


@given(dinner(), st.integers(1, 2))
def test_fewer_places_than_cooks_share_them(plan: Dinner, cores: int) -> None:
    try:
        course = simulate(plan, "friend-switching", cores)
    except StuckError:
        raise AssertionError("no tool is held over steps here") from None
    assert numbers(course).most_at_work <= cores
    assert course.minutes >= bounds(plan).least(min(cores, len(plan.staff("friend-switching"))))
