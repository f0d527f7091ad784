"""The page in a real browser: what is seen, not what the code says. Skipped where there is none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
from benchmarks import mimic

from tests.kit import analyses, browser, large_page
from tests.kit.analyses import Story, W, build, verdict
from tests.kit.browser import Browser
from tests.kit.large_page import EDGE, LOW
from twocooks.analyse import analyse
from twocooks.analyse.result import Analysis, Looks
from twocooks.model import State
from twocooks.read import reader
from twocooks.report import html
from twocooks.report.html import curves as curve
from twocooks.report.html.curves import curves

ROW = 22
CTRL = 2

BOX = """(name => { const r = document.querySelector(name).getBoundingClientRect();
return [r.x, r.y, r.width, r.height]; })"""


INKS = """(() => {
  const canvas = document.querySelector('.lanes');
  const context = canvas.getContext('2d');
  const line = y => {
    const data = context.getImageData(180, y, canvas.width - 250, 1).data;
    const out = [];
    for (let i = 0; i < data.length; i += 4) out.push(data.slice(i, i + 3).join());
    return out;
  };
  return [3, 5, 25, 27].map(line);
})()"""
"""The colours along the first two lanes, at their edge and inside."""


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    why = browser.missing()
    if why:
        pytest.skip(why)
    with Browser() as one:
        yield one


class Seen:
    """A page that is open, and questions to it."""

    def __init__(self, chrome: Browser, path: Path) -> None:
        self.chrome, self.path = chrome, path

    def open(self, fragment: str = "", width: int = 1280, height: int = 720) -> None:
        self.chrome.size(width, height)
        self.chrome.scheme()
        self.chrome.errors.clear()
        self.chrome.open(self.path, fragment)
        self.chrome.frame()

    def text(self, selector: str) -> str:
        return str(self.chrome.run(f"document.querySelector({selector!r}).innerText"))

    def box(self, selector: str) -> tuple[float, float, float, float]:
        x, y, width, height = self.chrome.run(f"{BOX}({selector!r})")
        return x, y, width, height

    def lanes(self, at: int = EDGE) -> list[str]:
        """Each visible row as columns of pixels: # is work (or whatever there is so high)."""
        return large_page.lanes(self.chrome, at)

    def at_once(self) -> int:
        """The most lanes at work in one column of pixels."""
        return large_page.at_once(self.chrome)

    def fragment(self) -> dict[str, list[str]]:
        return parse_qs(str(self.chrome.run("location.hash.slice(1)")))

    def range(self, name: str) -> tuple[float, float]:
        found = re.fullmatch(r"([\d.e]+)-([\d.e]+)", self.fragment()[name][0])
        assert found
        return float(found[1]), float(found[2])


@pytest.fixture
def show(chrome: Browser, tmp_path: Path) -> Any:
    def make(analysis: Analysis) -> Seen:
        path = tmp_path / "page.html"
        html.write(path, html.page([("", analysis)]))
        seen = Seen(chrome, path)
        seen.open()
        return seen

    return make


def test_the_first_screen_says_it_and_loads_nothing(show: Any, chrome: Browser) -> None:
    seen = show(analyses.gil_turns())
    assert seen.text("h1") == "They take turns."
    assert "never two hands at the same moment" in seen.text(".sentence")
    assert "Say it" in seen.text(".words")
    assert chrome.requests == [seen.path.as_uri()]
    assert chrome.errors == []
    picture, words = seen.box(".picture"), seen.box(".words")
    assert picture[1] + picture[3] <= 720, "the picture is not on the first screen"
    assert words[1] < 720


def test_turns_never_look_parallel_however_far_one_zooms(show: Any, chrome: Browser) -> None:
    seen = show(analyses.gil_turns(threads=3, seconds=1.0, turn=0.003))
    for _ in range(14):  # from a pixel of a millisecond to one of some microseconds
        rows = seen.lanes()
        assert any("#" in row for row in rows)
        (low, high) = seen.range("view") if "view" in seen.fragment() else (0.05, 1.0)
        if (high - low) / len(rows[0]) > 50e-6:  # nearer than that one sees the hand-overs
            assert seen.at_once() == 1
        chrome.key("w")


def test_work_at_the_same_moment_is_side_by_side(show: Any) -> None:
    seen = show(analyses.two_processes())
    assert seen.at_once() == 2
    both = sum(a == b == "#" for a, b in zip(*seen.lanes()[:2], strict=True))
    assert both > 0.95 * len(seen.lanes()[0])


def test_moving_about_by_keys_wheel_and_drag(show: Any, chrome: Browser) -> None:
    seen = show(analyses.gil_turns())
    assert seen.fragment() == {}
    chrome.key("w")
    first = seen.range("view")
    chrome.key("d")
    second = seen.range("view")
    assert second[0] > first[0]
    assert second[1] - second[0] == pytest.approx(first[1] - first[0])
    chrome.key("ArrowLeft")
    assert seen.range("view") == pytest.approx(first)
    x, y, width, height = seen.box(".lanes")
    chrome.wheel(x + width / 2, y + height / 2, -400, modifiers=CTRL)
    third = seen.range("view")
    assert third[1] - third[0] < first[1] - first[0]
    chrome.drag(x + 600, y + 10, x + 700, y + 10)
    assert seen.range("view")[0] < third[0]
    chrome.key("0")
    assert seen.fragment() == {}


