"""Hostile traces through the whole path: read, check, analyse, terminal report, JSON, dump.

    python -m tests.fuzz.whole SECONDS [SEED]

invents traces for so long and prints what breaks. The tests use the same pieces.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.fuzz.invent import invent, lines_of

CORPUS = Path(__file__).parent / "corpus"
SPACE = 400 << 20
"""Bytes of address space beyond what the empty process has."""
CPU_S = 4.0
"""For one command on a small file: a hundred times what it needs."""


class BrokenError(AssertionError):
    """A hostile trace got through."""


class Reader:
    """The worker process; started anew when it died."""

    def __init__(self, space: int = SPACE) -> None:
        self._space = space
        self._process: subprocess.Popen[str] | None = None

    def _start(self) -> subprocess.Popen[str]:
        environ = {
            **os.environ, "TWOCOOKS_DEBUG": "1", "COLUMNS": "80", "NO_COLOR": "1",
            "OPENBLAS_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8:surrogatepass",
        }  # fmt: skip
        command = [sys.executable, "-m", "tests.fuzz.worker", str(self._space), str(CPU_S)]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environ,
            encoding="utf-8", errors="surrogatepass",
        )  # fmt: skip

    def ask(self, path: Path) -> list[dict[str, Any]]:
        """What the commands answer to this file. BrokenError where the process died of it."""
        if self._process is None:
            self._process = self._start()
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        with contextlib.suppress(BrokenPipeError):
            stdin.write(json.dumps(str(path)) + "\n")
            stdin.flush()
        line = stdout.readline()
        if not line:
            process, self._process = self._process, None
            _, err = process.communicate()
            raise BrokenError(f"the reader died with {process.returncode}: {err[-3000:]}")
        answers: list[dict[str, Any]] = json.loads(line)
        return answers

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate()
            self._process = None


def harmless(text: str) -> bool:
    """No character that steers a terminal (colours are off)."""
    return all(char.isprintable() or char == "\n" for char in text)


def judge(answers: list[dict[str, Any]], cpu_s: float = CPU_S) -> None:
    """BrokenError unless each command did what it may do with a file that lies."""
    for answer in answers:
        what = answer["command"]
        if answer["raised"]:
            raise BrokenError(f"{what} raised:\n{answer['raised']}")
        allowed = (0, 1, 2) if what == "check" else (0, 2)
        if answer["code"] not in allowed:
            raise BrokenError(f"{what} ended with {answer['code']}")
        lines = answer["err"].splitlines()
        if len(lines) != (1 if answer["code"] == 2 else 0):
            raise BrokenError(f"{what} said {lines} with exit code {answer['code']}")
        if not harmless(answer["out"]) or not harmless(answer["err"]):
            raise BrokenError(f"{what} wrote what steers a terminal")
        if answer["cpu_s"] > cpu_s:
            raise BrokenError(f"{what} took {answer['cpu_s']:.1f} CPU seconds")
    codes = {answer["command"]: answer["code"] for answer in answers}
    if codes["report"] == 0:
        json.loads(answers[1]["out"], parse_constant=_no_constant)


def _no_constant(name: str) -> None:
    raise BrokenError(f"the JSON has {name}, which is no JSON")


def bases() -> list[list[str]]:
    """The kept traces in their text form."""
    return [lines_of(path.read_bytes()) for path in sorted(CORPUS.glob("*.2cooks"))]


@contextlib.contextmanager
def reader(space: int = SPACE) -> Iterator[Reader]:
    made = Reader(space)
    try:
        yield made
    finally:
        made.close()


def main() -> int:
    seconds, seed = float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    texts, end, found, count = bases(), time.monotonic() + seconds, {}, 0
    with reader() as asked, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.2cooks"
        while time.monotonic() < end:
            path.write_bytes(invent(texts[seed % len(texts)], seed))
            try:
                judge(asked.ask(path))
            except BrokenError as error:
                why = "\n".join(str(error).strip().splitlines()[-4:])
                if why not in found:
                    print(f"--- seed {seed}\n{error}", flush=True)
                found[why] = found.get(why, 0) + 1
            seed, count = seed + 1, count + 1
    print(f"{count} traces, next seed {seed}; {len(found)} kinds of failure")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
