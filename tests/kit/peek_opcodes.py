"""Makes src/core/peek_opcodes.h from the headers of the Pythons that are installed.

    python -m tests.kit.peek_opcodes PYTHON [PYTHON ...]

Each argument is a Python command. Tables of versions that are not given stay as they are.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PROBE = Path(__file__).with_name("peek_opcode_probe.c")
HEADER = Path(__file__).parents[2] / "src" / "core" / "peek_opcodes.h"
TABLE = re.compile(r"^    \{0x([0-9a-f]{4}),\n.*?^    \}\},\n", re.MULTILINE | re.DOTALL)
ASK = (
    "import dis, json, sys, sysconfig; p = sysconfig.get_paths(); print(json.dumps(["
    "p['include'], p['platinclude'], sys.version_info[:2], dis.opname, dis.hasjrel + dis.hasjabs]))"
)
KINDS = {
    "EXTENDED_ARG": "EXTENDED", "RETURN_VALUE": "RETURN", "RETURN_CONST": "RETURN",
    "RAISE_VARARGS": "RAISE", "RERAISE": "RAISE", "YIELD_VALUE": "YIELD", "CALL": "CALL",
    "CALL_KW": "CALL", "PRECALL": "PRECALL", "KW_NAMES": "LOAD", "LOAD_CONST": "LOAD",
    "LOAD_SMALL_INT": "LOAD", "LOAD_COMMON_CONSTANT": "LOAD", "TO_BOOL": "TO_BOOL",
    "POP_TOP": "POP_TOP", "LOAD_FAST": "LOAD_FAST", "LOAD_FAST_CHECK": "LOAD_FAST",
    "LOAD_FAST_BORROW": "LOAD_FAST", "LOAD_FAST_LOAD_FAST": "LOAD_FAST_2",
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW": "LOAD_FAST_2",
    "STORE_FAST": "STORE_FAST", "DELETE_FAST": "STORE_FAST", "LOAD_FAST_AND_CLEAR": "STORE_FAST",
    "STORE_FAST_LOAD_FAST": "STORE_LOAD", "STORE_FAST_STORE_FAST": "STORE_FAST_2",
    "LOAD_DEREF": "LOAD_DEREF", "STORE_DEREF": "STORE_DEREF", "DELETE_DEREF": "STORE_DEREF",
    "LOAD_GLOBAL": "LOAD_GLOBAL", "LOAD_NAME": "LOAD_NAME", "STORE_GLOBAL": "STORE_NAME",
    "DELETE_GLOBAL": "STORE_NAME", "STORE_NAME": "STORE_NAME", "DELETE_NAME": "STORE_NAME",
    "LOAD_ATTR": "LOAD_ATTR", "LOAD_METHOD": "LOAD_METHOD", "STORE_ATTR": "STORE_ATTR",
    "DELETE_ATTR": "STORE_ATTR", "END_ASYNC_FOR": "OTHER", "JUMP_FORWARD": "GOTO",
    "JUMP_BACKWARD": "GOTO_BACK", "JUMP_BACKWARD_NO_INTERRUPT": "GOTO_BACK",
}  # fmt: skip
"""What the reader of code needs to tell apart; all else is OTHER, or BAD. (PUSH_NULL is OTHER: it
says that a call stands among the arguments of another.)"""


def kind_of(name: str, jumps: bool) -> str:
    """Which kind an opcode is. BAD: code with it is not read."""
    if name in KINDS:
        return KINDS[name]
    if name.startswith(("<", "INSTRUMENTED_", "CACHE", "ENTER_EXECUTOR", "RESERVED")):
        return "BAD"
    if jumps:
        back = "_BACK" * ("BACKWARD" in name)
        for end in ("IF_TRUE", "IF_FALSE"):
            if name.startswith("POP_JUMP") and name.endswith(end):
                return end + back
        return "JUMP" + back
    return "OTHER"


def lines(words: list[str]) -> str:
    """An array's values, eight a line."""
    rows = (", ".join(words[i : i + 8]) for i in range(0, len(words), 8))
    return "".join(f"        {row},\n" for row in rows)


def table_of(python: list[str], root: str = "") -> str | None:
    """The table for this Python; None where its headers are not installed here. Root: where the
    folder lies that this Python sees as its root."""
    answer = subprocess.run([*python, "-c", ASK], capture_output=True, text=True, check=True)
    include, platform, (major, minor), names, jumps = json.loads(answer.stdout)
    include, platform = root + include, root + platform
    if not (Path(include) / "internal").is_dir():
        return None
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "probe"
        flags = ["-std=gnu11", "-w", f"-I{include}", f"-I{include}/internal", f"-I{platform}"]
        own = Path(include).parent / "x86_64-linux-gnu" / Path(include).name  # Debian's pyconfig.h
        (Path(folder) / own.parent.name).mkdir()
        (Path(folder) / own.parent.name / own.name).symlink_to(own)
        subprocess.run(["gcc", *flags, f"-I{folder}", "-o", program, PROBE], check=True)
        said = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    base, caches = zip(*(map(int, line.split()) for line in said.splitlines()), strict=True)
    # What is not in use is said to be a form of opcode 0, which is no instruction.
    kinds = ["OP_" + kind_of(names[b] if b < len(names) else "<>", b in jumps) for b in base]
    head = f"    {{0x{major:02x}{minor:02x},\n      {{\n"
    return f"{head}{lines(kinds)}      }}, {{\n{lines([str(c) for c in caches])}    }}}},\n"


def tables_in(header: str) -> dict[str, str]:
    """The tables of the header's text by version in hex."""
    return {found[1]: found[0] for found in TABLE.finditer(header)}


def main(arguments: list[str]) -> None:
    header = HEADER.read_text()
    tables = tables_in(header)
    for argument in arguments:
        command, _, root = argument.partition("@")
        table = table_of(command.split(), root)
        if table is None:
            sys.exit(f"{argument}: its headers are not installed")
        tables.update(tables_in(table))
    begin, end = header.index("/* tables */\n") + len("/* tables */\n"), header.index("/* end */")
    body = "".join(tables[key] for key in sorted(tables))
    HEADER.write_text(header[:begin] + body + header[end:])


if __name__ == "__main__":
    main(sys.argv[1:])