def test_a_link_leads_to_the_same_view(show: Any) -> None:
    seen = show(analyses.asyncio_turns())
    seen.open("#view=0.4-0.9&by=core&task=1")
    assert seen.range("view") == pytest.approx((0.4, 0.9))
    assert seen.fragment()["by"] == ["core"]
    assert seen.text(".story h2") == "rice"


def test_a_selection_tells_its_own_numbers(show: Any, chrome: Browser) -> None:
    analysis = analyses.two_processes()
    seen = show(analysis)
    x, y, _, height = seen.box(".below")
    chrome.drag(x + 300, y + height - 30, x + 800, y + height - 30)
    low, high = seen.range("select")
    told = curves(analysis)
    assert told.values is not None
    inside = np.clip(told.edges[1:], low, high) - np.clip(told.edges[:-1], low, high)
    both = float(inside[told.values["hands"] >= 2].sum())
    facts = dict(
        line.split("\n")
        for line in chrome.run(
            "[...document.querySelectorAll('.range dl div')].map(d => d.children[0].textContent"
            " + '\\n' + d.children[1].textContent)"
        )
    )
    assert facts["two or more had them"] == f"{both:.2f} s"
    chrome.key("z")
    assert seen.range("view") == pytest.approx((low, high))
    chrome.key("Escape")
    assert "select" not in seen.fragment()
    assert chrome.run("document.querySelector('.range').hidden") is True


def test_search_leaves_the_tasks_that_match(show: Any, chrome: Browser) -> None:
    seen = show(analyses.asyncio_turns())
    chrome.key("/")
    chrome.type("ri")
    assert seen.text(".found") == "1 task"
    assert chrome.run("document.querySelector('.lanes').height") == ROW
    chrome.key("Escape")
    assert chrome.run("document.querySelector('.lanes').height") == 4 * ROW
    assert chrome.errors == []


def test_both_views_and_the_way_to_a_story(show: Any, chrome: Browser) -> None:
    seen = show(analyses.two_processes())
    x, y, width, _ = seen.box(".below")
    chrome.click(x + width / 2, y + 30)  # the first pair of hands
    assert seen.text(".story h2").startswith("Process-")
    chrome.key("Escape")
    assert chrome.run("document.querySelector('.story').hidden") is True
    chrome.key("v")
    assert seen.fragment()["by"] == ["core"]
    assert chrome.run("document.querySelector('.scroller').hidden") is True
    chrome.key("v")
    assert chrome.run("document.querySelector('.scroller').hidden") is False


def test_the_keyboard_alone_gets_everywhere(show: Any, chrome: Browser) -> None:
    seen = show(analyses.asyncio_turns())
    chrome.run("document.querySelector('.stage').focus()")
    for _ in range(2):
        chrome.key("ArrowDown")
    assert seen.text("[aria-live]").startswith("rice, ")
    chrome.key("Enter")
    assert seen.text(".story h2") == "rice"
    assert seen.text("[aria-live]") == "The story of rice"
    chrome.key("?")
    assert chrome.run("document.querySelector('dialog').open") is True
    chrome.key("Escape")
    assert chrome.errors == []


def test_pointing_tells_what_there_is_at_an_instant(show: Any, chrome: Browser) -> None:
    seen = show(analyses.two_processes())
    x, y, width, _ = seen.box(".lanes")
    chrome.mouse("mouseMoved", x + width / 2, y + 10)
    chrome.frame()
    assert re.fullmatch(
        r"at \d+ ms: 2 on the go, 2 at work\s+Process-1: hands on it, for 0.90 s", seen.text(".tip")
    )


def test_native_code_has_a_texture_where_a_look_met_it(show: Any, chrome: Browser) -> None:
    """The one task's work is lined around its look; the other's, and the rest, is plain."""
    analysis = analyses.two_processes()
    looks = Looks(np.array([0, 0]), np.array([0.3, 0.7]), np.array([True, False]))
    seen = show(replace(analysis, looks=looks))
    assert "in native code" in seen.text(".legend")
    inks = [set(line) - {"255,255,255"} for line in chrome.run(INKS)]
    (top, middle), (other_top, other_middle) = inks[:2], inks[2:]
    assert len(top) == len(other_top) == len(other_middle) == 1
    assert len(middle) == 2
    x, y, width, _ = seen.box(".lanes")
    left, wide = x + 176, width - 176 - 66
    span = analysis.window_s[1] - analysis.window_s[0]
    for moment, said in ((0.3, "native code"), (0.7, "Python code"), (0.5, "")):
        chrome.mouse("mouseMoved", left + wide * (moment - analysis.window_s[0]) / span, y + 10)
        chrome.frame()
        tip = seen.text(".tip")
        assert "hands on it, for 0.90 s" in tip
        assert said in tip if said else "code" not in tip
    chrome.click(left + wide * (0.3 - analysis.window_s[0]) / span, y + 10)
    assert "native code" in seen.text(".story")


