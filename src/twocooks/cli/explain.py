"""The answer for an interview: concurrency and parallelism in ten and in thirty seconds.

twocooks explain [--markdown]

Where you have cooked (twocooks kitchen), it uses your own last numbers. --markdown to paste it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from twocooks.cli import common, store
from twocooks.cli.common import fail
from twocooks.cli.kitchen import LAST


def main(argv: list[str]) -> int:
    from twocooks.kitchen import lesson

    unknown = [word for word in argv if word not in ("--markdown", "--md")]
    if unknown:
        fail(f"explain has no {unknown[0]!r}; see twocooks explain --help")
    numbers = _last(store.folder() / LAST)
    if argv:
        sys.stdout.write(lesson.markdown(numbers))
    else:
        sys.stdout.write(lesson.terminal(numbers, common.place(sys.stdout)))
    return 0


def _last(path: Path) -> dict[str, Any] | None:
    """The numbers of the last kitchen, None where there are none (or they are not ours)."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        modes = {m["mode"]: m["measured"] for m in found["modes"]}
        if not all(isinstance(m["minutes"], float) for m in modes.values()):
            return None
        crowded = {
            m["mode"]: float(m["cores_free"]) for m in found["modes"] if m.get("crowded") is True
        }
        return {
            "dinner": str(found["dinner"]),
            "minute_s": float(found["minute_s"]),
            "crowded": crowded,
            **modes,
        }
    except (OSError, ValueError, KeyError, TypeError):
        return None
