"""What `ValueCount` finds in a body, in whatever pieces it comes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from litellm_fallback_router.routing.request.bounds import SLICE, ValueCount

TEXT = st.text(max_size=6) | st.text(alphabet='\\",[]{}:', max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def values_of(value: Any) -> int:
    """With one more for each empty array and object."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + (sum(map(values_of, inner)) or 1)
    return 1


@given(value=JSON, size=st.integers(1, 7), spaced=st.booleans())
def test_counts_all_values_and_no_text(value: Any, size: int, spaced: bool) -> None:
    raw = json.dumps(value, indent=1 if spaced else None).encode()
    count = ValueCount()
    for start in range(0, len(raw), size):
        found = count.add(raw[start : start + size])
    assert found == values_of(value)


def test_a_body_that_comes_whole_is_counted_like_one_in_pieces() -> None:
    raw = json.dumps([{"a": "x" * 100 + '\\"'}] * (3 * SLICE // 100)).encode()
    whole, pieces = ValueCount(), ValueCount()
    for start in range(0, len(raw), 1000):
        pieces.add(raw[start : start + 1000])
    assert whole.add(raw) == pieces.add(b"") == 1 + 2 * (3 * SLICE // 100)
