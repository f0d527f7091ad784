"""Makes src/core/peek_layout.h from the headers of the Pythons that are installed.

    python -m tests.kit.peek_layouts PYTHON [PYTHON ...]

Each argument is a Python command. Rows of versions that are not given stay as they are.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

PROBE = Path(__file__).with_name("peek_layout_probe.c")
HEADER = Path(__file__).parents[2] / "src" / "core" / "peek_layout.h"
ROW = re.compile(r"^    \{0x([0-9a-f]{4}), ([01]), \{\n.*?^    \}\},\n", re.MULTILINE | re.DOTALL)
ASK = (
    "import sysconfig; p = sysconfig.get_paths(); print(p['include'], p['platinclude'], "
    "int(bool(sysconfig.get_config_var('Py_GIL_DISABLED'))), sep='\\n')"
)


def row_of(python: list[str]) -> str | None:
    """The row of the table for this Python; None where its headers are not installed here."""
    answer = subprocess.run([*python, "-c", ASK], capture_output=True, text=True, check=True)
    include, platform, free_threaded = answer.stdout.split("\n")[:3]
    if not (Path(include) / "internal" / "pycore_runtime.h").is_file():
        return None
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "probe"
        flags = ["-std=gnu11", "-w", f"-I{include}", f"-I{include}/internal", f"-I{platform}"]
        if free_threaded == "1":
            flags.append("-DPy_GIL_DISABLED=1")
        subprocess.run(["gcc", *flags, "-o", program, PROBE], check=True)
        return subprocess.run([program], capture_output=True, text=True, check=True).stdout


def rows_in(header: str) -> dict[tuple[str, str], str]:
    """The rows of the header's text by (version in hex, free-threaded)."""
    return {(found[1], found[2]): found[0] for found in ROW.finditer(header)}


def main(arguments: list[str]) -> None:
    header = HEADER.read_text()
    rows = rows_in(header)
    for argument in arguments:
        row = row_of(argument.split())
        if row is None:
            sys.exit(f"{argument}: its headers are not installed")
        rows.update(rows_in(row))
    begin, end = header.index("/* rows */\n") + len("/* rows */\n"), header.index("/* end */")
    body = "".join(rows[key] for key in sorted(rows))
    HEADER.write_text(header[:begin] + body + header[end:])


if __name__ == "__main__":
    main(sys.argv[1:])
