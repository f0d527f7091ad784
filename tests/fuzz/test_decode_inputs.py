"""What the fuzzer of the C decoder found worth keeping, through the Python binding and its twin."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.decode_inputs import CORPUS, payloads
from tests.unit.test_format_twins import same
from twocooks.format import raw
from twocooks.format.decode import Span, decode, decode_python

pytest.importorskip("twocooks._codec", reason="the C part is not built")

KEPT = sorted((CORPUS / "decode").iterdir())


def both_agree(payload: bytes) -> None:
    head = raw.stream_head(payload)
    if head is None or head.base_ns >= 1 << 63 or head.kind >= 1 << 32:
        return  # refused before either of them is asked
    spans = [Span(head.start, len(payload) - head.start, 1, head.base_ns)]
    columns = decode(payload, spans, head.kind)
    same(columns, decode_python(payload, spans, head.kind))
    assert len(columns.time) <= spans[0].length


@pytest.mark.parametrize("trace", sorted(CORPUS.glob("*.2cooks")), ids=lambda path: path.stem)
def test_first_inputs(trace: Path) -> None:
    found = payloads(trace)
    assert found
    for payload in found:
        both_agree(payload)


def test_kept_inputs() -> None:
    """One test for all, with the file's name in the failure."""
    assert KEPT
    for path in KEPT:
        try:
            both_agree(path.read_bytes())
        except Exception as error:
            raise AssertionError(f"{path.name}: {error}") from error
