"""axe finds nothing serious on the pages: light, dark, on a phone, with everything open.

axe-core comes with what builds the page (``npm ci`` in ``web/``), or from ``TWOCOOKS_AXE``; CI's
step ``page`` runs this. Without it, and without a browser, it is skipped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import analyses, browser
from tests.kit.browser import Browser
from tests.unit.kitchen.test_screen import TUESDAY, kitchen_like, plates
from twocooks.kitchen import measure, page, serve
from twocooks.report import html

AXE = Path(
    os.environ.get("TWOCOOKS_AXE")
    or Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
)
WHY = browser.missing() or (None if AXE.exists() else "axe-core is not here (npm ci in web/)")
pytestmark = pytest.mark.skipif(WHY is not None, reason=str(WHY))

SERIOUS = """axe.run().then(r => r.violations
.filter(v => ['serious', 'critical'].includes(v.impact))
.map(v => v.id + ': ' + v.nodes.map(n => n.html.slice(0, 120)).join(' | ')))"""
LOOKS = ("light", "dark", "phone")


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with Browser() as one:
        yield one


def found(chrome: Browser, path: Path, look: str, fragment: str) -> list[str]:
    """What axe calls serious and worse."""
    chrome.size(*((390, 844) if look == "phone" else (1280, 720)), mobile=look == "phone")
    # Without movement the page stands still while axe looks.
    chrome.scheme(dark=look == "dark", calm=True)
    chrome.errors.clear()
    chrome.open(path, fragment)
    chrome.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    chrome.frame()
    chrome.run(AXE.read_text(encoding="utf-8") + "; 1")
    serious: list[str] = chrome.run(SERIOUS)
    assert chrome.errors == []
    return serious


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("axe") / "report.html"
    html.write(path, html.page([("", analyses.asyncio_turns())]))
    return path


@pytest.fixture(scope="module")
def dinner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("axe") / "dinner.html"
    done = plates()
    for plate, name in zip(
        done, ("one-after-another", "asyncio-turns", "both", "both"), strict=True
    ):
        plate.analysis = kitchen_like(name)
        plate.measured = measure.measure(plate.analysis, TUESDAY.minute_s)
    path.write_text(page.page(TUESDAY, serve.Variant(), done, [], []), encoding="utf-8")
    return path


RUN = ("#task=1&select=0.2-0.6", "#by=core")


@pytest.mark.parametrize(
    ("look", "fragment"), [*((look, RUN[0]) for look in LOOKS), ("light", RUN[1])]
)
def test_on_the_page_of_a_run(chrome: Browser, report: Path, look: str, fragment: str) -> None:
    assert found(chrome, report, look, fragment) == []


@pytest.mark.parametrize(
    ("look", "fragment"),
    [*((look, "#at=3") for look in LOOKS), ("light", "#at=9999"), ("phone", "#run=2")],
)
def test_on_the_page_of_a_dinner(chrome: Browser, dinner: Path, look: str, fragment: str) -> None:
    assert found(chrome, dinner, look, fragment) == []


def test_axe_would_find_something(chrome: Browser, report: Path) -> None:
    found(chrome, report, "light", "")
    chrome.run("document.querySelector('main').append(document.createElement('button'))")
    assert [one.partition(":")[0] for one in chrome.run(SERIOUS)] == ["button-name"]
