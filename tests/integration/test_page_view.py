"""The served page in a real browser: it asks for the window that it shows, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kit import browser
from tests.kit.browser import Browser
from tests.kit.served import served
from tests.unit.analyse import scenes
from twocooks.report import html
from twocooks.view.server import View

WHY = browser.missing()
pytestmark = pytest.mark.skipif(WHY is not None, reason=str(WHY))

CLOSER = 7
"""So often is w pressed: a window of about 0.08 s."""


@pytest.fixture
def view(monkeypatch: pytest.MonkeyPatch) -> Iterator[View]:
    # A page so small that it cannot have everything.
    monkeypatch.setattr(html, "MOST_RUNS", 3)
    monkeypatch.setattr(html, "LEAST_RUNS", 3)
    with served(scenes.turns_then_parallel()) as server:
        yield server


def test_the_page_asks_for_what_it_shows(view: View) -> None:
    with Browser() as chromium:
        chromium.size(1280, 900)
        chromium.call("Page.navigate", url=view.url)
        chromium.wait("document.body && document.body.dataset.ready === 'yes'")
        assert chromium.requests == [view.url]
        for _ in range(CLOSER):
            chromium.key("w")
        chromium.wait("document.querySelector('.stage').dataset.fine === 'yes'")
        assert any(url.startswith(view.url + "data?from=") for url in chromium.requests)
        chromium.key("0")

        box = chromium.run(
            "(b => [b.left, b.top, b.width])"
            "(document.querySelector('.below').getBoundingClientRect())"
        )
        left, width = box[0] + 200, box[2] - 300
        chromium.drag(left + 0.7 * width, box[1] + 8, left + 0.9 * width, box[1] + 8, modifiers=8)
        chromium.wait("document.querySelector('.alone strong')")
        said = chromium.run("document.querySelector('.alone').innerText")
        assert "Really at the same moment." in said
        assert "In this range" in said

        assert all(url.startswith(view.url) for url in chromium.requests)
        assert chromium.errors == []


def test_where_the_server_has_gone_the_page_goes_on(view: View) -> None:
    with Browser() as chromium:
        chromium.size(1280, 900)
        chromium.call("Page.navigate", url=view.url)
        chromium.wait("document.body && document.body.dataset.ready === 'yes'")
        chromium.run("window.fetch = () => Promise.reject(new Error('gone'))")
        for _ in range(CLOSER):
            chromium.key("w")
        chromium.wait("document.body.innerText.includes('no closer than this')")
        assert chromium.run("document.querySelector('.stage').dataset.fine || ''") == ""
        assert chromium.errors == []
