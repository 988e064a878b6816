"""Anthropic's events, passed on with what they say in a chat's chunks."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from litellm_fallback_router.engine.anthropic import AnthropicCall, AnthropicFormat
from litellm_fallback_router.engine.anthropic_native import MessagesCaller, NativeDecoder, untranslated
from litellm_fallback_router.engine.exchange import Outgoing
from litellm_fallback_router.routing.types import Chunk, Message, NativeRequest
from tests.support.scripted import deployment

USAGE = {"input_tokens": 10, "output_tokens": 1, "service_tier": "standard"}
CLAUDE = replace(
    deployment("claude"), provider="anthropic", model="claude-sonnet-4-6", litellm_model="anthropic/claude-sonnet-4-6"
)
SEARCH: list[dict[str, Any]] = [
    {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [], "usage": USAGE}},
    {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
    },
    {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"query":"x"}'}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "content_block_start",
        "index": 1,
        "content_block": {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
    },
    {"type": "content_block_stop", "index": 1},
    {"type": "content_block_start", "index": 2, "content_block": {"type": "text", "text": ""}},
    {
        "type": "content_block_delta",
        "index": 2,
        "delta": {"type": "citations_delta", "citation": {"type": "web_search_result_location", "cited_text": "c"}},
    },
    {"type": "content_block_delta", "index": 2, "delta": {"type": "text_delta", "text": "Paris."}},
    {"type": "content_block_stop", "index": 2},
    {"type": "of_the_future", "x": 1},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": USAGE},
]


def decoded(events: list[dict[str, Any]]) -> list[list[Chunk]]:
    """The chunks that each event makes."""
    by = AnthropicFormat(CLAUDE).reading
    decoder = NativeDecoder(by, untranslated({}, {}))
    sent = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]
    return [list(decoder.feed(data)) for data in sent]


def test_every_event_goes_on_once_and_in_order() -> None:
    chunks = [chunk for made in decoded(SEARCH) for chunk in made]
    assert [event.said for chunk in chunks for event in chunk.native] == SEARCH
    assert [chunk for chunk in chunks if chunk.native and not chunk.choices] == []


def test_what_has_no_place_in_a_chat_is_a_sign_of_life_all_the_same() -> None:
    made = decoded(SEARCH)
    for index in (4, 7):
        (chunk,) = made[index]
        assert chunk.choices[0]["delta"].keys() == {"other_content"}
        assert chunk.native[-1].said == SEARCH[index]


def test_pings_are_no_part_of_an_answer() -> None:
    chunks = [chunk for made in decoded([*SEARCH[:1], {"type": "ping"}, *SEARCH[1:]]) for chunk in made]
    assert "ping" not in {event.said["type"] for chunk in chunks for event in chunk.native}


async def test_what_the_operator_sets_comes_last() -> None:
    operators = replace(CLAUDE, extra={"extra_body": {"inference_geo": "us"}, "extra_headers": {"anthropic-beta": "b"}})
    native = NativeRequest("messages", {"max_tokens": 1, "inference_geo": "global"}, {"anthropic-beta": "a"})
    call = await MessagesCaller(AnthropicFormat(operators)).call(native, "key", stream=True)
    assert json.loads(call.outgoing.body) == {
        "model": "claude-sonnet-4-6",
        "max_tokens": 1,
        "inference_geo": "us",
        "stream": True,
    }
    assert call.outgoing.headers["anthropic-beta"] == "b,a"
    assert call.outgoing.headers["x-api-key"] == "key"


def test_a_search_costs_the_same_in_a_stream_as_in_a_whole_answer() -> None:
    usage = {**USAGE, "output_tokens": 20, "server_tool_use": {"web_search_requests": 2}}
    said = {"id": "m", "type": "message", "role": "assistant", "model": CLAUDE.model, "stop_reason": "end_turn"}
    body = {**said, "content": [{"type": "text", "text": "Paris."}], "usage": usage}
    by = AnthropicFormat(CLAUDE).reading
    whole = AnthropicCall(by, Outgoing("", {}, b""), untranslated({}, {})).read(body, {})
    decoder = NativeDecoder(by, untranslated({}, {}))
    for event in [*SEARCH[:-1], {**SEARCH[-1], "usage": usage}]:
        list(decoder.feed(f"data: {json.dumps(event)}\n\n".encode()))
    (end,) = decoder.end()
    assert whole.cost_usd is not None
    assert whole.cost_usd > 0.02, "a search is 0.01 USD"
    assert end.cost_usd == whole.cost_usd


HOT = {"temperature": 0.5, "max_tokens": 9}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
CACHED = [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]
ASKED: list[tuple[str, Any, dict[str, Any]]] = [
    ("key-1", "hi", HOT),
    ("key-1", "hi", HOT),
    ("key-2", "hi", HOT),
    ("key-2", CACHED, {}),
    ("key-2", "hi", {"tools": [TOOL]}),
    ("key-2", "hi", {"reasoning_effort": "low", "max_tokens": 4000}),
    ("key-2", "hi", {}),
]


async def test_headers_that_are_kept_are_those_that_would_be_made() -> None:
    one = deployment(
        "claude-opus-4-5",
        provider="anthropic",
        litellm_model="anthropic/claude-opus-4-5",
        extra={"extra_headers": {"x-tenant": "a"}},
    )
    kept = AnthropicFormat(one)
    for key, content, params in ASKED:
        said: list[Message] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": content}]
        call = await kept.call(said, params, key, stream=False)
        anew = await AnthropicFormat(one).call(said, params, key, stream=False)
        assert (call.outgoing.headers, call.outgoing.body) == (anew.outgoing.headers, anew.outgoing.body)
        assert (call.outgoing.headers["x-api-key"], call.outgoing.headers["x-tenant"]) == (key, "a")
