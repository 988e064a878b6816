"""Names of tools that an API does not take."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from litellm_fallback_router.providers.bedrock import TOOL_NAME as BEDROCK
from litellm_fallback_router.providers.claude import TOOL_NAME as ANTHROPIC
from litellm_fallback_router.providers.openai import TOOL_NAME as OPENAI
from litellm_fallback_router.routing.adaptation.tool_names import NamesRestored, ToolNames


def tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def names_of(*names: str, fits: re.Pattern[str] = BEDROCK) -> ToolNames:
    return ToolNames.of([], {"tools": [tool(name) for name in names]}, fits)


@given(
    st.lists(st.text(min_size=1, max_size=130), min_size=1, max_size=6, unique=True),
    st.sampled_from([BEDROCK, OPENAI, ANTHROPIC]),
)
def test_every_name_that_is_sent_fits_and_is_one_tools_alone(names: list[str], fits: re.Pattern[str]) -> None:
    sent = names_of(*names, fits=fits).sent
    all_sent = [sent.get(name, name) for name in names]
    assert all(fits.fullmatch(name) for name in all_sent)
    assert len(set(all_sent)) == len(names)
    assert all(fits.fullmatch(name) is None for name in sent)


def test_a_name_is_shortened_the_same_way_whatever_stands_beside_it() -> None:
    long = "x" * 100
    short = names_of(long).sent[long]
    assert names_of("a", long, "y" * 70).sent[long] == short
    assert names_of(short, long).sent[long] != short


def test_it_is_changed_wherever_a_request_has_it() -> None:
    long = "x" * 100
    call = {"id": "1", **tool(long)}
    messages: list[Any] = [
        {"role": "assistant", "tool_calls": [call], "function_call": {"name": long, "arguments": ""}},
        {"role": "function", "name": long, "content": ""},
        {"role": "user", "name": long, "content": long},
    ]
    params = {
        "tools": [tool(long), {"type": "custom", "custom": {"name": long}}],
        "functions": [{"name": long}],
        "function_call": {"name": long},
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [tool(long)]}},
    }
    names = ToolNames.of(messages, params, OPENAI)
    short = names.sent[long]
    assert str(names.in_params(params)) == str(params).replace(long, short)
    sent = names.in_messages(messages)
    assert str(sent[:2]) == str(messages[:2]).replace(long, short)
    assert sent[2] == messages[2]
    answered = [{"index": 0, "message": sent[0]}]
    assert NamesRestored(names).whole(answered) == [{"index": 0, "message": messages[0]}]
    piece = [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}}]
    assert NamesRestored(names).stream().chunk(piece) == piece
