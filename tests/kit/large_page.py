"""A walk through the page of a large run, for the tests (a small trace of the same shape) and for
``python -m benchmarks.page`` (ten million events, a hundred thousand tasks)."""

from __future__ import annotations

from pathlib import Path

from tests.kit.browser import Browser

EDGE, LOW = 3, 17
"""So near to a lane's upper edge there is only work; lower there is also the low mark for little
of it."""

LANES = """(at => {
  const canvas = document.querySelector('.lanes');
  const rows = Math.round(canvas.height / 22);
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const panel = getComputedStyle(document.documentElement).getPropertyValue('--panel').trim();
  const ground = [1, 3, 5].map(i => parseInt(panel.slice(i, i + 2), 16));
  const out = [];
  for (let row = 0; row < rows; row++) {
    const y = row * 22 + at;
    let line = '';
    for (let x = 180; x < canvas.width - 70; x++) {
      const dot = 4 * (y * canvas.width + x);
      line += ground.every((c, i) => data[dot + i] === c) ? '.' : '#';
    }
    out.push(line);
  }
  return out;
})"""
SEARCH = """(text => { const box = document.querySelector('input[type=search]');
box.value = text; box.dispatchEvent(new Event('input')); })"""


def lanes(chrome: Browser, at: int = EDGE) -> list[str]:
    """Each visible row as columns of pixels: # is work (or whatever there is so high)."""
    return [str(row) for row in chrome.run(f"{LANES}({at})")]


def at_once(chrome: Browser) -> int:
    """The most lanes at work in one column of pixels."""
    return max(column.count("#") for column in map("".join, zip(*lanes(chrome), strict=True)))


def text(chrome: Browser, selector: str) -> str:
    return str(chrome.run(f"document.querySelector({selector!r}).innerText"))


def walk(chrome: Browser, page: Path, tasks: int, most: int, name: str) -> None:
    """Opens the page and uses it: the whole run, zooms, a search for ``name`` (which some task's
    name has in it), a selection, the story of a task, the cores. ``most`` tasks were at work at one
    moment, and no column of pixels may show more."""
    chrome.size(1280, 720)
    chrome.scheme()
    chrome.errors.clear()
    chrome.open(page)
    chrome.frame()
    assert "one moment every" in text(chrome, "main"), "the page has every stretch: it is not large"
    assert f"All tasks ({tasks:,})" in text(chrome, ".tables")
    assert any("#" in row for row in lanes(chrome)), "no work is drawn"
    chrome.run(f"{SEARCH}({name!r})")
    chrome.frame()
    assert int(text(chrome, ".found").split()[0].replace(",", "")) > 0
    for _ in range(5):  # what is found are tasks alone: no row repeats what is inside of it
        assert at_once(chrome) <= most
        chrome.key("w")
    chrome.run(f"{SEARCH}('')")
    chrome.key("0")
    x, y, _, high = chrome.run(
        "(r => [r.x, r.y, r.width, r.height])("
        "document.querySelector('.below').getBoundingClientRect())"
    )
    chrome.drag(x + 400, y + high - 40, x + 700, y + high - 40)
    assert "at work" in text(chrome, ".range")
    chrome.key("Escape")
    chrome.open(page, f"#task={tasks // 2}&by=core")
    assert "hands on it" in text(chrome, ".story")
    assert chrome.errors == []
