"""Makes docs/kitchen.svg from a real kitchen run:  python docs/make_picture.py

Needs two free cores for a quarter of a minute; it refuses to draw a run that was disturbed.
"""

import io
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 100
VERDICTS = ["one-after-another", "turns", "parallel", "both"]
FONT_FACE = re.compile(r"@font-face \{\{.*?\}\}", re.DOTALL)  # it would be fetched from elsewhere
END = "predicted"
"""The picture ends before the table, which is for those who stay."""


def screen(folder: str) -> str:
    numbers = Path(folder) / "kitchen.json"
    done = subprocess.run(
        [sys.executable, "-m", "twocooks", "kitchen", "--now", "--json", str(numbers)],
        env={**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "COLORTERM": "truecolor"},
        capture_output=True,
        text=True,
        check=True,
    )
    modes = json.loads(numbers.read_text())["modes"]
    if [mode["measured"]["verdict"] for mode in modes] != VERDICTS or "▲" in done.stdout:
        sys.exit("The cores were not free: " + ", ".join(m["measured"]["verdict"] for m in modes))
    return done.stdout.split(END)[0].rstrip()


def main() -> None:
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    with tempfile.TemporaryDirectory() as folder:
        console.print(Text("$ twocooks kitchen", style="dim"))
        console.print(Text.from_ansi(screen(folder)))
    from rich._export_format import CONSOLE_SVG_FORMAT

    svg = console.export_svg(
        title="twocooks", code_format=FONT_FACE.sub("", CONSOLE_SVG_FORMAT), unique_id="kitchen"
    )
    svg = svg.replace("Fira Code", "DejaVu Sans Mono").replace("monospace", "Menlo, monospace")
    (ROOT / "docs" / "kitchen.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
