"""The text inside a request: all of it is found, and goes back into its place."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from litellm_fallback_router.routing.request.texts import texts_in, with_texts

VALUES: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["content", "text", "type", "url", "name", "description"]), inner, max_size=4),
    ),
    max_leaves=20,
)


@given(VALUES)
def test_a_value_with_its_own_texts_is_itself(value: Any) -> None:
    assert with_texts(value, iter(texts_in(value))) == value


@given(VALUES)
def test_every_text_is_put_where_it_was_found(value: Any) -> None:
    marked = [f"<{number}>" for number, _ in enumerate(texts_in(value))]

    assert texts_in(with_texts(value, iter(marked))) == marked


def test_text_hides_neither_in_parts_tool_calls_nor_behind_a_fields_name() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "send", "arguments": '{"to": "Ann"}'}}
    schema = {"type": "object", "properties": {"type": {"description": "a"}, "data": {"description": "b"}}}
    request = {
        "messages": [
            {"role": "user", "name": "Ann Smith", "content": [{"type": "text", "text": "hi"}]},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "sent"},
        ],
        "tools": [{"type": "function", "function": {"name": "send", "parameters": schema}}],
    }

    assert texts_in(request) == ["Ann Smith", "hi", '{"to": "Ann"}', "sent", "a", "b"]


def test_signed_thinking_that_would_change_is_left_out() -> None:
    blocks = [{"type": "thinking", "thinking": "I am Ann", "signature": "s"}, {"type": "text", "text": "hi"}]

    assert with_texts(blocks, iter(["I am {NAME}", "hi"])) == [{"type": "text", "text": "hi"}]
