"""The tables of columns in docs/data.md, from their definition.

    python -m tests.kit.data_page     writes them anew
"""

from __future__ import annotations

import re
from pathlib import Path

from twocooks.analyse.data_fields import FIELDS, MEANINGS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "data.md"
PART = re.compile(r"(<!-- columns of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(name: str) -> str:
    """One table's meaning and columns in Markdown."""
    rows = [MEANINGS[name], "", "| column | type | unit | meaning | null where |",
            "|---|---|---|---|---|"]  # fmt: skip
    rows += [
        f"| `{f.name}` | {f.type} | {f.unit} | {f.meaning} | {f.null} |" for f in FIELDS[name]
    ]
    return "\n".join(rows) + "\n"


def filled(page: str) -> str:
    """The page with all its tables as they are defined."""
    return PART.sub(lambda part: f"{part[1]}{table(part[2])}{part[3]}", page)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
