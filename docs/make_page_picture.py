"""Makes docs/page.png from a real kitchen run:  python -m docs.make_page_picture

Needs chromium, and two free cores for a quarter of a minute; it refuses a run that was disturbed.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from docs.make_picture import ROOT, VERDICTS
from tests.kit.browser import Browser

MINUTE = 16.5
"""Of the dinner: with a friend who switches it is done, the others still cook."""
SIZE = (1180, 945)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        numbers, page = Path(folder) / "kitchen.json", Path(folder) / "kitchen.html"
        subprocess.run(
            [sys.executable, "-m", "twocooks", "kitchen", "--now", "--json", str(numbers),
             "--html", str(page)],
            stdout=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        modes = json.loads(numbers.read_text())["modes"]
        found = [mode["measured"]["verdict"] for mode in modes]
        if found != VERDICTS or any(mode["crowded"] for mode in modes):
            sys.exit("The cores were not free: " + ", ".join(found))
        with Browser() as browser:
            browser.size(*SIZE)
            browser.scheme()
            browser.open(page, f"#at={MINUTE}")
            browser.frame()
            (ROOT / "docs" / "page.png").write_bytes(browser.picture())


if __name__ == "__main__":
    main()
