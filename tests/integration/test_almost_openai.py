"""Providers of almost OpenAI's format, over a real socket: what is sent, and what is read, is as LiteLLM's public call
has it; failures are told at first hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from litellm_fallback_router.engine import Engine
from litellm_fallback_router.engine.acompletion.provider import AcompletionProvider
from litellm_fallback_router.engine.addresses import address_of
from litellm_fallback_router.providers import PROFILES
from litellm_fallback_router.routing.failures import FailureKind, ProviderFailure
from litellm_fallback_router.routing.types import Chunk, Deployment, Message
from tests.support.raw_server import response
from tests.support.recording_server import Recorder, recording_server
from tests.support.scripted import deployment

pytestmark = pytest.mark.usefixtures("late_usage")
QUESTION: list[Message] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Capital of France?"},
]
MODELS = {
    "azure_ai": "mistral-large",
    "codestral": "codestral-latest",
    "fireworks_ai": "accounts/fireworks/models/deepseek-v3",
    "groq": "llama-3.3-70b-versatile",
    "mistral": "mistral-large-latest",
    "openrouter": "openai/gpt-4o",
    "perplexity": "sonar",
    "xai": "grok-4",
}
OTHERS = sorted(name for name, profile in PROFILES.items() if profile.read_by_class and name not in MODELS)
TOOL = {"type": "function", "function": {"name": "lookup", "parameters": {"type": "object", "properties": {}}}}
PARAMS: dict[str, Any] = {"temperature": 0.2, "max_tokens": 50}
TOLD = {"id": "chatcmpl-1", "created": 1700000000, "model": "m", "service_tier": "default"}
USAGE = {"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010}
PARIS = [{"type": "text", "text": "Paris."}]
CALL = {"id": "call_1", "type": "function", "function": {"name": "lookup", "arguments": "{}"}}
MESSAGES: dict[str, dict[str, Any]] = {
    "text": {"content": "Paris."},
    "reasoning": {"content": "Paris.", "reasoning": "France, so."},
    "reasoning_content": {"content": "Paris.", "reasoning_content": "France, so."},
    "a call": {"content": None, "tool_calls": [CALL]},
    "blocks": {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "So."}]}, *PARIS]},
}
STATED = 0.0123
"""USD."""
USAGES: dict[str, dict[str, Any]] = {
    "plain": USAGE,
    "cached": {**USAGE, "prompt_tokens_details": {"cached_tokens": 400}},
    "thought": {**USAGE, "total_tokens": 1025, "completion_tokens_details": {"reasoning_tokens": 15}},
    "priced": {**USAGE, "cost": STATED, "num_search_queries": 2, "citation_tokens": 7},
}
CASES = [
    (name, case)
    for name in MODELS
    for case in [(message, "plain") for message in MESSAGES] + [("text", usage) for usage in USAGES]
    if case[0] != "blocks" or name == "mistral"  # nobody else has them
]


def at(server: Recorder, provider: str) -> Deployment:
    model = MODELS.get(provider, "some-model")
    return deployment(model, provider=provider, litellm_model=f"{provider}/{model}", api_base=f"{server.url}/v1")


def params(name: str) -> dict[str, Any]:
    return PARAMS if name == "perplexity" else {**PARAMS, "tools": [TOOL]}  # it takes none


def whole(message: str, usage: str) -> bytes:
    reason = "tool_calls" if message == "a call" else "stop"
    choice = {"index": 0, "message": {"role": "assistant", **MESSAGES[message]}, "finish_reason": reason}
    return response(200, {**TOLD, "object": "chat.completion", "choices": [choice], "usage": USAGES[usage]})


def events(message: str, usage: str) -> list[dict[str, Any]]:
    said = dict(MESSAGES[message])
    if "tool_calls" in said:
        said["tool_calls"] = [{"index": 0, **CALL}]
    reason = "tool_calls" if message == "a call" else "stop"
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{name: value} for name, value in said.items() if value is not None]
    told: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas
    ]
    last: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}]
    last.append({"choices": [], "usage": USAGES[usage]})
    return [{**TOLD, "object": "chat.completion.chunk", **one} for one in (*told, *last)]


def wire(told: list[dict[str, Any]], *, done: bool = True) -> bytes:
    text = "".join(f"data: {json.dumps(one)}\n\n" for one in told) + ("data: [DONE]\n\n" if done else "")
    return response(200, text, content_type="text/event-stream")


def sent(server: Recorder) -> Any:
    (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    kept = ("authorization:", "api-key:", "content-type:")  # LiteLLM names itself to OpenRouter beside
    # LiteLLM itself has `max_retries` slip into some providers' bodies.
    said = {name: value for name, value in json.loads(body).items() if name != "max_retries" and value is not False}
    return lines[0], sorted(line for line in lines if line.startswith(kept)), said


async def answered(provider: Any, name: str, case: tuple[str, str]) -> Any:
    async with recording_server(whole(*case)) as server:
        answer = await provider(lambda _: "key-1").complete(at(server, name), list(QUESTION), params(name))
        return sent(server), answer.choices, answer.usage, answer.cost_usd


async def streamed(provider: Any, name: str, case: tuple[str, str]) -> Any:
    async with recording_server(wire(events(*case))) as server:
        chunks = [
            chunk
            async for chunks in provider(lambda _: "key-1").stream(at(server, name), list(QUESTION), params(name))
            for chunk in chunks
        ]
        (usage,) = (chunk.usage for chunk in chunks if chunk.usage is not None)
        # LiteLLM counts the tokens of thoughts itself.
        return sent(server), merged(chunks), replace(usage, reasoning_tokens=0), chunks[-1].cost_usd


def merged(chunks: list[Chunk]) -> Any:
    """What was said, however it was cut up."""
    texts: dict[str, str] = {}
    calls: list[Any] = []
    reasons = []
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        for name in ("content", "reasoning_content"):
            texts[name] = texts.get(name, "") + (choice["delta"].get(name) or "")
        calls += [
            call["function"]["name"] for call in choice["delta"].get("tool_calls", []) if call["function"].get("name")
        ]
        reasons += [choice["finish_reason"]] if choice["finish_reason"] else []
    return texts, calls, reasons


@pytest.mark.parametrize(("name", "case"), CASES, ids=lambda one: one if isinstance(one, str) else "-".join(one))
async def test_a_whole_answer_is_what_the_public_call_makes_of_it(name: str, case: tuple[str, str]) -> None:
    *ours, usd = await answered(Engine, name, case)
    *public, public_usd = await answered(AcompletionProvider, name, case)
    assert ours == public
    assert usd == public_usd or (name, public_usd) == ("fireworks_ai", 0.0)  # LiteLLM has no price for what it renamed


@pytest.mark.parametrize(("name", "case"), CASES, ids=lambda one: one if isinstance(one, str) else "-".join(one))
async def test_a_stream_is_what_the_public_call_makes_of_it(name: str, case: tuple[str, str]) -> None:
    *ours, usd = await streamed(Engine, name, case)
    *public, public_usd = await streamed(AcompletionProvider, name, case)
    assert ours == public
    # The public call does not read what a stream says of its price.
    assert usd == (STATED if PROFILES[name].states_prices and case[1] == "priced" else public_usd)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", [*MODELS, *OTHERS])
async def test_a_refusal_is_told_at_first_hand(name: str, stream: bool) -> None:
    said = {"error": {"message": "slow down", "type": "rate_limit_error"}}
    async with recording_server(response(429, said, {"retry-after": "7"})) as server:
        failure = await failed(server, name, stream=stream)
        assert len(server.requests) == 1
    assert (failure.kind, failure.status, failure.retry_after) == (FailureKind.RATE_LIMITED, 429, 7.0)


@pytest.mark.parametrize("name", [*MODELS, *OTHERS])
async def test_a_stream_that_is_cut_is_broken(name: str) -> None:
    async with recording_server(wire(events("text", "plain")[:2], done=False)) as server:
        failure = await failed(server, name, stream=True)
    assert failure.kind is FailureKind.STREAM_BROKEN


@pytest.mark.parametrize("name", [*MODELS, *OTHERS])
async def test_an_error_in_a_stream_is_a_failure(name: str) -> None:
    told = [*events("text", "plain")[:2], {"error": {"message": "overloaded", "code": 502}}]
    async with recording_server(wire(told, done=False)) as server:
        failure = await failed(server, name, stream=True)
    assert failure.kind is FailureKind.STREAM_BROKEN


async def failed(server: Recorder, name: str, *, stream: bool) -> ProviderFailure:
    asked = Engine(lambda _: "key-1")
    assert address_of(at(server, name)) is not None, "it is not the engine that asks"
    with pytest.raises(ProviderFailure) as told:
        if not stream:
            await asked.complete(at(server, name), list(QUESTION), {})
        async for _ in asked.stream(at(server, name), list(QUESTION), {}):
            pass
    return told.value
