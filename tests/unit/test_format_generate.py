"""What derives from the event table is not stale, and the table keeps its own rules."""

from __future__ import annotations

import pytest

from twocooks.format import generate, spec


@pytest.mark.parametrize("name", ["HEADER", "PAGE"])
def test_derived_files_are_current(name: str) -> None:
    path = getattr(generate, name)
    if name == "HEADER" and not path.parent.exists():
        pytest.skip("not a source tree")
    text = generate.header() if name == "HEADER" else generate.page()
    assert path.read_text(encoding="utf-8") == text, "run python -m twocooks.format.generate"


def test_the_page_names_every_event() -> None:
    page = generate.page()
    assert all(f"| {event.number} |" in page and event.doc in page for event in spec.EVENTS)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"number": 2}, "is taken"),
        ({"number": 256}, "not in 0..255"),
        ({"short": 7}, "not in 0..6"),
        ({"short": 1}, "share a short code"),
        ({"fields": (("text", "str"), ("a", "u"))}, "last field"),
        ({"fields": (("a", "float"),)}, "unknown field type"),
    ],
)
def test_a_broken_table_is_refused(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, object], says: str
) -> None:
    changed = spec.BY_NAME["OUT"]._replace(**change)  # type: ignore[arg-type]
    rest = tuple(event for event in spec.EVENTS if event.name != "OUT")
    monkeypatch.setattr(spec, "EVENTS", (*rest, changed))
    with pytest.raises(ValueError, match=says):
        generate.check_table()
