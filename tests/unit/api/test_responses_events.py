"""OpenAI's own client reads the events of a streamed response from the real app on a real socket. Each event is held
against the SDK's types, strictly: what they require is there."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from litellm_fallback_router.routing.types import Chunk
from tests.unit.api.fakes import CLAUDE, FELL_BACK, FakeRouter, text_chunk
from tests.unit.api.responses_events import MODEL, PATCH, WEATHER, asked_for, call, delta, kinds


def test_text_is_streamed_by_the_whole_grammar(http: httpx.Client) -> None:
    events = asked_for(http)
    assert kinds(events) == [
        *("created", "in_progress", "output_item.added", "content_part.added"),
        *("output_text.delta", "output_text.delta", "output_text.done", "content_part.done", "output_item.done"),
        "completed",
    ]
    item_id = events[2]["item"]["id"]
    assert {event["item_id"] for event in events if "item_id" in event} == {item_id}
    assert {event.get("content_index", 0) for event in events} == {0}
    assert events[6]["text"] == "Paris."
    final = events[-1]["response"]
    assert final["id"] == events[0]["response"]["id"]
    assert final["output"] == [events[8]["item"]]
    assert final["output"][0]["id"] == item_id
    assert final["usage"]["total_tokens"] == 14


def test_a_thought_a_text_and_two_calls_are_items_in_order(http: httpx.Client, router: FakeRouter) -> None:
    router.chunks = (
        delta(reasoning_content="Let me "),
        delta(reasoning_content="see."),
        text_chunk("Looking."),
        call(0, "c1", name="weather", arguments=""),
        call(0, arguments='{"a":'),
        call(1, "c2", name="weather", arguments="{}"),
        call(0, arguments="1}"),
        delta("tool_calls"),
    )
    events = asked_for(http, tools=[WEATHER])
    added = {e["output_index"]: e["item"] for e in events if e["type"] == "response.output_item.added"}
    done = {e["output_index"]: e["item"] for e in events if e["type"] == "response.output_item.done"}
    assert [item["type"] for item in added.values()] == ["reasoning", "message", "function_call", "function_call"]
    assert {index: item["id"] for index, item in added.items()} == {index: item["id"] for index, item in done.items()}
    assert all(item["status"] == "in_progress" for item in added.values())
    assert events[-1]["response"]["output"] == [done[index] for index in range(4)]
    assert done[2]["arguments"] == '{"a":1}'
    for event in events:
        if "item_id" in event:
            assert event["item_id"] == added[event["output_index"]]["id"]
    finished = [event for event in events if event["type"] == "response.function_call_arguments.done"]
    assert [(event["name"], event["arguments"]) for event in finished] == [("weather", '{"a":1}'), ("weather", "{}")]


def test_a_summary_is_streamed_where_one_is_asked_for(http: httpx.Client, router: FakeRouter) -> None:
    router.chunks = (delta(reasoning_content="Let me see."), text_chunk("Yes."), delta("stop"))
    events = asked_for(http, reasoning={"effort": "low", "summary": "auto"})
    assert kinds(events)[2:8] == [
        *("output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta"),
        *("reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done"),
    ]
    assert events[-1]["response"]["output"][0]["summary"] == [{"type": "summary_text", "text": "Let me see."}]
    thoughts = asked_for(http)
    assert kinds(thoughts)[2:8] == [
        *("output_item.added", "content_part.added", "reasoning_text.delta"),
        *("reasoning_text.done", "content_part.done", "output_item.done"),
    ]


def test_a_refusal_is_a_part_of_its_own(http: httpx.Client, router: FakeRouter) -> None:
    router.chunks = (delta(refusal="I "), delta(refusal="won't."), delta("stop"))
    events = asked_for(http)
    assert kinds(events)[3:8] == ["content_part.added", *["refusal.delta"] * 2, "refusal.done", "content_part.done"]
    assert events[-1]["response"]["output"][0]["content"] == [{"type": "refusal", "refusal": "I won't."}]


def test_a_custom_tool_s_input_is_streamed(http: httpx.Client, router: FakeRouter) -> None:
    first = {"index": 0, "id": "c1", "type": "custom", "custom": {"name": "patch", "input": "*** "}}
    router.chunks = (
        delta(tool_calls=[first]),
        delta(tool_calls=[{"index": 0, "custom": {"input": "Begin"}}]),
        delta("tool_calls"),
    )
    events = asked_for(http, tools=[PATCH])
    assert kinds(events)[2:7] == [
        "output_item.added",
        *["custom_tool_call_input.delta"] * 2,
        *("custom_tool_call_input.done", "output_item.done"),
    ]
    assert events[-1]["response"]["output"][0]["input"] == "*** Begin"


def test_logprobs_come_with_their_text(http: httpx.Client, router: FakeRouter) -> None:
    token = {"token": "Pa", "logprob": -0.1, "bytes": [80, 97], "top_logprobs": [{"token": "Pa", "logprob": -0.1}]}
    chunk = {"index": 0, "delta": {"content": "Pa"}, "finish_reason": None, "logprobs": {"content": [token]}}
    router.chunks = (Chunk([chunk]), delta("stop"))
    events = asked_for(http, include=["message.output_text.logprobs"], top_logprobs=1)
    (said,) = [event for event in events if event["type"] == "response.output_text.delta"]
    assert said["logprobs"][0]["token"] == "Pa"
    assert events[-1]["response"]["output"][0]["content"][0]["logprobs"][0]["bytes"] == [80, 97]
    assert router.asked[0].params["logprobs"] is True
    assert router.asked[0].params["top_logprobs"] == 1


@pytest.mark.parametrize(
    "odd", [{"content": "x"}, {"content": ["x", None]}, {"content": [{"top_logprobs": "x"}]}, {}, []]
)
def test_odd_logprobs_of_other_servers_do_no_harm(http: httpx.Client, router: FakeRouter, odd: Any) -> None:
    chunk = {"index": 0, "delta": {"content": "Pa"}, "finish_reason": None, "logprobs": odd}
    router.chunks = (Chunk([chunk]), delta("stop"))
    answer = http.post("/v1/responses", json={"model": MODEL, "input": "hi", "stream": True})
    last = json.loads(answer.text.strip().split("data: ")[-1])
    assert last["type"] == "response.completed"
    assert last["response"]["output"][0]["content"][0]["text"] == "Pa"


def test_signed_thoughts_come_back_packed_and_are_unpacked_again(http: httpx.Client, router: FakeRouter) -> None:
    router.chunks = (
        delta(reasoning_content="Hm", thinking_blocks=[{"type": "thinking", "thinking": "Hm", "signature": ""}]),
        delta(thinking_blocks=[{"type": "thinking", "thinking": "", "signature": "c2ln"}]),
        call(0, "c1", name="weather", arguments="{}"),
        delta("tool_calls"),
    )
    router.responders = (CLAUDE,)
    wanted: dict[str, Any] = {"include": ["reasoning.encrypted_content"], "tools": [WEATHER]}
    output = asked_for(http, **wanted)[-1]["response"]["output"]
    assert output[0]["encrypted_content"]
    result = {"type": "function_call_output", "call_id": "c1", "output": "sunny"}
    asked_for(http, **wanted, **{"input": [{"role": "user", "content": "hi"}, *output, result]})
    turn = router.asked[-1].messages[1]
    assert turn["thinking_blocks"] == [{"type": "thinking", "thinking": "Hm", "signature": "c2ln"}]
    assert turn["tool_calls"][0]["id"] == "c1"


def test_a_bug_in_a_stream_is_told_without_its_words(http: httpx.Client, router: FakeRouter) -> None:
    router.broken = RuntimeError("the secret prompt")
    events = asked_for(http)
    assert events[-1]["response"]["status"] == "failed"
    assert "secret" not in json.dumps(events)


def test_who_fell_back_is_told_at_the_end(http: httpx.Client, router: FakeRouter) -> None:
    router.responders, router.ledger = (CLAUDE,), FELL_BACK
    final = asked_for(http)[-1]["response"]
    assert final["model"] == "claude-sonnet-4-6"
    assert final["router"]["fallback"] is True
    answer = http.post("/v1/responses", json={"model": MODEL, "input": "hi", "router": {"explain": True}}).json()
    assert answer["router"]["provider"] == "anthropic:claude-sonnet-4-6"


def test_names_of_a_namespace_are_read_back(http: httpx.Client, router: FakeRouter) -> None:
    tools = [{"type": "namespace", "name": "crm", "description": "d", "tools": [WEATHER]}]
    router.chunks = (call(0, "c1", name="crm__weather", arguments="{}"), delta("tool_calls"))
    item = asked_for(http, tools=tools)[-1]["response"]["output"][0]
    assert (item["name"], item["namespace"]) == ("weather", "crm")
    assert router.asked[0].params["tools"][0]["function"]["name"] == "crm__weather"
    result = {"type": "function_call_output", "call_id": "c1", "output": "sunny"}
    asked_for(http, tools=tools, input=[{"role": "user", "content": "hi"}, item, result])
    assert router.asked[1].messages[1]["tool_calls"][0]["function"]["name"] == "crm__weather"
