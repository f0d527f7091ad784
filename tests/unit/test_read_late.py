"""A large trace, whose columns are read when they are asked for, says what a small one says."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks import mimic

from tests.unit.test_read_reader import full
from twocooks.analyse import analyse
from twocooks.format import raw, spec
from twocooks.format.encode import FILE_HEAD
from twocooks.model import TraceError
from twocooks.read import reader
from twocooks.read.late import LateTrace
from twocooks.read.trace import SWITCHES, Trace


def _damaged(path: Path) -> Path:
    """One of the kernel's blocks and one of an agent's, each in the middle, are damaged; the last
    block is cut."""
    data = bytearray(path.read_bytes())
    with path.open("rb") as file:
        assert raw.file_version(file) == spec.VERSION
        blocks = [block for block in raw.blocks(file) if block.kind == spec.Block.EVENTS]
    for stream in (spec.Stream.KERNEL, spec.Stream.AGENT):
        mine = [b for b in blocks if b.payload[0] == stream and len(b.payload) > 100]
        hit = mine[len(mine) // 2]
        data[hit.offset + raw.BLOCK_HEAD.size + 60] ^= 0x55
    path.write_bytes(data[: blocks[-1].offset + 15])
    return path


@pytest.fixture(params=["every kind", "mimicked", "damaged"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    file = tmp_path / "t.2cooks"
    if request.param == "every kind":
        file.write_bytes(full().file(block_records=7))
    else:
        mimic.write(file, 20_000, mimic.Shape(threads=40, loops=4, processes=2))
    return _damaged(file) if request.param == "damaged" else file


def _both(path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Trace, LateTrace]:
    at_once = reader.load(path)
    assert type(at_once) is Trace
    monkeypatch.setattr(reader, "LATE_BYTES", 0)
    late = reader.load(path)
    assert isinstance(late, LateTrace)
    return at_once, late


def _same(one: Any, other: Any) -> None:
    for part in dataclasses.fields(one):
        mine, theirs = getattr(one, part.name), getattr(other, part.name)
        assert mine.dtype == theirs.dtype
        assert np.array_equal(mine, theirs), part.name


def test_columns_are_the_same_whenever_they_are_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, late = _both(path, monkeypatch)
    assert late.notes == at_once.notes
    assert late.texts == at_once.texts
    assert late.agent_threads == at_once.agent_threads
    for _ in range(2):
        _same(at_once.kernel, late.kernel)
        _same(at_once.agent, late.agent)
    for name in ("look", "holder", "file", "peer", "run", "poll", "meter"):
        _same(getattr(at_once, name), getattr(late, name))


def test_what_is_in_use_is_not_read_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, late = _both(path, monkeypatch)
    agent = late.agent
    assert late.agent is agent
    assert object.__getattribute__(late, "agent") is None
    del agent
    assert late.lately["agent"]() is None  # nothing holds it


def test_what_is_kept_of_the_kernels_records(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    k = reader.load(path).kernel
    _, late = _both(path, monkeypatch)
    rare = ~np.isin(k.event, SWITCHES)
    assert late.rare.time.tolist() == k.time[rare].tolist()
    assert late.rare.a.tolist() == k.a[rare].tolist()
    assert late.switches == {e: int((k.event == e).sum()) for e in set(k.event.tolist())}
    assert late.last_on == {c: int(k.time[k.cpu == c].max()) for c in set(k.cpu.tolist())}


def test_the_analysis_says_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, late = _both(path, monkeypatch)
    span = (int(at_once.kernel.time[len(at_once.kernel.time) // 3]), int(at_once.kernel.time[-1]))
    for window in (None, span):
        said = [json.dumps(analyse(t, window=window).whole, default=float) for t in (at_once, late)]
        assert said[0] == said[1]


def test_a_file_that_is_gone_or_has_grown_is_read_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, late = _both(path, monkeypatch)
    with path.open("ab") as file:
        file.write(path.read_bytes()[FILE_HEAD.size :])
    path.unlink()
    _same(at_once.kernel, late.kernel)
    _same(at_once.agent, late.agent)


def test_a_trace_without_a_head_is_refused_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "LATE_BYTES", 0)
    (tmp_path / "t.2cooks").write_bytes(FILE_HEAD.pack(spec.MAGIC, spec.VERSION, 0))
    with pytest.raises(TraceError, match="head is damaged"):
        reader.load(tmp_path / "t.2cooks")
