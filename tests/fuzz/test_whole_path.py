"""Hostile traces through read, check, analysis, terminal report, JSON and dump: one clear line and
exit code 2, or an answer; never a crash, a hang, a traceback, or memory beyond the file's size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import whole
from tests.fuzz.bombs import BOMBS
from tests.fuzz.invent import invent, to_bytes
from twocooks.format.encode import block, file_head

BASES = whole.bases()
SIZE = 800
SLACK_S = 0.4
"""CPU seconds of a command that do not depend on the file."""
RELAXED = settings(
    max_examples=70,
    deadline=None,
    derandomize=True,  # new inventions are looked for by tests.fuzz.whole, not by chance in a test
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def reader() -> Iterator[whole.Reader]:
    with whole.reader() as made:
        yield made


@RELAXED
@given(base=st.sampled_from(range(len(BASES))), seed=st.integers(0, 1 << 40))
def test_invented_traces(reader: whole.Reader, tmp_path: Path, base: int, seed: int) -> None:
    path = tmp_path / "t.2cooks"
    path.write_bytes(invent(BASES[base], seed))
    whole.judge(reader.ask(path))


@RELAXED
@given(data=st.data())
def test_damaged_bytes(reader: whole.Reader, tmp_path: Path, data: st.DataObject) -> None:
    """Cut, and bits turned over, in a file of which each block is a target."""
    kept = sorted(whole.CORPUS.glob("*.2cooks"))
    changed = bytearray(data.draw(st.sampled_from(kept)).read_bytes())
    for _ in range(data.draw(st.integers(0, 3))):
        bit = data.draw(st.integers(0, len(changed) * 8 - 1))
        changed[bit // 8] ^= 1 << bit % 8
    path = tmp_path / "t.2cooks"
    path.write_bytes(bytes(changed[: data.draw(st.integers(0, len(changed)))]))
    whole.judge(reader.ask(path))


def test_what_is_no_trace_is_one_line_and_two(reader: whole.Reader, tmp_path: Path) -> None:
    path = tmp_path / "t.2cooks"
    ages = ['END {"end_ns": 4611686018427387904}' if line[:3] == "END" else line
            for line in BASES[0]]  # fmt: skip
    for content in (b"", b"twocooks", b"\x7fELF" + bytes(100), file_head(),
                    file_head() + block(2, b"\1\0\0\0"), file_head() + block(1, b"[]"),
                    file_head()[:8] + b"\xff\0\0\0" + bytes(4), to_bytes(ages)):  # fmt: skip
        path.write_bytes(content)
        answers = reader.ask(path)
        whole.judge(answers)
        codes = {answer["command"]: answer["code"] for answer in answers}
        assert codes["report"] == codes["check"] == 2, (content[:40], answers)


def test_the_kept_traces_are_sound(reader: whole.Reader) -> None:
    """Else the inventions would begin from something that is refused anyway."""
    for path in sorted(whole.CORPUS.glob("*.2cooks")):
        answers = reader.ask(path)
        whole.judge(answers)
        assert all(answer["code"] in (0, 1) for answer in answers), path


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_cost_follows_the_size(reader: whole.Reader, tmp_path: Path, name: str) -> None:
    small, large = tmp_path / "small.2cooks", tmp_path / "large.2cooks"
    small.write_bytes(BOMBS[name](SIZE))
    large.write_bytes(BOMBS[name](4 * SIZE))

    def cost(path: Path) -> float:
        answers = reader.ask(path)
        whole.judge(answers, cpu_s=30)
        return float(max(answer["cpu_s"] for answer in answers))

    # Four times the size takes four times as long; sixteen times would be the square. The least
    # and the most of three each: a host that takes a core away for a while adds to CPU seconds.
    took = [[cost(path) for _ in range(3)] for path in (small, large)]
    assert min(took[1]) <= 9 * max(took[0]) + SLACK_S
