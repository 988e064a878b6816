"""Joining a continuation to what was sent: nothing lost, nothing twice."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from litellm_fallback_router.routing.continuation.splice import FEW_WORDS, Splice, StopAcrossSeam

WORDS = st.text("abcdefgh", min_size=1, max_size=6)
TEXTS = st.lists(WORDS, min_size=1, max_size=60).map(" ".join)


def pieces_of(text: str, cuts: list[int]) -> list[str]:
    edges = [0, *sorted({cut % (len(text) + 1) for cut in cuts}), len(text)]
    return [text[a:b] for a, b in itertools.pairwise(edges)]


def joined(sent: str, continuation: str, cuts: list[int], *, trimmed: str = "") -> str:
    splice = Splice(sent, trimmed=trimmed)
    return sent + "".join(splice.feed(piece) for piece in pieces_of(continuation, cuts)) + splice.finish()


def repeats_the_end(sent: str, rest: str) -> bool:
    """An exact continuation that says more than a few words of the end once more cannot be told from an overlap."""
    return any(
        sent.endswith(rest[:size]) and len(rest[:size].split()) > FEW_WORDS for size in range(1, len(rest) + 1)
    ) or rest.startswith(sent)


@given(TEXTS, st.integers(1), st.lists(st.integers(0), max_size=8))
def test_an_exact_continuation_is_appended_whole(text: str, at: int, cuts: list[int]) -> None:
    at = at % len(text)
    sent, rest = text[:at], text[at:]
    assume(sent)
    assume(not repeats_the_end(sent, rest))
    assert joined(sent, rest, cuts) == text


@given(TEXTS, st.integers(2, 9), st.integers(0), TEXTS, st.lists(st.integers(0), max_size=8))
def test_an_exact_continuation_of_what_repeats_itself_is_appended_whole(
    row: str, times: int, at: int, end: str, cuts: list[int]
) -> None:
    rows = (row + "\n") * times
    at = 2 * (len(row) + 1) + at % (len(rows) - 2 * (len(row) + 1) + 1)
    assert joined(rows[:at], rows[at:] + end, cuts) == rows + end


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("| n/a | n/a | n/a |\n" * 6 + "end", 64),
        ("    assert x == 1\n" * 8 + "done", 85),
        ("0, " * 11 + "0.", 15),
        ("\N{PARTY POPPER} é 漢字 " * 8, 30),
    ],
)
def test_rows_of_a_table_and_lines_of_code_are_not_taken_for_an_overlap(text: str, at: int) -> None:
    assert joined(text[:at], text[at:], [7]) == text


@given(TEXTS, st.integers(1), st.lists(st.integers(0), max_size=8))
def test_an_exact_restart_is_not_repeated(text: str, at: int, cuts: list[int]) -> None:
    sent = text[: 1 + at % len(text)]
    assume(not any(sent.startswith(sent[size:]) for size in range(1, len(sent) // 2 + 1)))
    assert joined(sent, text, cuts) == text


@given(st.lists(WORDS, min_size=12, max_size=60, unique=True), st.integers(0), st.lists(st.integers(0), max_size=8))
def test_an_overlap_of_more_than_a_few_words_is_dropped(words: list[str], size: int, cuts: list[int]) -> None:
    half = len(words) // 2
    size = FEW_WORDS + 1 + size % (half - FEW_WORDS)
    sent = " ".join(words[:half])
    continuation = " ".join(words[half - size :])
    assert joined(sent, continuation, cuts) == " ".join(words)


def test_a_few_words_said_again_are_kept() -> None:
    assert joined("well, no, no", "no, no, never", [3]) == "well, no, nono, no, never"


def test_white_space_the_model_was_not_shown_is_not_said_twice() -> None:
    assert joined("Paris is ", " the capital", [1], trimmed=" ") == "Paris is the capital"
    assert joined("Paris is ", "the capital", [1], trimmed=" ") == "Paris is the capital"


def test_lets_go_as_soon_as_it_cannot_be_a_repetition() -> None:
    splice = Splice("The capital of France is")
    assert splice.feed(" Par") == " Par"
    splice = Splice("The capital of France is")
    assert splice.feed("The cap") == ""
    assert splice.feed("tain") == "The captain"


@given(TEXTS, st.integers(0), st.lists(st.integers(0), max_size=6))
def test_a_stop_string_across_the_seam_ends_the_text(text: str, at: int, cuts: list[int]) -> None:
    whole = text + "\n\nEND." + text
    start = len(text)
    seam = start + 1 + at % 5
    sent, rest = whole[:seam], whole[seam:]
    stop = StopAcrossSeam(sent, ["\n\nEND.", ""])
    out, stopped = "", False
    for piece in pieces_of(rest, cuts):
        said, stopped = stop.feed(piece)
        out += said
        if stopped:
            break
    assert stopped
    assert len(sent + out) <= start + len("\n\nEND.")
    assert (sent + out)[:start] == text


def test_text_without_a_stop_string_passes_unchanged() -> None:
    stop = StopAcrossSeam("one two ST", ["STOP"])
    assert [stop.feed("AND"), stop.feed(" still"), stop.feed(" here")] == [
        ("AND", False),
        (" still", False),
        (" here", False),
    ]


@pytest.mark.parametrize("size", [1, 7, 50])
def test_a_restart_of_a_long_text_is_dropped_though_it_comes_in_small_pieces(size: int) -> None:
    sent = " ".join(f"word{number}" for number in range(200))
    again = f"{sent} and the rest"
    splice = Splice(sent)
    said = "".join(splice.feed(again[at : at + size]) for at in range(0, len(again), size)) + splice.finish()
    assert said == " and the rest"


def test_what_only_begins_like_a_row_of_the_same_is_no_row() -> None:
    splice = Splice("aaaabc")
    assert splice.feed("aaaabc and the rest") + splice.finish() == " and the rest"
    for same in ("abcabc", "aa", "aaa", "abab", "ababa"):
        row = Splice(same)
        assert row.feed(f"{same} and the rest") + row.finish() == f"{same} and the rest"


def test_white_space_that_was_trimmed_is_dropped_as_far_as_it_is_said_again() -> None:
    splice = Splice("The text", trimmed="\n\t")
    assert splice.feed("\n and the rest") + splice.finish() == " and the rest"


@pytest.mark.parametrize(
    ("sent", "stops", "text", "passed"),
    [
        ("ab", ["abcdefgh"], "xyz", ("xyz", False)),
        ("", ["END"], "xyz", ("xyz", False)),
        ("the EN", ["END"], "D and more", ("", True)),
        ("the E", ["END"], "ND and more", ("", True)),
        ("so it is", ["END"], ", the END of it", (", the ", True)),
        ("so END it is", ["END", "a very long stop"], ", and more", (", and more", False)),
        ("so a very lo", ["x", "a very long stop"], "ng stop, and more", ("", True)),
    ],
)
def test_a_stop_string_ends_the_text_where_it_ends_behind_the_seam_and_nowhere_else(
    sent: str, stops: list[str], text: str, passed: tuple[str, bool]
) -> None:
    assert StopAcrossSeam(sent, stops).feed(text) == passed


@pytest.mark.parametrize(
    ("continuation", "said"),
    [("three four five six", "three four five six"), ("two three four five six", " six")],
)
def test_an_overlap_of_more_than_three_words_is_a_repetition(continuation: str, said: str) -> None:
    assert joined("one two three four five", continuation, []) == f"one two three four five{said}"
