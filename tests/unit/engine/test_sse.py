"""Server-sent events: the same events wherever their bytes are cut, and none without end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_fallback_router.engine import sse
from litellm_fallback_router.engine.sse import EventReader, EventTooLargeError, LineReader

LINES = ["data: one", "data:two", "data: a\ndata: b", ": a comment", "event: ping\ndata: {}", "id: 7", "data: \u2028é"]
DATA = [b"one", b"two", b"a\nb", None, b"{}", None, "\u2028é".encode()]


@given(
    st.lists(st.integers(0, len(LINES) - 1), min_size=1, max_size=6),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.lists(st.integers(1, 9), min_size=1, max_size=40),
)
def test_events_are_the_same_wherever_they_are_cut(chosen: list[int], newline: str, sizes: list[int]) -> None:
    wire = "".join(LINES[one] + "\n\n" for one in chosen).replace("\n", newline).encode() + b": end"
    reader, found, at = EventReader(), [], 0
    while at < len(wire):
        size = sizes[at % len(sizes)]
        found += reader.feed(wire[at : at + size])
        at += size
    assert found == [DATA[one] for one in chosen if DATA[one] is not None]


def test_an_event_that_is_not_complete_is_none() -> None:
    assert EventReader().feed(b"data: Par") == []


def test_an_event_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MOST_EVENT_BYTES", 100)
    reader = EventReader()
    assert reader.feed(b"data: " + b"a" * 80) == []
    with pytest.raises(EventTooLargeError):
        reader.feed(b"a" * 80)


def test_a_byte_order_mark_is_no_part_of_the_first_event() -> None:
    reader = EventReader()
    assert [*reader.feed(b"\xef\xbb"), *reader.feed(b"\xbfdata: one\n\n"), *reader.feed(b"data: two\n\n")] == [
        b"one",
        b"two",
    ]


def test_what_comes_in_place_of_events_is_kept() -> None:
    reader = EventReader()
    assert reader.feed(b'data: one\n\n{"error"') == [b"one"]
    assert reader.rest == b'{"error"'


def test_lines_are_the_same_wherever_they_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = b'{"a": 1}\r\n\n{"b": "\xc3\xa9"}\n{"c"'
    for size in range(1, len(wire)):
        reader = LineReader()
        found = [line for at in range(0, len(wire), size) for line in reader.feed(wire[at : at + size])]
        assert found == [b'{"a": 1}', b'{"b": "\xc3\xa9"}']
    monkeypatch.setattr(sse, "MOST_EVENT_BYTES", 4)
    with pytest.raises(EventTooLargeError):
        reader.feed(b"a")
