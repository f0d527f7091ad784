"""How large the page of a run is and how fast it is drawn: ``python -m benchmarks.page``.

A trace of ten million events and one of a hundred thousand tasks (``mimic``) become pages, which a
headless Chromium opens at 1280x720. Told are the page's size, the seconds until the first screen is
drawn, the script's time of a frame while one pans, and that of a search. Frames are timed around
the page's own callbacks; what the browser does to show them comes on top.

    python -m benchmarks.page [--events N] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.kit.browser import Browser, missing

from benchmarks import mimic

EVENTS = 10_000_000
FRAMES = 80
PANNED = """(async keys => {
const ask = window.requestAnimationFrame.bind(window);
const frames = [];
window.requestAnimationFrame = does => ask(now => {
  const begin = performance.now(); does(now); frames.push(performance.now() - begin); });
for (const key of keys) {
  document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
  await new Promise(ask);
}
window.requestAnimationFrame = ask;
return frames; })"""
FIRST = "performance.getEntriesByName('twocooks-drawn')[0].startTime"
"""Milliseconds from the begin of opening."""
SEARCH = """(text => { const box = document.querySelector('input[type=search]');
const begin = performance.now(); box.value = text; box.dispatchEvent(new Event('input'));
return performance.now() - begin; })"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--keep", type=Path, help="a folder for the pages")
    told = parser.parse_args()
    why = missing()
    if why:
        print(f"cannot measure: {why}")
        return 1
    with tempfile.TemporaryDirectory() as folder, Browser() as browser:
        place = told.keep or Path(folder)
        mimic.write(place / "events.2cooks", told.events)
        measure(browser, place, "events")
        mimic.STEPS_OF_A_TASK = 3
        shape = mimic.Shape(threads=40, loops=16, steps=12)
        mimic.write(place / "tasks.2cooks", told.events // 3, shape)
        measure(browser, place, "tasks")
    return 0


def measure(browser: Browser, folder: Path, name: str) -> None:
    from twocooks.cli.report import analyse_file
    from twocooks.report import html

    analysis = analyse_file(folder / f"{name}.2cooks")
    begin = time.perf_counter()
    page = folder / f"{name}.html"
    html.write(page, html.page([("", analysis)]))
    made = time.perf_counter() - begin
    browser.size(1280, 720)
    browser.open(page)
    first = browser.run(FIRST)
    keys = ["w"] * 6 + ["a"] * (FRAMES // 2) + ["d"] * (FRAMES // 2)
    frames = sorted(browser.run(f"{PANNED}({json.dumps(keys)})"))
    search = browser.run(f"{SEARCH}('7-1')")
    print(
        f"{name}: {len(analysis.tasks):,} tasks, page {page.stat().st_size / 1e6:.2f} MB, made in "
        f"{made:.1f} s; first screen {first / 1000:.2f} s; a frame {statistics.median(frames):.1f}"
        f" ms in the median, {frames[int(0.95 * len(frames))]:.1f} ms at the 95th percentile; "
        f"search {search:.0f} ms"
    )
    sys.stdout.flush()
    if browser.errors:
        raise SystemExit(f"the page complained: {browser.errors}")


if __name__ == "__main__":
    sys.exit(main())
