"""How large the page of a run is and how fast it is drawn: ``python -m benchmarks.page``.

A trace of ten million events and one of a hundred thousand tasks (``mimic``) become pages, which a
headless Chromium opens at 1280x720 and walks through (``tests.kit.large_page``; the suite does the
same with small traces of the same shapes). Told are the page's size, the seconds until the first
screen is drawn, the script's time of a frame while one pans, and that of a search. Frames are timed
around the page's own callbacks; what the browser does to show them comes on top.

    python -m benchmarks.page [--events N] [--keep FOLDER [--make]] [--no-write]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.kit.browser import Browser, missing
from tests.kit.large_page import walk

from benchmarks import mimic
from benchmarks.scale import machine, section

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


LIMITS = {"MB": 5.0, "first": 1.0, "median": 8.0, "p95": 16.0, "search": 100.0}
"""What we want: megabytes, seconds, and milliseconds of a frame and of a search."""
BEGIN, END = "<!-- page -->", "<!-- /page -->"
HEAD = """## The page

Written by `python -m benchmarks.page`: a trace of ten million events and one of a hundred thousand
tasks become pages, which a headless Chromium opens at 1280x720, walks through (no column of pixels
may show more tasks at work than ever were) and pans. A frame is the page's own script in it; a
search is the slowest of four, the first of which reads all names. We want at most 5 MB, 1 s,
8 ms and 16 ms, and 100 ms.

{machine}

| page | tasks | size | first screen | frame, median | frame, 95th percentile | search |
|---|---|---|---|---|---|---|
{rows}"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--keep", type=Path, help="a folder for the pages; what is there stays")
    parser.add_argument("--make", action="store_true", help="only make the pages (with --keep)")
    parser.add_argument("--no-write", action="store_true", help="leave docs/overhead.md alone")
    told = parser.parse_args()
    why = missing()
    if why:
        print(f"cannot measure: {why}")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        place = told.keep or Path(folder)
        crowd = mimic.Shape(threads=40, loops=16, steps=12)
        make(place / "events", told.events, None, mimic.STEPS_OF_A_TASK)
        make(place / "tasks", told.events // 3, crowd, 3)
        if told.make:
            return 0
        with Browser() as browser:
            found = [measure(browser, place / "events"), measure(browser, place / "tasks")]
    if not told.no_write:
        rows = "\n".join(_row(one) for one in found)
        section(BEGIN, END, HEAD.format(machine=machine(), rows=rows))
    beyond = [name for one in found for name, most in LIMITS.items() if one[name] > most]
    if beyond:
        print(f"beyond what we want: {', '.join(beyond)}")
    return 1 if beyond else 0


def make(base: Path, events: int, shape: mimic.Shape | None, steps: int) -> None:
    """The page of a trace that mimics a recorded one, and what must be true of it."""
    from twocooks.cli.report import analyse_file
    from twocooks.report import html

    if base.with_suffix(".json").exists():
        return
    before, mimic.STEPS_OF_A_TASK = mimic.STEPS_OF_A_TASK, steps
    made = mimic.write(base.with_suffix(".2cooks"), events, shape)
    mimic.STEPS_OF_A_TASK = before
    analysis = analyse_file(base.with_suffix(".2cooks"))
    begin = time.process_time()
    html.write(base.with_suffix(".html"), html.page([("", analysis)]))
    known = {
        "events": made.events,
        "tasks": len(analysis.tasks),
        "most": int(analysis.summary["parallelism"]["max"]),
    }
    base.with_suffix(".json").write_text(json.dumps(known))
    print(f"{base.name}: made in {time.process_time() - begin:.1f} CPU seconds", flush=True)


def measure(browser: Browser, base: Path) -> dict[str, Any]:
    """Opens a page, times it, and walks through it."""
    known: dict[str, Any] = json.loads(base.with_suffix(".json").read_text())
    page = base.with_suffix(".html")
    browser.size(1280, 720)
    browser.open(page)
    known["MB"] = page.stat().st_size / 1e6
    known["first"] = browser.run(FIRST) / 1000
    keys = ["w"] * 6 + ["a"] * (FRAMES // 2) + ["d"] * (FRAMES // 2)
    frames = sorted(browser.run(f"{PANNED}({json.dumps(keys)})"))
    known["median"], known["p95"] = statistics.median(frames), frames[int(0.95 * len(frames))]
    known["search"] = max(browser.run(f"{SEARCH}({t!r})") for t in ("7-1", "serve", "7-12", ""))
    print(_row(known), flush=True)
    walk(browser, page, known["tasks"], known["most"], "Task-")
    return known


def _row(one: dict[str, Any]) -> str:
    return (
        f"| {one['events'] / 1e6:.1f} million events | {one['tasks']:,} | {one['MB']:.1f} MB | "
        f"{one['first']:.2f} s | {one['median']:.1f} ms | {one['p95']:.1f} ms | "
        f"{one['search']:.0f} ms |"
    )


if __name__ == "__main__":
    sys.exit(main())
