"""A trace without what it says of its owner: safe to share, and the same answer.

Every text of the file (command lines, file names, functions, tasks, threads, modules, notes) is
replaced, part by part, by a placeholder that says what kind of thing it was: task-1, function-2,
file-3. The same text always gets the same placeholder, so the picture can still be read. What is
kept is what the analysis decides by: numbers and times, the names of Python's own modules and
their files, and of interpreters. Blocks that cannot be read are left out: nobody knows what they
hold.
"""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from twocooks.format import spec
from twocooks.format.text import quoted, to_bytes
from twocooks.read import head
from twocooks.read.dump import dump

_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
PARTS = {
    "TASK_NAME": ("task", "function", "file", "line"),
    "HELLO": ("word", "script", "file"),
    "THREAD": ("thread", "function", "file", "line"),
    "THREAD_END": ("thread",),
    "PROCESS_NAME": ("process", "function", "file", "line"),
    "IMPORT": ("module",),
    "GIL_ON": ("module",),
    "ITEM_NEW": ("function", "file", "line"),
    "ITEM": ("function", "file", "line"),
    "BLOCK": ("block",),
    "COMM": ("name",),
    "EXEC": ("name",),
    "POLL_NEW": ("name",),
    "TEXT": ("frame",),
}
"""What the parts of an event's text are; the last kind holds for all further ones."""
KEPT_META = ("pid", "source", "start_ns", "cpus", "smt_siblings", "ring_pages", "tick_ns",
             "attached_ns", "agent", "twocooks")  # fmt: skip
KEPT_END = ("exit", "why", "end_ns", "task_clock_ns", "rusage", "lost", "agent_lost",
            "agent_damaged", "recorder_cpu_s", "still_running", "records", "labels")  # fmt: skip
_STANDARD = re.compile(r"(?:^|.*/)lib(?:64)?/python3[^/]*/(?!site-packages|dist-packages)(.*)")
_WORDS = {"cpython", "pypy", "-c", "-m", "-", "", "main", "MainThread", "sitecustomize",
          "usercustomize"}  # fmt: skip
_DOTTED = re.compile(r"[A-Za-z_][A-Za-z_.]*")
_PYTHON = re.compile(r"python[\d.]*t?")
_NUMBER = re.compile(r"\d{1,9}")
_MODULES = re.compile(r"(?:[a-z_]+/)*[A-Za-z_]+\.py")


class Placeholders:
    """Stable names for what must not be said."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], str] = {}
        self._count: Counter[str] = Counter()

    def of(self, kind: str, text: str) -> str:
        """The placeholder of this text (of this kind), or the text where it tells nothing."""
        if text in _WORDS or _PYTHON.fullmatch(text):
            return text
        if kind == "line" and _NUMBER.fullmatch(text):
            return text
        if kind in ("file", "script"):
            return self._file(text)
        if kind == "module" and text.partition(".")[0] in sys.stdlib_module_names:
            return text
        if kind == "frame":
            file, line, function = [*text.rsplit(":", 2), "", ""][:3]
            place = line if _NUMBER.fullmatch(line) else ""
            known = _standard(file) is not None
            named = function if known and function.isidentifier() else self.of("function", function)
            return f"{self._file(file)}:{place}:{named}"
        return self._new(kind, text)

    def _file(self, path: str) -> str:
        standard = _standard(path)
        if standard is not None:
            return f"/lib/python3/{standard}"
        name = path.rpartition("/")[2]
        if _PYTHON.fullmatch(name):
            return "python"
        return self._new("file", path)

    def _new(self, kind: str, text: str) -> str:
        key = kind, text
        if key not in self._given:
            self._count[kind] += 1
            self._given[key] = f"{kind}-{self._count[kind]}"
        return self._given[key]


def _standard(path: str) -> str | None:
    """A file of Python's own library below its folder, None for others."""
    match = _STANDARD.fullmatch(path.replace("\\", "/"))
    if match is None or not _MODULES.fullmatch(match[1]):
        return None
    top = match[1].partition("/")[0].removesuffix(".py")
    return match[1] if top in sys.stdlib_module_names else None


def redact(path: str | os.PathLike[str]) -> bytes:
    """The trace file's bytes without names. TraceError where it is no trace."""
    return to_bytes(redacted_lines(path))


def redacted_lines(path: str | os.PathLike[str]) -> Iterator[str]:
    """The text form (see ``format.text``), without names and without what could not be read."""
    names = Placeholders()
    for line in dump(path):
        if line.startswith("  "):
            event = line.split(" ", 4)[3]
            yield _TEXT.sub(functools.partial(_parts, names, event), line)
        elif line.startswith(("META ", "END ")):
            yield _json(names, line)
        elif not line.startswith("#"):
            yield line


def _parts(names: Placeholders, event: str, text: re.Match[str]) -> str:
    kinds = PARTS.get(event, ("word",))
    parts = json.loads(text[0]).split(spec.SEPARATOR)
    told = []
    file = parts[kinds.index("file")] if "file" in kinds and len(parts) == len(kinds) else ""
    for at, part in enumerate(parts):
        kind = kinds[min(at, len(kinds) - 1)]
        ours = kind == "function" and _standard(file) is not None
        told.append(part if ours and _DOTTED.fullmatch(part) else names.of(kind, part))
    return quoted(spec.SEPARATOR.join(told))


def _json(names: Placeholders, line: str) -> str:
    """META and END: the known keys that hold numbers; words of a command one by one."""
    which, _, body = line.partition(" ")
    try:
        content: Any = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        content = {}
    shape, keep = (head.META, KEPT_META) if which == "META" else (head.END, KEPT_END)
    content, _ = head.plausible(content, shape)
    told = {key: value for key, value in content.items() if key in keep and _plain(value)}
    if isinstance(content.get("command"), list):
        told["command"] = [names.of("argument", word) for word in content["command"]]
    if content.get("notes"):
        told["notes"] = [f"{len(content['notes'])} notes of the recorder were left out"]
    return f"{which} {json.dumps(told)}"


def _plain(value: Any) -> bool:
    """Nothing in it that could be a name."""
    if isinstance(value, dict):
        return all(len(key) <= 20 and _plain(part) for key, part in value.items())
    if isinstance(value, list):
        return all(map(_plain, value))
    return not isinstance(value, str) or value in (
        "kernel", "schedstat", "exited", "for", "size") or bool(
        re.fullmatch(r"\d+(\.\w+){1,4}", value))  # fmt: skip
