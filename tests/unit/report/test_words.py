"""Cleaning, cutting and wrapping texts that may be hostile."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.analyses import HOSTILE
from twocooks.report.words import clean, count, fit, seconds, width_of, wrap

ANYTHING = st.text(max_size=200) | st.text(
    alphabet="\x1b[]0;31m\x07\x9b\x9c\\ab\u202e\u0301日", max_size=60
)


@given(ANYTHING)
def test_nothing_that_steers_a_terminal_is_left(text: str) -> None:
    for char in clean(text):
        assert unicodedata.category(char)[0] != "C"
        assert unicodedata.category(char) not in ("Zl", "Zp")


@given(ANYTHING)
def test_plain_characters_alone_where_only_they_can_be_written(text: str) -> None:
    assert clean(text, unicode=False).isascii()


def test_an_escape_sequence_goes_as_a_whole() -> None:
    assert clean("\x1b[31mred\x1b[0m \x1b]0;title\x07end") == "red end"


def test_a_heap_of_marks_is_cut() -> None:
    assert len(clean("e" + "\u0301" * 500)) <= 3


def test_words_stay() -> None:
    assert clean("  worker-1\n(fetch) [bold]x[/bold] ") == "worker-1 (fetch) [bold]x[/bold]"
    assert clean("naïve – “so” ×2", unicode=False) == 'naive - "so" x2'


@given(ANYTHING, st.integers(0, 40), st.booleans(), st.booleans())
def test_fitted_is_exactly_so_wide(text: str, columns: int, unicode: bool, right: bool) -> None:
    if columns >= 2:
        assert (
            width_of(fit(clean(text, unicode=unicode), columns, unicode=unicode, right=right))
            == columns
        )


def test_wide_characters_are_counted_as_two() -> None:
    assert fit("日本語", 4) == "日… "
    assert fit("日本語", 6) == "日本語"


@given(ANYTHING, st.integers(8, 50))
def test_wrapped_lines_fit_and_nothing_is_lost(text: str, columns: int) -> None:
    text = clean(text)
    lines = list(wrap(text, columns))
    assert all(width_of(line) <= columns for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_the_kit_has_names_that_are_hostile() -> None:
    assert sum(clean(name) != name for name in HOSTILE) >= 4


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 s"),
        (0.00012, "120 µs"),
        (0.0075, "7.5 ms"),
        (0.012, "12 ms"),
        (0.48, "0.48 s"),
        (0.996, "1.0 s"),
        (1.52, "1.5 s"),
        (9.96, "10 s"),
        (95.2, "95 s"),
        (600, "10 min"),
        (7200, "2.0 h"),
        (0.0999, "0.10 s"),
        (0.00996, "10 ms"),
    ],
)
def test_two_digits_that_matter(value: float, text: str) -> None:
    assert seconds(value) == text


def test_counts() -> None:
    assert count(1, "task") == "1 task"
    assert count(12000, "task") == "12,000 tasks"
