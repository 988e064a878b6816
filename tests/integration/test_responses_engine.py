"""OpenAI's Responses API as a provider speaks it: each event and each answer, read into a chat's choices beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from litellm_fallback_router.engine import Engine
from litellm_fallback_router.routing.failures import FailureKind, ProviderFailure
from litellm_fallback_router.routing.types import Chunk, Deployment, NativeRequest, ProviderAnswer
from tests.support.raw_server import raw_server, response

ASKED = NativeRequest("responses", {"input": "hi"})
USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 15,
}


def told(status: str = "completed", *output: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "resp_1", "object": "response", "status": status, "output": list(output), "usage": USAGE, **more}


def message(*content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": list(content)}


def text(said: str) -> dict[str, Any]:
    return {"type": "output_text", "text": said, "annotations": []}


CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "look", "arguments": "{}"}
CUSTOM = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c2", "name": "patch", "input": "*** Begin"}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]}
SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed"}


def place(url: str) -> Deployment:
    return Deployment("m", "m", "openai", "gpt-5.4", "openai/gpt-5.4", "key", api_base=f"{url}/v1", api_key="key")


async def whole(answer: bytes) -> ProviderAnswer:
    async with raw_server(answer) as url:
        return await Engine(lambda one: one.api_key).complete(place(url), [], {}, ASKED)


async def streamed(*events: dict[str, Any]) -> list[Chunk]:
    lines = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    async with raw_server(response(200, lines, content_type="text/event-stream")) as url:
        return [
            chunk
            async for chunks in Engine(lambda one: one.api_key).stream(place(url), [], {}, ASKED)
            for chunk in chunks
        ]


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", **fields}


def end(status: str = "completed", **more: Any) -> dict[str, Any]:
    return event(status, response=told(status, **more))


ADDED = event("output_item.added", output_index=0, item={**message(), "status": "in_progress"})
DELTA = event("output_text.delta", output_index=0, item_id="msg_1", content_index=0, delta="Par")


async def test_a_whole_answer_is_read_item_by_item() -> None:
    given = told("completed", THOUGHT, message(text("Par"), text("is.")), CALL, CUSTOM)
    answer = await whole(response(200, given))
    (choice,) = answer.choices
    assert choice["message"] == {
        "role": "assistant",
        "content": "Paris.",
        "refusal": None,
        "reasoning_content": "Hm.",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}},
            {"id": "c2", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}},
        ],
    }
    assert choice["finish_reason"] == "tool_calls"
    assert answer.native == given
    usage = answer.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, usage.reasoning_tokens) == (10, 5, 4, 2)
    assert answer.cost_usd is not None


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (told("completed", message(text("x"))), "stop"),
        (told("completed", message({"type": "refusal", "refusal": "no"})), "stop"),
        (told("completed", SEARCH, message(text("x"))), "stop"),
        (told("incomplete", message(text("x")), incomplete_details={"reason": "max_output_tokens"}), "length"),
        (told("incomplete", message(text("x")), incomplete_details={"reason": "content_filter"}), "content_filter"),
    ],
)
async def test_why_an_answer_ended_is_told_as_a_chat_tells_it(given: dict[str, Any], reason: str) -> None:
    assert (await whole(response(200, given))).choices[0]["finish_reason"] == reason


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (told("failed", error={"code": "server_error", "message": "oops"}), FailureKind.INVALID_RESPONSE),
        (told("failed", error={"code": "rate_limit_exceeded", "message": "slow"}), FailureKind.RATE_LIMITED),
        (told("incomplete", incomplete_details={"reason": "novelty"}), FailureKind.INVALID_RESPONSE),
        (told("queued"), FailureKind.INVALID_RESPONSE),
        ({"object": "response", "status": "completed"}, FailureKind.INVALID_RESPONSE),
        (told("completed", {**CALL, "arguments": 7}), FailureKind.INVALID_RESPONSE),
        (told("completed", {**message(), "content": "x"}), FailureKind.INVALID_RESPONSE),
        ({**told("completed"), "usage": None}, FailureKind.INVALID_RESPONSE),
        ("<html>", FailureKind.INVALID_RESPONSE),
    ],
)
async def test_what_is_no_answer_is_a_failure(body: Any, kind: FailureKind) -> None:
    with pytest.raises(ProviderFailure) as caught:
        await whole(response(200, body))
    assert caught.value.kind is kind


async def test_every_event_goes_on_with_the_piece_that_it_is() -> None:
    given = [
        event("created", response=told("in_progress")),
        event("in_progress", response=told("in_progress")),
        ADDED,
        event("content_part.added", output_index=0, item_id="msg_1", content_index=0, part=text("")),
        DELTA,
        event("output_text.done", output_index=0, item_id="msg_1", content_index=0, text="Par"),
        end(),
    ]
    chunks = await streamed(*given)
    assert [one.said for chunk in chunks for one in chunk.native] == given
    assert all(json.loads(one.data) == one.said for chunk in chunks for one in chunk.native)
    assert [chunk.choices[0]["delta"] for chunk in chunks if chunk.choices] == [{"content": "Par"}, {}]
    assert chunks[1].choices[0]["finish_reason"] == "stop"
    assert chunks[2].usage is not None
    assert chunks[2].usage.total_tokens == 15


async def test_calls_thoughts_refusals_and_own_tools_are_pieces_too() -> None:
    chunks = await streamed(
        event("reasoning_summary_text.delta", delta="Hm."),
        event("output_item.added", item=SEARCH),
        event("web_search_call.searching", item_id="ws_1"),
        event("output_text.annotation.added", annotation={"type": "url_citation"}),
        event("refusal.delta", delta="no"),
        event("output_item.added", item={**CALL, "arguments": ""}),
        event("function_call_arguments.delta", item_id="fc_1", delta="{}"),
        event("output_item.added", item={**CUSTOM, "input": ""}),
        event("custom_tool_call_input.delta", item_id="ctc_1", delta="***"),
        end(),
    )
    assert [chunk.choices[0]["delta"] for chunk in chunks if chunk.choices] == [
        {"reasoning_content": "Hm."},
        {"provider_tool": "web_search_call"},
        {"provider_tool": "response.web_search_call.searching"},
        {"annotations": [{"type": "url_citation"}]},
        {"refusal": "no"},
        {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "look", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
        {"tool_calls": [{"index": 1, "id": "c2", "type": "custom", "custom": {"name": "patch", "input": ""}}]},
        {"tool_calls": [{"index": 1, "custom": {"input": "***"}}]},
        {},
    ]
    assert chunks[-2].choices[0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    "ending",
    [
        [],
        [event("failed", response=told("failed", error={"code": "server_error", "message": "oops"}))],
        [{"type": "error", "code": "server_error", "message": "oops", "param": None}],
        [{"type": "error", "error": {"code": "server_error", "message": "oops"}}],
        [end("incomplete", incomplete_details={"reason": "novelty"})],
        [event("function_call_arguments.delta", item_id="unknown", delta="{}")],
        [event("output_text.delta", delta=7)],
        [event("completed")],
    ],
)
async def test_a_stream_without_a_good_end_is_broken(ending: list[dict[str, Any]]) -> None:
    with pytest.raises(ProviderFailure) as caught:
        await streamed(ADDED, DELTA, *ending)
    assert caught.value.kind is FailureKind.STREAM_BROKEN
    with pytest.raises(ProviderFailure) as caught:
        await streamed(ADDED, *ending)
    assert caught.value.kind is not FailureKind.STREAM_BROKEN


async def test_the_rate_limit_of_a_stream_that_never_began_is_one() -> None:
    with pytest.raises(ProviderFailure) as caught:
        await streamed({"type": "error", "code": "rate_limit_exceeded", "message": "slow"})
    assert caught.value.kind is FailureKind.RATE_LIMITED
