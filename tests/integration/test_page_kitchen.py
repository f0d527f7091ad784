"""The page of a dinner in a real browser: it plays, stops, steps, and leads to each run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit import browser
from tests.kit.browser import Browser
from tests.unit.kitchen.test_screen import TUESDAY, kitchen_like, plates
from twocooks.kitchen import measure, page, serve

WHY = browser.missing()
pytestmark = pytest.mark.skipif(WHY is not None, reason=str(WHY))

PANELS = "[...document.querySelectorAll('.plate')]"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with Browser() as one:
        yield one


@pytest.fixture(scope="module")
def dinner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "dinner.html"
    done = plates()
    for plate, name in zip(done, ("one-after-another", "asyncio-turns", "both", "both"),
                           strict=True):
        plate.analysis = kitchen_like(name)
        plate.measured = measure.measure(plate.analysis, TUESDAY.minute_s)
    path.write_text(page.page(TUESDAY, serve.Variant(), done, [], []), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def content(dinner: Path) -> dict[str, Any]:
    text = dinner.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert found
    loaded: dict[str, Any] = json.loads(found[1])
    return loaded


@pytest.fixture(autouse=True)
def as_it_was(chromium: Browser) -> Iterator[None]:
    chromium.size(1280, 900)
    chromium.scheme()
    yield
    assert chromium.errors == []


def test_four_kitchens_stand_side_by_side(
    chromium: Browser, dinner: Path, content: dict[str, Any]
) -> None:
    chromium.open(dinner, "#at=9999")
    assert chromium.requests == [dinner.resolve().as_uri()]
    said = chromium.run(f"{PANELS}.map(panel => panel.innerText)")
    for text, plate in zip(said, content["kitchen"]["plates"], strict=True):
        for part in (plate["title"], plate["word"], f"{plate['minutes_text']} min",
                     plate["numbers"]):
            assert part in text
    places = chromium.run(f"{PANELS}.map(p => p.getBoundingClientRect().left)")
    assert len(set(places)) == 2
    pots = "[...document.querySelectorAll('.check')].map(c => c.getAttribute('visibility'))"
    assert set(chromium.run(pots)) == {"visible"}


def test_it_plays_by_itself_and_stops_when_asked(chromium: Browser, dinner: Path) -> None:
    chromium.open(dinner)
    minute = "Number(document.querySelector('.clock input').value)"
    chromium.wait(f"{minute} > 0")
    chromium.run("document.querySelector('.play').textContent.includes('pause') "
                 "&& document.querySelector('.play').click()")
    before = chromium.run(minute)
    chromium.frame()
    assert chromium.run(minute) == before
    assert "play" in chromium.run("document.querySelector('.play').textContent")


def test_who_does_not_see_it_hears_it_where_the_clock_stands(
    chromium: Browser, dinner: Path
) -> None:
    aloud = "document.querySelector('.clock [role=status]').textContent"
    chromium.open(dinner, "#at=3")
    chromium.key("ArrowRight")
    told = chromium.run(aloud)
    counts = chromium.run(f"{PANELS}.map(panel => panel.querySelector('.now').innerText)")
    assert told == chromium.run(
        "document.querySelector('.clock input').getAttribute('aria-valuetext')"
    )
    for said, shown in zip(told.split(". ")[1:], counts, strict=True):
        assert shown.replace(" ·", ",") in said
    chromium.key("End")
    assert chromium.run(aloud).count("done after") == 4
    chromium.key("Home")
    playing = "(() => { document.querySelector('.play').click(); return " + aloud + "; })()"
    assert chromium.run(playing) == ""  # while it plays nothing is said
    chromium.run("document.querySelector('.play').textContent.includes('pause') "
                 "&& document.querySelector('.play').click()")
    assert chromium.run(aloud).startswith("minute ")


def test_where_movement_is_not_wanted_it_stands_at_the_end(
    chromium: Browser, dinner: Path
) -> None:
    chromium.scheme(calm=True)
    chromium.open(dinner)
    chromium.frame()
    assert chromium.run("document.querySelectorAll('.plate.done').length") == 4
    assert chromium.run("document.querySelector('.play').textContent") == "▶ play again"


def test_hands_in_the_drawing_are_those_of_the_recording(
    chromium: Browser, dinner: Path, content: dict[str, Any]
) -> None:
    """As many cooks have coloured hands as the curve says that hands move."""
    chromium.open(dinner, "#at=0.5")
    found = chromium.run("""(() => {
      const slider = document.querySelector('.clock input');
      const out = [];
      slider.step = 'any';  // and never the very moment at which a piece ends
      for (let minute = 0.0137; minute < Number(slider.max); minute += 0.25) {
        slider.value = minute;
        slider.dispatchEvent(new Event('input'));
        for (const panel of document.querySelectorAll('.plate:not(.done)')) {
          const hands = [...panel.querySelectorAll('.arms + circle')];
          const busy = hands.filter(hand => hand.getAttribute('fill') !== '#eebf92');
          out.push([busy.length, parseInt(panel.querySelector('.now b').textContent)]);
        }
      }
      return out;
    })()""")
    assert len(found) > 60
    assert {told for _, told in found} >= {1, 2}
    assert [busy for busy, _ in found] == [told for _, told in found]


def test_a_dinner_is_looked_at_closely_and_left_again(chromium: Browser, dinner: Path) -> None:
    chromium.open(dinner, "#at=1")
    ready = "document.body && document.body.dataset.ready === 'yes'"
    chromium.run("document.querySelectorAll('.closer')[2]?.click()")
    chromium.wait(f"{ready} && document.querySelector('.stage') && location.hash.includes('run=2')")
    assert "with a friend" in chromium.run("document.querySelector('.back').textContent")
    chromium.key("v")
    chromium.wait("location.hash.includes('by=core') && location.hash.includes('run=2')")
    chromium.run("document.querySelector('.back button')?.click()")
    chromium.wait(f"{ready} && document.querySelectorAll('.plate').length === 4")


def test_on_a_phone_nothing_is_wider_than_the_screen(chromium: Browser, dinner: Path) -> None:
    chromium.size(390, 844, mobile=True, scale=2)
    chromium.open(dinner, "#at=3")
    assert chromium.run("document.documentElement.scrollWidth <= window.innerWidth")
    assert len(set(chromium.run(f"{PANELS}.map(p => p.getBoundingClientRect().left)"))) == 1


def test_on_paper_everything_has_been_cooked(chromium: Browser, dinner: Path) -> None:
    chromium.open(dinner, "#at=1")
    chromium.run("window.dispatchEvent(new Event('beforeprint'))")
    assert chromium.run("document.querySelectorAll('.plate.done').length") == 4
    chromium.run("window.dispatchEvent(new Event('afterprint'))")
    assert chromium.run("document.querySelectorAll('.plate.done').length") < 4


def test_it_prints_to_one_page(chromium: Browser, dinner: Path) -> None:
    chromium.open(dinner, "#at=1")
    # A dinner on a machine that is good enough, which has nothing to warn of.
    chromium.run("document.querySelectorAll('.warning').forEach(one => one.remove())")
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", chromium.pdf())) == 1
