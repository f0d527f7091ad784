"""A trace that is given away holds no name of its owner, and gives the same answer."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest

from tests.fuzz.invent import lines_of, to_bytes
from tests.unit.cli.test_hostile_names import CORPUS, renamed, said

SECRET = "S3cret/Zoë "


@pytest.fixture(params=["recorded", "polled", "two_loops", "pool"])
def trace(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Each part of each text begins with something that must not be seen."""
    path = tmp_path / "run.2cooks"
    lines = lines_of((CORPUS / f"{request.param}.2cooks").read_bytes())
    path.write_bytes(to_bytes([renamed(line, SECRET) for line in lines]))
    return path


def test_nothing_of_the_names_is_left(trace: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.2cooks"
    copy.touch(0o644)
    copy.unlink()
    code, out, err = said("redact", str(trace), "-o", str(copy))
    assert (code, out) == (0, ""), err
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    shown = [said(*words)[1] for words in (
        ["report", "--redact", str(trace)], ["report", "--redact", "--json", "-", str(trace)],
        ["report", str(copy)], ["report", "--json", "-", str(copy)], ["dump", str(copy)],
    )]  # fmt: skip
    for text in (*shown, copy.read_bytes().decode("latin-1")):
        assert len(text) > 100
        for secret in ("S3cret", "Zo", "Zoë".encode().decode("latin-1")):
            assert secret not in text, text[max(0, text.find(secret) - 99) :][:300]


@pytest.mark.parametrize("name", ["recorded", "polled", "two_loops", "lock_some", "gil_threads"])
def test_the_copy_gives_the_same_answer(name: str, tmp_path: Path) -> None:
    original, copy = CORPUS / f"{name}.2cooks", tmp_path / "copy.2cooks"
    assert said("redact", str(original), "-o", str(copy))[0] == 0
    one, other = (json.loads(said("report", "--json", "-", str(p))[1]) for p in (original, copy))
    for key in ("wall_s", "cpu_s", "concurrency", "parallelism", "scores", "tasks", "switches"):
        assert one[key] == other[key], key
    assert [one["verdict"][key] for key in ("id", "cause")] == [
        other["verdict"][key] for key in ("id", "cause")
    ]
    words = " ".join(other["command"])
    assert re.fullmatch(r"(argument-\d+ ?)*|python.*", words), words


def test_the_trace_itself_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "run.2cooks"
    path.write_bytes((CORPUS / "pool.2cooks").read_bytes())
    before = path.read_bytes()
    for words in (["redact", str(path)], ["redact", str(path), "-o", str(path)]):
        code, _, err = said(*words)
        assert code == 2
        assert err.count("\n") == 1
    assert path.read_bytes() == before
