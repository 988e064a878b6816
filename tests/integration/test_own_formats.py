"""Providers with formats of their own, asked by LiteLLM's class for each over our connections: requests and answers are
as LiteLLM's public call has them, and where that cannot read a stream, as the provider's reference has it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from litellm_fallback_router.engine import Engine
from litellm_fallback_router.engine.acompletion.provider import AcompletionProvider
from litellm_fallback_router.engine.others import FORMATS
from litellm_fallback_router.providers import PROFILES
from litellm_fallback_router.routing.failures import FailureKind, ProviderFailure
from litellm_fallback_router.routing.types import Deployment
from tests.integration.test_almost_openai import QUESTION, TOOL, merged
from tests.support.raw_server import response
from tests.support.recording_server import Recorder, recording_server
from tests.support.scripted import deployment

NAMES = sorted(name for name, profile in PROFILES.items() if profile.own_api in FORMATS)
MODELS = {
    "cohere": ("command-r-plus", "/v2/chat"),
    "cohere_chat": ("command-r-plus", "/v2/chat"),
    "gemini": ("gemini-2.5-flash", ""),
    "ollama": ("llama3", ""),
    "ollama_chat": ("llama3", ""),
}
PATHS = {
    "cohere": ("/v2/chat", "/v2/chat"),
    "cohere_chat": ("/v2/chat", "/v2/chat"),
    "gemini": (
        "/models/gemini-2.5-flash:generatecontent",
        "/models/gemini-2.5-flash:streamgeneratecontent?alt=sse",
    ),
    "ollama": ("/api/generate", "/api/generate"),
    "ollama_chat": ("/api/chat", "/api/chat"),
}
"""Where a whole answer is asked for, and a stream."""
PARAMS: dict[str, Any] = {"temperature": 0.2, "max_tokens": 50}
SAID: dict[str, dict[str, Any]] = {
    "cohere": {
        "id": "1",
        "message": {"role": "assistant", "content": [{"type": "text", "text": "Paris."}]},
        "finish_reason": "COMPLETE",
        "usage": {"billed_units": {"input_tokens": 9}, "tokens": {"input_tokens": 9, "output_tokens": 5}},
    },
    "gemini": {
        "candidates": [
            {"content": {"role": "model", "parts": [{"text": "Paris."}]}, "finishReason": "STOP", "index": 0}
        ],
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14},
    },
    "ollama": {"model": "llama3", "created_at": "2025-05-24T02:12:05Z", "response": "Paris.", "done": True}
    | {"done_reason": "stop", "prompt_eval_count": 9, "eval_count": 5},
    "ollama_chat": {
        "model": "llama3",
        "created_at": "2025-05-24T02:12:05Z",
        "message": {"role": "assistant", "content": "Paris."},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 9,
        "eval_count": 5,
    },
}
SAID["cohere_chat"] = SAID["cohere"]
OPEN = {"done": False, "done_reason": None}
COHERES: list[dict[str, Any]] = [
    {"type": "message-start", "id": "1", "delta": {"message": {"role": "assistant", "content": []}}},
    {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Par"}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "is."}}}},
    {"type": "content-end", "index": 0},
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": SAID["cohere"]["usage"]}},
]
GEMINIS: list[dict[str, Any]] = [
    {"candidates": [{"content": {"role": "model", "parts": [{"text": "Par"}]}, "index": 0}]},
    {**SAID["gemini"], "candidates": [{**SAID["gemini"]["candidates"][0], "content": {"parts": [{"text": "is."}]}}]},
]
EVENTS: dict[str, list[dict[str, Any]]] = {
    "cohere": COHERES,
    "cohere_chat": COHERES,
    "gemini": GEMINIS,
    "ollama": [
        {**SAID["ollama"], **OPEN, "response": "Par"},
        {**SAID["ollama"], **OPEN, "response": "is."},
        {**SAID["ollama"], "response": ""},
    ],
    "ollama_chat": [
        {**SAID["ollama_chat"], **OPEN, "message": {"role": "assistant", "content": "Par"}},
        {**SAID["ollama_chat"], **OPEN, "message": {"role": "assistant", "content": "is."}},
        {**SAID["ollama_chat"], "message": {"role": "assistant", "content": ""}},
    ],
}


def at(server: Recorder, name: str) -> Deployment:
    model, path = MODELS[name]
    return deployment(model, provider=name, litellm_model=f"{name}/{model}", api_base=f"{server.url}{path}")


def wire(name: str, events: list[dict[str, Any]]) -> bytes:
    if name.startswith("ollama"):
        lines = "".join(f"{json.dumps(one)}\n" for one in events)
        return response(200, lines, content_type="application/x-ndjson")
    named = [f"event: {one['type']}\n" if "type" in one else "" for one in events]
    text = "".join(f"{head}data: {json.dumps(one)}\n\n" for head, one in zip(named, events, strict=True))
    return response(200, text, content_type="text/event-stream")


def sent(server: Recorder) -> Any:
    (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    kept = ("authorization:", "x-goog-api-key:", "content-type:")
    return lines[0], sorted(line for line in lines if line.startswith(kept)), json.loads(body)


async def whole(provider: Any, name: str, said: Any, params: dict[str, Any]) -> Any:
    async with recording_server(response(200, said)) as server:
        answer = await provider(lambda _: "key-1").complete(at(server, name), list(QUESTION), params)
    for choice in answer.choices:
        for call in choice["message"].get("tool_calls") or ():
            call.pop("id")
    return sent(server), answer.choices, answer.usage, answer.cost_usd


async def streamed(provider: Any, name: str, events: list[dict[str, Any]], params: dict[str, Any]) -> Any:
    async with recording_server(wire(name, events)) as server:
        source = provider(lambda _: "key-1").stream(at(server, name), list(QUESTION), params)
        chunks = [chunk async for chunks in source for chunk in chunks]
    usage = [chunk for chunk in chunks if chunk.usage is not None][-1]
    return sent(server), merged(chunks), usage.usage, usage.cost_usd


@pytest.mark.parametrize("name", NAMES)
async def test_a_whole_answer_is_what_the_public_call_makes_of_it(name: str) -> None:
    ours = await whole(Engine, name, SAID[name], PARAMS)
    assert ours == await whole(AcompletionProvider, name, SAID[name], PARAMS)
    assert ours[0][0] == f"post {PATHS[name][0]} http/1.1"
    assert (ours[1][0]["message"]["content"], ours[1][0]["finish_reason"]) == ("Paris.", "stop")
    assert (ours[2].prompt_tokens, ours[2].completion_tokens) == (9, 5)


@pytest.mark.parametrize("name", NAMES)
async def test_a_stream_is_what_the_public_call_makes_of_it(name: str) -> None:
    ours = await streamed(Engine, name, EVENTS[name], PARAMS)
    assert ours[0][0] == f"post {PATHS[name][1]} http/1.1"
    assert ours[1] == ({"content": "Paris.", "reasoning_content": ""}, [], ["stop"])
    assert (ours[2].prompt_tokens, ours[2].completion_tokens) == (9, 5)
    if not name.startswith("cohere"):  # LiteLLM 1.106.2 takes the line `event: message-start` for JSON
        assert ours == await streamed(AcompletionProvider, name, EVENTS[name], PARAMS)


async def test_calls_of_coheres_streams_are_whole() -> None:
    start = {"tool_calls": {"id": "c1", "type": "function", "function": {"name": "lookup", "arguments": ""}}}
    events: list[dict[str, Any]] = [
        COHERES[0],
        {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "So."}}},
        {"type": "tool-call-start", "index": 0, "delta": {"message": start}},
        *(
            {
                "type": "tool-call-delta",
                "index": 0,
                "delta": {"message": {"tool_calls": {"function": {"arguments": one}}}},
            }
            for one in ('{"a"', ":1}")
        ),
        {"type": "tool-call-end", "index": 0},
        {"type": "message-end", "delta": {**COHERES[-1]["delta"], "finish_reason": "TOOL_CALL"}},
    ]
    async with recording_server(wire("cohere_chat", events)) as server:
        source = Engine(lambda _: "key-1").stream(at(server, "cohere_chat"), list(QUESTION), {"tools": [TOOL]})
        chunks = [chunk async for chunks in source for chunk in chunks]
    calls = [call for chunk in chunks for one in chunk.choices for call in one["delta"].get("tool_calls", ())]
    assert [call["index"] for call in calls] == [0, 0, 0]
    assert (calls[0]["id"], calls[0]["function"]["name"]) == ("c1", "lookup")
    assert "".join(call["function"]["arguments"] for call in calls) == '{"a":1}'
    assert merged(chunks)[2] == ["tool_calls"]


@pytest.mark.parametrize("name", ["gemini", "ollama_chat"])
async def test_calls_are_what_the_public_call_makes_of_them(name: str) -> None:
    if name == "gemini":
        part = {"functionCall": {"name": "lookup", "args": {"finishReason": "MAX_TOKENS"}}}
        candidate = {**SAID[name]["candidates"][0], "content": {"role": "model", "parts": [part]}}
        said: dict[str, Any] = {**SAID[name], "candidates": [candidate]}
    else:
        call = {"function": {"name": "lookup", "arguments": {"done_reason": "length"}}}
        said = {**SAID[name], "message": {"role": "assistant", "content": "", "tool_calls": [call]}}
    ours = await whole(Engine, name, said, {"tools": [TOOL]})
    assert ours == await whole(AcompletionProvider, name, said, {"tools": [TOOL]})
    assert ours[1][0]["finish_reason"] == "tool_calls"
    _, (_, named, reasons), *_ = await streamed(Engine, name, [said], {"tools": [TOOL]})
    assert (named, reasons) == (["lookup"], ["tool_calls"])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", NAMES)
async def test_a_refusal_is_told_at_first_hand(name: str, stream: bool) -> None:
    said = {"error": {"message": "slow down", "code": 429}}
    async with recording_server(response(429, said, {"retry-after": "7"})) as server:
        failure = await failed(server, name, stream=stream)
        assert len(server.requests) == 1
    assert (failure.kind, failure.status, failure.retry_after) == (FailureKind.RATE_LIMITED, 429, 7.0)


@pytest.mark.parametrize("name", NAMES)
async def test_a_stream_that_is_cut_is_broken(name: str) -> None:
    some = [one for one in EVENTS[name] if one is not EVENTS[name][-1]]
    async with recording_server(wire(name, some)) as server:
        failure = await failed(server, name, stream=True)
    assert failure.kind is FailureKind.STREAM_BROKEN


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", NAMES)
async def test_what_is_no_answer_is_none(name: str, stream: bool) -> None:
    for said in ({}, {"choices": 5}, {"candidates": 7, "message": 3, "response": []}):
        async with recording_server(wire(name, [said]) if stream else response(200, said)) as server:
            failure = await failed(server, name, stream=stream)
        assert failure.kind is FailureKind.INVALID_RESPONSE


async def failed(server: Recorder, name: str, *, stream: bool) -> ProviderFailure:
    ask = Engine(lambda _: "key-1")
    with pytest.raises(ProviderFailure) as told:
        if not stream:
            await ask.complete(at(server, name), list(QUESTION), {})
        async for _ in ask.stream(at(server, name), list(QUESTION), {}):
            pass
    return told.value
