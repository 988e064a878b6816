"""The windows in which a stream is checked: nothing unchecked gets out, nothing hides in a seam, nothing is lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_fallback_router.routing.interceptors.guardrail.windows import (
    MAX_CHARACTERS,
    UncertainMaskError,
    Windows,
    part,
)
from litellm_fallback_router.routing.verdicts import SEVERITY, GuardRecord, Outcome, worst

SIZE, OVERLAP = 40, 10
EMAIL = re.compile(r"[ab]+@[ab]+")

# No longer than the overlap.
address = st.tuples(st.text("ab", min_size=1, max_size=4), st.text("ab", min_size=1, max_size=4)).map("@".join)
prose = st.text("cde ,{}[]", max_size=30)
texts = st.lists(st.one_of(prose, address.map(lambda one: f" {one} ")), max_size=40).map("".join)
cuts = st.lists(st.integers(1, 25), min_size=1, max_size=20)


def pieces(text: str, sizes: Sequence[int]) -> list[str]:
    found, at, turn = [], 0, 0
    while at < len(text):
        found.append(text[at : at + sizes[turn % len(sizes)]])
        at += len(found[-1])
        turn += 1
    return found


def masked(text: str) -> str:
    return EMAIL.sub("{EMAIL}", text)


def released(parts: list[str], check: Callable[[str], str]) -> str:
    """All that gets out, the rest being checked at the end."""
    windows, out = Windows(SIZE), ""
    for one in parts:
        windows.feed(one)
        while (window := windows.due) is not None:
            out += windows.release(window, check(window))
    return out + check(windows.pending)


@given(texts, cuts)
def test_text_is_whole_and_in_order_when_nothing_intervenes(text: str, sizes: list[int]) -> None:
    assert released(pieces(text, sizes), lambda window: window) == text


@given(texts, cuts)
def test_every_character_was_checked_before_it_was_released(text: str, sizes: list[int]) -> None:
    windows, out, covered = Windows(SIZE), "", 0
    for one in pieces(text, sizes):
        windows.feed(one)
        while (window := windows.due) is not None:
            assert text[len(out) : len(out) + len(window)] == window, "a window begins where the caller's text ends"
            covered = len(out) + len(window)
            out += windows.release(window, window)
        assert len(out) <= max(0, covered - OVERLAP)


@given(texts, cuts)
def test_masks_are_those_of_the_whole_text_wherever_the_seams_are(text: str, sizes: list[int]) -> None:
    assert released(pieces(text, sizes), masked) == masked(text)


@given(st.integers(0, 200), st.integers(0, 200), cuts)
def test_what_is_no_longer_than_the_overlap_stands_whole_in_a_window_before_any_of_it_is_out(
    before: int, after: int, sizes: list[int]
) -> None:
    secret = "S" * OVERLAP
    text = "x" * before + secret + "y" * after
    windows, out = Windows(SIZE), ""

    def seen(window: str) -> bool:
        return secret in window

    for one in pieces(text, sizes):
        windows.feed(one)
        while (window := windows.due) is not None:
            if seen(window):
                assert "S" not in out
                return
            out += windows.release(window, window)
    assert seen(windows.pending)
    assert "S" not in out


@given(texts, cuts)
def test_less_than_a_window_is_held_back(text: str, sizes: list[int]) -> None:
    windows = Windows(SIZE)
    for one in pieces(text, sizes):
        windows.feed(one)
        while (window := windows.due) is not None:
            windows.release(window, window)
        assert len(windows.pending) < SIZE


def words_in(text: str) -> list[str]:
    return re.findall(r"\S+", text)


@given(st.lists(st.text("16a", min_size=1, max_size=OVERLAP), max_size=60).map(" ".join), cuts)
def test_a_window_shows_no_word_that_the_text_has_not(text: str, sizes: list[int]) -> None:
    windows, whole = Windows(SIZE), set(words_in(text))
    for one in pieces(text, sizes):
        windows.feed(one)
        while (window := windows.due) is not None:
            assert set(words_in(window)) <= whole
            windows.release(window, window)
    assert set(words_in(windows.pending)) <= whole


def test_nothing_is_due_before_the_end_where_all_is_held() -> None:
    windows = Windows(None)
    windows.feed("x" * 10 * MAX_CHARACTERS)

    assert windows.due is None
    assert len(windows.pending) == 10 * MAX_CHARACTERS


@pytest.mark.parametrize(
    ("text", "checked", "at_most", "place"),
    [
        ("abcdef", "abcdef", 4, (4, 4)),
        ("abc def", "abc def", 6, (4, 4)),
        ("abc\ndef", "abc\ndef", 4, (4, 4)),
        ("to a@b, and on", "to {EMAIL}, and on", 10, (8, 12)),
        ("to a@b, and on", "to {EMAIL}, and on", 5, (3, 3)),
        ("a@b, b@a, a@a.", "{EMAIL}, {EMAIL}, {EMAIL}.", 9, (5, 9)),
        ("a@b,b@a,a@a.", "{EMAIL},{EMAIL},{EMAIL}.", 9, (8, 16)),
        ("Jo Smith Jo", "{NAME} {NAME}", 8, (0, 0)),  # which of the two spaces was kept cannot be told
        ("call me", "call [PHONE-1]", 6, (5, 5)),
        ("something", "else altogether", 9, (0, 0)),
    ],
)
def test_a_masked_window_is_parted_only_where_both_texts_are_certain_to_correspond(
    text: str, checked: str, at_most: int, place: tuple[int, int]
) -> None:
    assert part(text, checked, at_most) == place


def test_a_window_that_cannot_be_parted_grows_until_it_can() -> None:
    windows = Windows(SIZE)
    windows.feed("q" * 100)

    assert windows.release("q" * SIZE, "{ALL}") == ""
    assert windows.due == "q" * 2 * SIZE
    assert windows.pending == "q" * 100


def test_a_text_that_can_never_be_parted_is_given_up_rather_than_let_through() -> None:
    windows = Windows(MAX_CHARACTERS)
    windows.feed("q" * MAX_CHARACTERS)
    with pytest.raises(UncertainMaskError):
        windows.release(windows.pending, "{ALL}")


def test_the_gravest_outcome_counts() -> None:
    assert worst(None, None) is None
    assert worst(Outcome.MASKED, None, Outcome.PASSED) is Outcome.MASKED
    assert worst(*SEVERITY) is Outcome.BLOCKED
    assert GuardRecord(input=Outcome.PASSED, output=Outcome.UNCHECKED).outcome is Outcome.UNCHECKED
