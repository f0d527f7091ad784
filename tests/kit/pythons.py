"""The Pythons to test against: that of the tests and what else is installed here."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("python3.11", "python3.12", "python3.13", "python3.13t", "python3.14", "python3.14t",
         "python3.15", "python3.15t")  # fmt: skip
ASK = (
    "import sys; t = not getattr(sys, '_is_gil_enabled', lambda: True)(); "
    "print('%d.%d' % sys.version_info[:2] + 't' * t)"
)


@functools.cache
def pythons() -> dict[str, tuple[str, ...]]:
    """Commands by version ("3.13t"), one for each version from 3.11 on.

    TWOCOOKS_TEST_PYTHONS adds commands, separated by ";".
    """
    extra = [c.split() for c in os.environ.get("TWOCOOKS_TEST_PYTHONS", "").split(";")]
    in_path = [[shutil.which(name)] for name in NAMES]
    pyenv = sorted((Path.home() / ".pyenv" / "versions").glob("3.1[1-9]*/bin/python"))
    found: dict[str, tuple[str, ...]] = {}
    for command in ([sys.executable], *extra, *in_path, *([str(p)] for p in pyenv)):
        words = tuple(word for word in command if word)
        if not words:
            continue
        answer = subprocess.run([*words, "-c", ASK], capture_output=True, text=True)
        version = answer.stdout.strip()
        if answer.returncode == 0 and version.startswith("3.1") and version != "3.10":
            found.setdefault(version, words)
    return found
