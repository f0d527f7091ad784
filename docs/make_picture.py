"""Makes docs/dinner.svg from two real runs of examples/dinner.py:  python docs/make_picture.py

Needs two free cores for a moment; it refuses to draw a run that says they were not free.
"""

import io
import re
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

import twocooks
from twocooks.report import terminal
from twocooks.report.base import Options

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 84
WAYS = {"alone": "turns", "friend": "parallel"}
FONT_FACE = re.compile(r"@font-face \{\{.*?\}\}", re.DOTALL)  # it would be fetched from elsewhere


def page(way: str, verdict: str, folder: str) -> str:
    run = twocooks.run(
        [str(ROOT / "examples" / "dinner.py"), way], trace_path=Path(folder) / f"{way}.2cooks"
    )
    if run.verdict["id"] != verdict or run.verdict["cause"] == "no-free-core":
        sys.exit(f"{way}: {run.verdict['headline']} {run.verdict['why']} Try again.")
    return terminal.render(run.analysis, Options(WIDTH, "full"))


def main() -> None:
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    with tempfile.TemporaryDirectory() as folder:
        for way, verdict in WAYS.items():
            console.print(Text(f"$ twocooks run examples/dinner.py {way}", style="dim"))
            console.print(Text.from_ansi(page(way, verdict, folder)))
    from rich._export_format import CONSOLE_SVG_FORMAT

    svg = console.export_svg(
        title="twocooks", code_format=FONT_FACE.sub("", CONSOLE_SVG_FORMAT), unique_id="dinner"
    )
    svg = svg.replace("Fira Code", "DejaVu Sans Mono").replace("monospace", "Menlo, monospace")
    (ROOT / "docs" / "dinner.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
