"""One self-contained page of a run: ``page(runs)`` gives its text, ``write`` a file.

The page opens from a file, an e-mail, a build's artifacts: nothing is loaded from anywhere, and its
Content-Security-Policy allows nothing but the script and the style inside it, by their hashes.
Names from the watched program are hostile: they are cleaned (``report.words.clean``), travel as
JSON in which no character can end the element or reach an editor as a direction mark, and the page
writes them with ``textContent`` only.

The front end's sources are in ``web/``; what is built of them lies in ``report/assets``.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twocooks.analyse.result import Analysis, Core
from twocooks.model import TwocooksError
from twocooks.report.base import PAGE_HEAD, json_number
from twocooks.report.html.contract import SCHEMA, Kitchen, Page
from twocooks.report.html.lanes import MOST_RUNS
from twocooks.report.html.run import Prepared, cleaned

MOST_BYTES = 5_000_000
"""So large a page may be: it is sent by mail and kept with builds."""
LEAST_RUNS = 20_000
"""With fewer there is no picture; a page of so many tasks may then be larger."""

ASSETS = Path(__file__).parent.parent / "assets"

_POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; img-src data:; "
    "connect-src {connect}; base-uri 'none'; form-action 'none'"
)


def page(
    analyses: Sequence[tuple[str, Analysis]],
    title: str = "",
    kitchen: Kitchen | None = None,
    cooks: Sequence[Sequence[Core]] = (),
    live: bool = False,
) -> str:
    """The page of these runs, each with what it is called ("" where it is the only one).

    ``kitchen`` makes it the page of a dinner, in which each run has a lane for each of its
    ``cooks``, too. ``live``: it comes from a server that knows more (``twocooks view``), and may
    ask that server, and no other, for the window that it shows.
    """
    share = MOST_RUNS // max(1, len(analyses))
    prepared = [
        Prepared(one, name, f"block-{number}", cooks[number] if cooks else ())
        for number, (name, one) in enumerate(analyses)
    ]
    while True:
        packed = [run.packed(share) for run in prepared]
        whole: Page = {"schema": SCHEMA, "title": title, "runs": [run for run, _ in packed]}
        if kitchen is not None:
            whole["kitchen"] = cleaned(kitchen)
        if live:
            whole["live"] = True
        text = _document(whole, [block for _, block in packed])
        if len(text) <= MOST_BYTES or share <= LEAST_RUNS:
            return text
        # Where it is far too large, not only the lanes are: many small steps would only take time.
        far = len(text) > 1.3 * MOST_BYTES
        share = share // 4 if far else int(0.9 * share * MOST_BYTES / len(text))


def write(target: Path, text: str) -> None:
    """Write a page to a file."""
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TwocooksError(f"{target} cannot be written: {error.strerror or error}") from error


def safe_json(value: Any) -> str:
    """JSON that may stand inside an element of HTML: plain ASCII, no character that HTML knows."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=json_number)
    for char in "<>&'\x7f":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _document(whole: Page, blocks: list[str]) -> str:
    script = (ASSETS / "page.js").read_text(encoding="utf-8")
    style = (ASSETS / "page.css").read_text(encoding="utf-8")
    connect = "'self'" if "live" in whole else "'none'"
    policy = _POLICY.format(script=_hash(script), style=_hash(style), connect=connect)
    words = whole["runs"][0]["words"] if whole["runs"] else {}
    said = " ".join(words.get(key, "") for key in ("headline", "technical", "sentence"))
    if "kitchen" in whole:
        kitchen = whole["kitchen"]
        said = " ".join([kitchen["headline"], kitchen["measured"], *kitchen["lessons"]])
    title = whole["title"] or words.get("headline", "")
    data = "\n".join(
        f'<script type="application/octet-stream" id="block-{number}">{block}</script>'
        for number, block in enumerate(blocks)
    )
    return f"""{PAGE_HEAD.decode()}<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>{html.escape(title)} – twocooks</title>
<style>{style}</style>
</head>
<body>
<noscript><p>{html.escape(said)}</p><p>The picture needs JavaScript.</p></noscript>
<main id="page"></main>
<script type="application/json" id="data">{safe_json(whole)}</script>
{data}
<script>{script}</script>
</body>
</html>
"""


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")