HOSTILE = ["<img src=x onerror=document.title=1>", "</script><script>document.title=2</script>",
           "\u202egnp.exe", "x" * 1_000_000, "'\"&<!--"]  # fmt: skip


def test_hostile_names_stay_texts(show: Any, chrome: Browser) -> None:
    stories = [Story(name).add(0.1, W, core=0, at=0.1 * i) for i, name in enumerate(HOSTILE)]
    seen = show(build(stories, verdict("turns", None, *HOSTILE[:3]), command=HOSTILE))
    for task in range(len(HOSTILE)):
        seen.open(f"#task={task}")
    chrome.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    chrome.frame()
    assert chrome.run("document.querySelectorAll('main img, main script, main iframe').length") == 0
    assert chrome.run("document.title").endswith("twocooks")
    assert HOSTILE[1] in seen.text("main")
    assert chrome.errors == []
    assert chrome.run("document.documentElement.scrollWidth") <= 1280


def test_dark_and_on_a_phone(show: Any, chrome: Browser) -> None:
    seen = show(analyses.asyncio_turns())
    chrome.scheme(dark=True, calm=True)
    chrome.size(390, 844, mobile=True, scale=2)
    chrome.open(seen.path)
    chrome.frame()
    assert chrome.run("document.documentElement.scrollWidth") <= 390
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    assert max(map(int, re.findall(r"\d+", chrome.run(ground)))) < 64
    corner = "document.querySelector('.lanes').getContext('2d').getImageData(1, 1, 1, 1).data[0]"
    assert chrome.run(corner) < 64


def nested() -> Analysis:
    """Processes with threads with tasks, more rows than a page of paper has for them."""
    stories = [Story(f"task-{i}").add(0.05, W, core=i % 2, at=0.03 * i) for i in range(24)]
    analysis = build(stories, verdict("both", None, "Both.", "Two had hands. " * 12))
    tasks = [
        replace(task, pid=1 + i // 8, tid=1 + i // 4) for i, task in enumerate(analysis.tasks)
    ]
    return replace(analysis, tasks=tasks)


@pytest.mark.parametrize("make", [analyses.asyncio_turns, nested])
def test_it_prints_to_one_page(make: Any, show: Any, chrome: Browser) -> None:
    show(make())
    chrome.scheme(dark=True)
    paper = chrome.pdf()
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", paper)) == 1


def test_a_crowd_scrolls_folds_and_is_found(show: Any, chrome: Browser) -> None:
    rng = np.random.default_rng(3)
    stories = [
        Story(f"order-{i}", group="order").add(1e-4, W, core=0, at=0.001 * i)
        .add(float(rng.exponential(0.05)), State.WAITING).add(1e-4, W, core=0)
        for i in range(3000)
    ]  # fmt: skip
    stories += [Story("cook", [(0.0, 3.0, W, None, 1)])]
    seen = show(build(stories, verdict("turns", None, "They take turns.", "")))
    # One crowd alone is open, and scrolls.
    high = "document.querySelector('.scroller').scrollHeight"
    assert chrome.run(high) == 3002 * ROW
    chrome.run(f"document.querySelector('.scroller').scrollTop = {2000 * ROW}")
    chrome.frame()
    assert all("#" in row for row in seen.lanes(LOW)[:5])
    chrome.run("document.querySelector('.scroller').scrollTop = 0")
    chrome.frame()
    x, y, _, _ = seen.box(".lanes")
    chrome.click(x + 60, y + ROW / 2)
    assert chrome.run("document.querySelector('.lanes').height") == 2 * ROW
    chrome.key("/")
    chrome.type("order-2999")
    assert seen.text(".found") == "1 task"
    assert chrome.errors == []


@pytest.mark.parametrize("crowd", [False, True])
def test_a_large_run_is_drawn_from_moments(
    crowd: bool, chrome: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the shape of ten million events, or of a hundred thousand tasks, and given so little room
    that it goes the way of these. ``python -m benchmarks.page`` walks through the large ones."""
    monkeypatch.setattr(html, "MOST_RUNS", 20_000)
    monkeypatch.setattr(curve, "curves", partial(curve.curves, most_steps=1000))
    shape = None
    if crowd:
        monkeypatch.setattr(mimic, "STEPS_OF_A_TASK", 3)
        shape = mimic.Shape(threads=40, loops=16, steps=12)
    mimic.write(tmp_path / "large.2cooks", 120_000, shape)
    analysis = analyse(reader.load(tmp_path / "large.2cooks"))
    page = tmp_path / "page.html"
    html.write(page, html.page([("", analysis)]))
    most = int(analysis.summary["parallelism"]["max"])
    large_page.walk(chrome, page, len(analysis.tasks), most, "Task-")
